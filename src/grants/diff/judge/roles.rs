//! Roles and memberships judged.

use jiff::Timestamp;

use super::{Judge, Judgement, words};
use crate::grants::acl::Grantee;
use crate::grants::change::{Delta, MembershipOptions};
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::snapshot::{Fact, PasswordKind, Role};

/// Roles that are as good as a superuser, by the manual's own warning ("Predefined Roles").
const AS_GOOD_AS_SUPERUSER: &[&str] =
    &["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"];
/// Roles to which everything is open.
const SEES_EVERYTHING: &[&str] = &["pg_read_all_data", "pg_write_all_data"];

impl Judge<'_> {
    pub(super) fn of_role(&self, name: &str, delta: &Delta<Role>) -> Vec<Judgement> {
        match (&delta.expected, &delta.got) {
            (Some(expected), None) => {
                let severity = if self.is_application(name) { Severity::Blocker } else { Severity::Minor };
                let message = format!("the role {} does not exist", words::role(name));
                let judgement = Judgement::new(FindingId::RoleMissing, Class::Missing, severity, message)
                    .of(&words::role(name));
                vec![if expected.login { judgement.told(words::no_such_role(name)) } else { judgement }]
            }
            (None, Some(got)) => {
                let name = words::role(name);
                let mut judgements = powers(&name, None, got);
                if judgements.is_empty() {
                    let message = format!("there is one role more: {name}");
                    judgements.push(
                        Judgement::new(FindingId::RoleExtra, Class::Extra, Severity::Info, message).of(&name),
                    );
                }
                judgements
            }
            (Some(expected), Some(got)) => {
                let mut judgements = Self::lost_powers(name, expected, got);
                judgements.extend(powers(&words::role(name), Some(expected), got));
                judgements.extend(self.getting_in(name, expected, got));
                if expected.inherit != got.inherit {
                    let verb = if got.inherit { "now has" } else { "no longer has" };
                    let role = words::role(name);
                    // From 16 on each membership has an option of its own, for which this is only the default.
                    let of = if self.context.actual.server.major() < 16 {
                        "its groups have"
                    } else {
                        "groups have that it joins from now on,"
                    };
                    let message = format!("{role} {verb} what {of} without SET ROLE (INHERIT)");
                    judgements.push(
                        Judgement::new(FindingId::InheritChanged, Class::Changed, Severity::Info, message)
                            .of(&role)
                            .privilege("INHERIT"),
                    );
                }
                judgements
            }
            (None, None) => Vec::new(),
        }
    }

    fn lost_powers(name: &str, expected: &Role, got: &Role) -> Vec<Judgement> {
        let role = words::role(name);
        let mut judgements = Vec::new();
        let mut lost = |word: &str, severity, what: &str| {
            let message = format!("{role} {what}");
            judgements.push(
                Judgement::new(FindingId::RoleAttributeMissing, Class::Missing, severity, message)
                    .of(&role)
                    .privilege(word),
            );
        };
        let to_login = |severity| if expected.login { severity } else { Severity::Minor };
        if expected.superuser && !got.superuser {
            lost("SUPERUSER", to_login(Severity::Blocker), "is no longer a superuser");
        }
        if expected.bypass_rls && !got.bypass_rls {
            let what = "no longer bypasses row security: it silently sees fewer rows";
            lost("BYPASSRLS", to_login(Severity::Blocker), what);
        }
        if expected.create_role && !got.create_role {
            lost("CREATEROLE", to_login(Severity::Major), "can no longer make roles");
        }
        if expected.create_db && !got.create_db {
            lost("CREATEDB", to_login(Severity::Major), "can no longer make databases");
        }
        if expected.replication && !got.replication {
            lost("REPLICATION", to_login(Severity::Blocker), "can no longer replicate");
            if let Some(last) = judgements.last_mut() {
                last.app_error = Some(words::no_replication());
            }
        }
        judgements
    }

    /// LOGIN, password, its end, and the number of connections.
    fn getting_in(&self, name: &str, expected: &Role, got: &Role) -> Vec<Judgement> {
        let role = words::role(name);
        let mut judgements = Vec::new();
        let mut tell = |id, class, severity, word: &str, message: String, error| {
            let judgement = Judgement::new(id, class, severity, message).of(&role).privilege(word);
            judgements.push(Judgement { app_error: error, ..judgement });
        };
        match (expected.login, got.login) {
            (true, false) => {
                let message = format!("{role} can no longer log in");
                let error = Some(words::no_login(name));
                tell(FindingId::LoginMissing, Class::Missing, Severity::Blocker, "LOGIN", message, error);
                return judgements;
            }
            (false, true) => {
                let message = format!("{role} can now log in");
                tell(FindingId::LoginExtra, Class::Extra, Severity::Info, "LOGIN", message, None);
            }
            (true, true) | (false, false) => {}
        }
        let logs_in = |severity| if expected.login { severity } else { Severity::Minor };
        if expected.connection_limit != got.connection_limit {
            let message = format!(
                "the CONNECTION LIMIT of {role} is {}, and was {}",
                words::limit(got.connection_limit),
                words::limit(expected.connection_limit)
            );
            let severity = limit_severity(expected.connection_limit, got.connection_limit);
            let error = (severity > Severity::Info).then(|| words::too_many("role", name));
            let severity = if severity == Severity::Info { severity } else { logs_in(severity) };
            tell(FindingId::ConnectionLimit, Class::Changed, severity, "CONNECTION LIMIT", message, error);
        }
        if expected.valid_until != got.valid_until {
            let until = |role: &Role| role.valid_until.clone().unwrap_or_else(|| "ever".to_owned());
            let message = format!(
                "the password of {role} is good until {}, and was until {}",
                until(got),
                until(expected)
            );
            let severity = self.expiry_severity(expected, got);
            let error = (severity > Severity::Info).then(|| words::no_password(name));
            let severity = if severity == Severity::Info { severity } else { logs_in(severity) };
            tell(FindingId::ValidUntil, Class::Changed, severity, "VALID UNTIL", message, error);
        }
        if let (Some(before), Some(after)) = (expected.password, got.password)
            && before != after
        {
            let gone = after == PasswordKind::Nothing;
            let message = if gone {
                format!("{role} has no password any more")
            } else {
                format!(
                    "the password of {role} is stored as {}, and was {}",
                    words::password(after),
                    words::password(before)
                )
            };
            let severity = if gone { logs_in(Severity::Blocker) } else { Severity::Info };
            let error = gone.then(|| words::no_password(name));
            tell(FindingId::PasswordChanged, Class::Changed, severity, "PASSWORD", message, error);
        }
        judgements
    }

    fn expiry_severity(&self, expected: &Role, got: &Role) -> Severity {
        let Some(until) = &got.valid_until else { return Severity::Info };
        let moment = |text: &str| text.parse::<Timestamp>().ok();
        let (Some(until), Ok(taken)) = (moment(until), self.context.taken_at.parse::<Timestamp>()) else {
            return if until == "infinity" { Severity::Info } else { Severity::Major };
        };
        if until <= taken {
            return Severity::Blocker;
        }
        let before = expected.valid_until.as_deref().and_then(moment);
        if before.is_some_and(|before| before <= until) { Severity::Info } else { Severity::Major }
    }

    pub(super) fn of_membership(
        &self,
        group: &str,
        member: &str,
        delta: &Delta<MembershipOptions>,
    ) -> Vec<Judgement> {
        let (role, of) = (words::role(member), words::role(group));
        let privilege = |word: &str| format!("{word} OF {of}");
        match (&delta.expected, &delta.got) {
            (Some(expected), None) => {
                let message = format!("{role} is no longer a member of {of}");
                let judgement =
                    Judgement::new(FindingId::MembershipMissing, Class::Missing, Severity::Info, message)
                        .of(&role)
                        .privilege(&privilege("MEMBER"));
                vec![self.without_the_group(judgement, expected, group, member)]
            }
            (None, Some(_)) => {
                let message = format!("{role} is now a member of {of}");
                let severity = self.gained_membership(group, member);
                let judgement = Judgement::new(FindingId::MembershipExtra, Class::Extra, severity, message);
                vec![judgement.of(&role).privilege(&privilege("MEMBER"))]
            }
            (Some(expected), Some(got)) => {
                let mut judgements = Vec::new();
                let mut tell = |severity, word, message: String| {
                    let class = Class::Changed;
                    let judgement = Judgement::new(FindingId::MembershipChanged, class, severity, message);
                    judgements.push(judgement.of(&role).privilege(&privilege(word)));
                };
                if expected.admin != got.admin {
                    let (verb, severity) = if got.admin {
                        ("can now", Severity::Major)
                    } else {
                        ("can no longer", Severity::Minor)
                    };
                    tell(severity, "ADMIN", format!("{role} {verb} make others members of {of} (ADMIN)"));
                }
                if expected.inherit != got.inherit {
                    let verb = if got.inherit { "now has" } else { "no longer has" };
                    tell(
                        Severity::Info,
                        "INHERIT",
                        format!("{role} {verb} what {of} has without SET ROLE (INHERIT)"),
                    );
                }
                if expected.set != got.set {
                    let (verb, severity) = match (got.set, self.serves_applications(member)) {
                        (true, _) => ("can now", self.gained_membership(group, member)),
                        (false, true) => ("can no longer", Severity::Blocker),
                        (false, false) => ("can no longer", Severity::Minor),
                    };
                    tell(severity, "SET", format!("{role} {verb} SET ROLE {of}"));
                }
                if (expected.admin, expected.inherit, expected.set) == (got.admin, got.inherit, got.set) {
                    let message = format!("{role} was made a member of {of} by somebody else");
                    tell(Severity::Info, "MEMBER", message);
                }
                judgements
            }
            (None, None) => Vec::new(),
        }
    }

    /// A member that never inherited could only SET ROLE; one that did also owned what the group owns, and was under
    /// the group's policies.
    fn without_the_group(
        &self,
        judgement: Judgement,
        expected: &MembershipOptions,
        group: &str,
        member: &str,
    ) -> Judgement {
        let still = |after| {
            let (Some(member), Some(group)) = (self.people.find(member), self.people.find(group)) else {
                return false;
            };
            self.closures.has(after, member, group)
        };
        if still(true) {
            return judgement;
        }
        if !expected.inherit && expected.set {
            let severity = if self.serves_applications(member) { Severity::Blocker } else { Severity::Minor };
            return Judgement { severity, ..judgement }.told(words::no_set_role(group));
        }
        let matters = self.owns_or_is_named(group);
        if !matters {
            return judgement;
        }
        let severity = if self.serves_applications(member) { Severity::Major } else { Severity::Minor };
        let message = format!("{}, which owns objects or is named by policies", judgement.message);
        Judgement { severity, message, ..judgement }
    }

    fn owns_or_is_named(&self, group: &str) -> bool {
        let expected = self.context.expected;
        let Some(id) = expected.roles.id(group) else { return false };
        let groups = self.closures.before.groups(id);
        expected.objects.values().any(|object| {
            object.owner.is_some_and(|owner| groups.contains(&owner))
                || object.facts.values().any(|fact| match fact {
                    Fact::Roles(roles) => {
                        roles.iter().any(|to| matches!(to, Grantee::Role(role) if groups.contains(role)))
                    }
                    Fact::Text(_) | Fact::List(_) => false,
                })
        })
    }

    /// What SET ROLE to this group, or inheriting from it, opens.
    fn gained_membership(&self, group: &str, member: &str) -> Severity {
        let facts = self.context.actual;
        let role = |name: &str| facts.roles.id(name).map(|id| facts.roles.get(id));
        if role(member).is_some_and(|member| member.superuser) {
            return Severity::Info;
        }
        let Some(start) = facts.roles.id(group) else { return Severity::Info };
        let mut seen = vec![start];
        let mut next = 0;
        let mut severity = Severity::Info;
        while let Some(&id) = seen.get(next) {
            next += 1;
            let reached = facts.roles.get(id);
            let name = reached.name.as_str();
            if reached.superuser || reached.bypass_rls || AS_GOOD_AS_SUPERUSER.contains(&name) {
                return Severity::Blocker;
            }
            if SEES_EVERYTHING.contains(&name) || reached.create_role || reached.replication {
                severity = Severity::Major;
            }
            for row in facts.memberships.iter().filter(|row| row.member == id) {
                if !seen.contains(&row.role) {
                    seen.push(row.role);
                }
            }
        }
        severity
    }
}

/// What a role can do now beyond all grants.
fn powers(role: &str, expected: Option<&Role>, got: &Role) -> Vec<Judgement> {
    let had = |attribute: fn(&Role) -> bool| expected.is_some_and(attribute);
    let mut judgements = Vec::new();
    let mut gained = |id, word: &str, severity, what: &str| {
        let message = format!("{role} {what}");
        judgements.push(Judgement::new(id, Class::Extra, severity, message).of(&role).privilege(word));
    };
    if got.superuser && !had(|role| role.superuser) {
        gained(FindingId::SuperuserGained, "SUPERUSER", Severity::Blocker, "is a superuser now");
    }
    if got.bypass_rls && !got.superuser && !had(|role| role.bypass_rls) {
        let what = "bypasses row security now: it sees all rows";
        gained(FindingId::BypassrlsGained, "BYPASSRLS", Severity::Blocker, what);
    }
    if got.create_role && !had(|role| role.create_role) {
        gained(FindingId::RoleAttributeExtra, "CREATEROLE", Severity::Major, "can make roles now");
    }
    if got.replication && !had(|role| role.replication) {
        gained(
            FindingId::RoleAttributeExtra,
            "REPLICATION",
            Severity::Major,
            "can copy the whole server now",
        );
    }
    if got.create_db && !had(|role| role.create_db) {
        gained(FindingId::RoleAttributeExtra, "CREATEDB", Severity::Info, "can make databases now");
    }
    judgements
}

/// A limit of -1 is none.
pub(super) const fn limit_severity(expected: i32, got: i32) -> Severity {
    match (expected, got) {
        (_, 0) => Severity::Blocker,
        (_, -1) => Severity::Info,
        (-1, _) => Severity::Major,
        (expected, got) if got < expected => Severity::Major,
        _ => Severity::Info,
    }
}
