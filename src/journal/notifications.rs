//! Who was told of what, as the journal says, and who is telling it: of all who begin, the first one sends.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::notification::{Delivery, Notified, Sender};
use crate::model::outline::CheckId;

/// No message is under way for longer: whoever began it is gone.
const LONGEST: SignedDuration = SignedDuration::from_mins(2);

/// What became of messages.
#[derive(Debug, Clone, Default)]
pub struct Notifications {
    /// What came of each, and when.
    pub ended: Vec<(Timestamp, Notified)>,
    /// How many of them had ended before the latest round.
    before: usize,
    /// Those under way, by key and by whom they are for.
    claims: HashMap<(String, String), Claim>,
}

/// Somebody sends a message.
#[derive(Debug, Clone)]
struct Claim {
    at: Timestamp,
    by: Sender,
}

impl Notifications {
    /// Take in what was written at this moment.
    pub fn take_in(&mut self, at: Timestamp, notified: Notified) {
        let message = (notified.key.clone(), notified.to.clone());
        match &notified.outcome {
            Delivery::Begun(by) => {
                if self.claims.get(&message).is_none_or(|claim| claim.is_over(at)) {
                    self.claims.insert(message, Claim { at, by: by.clone() });
                }
            }
            Delivery::Sent | Delivery::Failed(_) => {
                self.claims.remove(&message);
                self.ended.push((at, notified));
            }
        }
    }

    /// Somebody has taken the run lease, so whoever had it before sends nothing any more; for a new round, or to go on with one.
    pub(super) fn run_begins(&mut self, is_new: bool) {
        self.claims.retain(|_, claim| claim.by != Sender::Run);
        if is_new {
            self.before = self.ended.len();
        }
    }

    /// Who sends this to somebody, as far as is known at this moment.
    #[must_use]
    pub fn sender(&self, key: &str, to: &str, now: Timestamp) -> Option<&Sender> {
        let claim = self.claims.get(&(key.to_owned(), to.to_owned()))?;
        (!claim.is_over(now)).then_some(&claim.by)
    }

    /// Whether somebody was told of this.
    #[must_use]
    pub fn was_told(&self, key: &str, to: &str) -> bool {
        self.of(key, to).any(|notified| notified.outcome == Delivery::Sent)
    }

    /// How often somebody could not be told of this.
    #[must_use]
    pub fn failures(&self, key: &str, to: &str) -> usize {
        self.of(key, to).filter(|notified| notified.outcome != Delivery::Sent).count()
    }

    /// The blockers that somebody was told of in the latest round.
    pub fn heard(&self, to: &str) -> impl Iterator<Item = &CheckId> {
        let round = self.ended.iter().skip(self.before).map(|(_, notified)| notified);
        let sent = round.filter(move |notified| notified.to == to && notified.outcome == Delivery::Sent);
        sent.flat_map(|notified| &notified.checks)
    }

    fn of<'a>(&'a self, key: &'a str, to: &'a str) -> impl Iterator<Item = &'a Notified> {
        let all = self.ended.iter().map(|(_, notified)| notified);
        all.filter(move |notified| notified.key == key && notified.to == to)
    }
}

impl Claim {
    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) > LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher(id: &str) -> Sender {
        Sender::Watcher(id.to_owned())
    }

    /// A second, and what was written then.
    fn known(written: &[(i64, Delivery)]) -> Notifications {
        let mut known = Notifications::default();
        for (second, outcome) in written {
            let notified = Notified {
                key: "overdue:1".to_owned(),
                to: "slack".to_owned(),
                of: "OVERDUE".to_owned(),
                checks: Vec::new(),
                tries: 1,
                outcome: outcome.clone(),
            };
            known.take_in(Timestamp::from_second(*second).unwrap(), notified);
        }
        known
    }

    fn sender(known: &Notifications, second: i64) -> Option<&Sender> {
        known.sender("overdue:1", "slack", Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn the_first_who_begins_sends_until_it_is_over() {
        let both = [(0, Delivery::Begun(watcher("a"))), (1, Delivery::Begun(watcher("b")))];
        assert_eq!(sender(&known(&both), 1), Some(&watcher("a")));
        assert_eq!(sender(&known(&both), 121), None, "it is gone");
        let later = [(0, Delivery::Begun(watcher("a"))), (121, Delivery::Begun(watcher("b")))];
        assert_eq!(sender(&known(&later), 121), Some(&watcher("b")));
        let failed = [(0, Delivery::Begun(watcher("a"))), (1, Delivery::Failed("no".to_owned()))];
        assert_eq!(sender(&known(&failed), 1), None);
        assert_eq!(known(&failed).failures("overdue:1", "slack"), 1);
        assert!(!known(&failed).was_told("overdue:1", "slack"));
        assert!(known(&[(0, Delivery::Sent)]).was_told("overdue:1", "slack"));
    }

    #[test]
    fn whoever_takes_the_lease_knows_that_the_run_before_sends_nothing() {
        let mut begun = known(&[(0, Delivery::Begun(Sender::Run))]);
        assert_eq!(sender(&begun, 1), Some(&Sender::Run));
        begun.run_begins(false);
        assert_eq!(sender(&begun, 1), None);
        let mut watched = known(&[(0, Delivery::Begun(watcher("a")))]);
        watched.run_begins(true);
        assert_eq!(sender(&watched, 1), Some(&watcher("a")));
    }
}
