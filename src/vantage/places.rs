//! Every place a run looks from.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::{About, Brought, Exec, Remote, Spec};
use crate::model::application::AsApplication;
use crate::model::layer::Layer;
use crate::model::outline::{HERE, VantageId};
use crate::model::trace::{Trace, VantageError};
use crate::probe::{self, Context, once};

/// This process, and the vantages of a plan.
#[derive(Debug)]
pub struct Places {
    here: Context,
    there: IndexMap<String, There>,
    /// Far sides in the place of an application, by vantage; `here` has them too.
    applications: Vec<(VantageId, AsApplication, There)>,
    /// Sockets of ssh and the like; removed with it.
    _private: Option<TempDir>,
}

/// A vantage that is not this process: one place, or a set of them.
#[derive(Debug)]
enum There {
    One(Box<Remote>),
    Set(Box<Group>),
}

impl Places {
    /// This process alone.
    #[must_use]
    pub fn here(here: Context) -> Self {
        Self { here, there: IndexMap::new(), applications: Vec::new(), _private: None }
    }

    /// This process and these vantages, and applications that are looked as from them; nothing is started yet. `program` is
    /// what can be brought to those that have none.
    ///
    /// # Errors
    /// When there is no room for a private folder.
    pub fn new(
        here: Context,
        vantages: &IndexMap<String, Spec>,
        applications: Vec<(VantageId, AsApplication)>,
        program: &Brought,
    ) -> io::Result<Self> {
        if vantages.is_empty() && applications.is_empty() {
            return Ok(Self::here(here));
        }
        // A new folder is its owner's alone; its name is short, as the path of a socket has to be.
        let private = tempfile::Builder::new().prefix("gonogo.").tempdir()?;
        let there = |name: String, spec: Spec, who: Option<AsApplication>| {
            let (program, folder) = (program.clone(), private.path().to_owned());
            let vault = Arc::clone(&here.vault);
            match spec.set() {
                Some(set) => There::Set(Box::new(Group::new(name, (spec, set, who), vault, program, folder))),
                None => There::One(Box::new(Remote::new(name, (spec, who), vault, program, folder))),
            }
        };
        let ourselves = || Exec { prefix: Vec::new(), program: Some(program.own.display().to_string()) };
        let applications = applications.into_iter().filter_map(|(vantage, who)| {
            let spec = vantages.get(&*vantage).cloned();
            let spec = spec.or_else(|| (*vantage == *HERE).then(|| Spec::Exec(ourselves())))?;
            let user = who.user.as_ref();
            let name = user.map_or_else(|| vantage.to_string(), |user| format!("{vantage} as {user}"));
            let there = there(name, spec, Some(who.clone()));
            Some((vantage, who, there))
        });
        let applications = applications.collect();
        let there = vantages.iter().map(|(id, spec)| (id.clone(), there(id.clone(), spec.clone(), None)));
        let there = there.collect();
        Ok(Self { here, there, applications, _private: Some(private) })
    }

    /// Look once from a vantage, by its id, as an application or as the vantage's own user; comes back in any case. `expect_break` tells which of several places shows the
    /// worst.
    pub async fn look(
        &self,
        (vantage, who): (&str, Option<&AsApplication>),
        probe: &probe::Spec,
        limit: Duration,
        expect_break: Option<Layer>,
        cancel: &CancellationToken,
    ) -> Trace {
        if vantage == HERE && who.is_none() {
            return once(probe, limit, &self.here, cancel).await;
        }
        match self.there(vantage, who) {
            Some(There::One(remote)) => remote.look(probe, limit, cancel).await,
            Some(There::Set(group)) => group.look(probe, limit, expect_break, cancel).await,
            None => Trace::blind(no_such(vantage)),
        }
    }

    fn there(&self, vantage: &str, who: Option<&AsApplication>) -> Option<&There> {
        let Some(who) = who else { return self.there.get(vantage) };
        let known = self.applications.iter().find(|(id, known, _)| **id == *vantage && known == who);
        known.map(|(_, _, there)| there)
    }

    /// The applications that are looked as, with the vantage of each.
    pub fn applications(&self) -> impl Iterator<Item = (&str, &AsApplication)> {
        self.applications.iter().map(|(id, who, _)| (&**id, who))
    }

    /// The ids of the vantages that are not this process.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.there.keys().map(String::as_str)
    }

    /// Open a vantage that is not this process, and tell who it is; of a set, who each of its members is.
    ///
    /// # Errors
    /// Why it, or one of its members, cannot be used.
    pub async fn about(
        &self,
        (vantage, who): (&str, Option<&AsApplication>),
    ) -> Result<Vec<About>, VantageError> {
        match self.there(vantage, who) {
            Some(There::One(remote)) => remote.about().await.map(|about| vec![about]),
            Some(There::Set(group)) => group.about().await,
            None => Err(no_such(vantage)),
        }
    }

    /// End every far side, and take away what was brought.
    pub async fn close(&self) {
        let all = || self.there.values().chain(self.applications.iter().map(|(_, _, there)| there));
        let ending = all().map(async |there| match there {
            There::One(remote) => remote.end().await,
            There::Set(group) => group.end().await,
        });
        futures_util::future::join_all(ending).await;
        let closing = all().map(async |there| match there {
            There::One(remote) => remote.close().await,
            There::Set(group) => group.close().await,
        });
        futures_util::future::join_all(closing).await;
    }
}

fn no_such(vantage: &str) -> VantageError {
    VantageError::Unusable { vantage: vantage.to_owned(), reason: "the plan has no such vantage".to_owned() }
}
