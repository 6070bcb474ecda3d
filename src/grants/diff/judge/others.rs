//! Settings, values, ways in, and what could not be read, judged.

use super::{Judge, Judgement, words};
use crate::grants::change::{Delta, Way};
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::snapshot::{Aspect, Confidence, Key, Kind, Reference};

/// Settings that change what a session sees, or may do.
const DECISIVE: &[&str] = &[
    "search_path",
    "role",
    "session_authorization",
    "row_security",
    "default_transaction_read_only",
    "transaction_read_only",
    "session_replication_role",
    "session_preload_libraries",
];

impl Judge<'_> {
    pub(super) fn of_setting(
        &self,
        (in_database, role, name): (bool, Option<&str>, &str),
        delta: &Delta<String>,
    ) -> Judgement {
        let whose = match (in_database, role) {
            (true, None) => "of the database".to_owned(),
            (false, None) => "of every role".to_owned(),
            (true, Some(role)) => format!("of {} in this database", words::role(role)),
            (false, Some(role)) => format!("of {}", words::role(role)),
        };
        let (id, class, message) = match (&delta.expected, &delta.got) {
            (Some(expected), None) => (
                FindingId::SettingMissing,
                Class::Missing,
                format!("the setting {name} {whose} is gone; it was {expected}"),
            ),
            (None, Some(got)) => (
                FindingId::SettingExtra,
                Class::Extra,
                format!("the setting {name} {whose} is {got}, and was not set"),
            ),
            (expected, got) => {
                let show = |value: &Option<String>| value.clone().unwrap_or_default();
                let message =
                    format!("the setting {name} {whose} is {}, and was {}", show(got), show(expected));
                (FindingId::SettingChanged, Class::Changed, message)
            }
        };
        let concerns = role.is_none_or(|role| self.serves_applications(role));
        let severity = match (concerns, DECISIVE.contains(&name)) {
            (true, true) => Severity::Blocker,
            (true, false) => Severity::Major,
            (false, _) => Severity::Minor,
        };
        let judgement = Judgement::new(id, class, severity, message).privilege(name);
        let judgement = match role {
            Some(role) => judgement.of(&words::role(role)),
            None => judgement,
        };
        match (name, delta.got.as_deref()) {
            ("search_path", _) => judgement.told(words::not_on_path()),
            ("default_transaction_read_only", Some("on" | "true" | "yes" | "1")) => {
                judgement.told(words::read_only())
            }
            _ => judgement,
        }
    }

    pub(super) fn of_sequence(key: &Key, delta: &Delta<i64>) -> Judgement {
        let noun = words::noun(key);
        let expected = delta.expected.unwrap_or_default();
        let message = match delta.got {
            Some(got) => format!("{noun} stands at {got}, behind the {expected} of before"),
            None => format!("{noun} has no position that could be read; it was at {expected}"),
        };
        Judgement::new(FindingId::SequenceBehind, Class::Changed, Severity::Major, message)
            .told(words::duplicate_key())
    }

    pub(super) fn of_populated(key: &Key) -> Judgement {
        let message = format!("{} holds no rows until it is refreshed", words::noun(key));
        Judgement::new(FindingId::NotPopulated, Class::Changed, Severity::Major, message)
            .told(words::not_populated(key))
    }

    /// A way in without a password is an opening; a way that is gone, or asks for another proof, shuts the application out.
    pub(super) fn of_access(&self, role: &str, delta: &Delta<Vec<Way>>) -> Judgement {
        let name = words::role(role);
        let (before, now) =
            (delta.expected.as_deref().unwrap_or_default(), delta.got.as_deref().unwrap_or_default());
        let list = |ways: &[Way]| ways.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let tell = |class, severity, message| {
            Judgement::new(FindingId::HbaChanged, class, severity, message).of(&name)
        };
        let by_application = |severity| if self.is_application(role) { severity } else { Severity::Minor };
        if let Some(open) = now.iter().find(|way| way.method == "trust" && !before.contains(way)) {
            let message = format!("pg_hba.conf lets anybody in as {name} without a password: {open}");
            return tell(
                if before.is_empty() { Class::Extra } else { Class::Changed },
                Severity::Blocker,
                message,
            );
        }
        if before.is_empty() {
            return tell(
                Class::Extra,
                Severity::Info,
                format!("pg_hba.conf lets {name} in now: {}", list(now)),
            );
        }
        if now.is_empty() {
            let message = format!("no line of pg_hba.conf lets {name} in; before: {}", list(before));
            let error = words::no_hba_entry(role, &self.context.actual.server.database);
            return tell(Class::Missing, by_application(Severity::Blocker), message).told(error);
        }
        let message = format!("pg_hba.conf lets {name} in by {}, and did by {}", list(now), list(before));
        let of = |clients: &str| now.iter().find(|way| way.clients == clients);
        if before.iter().any(|way| of(&way.clients).is_none()) {
            let error = words::no_hba_entry(role, &self.context.actual.server.database);
            return tell(Class::Changed, by_application(Severity::Major), message).told(error);
        }
        let other = before.iter().find_map(|way| of(&way.clients).filter(|now| now.method != way.method));
        match other {
            Some(other) => tell(Class::Changed, by_application(Severity::Major), message)
                .told(words::not_authenticated(role, &other.method)),
            None => tell(Class::Changed, Severity::Info, message),
        }
    }

    /// Nothing that could not be read is equal; how much that matters depends on what there is to compare.
    pub(super) fn of_unreadable(&self, aspect: Aspect, why: &str, after: bool) -> Option<Judgement> {
        let facts = [self.context.expected, self.context.actual];
        let any = |kind: Kind| facts.iter().any(|facts| facts.objects.keys().any(|key| key.kind == kind));
        let severity = match aspect {
            Aspect::AclItems => Severity::Blocker,
            Aspect::SequenceValues => any(Kind::Sequence).then_some(Severity::Major)?,
            Aspect::Passwords | Aspect::HbaRules => Severity::Minor,
            Aspect::UserMappingOptions => any(Kind::UserMapping).then_some(Severity::Minor)?,
            Aspect::SubscriptionConnections => any(Kind::Subscription).then_some(Severity::Minor)?,
            Aspect::SystemIdentifier | Aspect::Workload | Aspect::References => Severity::Info,
        };
        let side = if after { "after" } else { "before" };
        let message = format!("{} could not be read {side}: {why}", words::aspect(aspect));
        Some(Judgement::new(FindingId::Unreadable, Class::Unreadable, severity, message).privilege(side))
    }

    pub(super) fn of_crossing(reference: &Reference) -> Judgement {
        let Reference { from, to, by, name, confidence } = reference;
        let how = match confidence {
            Confidence::Catalog => "",
            Confidence::Text => " (by its text, which may mean something else)",
        };
        let name = name.as_deref().map(|name| format!(" {}", words::role(name))).unwrap_or_default();
        let message = format!(
            "{} needs {}, which is on the other side of the cut: {}{name}{how}",
            words::noun(from),
            words::noun(to),
            words::means(*by)
        );
        let judgement = Judgement::new(FindingId::CrossesTheCut, Class::Broken, Severity::Major, message);
        let judgement = judgement.privilege(to);
        Judgement { app_error: words::not_there(to), ..judgement }
    }
}
