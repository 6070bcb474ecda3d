//! Places to look from: this process, or words put before our own program that start it somewhere else.
//! A new kind is one new file here and one line in `vantages!` below.

mod ad_hoc;
mod place;
mod places;
mod quote;
mod registry;
mod remote;
mod session;

use std::path::Path;

pub use ad_hoc::ad_hoc;
pub use places::Places;
pub use remote::{About, Remote};

use crate::probe::Problem;
use registry::vantages;

vantages! {
    "docker" => docker::Docker,
    "exec" => exec::Exec,
    "kubectl" => kubectl::Kubectl,
    "podman" => podman::Podman,
    "ssh" => ssh::Ssh,
}

/// One kind of vantage, as written in a plan.
pub trait Vantage {
    /// The whole command that runs `words` there; `private` is a folder of ours for sockets and the like.
    fn command(&self, words: &[String], private: &Path) -> Vec<String>;

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
