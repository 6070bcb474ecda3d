//! YAML with its places kept: parser events become a tree of nodes with spans, read by plain derive structs.

pub mod scalar;
