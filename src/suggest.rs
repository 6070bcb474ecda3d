//! "Did you mean": the known word nearest to one that is not known.

/// Below this, two words have less in common than a slip of the finger leaves.
const NEAR: f64 = 0.7;
/// Comparing is quadratic in the length.
const LONGEST: usize = 100;

/// The candidate that is most likely meant, when one is near enough.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.chars().take(LONGEST).collect::<String>().to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 2 * LONGEST)
        .map(|candidate| (likeness(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(likeness, _)| likeness >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// Slips counted against the length; a word cut short, or with an ending too many, is alike however long the rest is.
fn likeness(word: &str, candidate: &str) -> f64 {
    let slips = strsim::damerau_levenshtein(word, candidate);
    let longest = word.chars().count().max(candidate.chars().count());
    let (shorter, longer) = if word.len() < candidate.len() { (word, candidate) } else { (candidate, word) };
    if slips == 1 && longest >= 3 {
        return 0.9;
    }
    if shorter.len() >= 3 && longer.starts_with(shorter) {
        return 0.8;
    }
    #[expect(clippy::cast_precision_loss, reason = "words are short")]
    let share = slips as f64 / longest.max(1) as f64;
    1.0 - share
}

/// `did you mean ...?`, or everything there is to choose from.
#[must_use]
pub fn suggestion<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> String {
    /// More than this is not read by anybody.
    const LISTED: usize = 24;
    if !word.is_empty()
        && let Some(near) = closest(word, candidates.clone())
    {
        return format!("did you mean `{near}`?");
    }
    let mut words: Vec<String> = candidates.clone().take(LISTED).map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "there is nothing to choose from".to_owned(),
        [only] => format!("only {only} is possible here"),
        _ => {
            let more = candidates.count().saturating_sub(LISTED);
            if more > 0 {
                words.push(format!("{more} more"));
            }
            format!("one of {}", words.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{closest, suggestion};

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(closest("db-spilt", ["app1", "db-split"]), Some("db-split"));
        assert_eq!(closest("sslmod", ["sslmode", "sslcert"]), Some("sslmode"));
        assert_eq!(closest("Titel", ["title", "tags"]), Some("title"));
        assert_eq!(closest("htpp", ["tcp", "http"]), Some("http"));
        assert_eq!(closest("time", ["timeout", "title"]), Some("timeout"));
        assert_eq!(closest("shop.order", ["shop.orders", "shop.orders_id_seq"]), Some("shop.orders"));
        assert_eq!(closest("zebra", ["app1", "db-split"]), None);
        assert_eq!(closest("command", ["config"]), None);
    }

    #[test]
    fn without_one_everything_is_listed() {
        assert_eq!(suggestion("zebra", ["a", "b"].into_iter()), "one of `a`, `b`");
        assert_eq!(suggestion("zebra", ["a"].into_iter()), "only `a` is possible here");
        assert_eq!(suggestion("zebra", std::iter::empty()), "there is nothing to choose from");
        let many: Vec<String> = (0..30).map(|index| format!("word-{index}")).collect();
        assert!(suggestion("zebra", many.iter().map(String::as_str)).ends_with("`word-23`, 6 more"));
    }
}
