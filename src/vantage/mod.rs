//! Places to look from: this process, or words put before our own program that start it somewhere else.
//! A new kind is one new file here and one line in `vantages!` below.

mod ad_hoc;
mod advice;
mod group;
mod life;
mod place;
mod places;
mod quote;
mod ran;
mod registry;
mod remote;
mod session;
mod shell;

use std::path::Path;

pub use ad_hoc::ad_hoc;
pub use place::Brought;
pub use places::Places;
pub use remote::About;
use remote::Remote;

use crate::probe::Problem;
use registry::vantages;

vantages! {
    "docker" => docker::Docker,
    "exec" => exec::Exec,
    "kubectl" => kubectl::Kubectl,
    "podman" => podman::Podman,
    "ssh" => ssh::Ssh,
}

/// How the members of a set are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The command that names them: a marked line `member NAME` for each, with another word behind it when that one is on its
    /// way out, and `listed` at the end.
    pub list: Vec<String>,
    /// Any one of them will do.
    pub one: bool,
    /// What one of them is, such as ``pod with the labels `app=checkout` ``.
    pub what: String,
}

/// A place of ours beside a vantage that has no shell of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside<V> {
    /// The command that makes it.
    pub make: Vec<String>,
    /// The command that tells whether it runs: one marked line `state JSON`, with `running` in it when it does.
    pub state: Vec<String>,
    /// Words that end it, run there.
    pub end: Vec<String>,
    /// The vantage that it is.
    pub place: V,
}

/// One kind of vantage, as written in a plan.
pub trait Vantage {
    /// The whole command that runs `words` there; `private` is a folder of ours for sockets and the like.
    fn command(&self, words: &[String], private: &Path) -> Vec<String>;

    /// How its members are found, when it is a set of places whose names are not known before they are asked for.
    fn set(&self) -> Option<Set> {
        None
    }

    /// The member of this name, of one that is a set.
    #[must_use]
    fn member(&self, name: &str) -> Self
    where
        Self: Clone,
    {
        let _ = name;
        self.clone()
    }

    /// How a place of ours is made beside it, when the plan asks to look from there; `name` is free, and ours.
    fn beside(&self, name: &str) -> Option<Beside<Self>>
    where
        Self: Sized,
    {
        let _ = name;
        None
    }

    /// The command that ends what [`Self::command`] keeps open, if anything.
    fn closing(&self, private: &Path) -> Option<Vec<String>> {
        let _ = private;
        None
    }

    /// Our program there, when it need not be brought.
    fn program(&self) -> Option<&str>;

    /// Mistakes that its type could not catch.
    fn problems(&self) -> Vec<Problem>;
}
