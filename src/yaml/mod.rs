//! YAML with its places kept: parser events become a tree of nodes with spans, read by plain derive structs.

mod mistake;
pub mod parse;
pub mod read;
pub mod reader;
pub mod scalar;
mod syntax;
#[cfg(test)]
mod tests;
pub mod tree;

pub use mistake::ADVICE;
