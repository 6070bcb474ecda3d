//! Every place a run looks from.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::{About, Brought, Remote, Spec};
use crate::model::layer::Layer;
use crate::model::outline::HERE;
use crate::model::trace::{Trace, VantageError};
use crate::probe::{self, Context, once};

/// This process, and the vantages of a plan.
#[derive(Debug)]
pub struct Places {
    here: Context,
    there: IndexMap<String, There>,
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
        Self { here, there: IndexMap::new(), _private: None }
    }

    /// This process and these; nothing is started yet. `program` is what can be brought to those that have none.
    ///
    /// # Errors
    /// When there is no room for a private folder.
    pub fn new(here: Context, vantages: IndexMap<String, Spec>, program: &Brought) -> io::Result<Self> {
        if vantages.is_empty() {
            return Ok(Self::here(here));
        }
        // A new folder is its owner's alone; its name is short, as the path of a socket has to be.
        let private = tempfile::Builder::new().prefix("gonogo.").tempdir()?;
        let there = vantages.into_iter().map(|(id, spec)| {
            let (program, folder) = (program.clone(), private.path().to_owned());
            let (name, vault) = (id.clone(), Arc::clone(&here.vault));
            let there = match spec.set() {
                Some(set) => There::Set(Box::new(Group::new(name, (spec, set), vault, program, folder))),
                None => There::One(Box::new(Remote::new(name, spec, vault, program, folder))),
            };
            (id, there)
        });
        let there = there.collect();
        Ok(Self { here, there, _private: Some(private) })
    }

    /// Look once from a vantage, by its id; comes back in any case. `expect_break` tells which of several places shows the
    /// worst.
    pub async fn look(
        &self,
        vantage: &str,
        probe: &probe::Spec,
        limit: Duration,
        expect_break: Option<Layer>,
        cancel: &CancellationToken,
    ) -> Trace {
        if vantage == HERE {
            return once(probe, limit, &self.here, cancel).await;
        }
        match self.there.get(vantage) {
            Some(There::One(remote)) => remote.look(probe, limit, cancel).await,
            Some(There::Set(group)) => group.look(probe, limit, expect_break, cancel).await,
            None => Trace::blind(no_such(vantage)),
        }
    }

    /// The ids of the vantages that are not this process.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.there.keys().map(String::as_str)
    }

    /// Open a vantage that is not this process, and tell who it is; of a set, who each of its members is.
    ///
    /// # Errors
    /// Why it, or one of its members, cannot be used.
    pub async fn about(&self, vantage: &str) -> Result<Vec<About>, VantageError> {
        match self.there.get(vantage) {
            Some(There::One(remote)) => remote.about().await.map(|about| vec![about]),
            Some(There::Set(group)) => group.about().await,
            None => Err(no_such(vantage)),
        }
    }

    /// End every far side, and take away what was brought.
    pub async fn close(&self) {
        let closing = self.there.values().map(async |there| match there {
            There::One(remote) => remote.close().await,
            There::Set(group) => group.close().await,
        });
        futures_util::future::join_all(closing).await;
    }
}

fn no_such(vantage: &str) -> VantageError {
    VantageError::Unusable { vantage: vantage.to_owned(), reason: "the plan has no such vantage".to_owned() }
}
