//! "Did you mean": the known word nearest to one that is not known.

/// The candidate that is most likely meant, when one is near enough.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this, two words have less in common than a slip of the finger leaves.
    const NEAR: f64 = 0.75;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|&(likeness, _)| likeness >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(closest("db-spilt", ["app1", "db-split"]), Some("db-split"));
        assert_eq!(closest("sslmod", ["sslmode", "sslcert"]), Some("sslmode"));
        assert_eq!(closest("zebra", ["app1", "db-split"]), None);
    }
}
