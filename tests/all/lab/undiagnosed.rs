//! Causes that are injected and not told yet: no rule knows them, or the evidence for it is not gathered.

/// Each is looked at in every run and counted in the score. It leaves this list once it is told: from then on it is held to it.
pub(super) const UNDIAGNOSED: &[&str] = &[];
