//! Steps shared by the probes, each one layer with its facts and faults.

/// What the steps share over a run: trust stores and resolvers, read once.
#[derive(Debug, Default)]
pub struct Net {}
