//! The faults, by family.

pub(super) mod dns;
pub(super) mod route;
pub(super) mod tcp;
