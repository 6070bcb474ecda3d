//! Plan files as written: found, read within limits, their mistakes shown where they are.

pub mod diagnostic;
pub mod findings;
mod include;
mod scalars;
mod shown;
pub mod source;
#[cfg(test)]
mod tests;
pub mod variables;
pub mod written;

pub use diagnostic::{Diagnostic, Gravity};
pub use include::included;
pub(crate) use shown::{SHORTEST, url_password, url_secrets};
pub use shown::{Stars, visible};
