//! What people and applications read: names of objects, and the server's own words for each refusal.

use crate::grants::change::Told;
use crate::grants::finding::{AppError, Class};
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::quote::Name;
use crate::grants::snapshot::{Aspect, Attribute, Key, Kind, Means, PasswordKind, SchemaObjects};

/// The word of keys and JSON.
pub(super) const fn class(class: Class) -> &'static str {
    match class {
        Class::Missing => "missing",
        Class::Extra => "extra",
        Class::Changed => "changed",
        Class::Broken => "broken",
        Class::Unmapped => "unmapped",
        Class::Unreadable => "unreadable",
        Class::Latent => "latent",
    }
}

/// `table shop.orders`, `the database`.
pub(super) fn noun(key: &Key) -> String {
    if key.kind == Kind::Database {
        return "the database".to_owned();
    }
    format!("{} {}", key.kind.as_str().replace('_', " "), key.qualified())
}

/// The word of keys and JSON for an attribute.
pub(super) fn attribute(attribute: Attribute) -> String {
    let mut word = String::new();
    for letter in format!("{attribute:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// A role's name for people.
pub(super) fn role(name: &str) -> String {
    Name(name).to_string()
}

fn error(sqlstate: &'static str, message: String) -> AppError {
    AppError { sqlstate: sqlstate.into(), message }
}

/// `aclcheck_error` (src/backend/catalog/aclchk.c): names without schema and without quotes but for a few.
pub(super) fn denied(key: &Key, privileges: Privileges, database: &str) -> AppError {
    let name = match (key.kind, &key.of) {
        (Kind::Column, Some(relation)) => relation,
        _ => &key.name,
    };
    let is_database = key.kind == Kind::Database;
    let text = if is_database && privileges.has(Privilege::Connect) {
        format!("permission denied for database \"{database}\"")
    } else if is_database && privileges.has(Privilege::Temporary) {
        format!("permission denied to create temporary tables in database \"{database}\"")
    } else if is_database {
        format!("permission denied for database {database}")
    } else if privileges.has(Privilege::Set) {
        format!("permission denied to set parameter \"{name}\"")
    } else {
        format!("permission denied for {} {name}", object_type(key.kind))
    };
    error("42501", text)
}

/// The words of `aclcheck_error` for a kind of object.
const fn object_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Database => "database",
        Kind::Schema => "schema",
        Kind::Extension => "extension",
        Kind::Table | Kind::Column => "table",
        Kind::View => "view",
        Kind::MaterializedView => "materialized view",
        Kind::ForeignTable => "foreign table",
        Kind::Sequence => "sequence",
        Kind::Function => "function",
        Kind::Procedure => "procedure",
        Kind::Aggregate => "aggregate",
        Kind::Type | Kind::Domain => "type",
        Kind::Language => "language",
        Kind::LargeObject => "large object",
        Kind::ForeignDataWrapper => "foreign-data wrapper",
        Kind::ForeignServer => "foreign server",
        Kind::UserMapping => "user mapping",
        Kind::Tablespace => "tablespace",
        Kind::Parameter => "parameter",
        Kind::Policy => "policy",
        Kind::Trigger => "trigger",
        Kind::EventTrigger => "event trigger",
        Kind::Publication => "publication",
        Kind::Subscription => "subscription",
        Kind::ReplicationSlot => "replication slot",
    }
}

/// The same function's words for what only an owner may do.
pub(super) fn must_be_owner(key: &Key, database: &str) -> AppError {
    let name = if key.kind == Kind::Database { database } else { &key.name };
    error("42501", format!("must be owner of {} {name}", object_type(key.kind)))
}

/// What a statement that names it is told when it is not there.
pub(super) fn not_there(key: &Key) -> Option<AppError> {
    let plain =
        |sqlstate, kind: &str| Some(error(sqlstate, format!("{kind} \"{}\" does not exist", key.name)));
    let dotted = || {
        let schema = key.schema.as_deref().map(|schema| format!("{schema}.")).unwrap_or_default();
        format!("{schema}{}", key.name)
    };
    match key.kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable | Kind::Sequence => {
            Some(error("42P01", format!("relation \"{}\" does not exist", dotted())))
        }
        Kind::Function | Kind::Procedure | Kind::Aggregate => {
            let kind = if key.kind == Kind::Procedure { "procedure" } else { "function" };
            let args = key.args.as_deref().unwrap_or_default();
            Some(error("42883", format!("{kind} {}({args}) does not exist", dotted())))
        }
        Kind::Column => plain("42703", "column"),
        Kind::Schema => plain("3F000", "schema"),
        Kind::Type | Kind::Domain => Some(error("42704", format!("type \"{}\" does not exist", dotted()))),
        Kind::Language => plain("42704", "language"),
        Kind::Tablespace => plain("42704", "tablespace"),
        Kind::ForeignServer => plain("42704", "server"),
        Kind::ForeignDataWrapper => plain("42704", "foreign-data wrapper"),
        Kind::Publication => plain("42704", "publication"),
        Kind::Subscription => plain("42704", "subscription"),
        Kind::ReplicationSlot => plain("42704", "replication slot"),
        Kind::LargeObject => Some(error("42704", format!("large object {} does not exist", key.name))),
        Kind::UserMapping => Some(error("42704", format!("user mapping not found for \"{}\"", key.name))),
        // No statement of an application names these.
        Kind::Database
        | Kind::Extension
        | Kind::Parameter
        | Kind::Policy
        | Kind::Trigger
        | Kind::EventTrigger => None,
    }
}

/// Logging in with a role that is not there.
pub(super) fn no_such_role(name: &str) -> AppError {
    error("28000", format!("role \"{name}\" does not exist"))
}

/// Logging in with a role without LOGIN.
pub(super) fn no_login(name: &str) -> AppError {
    error("28000", format!("role \"{name}\" is not permitted to log in"))
}

/// Logging in with a password that is not there or has run out.
pub(super) fn no_password(name: &str) -> AppError {
    error("28P01", format!("password authentication failed for user \"{name}\""))
}

/// More connections than CONNECTION LIMIT allows.
pub(super) fn too_many(kind: &str, name: &str) -> AppError {
    error("53300", format!("too many connections for {kind} \"{name}\""))
}

/// SET ROLE to a role one is no member of.
pub(super) fn no_set_role(name: &str) -> AppError {
    error("42501", format!("permission denied to set role \"{name}\""))
}

/// A replication connection without REPLICATION.
pub(super) fn no_replication() -> AppError {
    error("42501", "must be superuser or replication role to start walsender".to_owned())
}

/// `ALLOW_CONNECTIONS` is off.
pub(super) fn not_accepting(database: &str) -> AppError {
    error("55000", format!("database \"{database}\" is not currently accepting connections"))
}

/// No line of `pg_hba.conf` lets this role into this database.
pub(super) fn no_hba_entry(role: &str, database: &str) -> AppError {
    error("28000", format!("no pg_hba.conf entry for user \"{role}\", database \"{database}\""))
}

/// A login whose proof the server does not take (`auth_failed` in `auth.c`).
pub(super) fn not_authenticated(role: &str, method: &str) -> AppError {
    let (sqlstate, word) = match method {
        "scram-sha-256" | "md5" | "password" => ("28P01", "password"),
        "cert" => ("28000", "certificate"),
        "gss" | "sspi" => ("28000", if method == "gss" { "GSSAPI" } else { "SSPI" }),
        "ident" => ("28000", "Ident"),
        "peer" => ("28000", "Peer"),
        "ldap" => ("28000", "LDAP"),
        "pam" => ("28000", "PAM"),
        "radius" => ("28000", "RADIUS"),
        other => ("28000", other),
    };
    error(sqlstate, format!("{word} authentication failed for user \"{role}\""))
}

/// Reading a materialized view that was never filled.
pub(super) fn not_populated(key: &Key) -> AppError {
    error("55000", format!("materialized view \"{}\" has not been populated", key.name))
}

/// The next value of a sequence that is behind is a key that exists.
pub(super) fn duplicate_key() -> AppError {
    error("23505", "duplicate key value violates unique constraint".to_owned())
}

/// A transaction that must not write.
pub(super) fn read_only() -> AppError {
    error("25006", "cannot execute INSERT in a read-only transaction".to_owned())
}

/// A name that `search_path` no longer finds.
pub(super) fn not_on_path() -> AppError {
    error("42P01", "relation does not exist, or one of another schema is used".to_owned())
}

/// A CONNECTION LIMIT for people.
pub(super) fn limit(limit: i32) -> String {
    if limit < 0 { "none".to_owned() } else { limit.to_string() }
}

/// A kind of password for people.
pub(super) const fn password(kind: PasswordKind) -> &'static str {
    match kind {
        PasswordKind::Nothing => "nothing",
        PasswordKind::Scram => "SCRAM-SHA-256",
        PasswordKind::Md5 => "MD5",
        PasswordKind::Other => "something else",
    }
}

/// The objects of ALTER DEFAULT PRIVILEGES.
pub(super) const fn schema_objects(objects: SchemaObjects) -> &'static str {
    match objects {
        SchemaObjects::Tables => "tables",
        SchemaObjects::Sequences => "sequences",
        SchemaObjects::Functions => "functions",
        SchemaObjects::Types => "types",
        SchemaObjects::Schemas => "schemas",
        SchemaObjects::LargeObjects => "large objects",
    }
}

/// A refusal on an object that is yet to be made.
pub(super) fn denied_some(kind: Kind) -> AppError {
    error("42501", format!("permission denied for {} ...", object_type(kind)))
}

/// ` (used by app, web)`.
pub(super) fn in_use_by(users: &[String]) -> String {
    match users {
        [] => String::new(),
        [one] => format!(", which {one} could use"),
        [one, two] => format!(", which {one} and {two} could use"),
        [one, rest @ ..] => format!(", which {one} and {} more roles could use", rest.len()),
    }
}

/// What lies below a view or function is refused, under its own name.
pub(super) fn denied_below(key: &Key) -> AppError {
    error("42501", format!("permission denied for what {} {} uses", object_type(key.kind), key.name))
}

/// A fact for people.
pub(super) fn told(told: &Told) -> String {
    match told {
        Told::Text(text) => text.clone(),
        Told::List(list) => list.join(", "),
        Told::Roles(roles) => roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A part of a snapshot for people.
pub(super) const fn aspect(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Passwords => "what kind of passwords roles have",
        Aspect::UserMappingOptions => "the options of user mappings",
        Aspect::SubscriptionConnections => "the connections of subscriptions",
        Aspect::HbaRules => "pg_hba.conf",
        Aspect::SystemIdentifier => "the server's identifier",
        Aspect::SequenceValues => "the positions of sequences",
        Aspect::AclItems => "some grants",
        Aspect::Workload => "the recorded workload",
        Aspect::References => "what depends on what",
    }
}

/// What ties two objects, for people.
pub(super) const fn means(means: Means) -> &'static str {
    match means {
        Means::ForeignKey => "foreign key",
        Means::Query => "query",
        Means::Trigger => "trigger",
        Means::Default => "default",
        Means::Policy => "policy",
        Means::Constraint => "constraint",
        Means::Body => "body",
        Means::Type => "type",
        Means::Inheritance => "inheritance",
        Means::Publication => "publication",
        Means::Sequence => "sequence",
    }
}
