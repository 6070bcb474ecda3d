//! Critical paths over stages: the heaviest chain of steps of which each waits for the one before.

use std::time::Duration;

use super::Step;

/// The weight of the heaviest chain there is.
pub(super) fn heaviest(steps: &[Step], weight: &dyn Fn(usize) -> Duration) -> Duration {
    let mut until: Vec<Duration> = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        // Stages are in order; one that claims to wait for a later one waits for nothing.
        let before = step.after.iter().filter_map(|&other| until.get(other)).max().copied();
        until.push(before.unwrap_or_default().saturating_add(weight(index)));
    }
    until.into_iter().max().unwrap_or_default()
}

/// The heaviest chain that begins with a step: its weight, and the steps in it.
pub(super) fn heaviest_from(
    steps: &[Step],
    first: usize,
    weight: &dyn Fn(usize) -> Duration,
) -> (Duration, Vec<usize>) {
    let mut from: Vec<(Duration, Option<usize>)> = vec![(Duration::ZERO, None); steps.len()];
    for (index, step) in steps.iter().enumerate().skip(first).rev() {
        // Everything that waits for it comes later, so it is known already.
        let whole = from[index].0.saturating_add(weight(index));
        from[index].0 = whole;
        for &before in step.after.iter().filter(|&&before| before < index) {
            if whole >= from[before].0 {
                from[before] = (whole, Some(index));
            }
        }
    }
    let mut path = Vec::new();
    let mut here = Some(first).filter(|&first| first < steps.len());
    while let Some(index) = here {
        path.push(index);
        here = from[index].1;
    }
    (from.get(first).map_or(Duration::ZERO, |(time, _)| *time), path)
}
