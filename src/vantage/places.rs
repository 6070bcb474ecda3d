//! Every place a run looks from.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Remote, Spec};
use crate::model::outline::HERE;
use crate::model::trace::{Trace, VantageError};
use crate::probe::{self, Context, once};

/// This process, and the vantages of a plan.
#[derive(Debug)]
pub struct Places {
    here: Context,
    there: IndexMap<String, Remote>,
    /// Sockets of ssh and the like; removed with it.
    _private: Option<TempDir>,
}

impl Places {
    /// This process alone.
    #[must_use]
    pub fn here(here: Context) -> Self {
        Self { here, there: IndexMap::new(), _private: None }
    }

    /// This process and these; nothing is started yet. `program` is our own program, for those that have none.
    ///
    /// # Errors
    /// When there is no room for a private folder.
    pub fn new(here: Context, vantages: IndexMap<String, Spec>, program: &Path) -> io::Result<Self> {
        if vantages.is_empty() {
            return Ok(Self::here(here));
        }
        // A new folder is its owner's alone; its name is short, as the path of a socket has to be.
        let private = tempfile::Builder::new().prefix("gonogo.").tempdir()?;
        let there = vantages.into_iter().map(|(id, spec)| {
            let (program, folder) = (program.to_owned(), private.path().to_owned());
            let remote = Remote::new(id.clone(), spec, Arc::clone(&here.vault), program, folder);
            (id, remote)
        });
        let there = there.collect();
        Ok(Self { here, there, _private: Some(private) })
    }

    /// Look once from a vantage, by its id; comes back in any case.
    pub async fn look(
        &self,
        vantage: &str,
        probe: &probe::Spec,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Trace {
        if vantage == HERE {
            return once(probe, limit, &self.here, cancel).await;
        }
        match self.there.get(vantage) {
            Some(remote) => remote.look(probe, limit, cancel).await,
            None => Trace::blind(VantageError::Unusable {
                vantage: vantage.to_owned(),
                reason: "the plan has no such vantage".to_owned(),
            }),
        }
    }

    /// The vantages that are not this process.
    pub fn remotes(&self) -> impl Iterator<Item = (&str, &Remote)> {
        self.there.iter().map(|(id, remote)| (id.as_str(), remote))
    }

    /// End every far side, and take away what was brought.
    pub async fn close(&self) {
        futures_util::future::join_all(self.there.values().map(Remote::close)).await;
    }
}
