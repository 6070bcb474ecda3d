//! What is set on objects judged: row security, whose rights something runs with, what fires, what is replicated.

use super::{Judge, Judgement, roles, words};
use crate::grants::change::{Delta, Told};
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::snapshot::{Attribute, Key, Kind};

impl Judge<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each attribute: a table")]
    pub(super) fn of_fact(&self, key: &Key, attribute: Attribute, delta: &Delta<Told>) -> Judgement {
        let noun = words::noun(key);
        let word = words::attribute(attribute);
        let on = delta.expected.is_none() && delta.got.is_some();
        let tell = |id, severity, message: String| {
            Judgement::new(id, Class::Changed, severity, message).privilege(&word)
        };
        let differs = || {
            let of = |told: &Option<Told>| told.as_ref().map_or("nothing".to_owned(), words::told);
            format!(
                "{} of {noun} is {}, and was {}",
                word.replace('_', " "),
                of(&delta.got),
                of(&delta.expected)
            )
        };
        let switch = |off: (Severity, &str), now: (Severity, &str)| {
            let (severity, what) = if on { now } else { off };
            (severity, format!("{noun} {what}"))
        };
        let used = || if self.users(key).is_empty() { Severity::Major } else { Severity::Blocker };
        match attribute {
            Attribute::RowSecurity => {
                let off = (Severity::Blocker, "has row security off: all rows are shown");
                let now = (used(), "has row security on: rows are silently hidden");
                let (severity, message) = switch(off, now);
                tell(if on { FindingId::RowSecurityOn } else { FindingId::RowSecurityOff }, severity, message)
            }
            Attribute::ForceRowSecurity => {
                let off = (Severity::Blocker, "no longer forces row security on its owner");
                let now = (self.of_its_owner(key), "now forces row security on its owner");
                let (severity, message) = switch(off, now);
                tell(
                    if on { FindingId::RowSecurityForced } else { FindingId::RowSecurityNotForced },
                    severity,
                    message,
                )
            }
            Attribute::SecurityInvoker => {
                let off = (Severity::Blocker, "is read with its owner's rights, no longer the caller's");
                let now = (used(), "is read with the caller's rights, no longer its owner's");
                let (severity, message) = switch(off, now);
                let id = if on { FindingId::SecurityInvokerGained } else { FindingId::SecurityInvokerLost };
                let judgement = tell(id, severity, message);
                if on { judgement.told(words::denied_below(key)) } else { judgement }
            }
            Attribute::SecurityDefiner => {
                let off = (used(), "runs with the caller's rights, no longer its owner's");
                let now = (Severity::Blocker, "runs with its owner's rights, no longer the caller's");
                let (severity, message) = switch(off, now);
                let id = if on { FindingId::SecurityDefinerGained } else { FindingId::SecurityDefinerLost };
                let judgement = tell(id, severity, message);
                if on { judgement } else { judgement.told(words::denied_below(key)) }
            }
            Attribute::SecurityBarrier => {
                let off = (Severity::Major, "is no security barrier any more: functions may see hidden rows");
                let (severity, message) = switch(off, (Severity::Info, "is a security barrier now"));
                tell(FindingId::SecurityBarrierChanged, severity, message)
            }
            Attribute::Leakproof => {
                let now = (Severity::Major, "is called leakproof now: it may see hidden rows");
                let (severity, message) = switch((Severity::Info, "is not leakproof any more"), now);
                tell(FindingId::LeakproofChanged, severity, message)
            }
            Attribute::Command
            | Attribute::Restrictive
            | Attribute::Roles
            | Attribute::Using
            | Attribute::WithCheck => {
                self.of_policy_fact(key, tell(FindingId::PolicyChanged, Severity::Blocker, differs()))
            }
            Attribute::ConnectionLimit => {
                let limit = |told: &Option<Told>| match told {
                    Some(Told::Text(text)) => text.parse().unwrap_or(-1),
                    Some(Told::List(_) | Told::Roles(_)) | None => -1,
                };
                let (expected, got) = (limit(&delta.expected), limit(&delta.got));
                let severity = roles::limit_severity(expected, got);
                let message = format!(
                    "the CONNECTION LIMIT of {noun} is {}, and was {}",
                    words::limit(got),
                    words::limit(expected)
                );
                let judgement = tell(FindingId::ConnectionLimit, severity, message);
                let database = &self.context.actual.server.database;
                if severity == Severity::Info {
                    judgement
                } else {
                    judgement.told(words::too_many("database", database))
                }
            }
            Attribute::AllowConnections => {
                let judgement = |severity, what: &str| {
                    tell(FindingId::AllowConnections, severity, format!("{noun} {what}"))
                };
                if on {
                    judgement(Severity::Blocker, "takes no connections")
                        .told(words::not_accepting(&self.context.actual.server.database))
                } else {
                    judgement(Severity::Info, "takes connections now")
                }
            }
            Attribute::ExtensionSchema => {
                let (users, example) = self.extension_users(&key.name);
                let severity = if users.is_empty() { Severity::Major } else { Severity::Blocker };
                let judgement = tell(FindingId::ExtensionMoved, severity, differs());
                match example.as_ref().and_then(words::not_there) {
                    Some(error) => judgement.told(error),
                    None => judgement,
                }
            }
            Attribute::Extension => tell(FindingId::ExtensionMemberChanged, Severity::Minor, differs()),
            Attribute::Version => tell(FindingId::ExtensionVersion, Severity::Info, differs()),
            Attribute::Definition | Attribute::Function if key.kind == Kind::Trigger => {
                tell(FindingId::TriggerChanged, Severity::Major, differs())
            }
            Attribute::Enabled => tell(FindingId::TriggerState, Severity::Major, differs()),
            Attribute::Configuration => tell(FindingId::RoutineSettings, Severity::Major, differs()),
            Attribute::Trusted => tell(FindingId::LanguageTrust, Severity::Major, differs()),
            Attribute::OwnedBy => tell(FindingId::SequenceOwnerColumn, Severity::Minor, differs()),
            Attribute::Identity => tell(FindingId::IdentityChanged, Severity::Major, differs()),
            Attribute::AllTables | Attribute::Tables | Attribute::Schemas | Attribute::Operations => {
                tell(FindingId::PublicationChanged, Severity::Major, differs())
            }
            Attribute::Publications | Attribute::Slot | Attribute::Plugin => {
                tell(FindingId::ReplicationChanged, Severity::Major, differs())
            }
            Attribute::Wrapper
            | Attribute::Server
            | Attribute::Options
            | Attribute::Handler
            | Attribute::Validator => tell(FindingId::ForeignOptions, Severity::Major, differs()),
            Attribute::Language
            | Attribute::Definition
            | Attribute::Function
            | Attribute::Event
            | Attribute::Tags => tell(FindingId::DefinitionChanged, Severity::Major, differs()),
        }
    }

    /// A policy of a table without row security does nothing.
    fn of_policy_fact(&self, key: &Key, judgement: Judgement) -> Judgement {
        let on = self.table_of(key).is_some_and(|table| table.is(Attribute::RowSecurity));
        let severity = if on { Severity::Blocker } else { Severity::Minor };
        Judgement { severity, ..judgement }
    }

    /// How bad it is that the owner sees fewer rows.
    fn of_its_owner(&self, key: &Key) -> Severity {
        let expected = self.context.expected;
        let owner = expected.objects.get(key).and_then(|object| object.owner);
        let serves = owner.is_some_and(|id| self.serves_applications(expected.roles.name(id)));
        if serves { Severity::Blocker } else { Severity::Major }
    }
}
