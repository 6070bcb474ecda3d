//! What comes of trying the recorded statements.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::grants::privilege::Privileges;
use crate::grants::snapshot::Workload;
use crate::model::fault::ServerError;

/// The name of the report's format.
pub const FORMAT: &str = "gonogo.replay/1";

/// What will happen to a statement; the worst is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The server will refuse it: a right is missing.
    Denied,
    /// The server will refuse it: something is not there, or not as the statement needs it.
    Broken,
    /// Nobody can tell without running it, or trying it would run code of the application.
    NotProvable,
    /// The statement itself may do all that it does: permitted at top level, which is no proof.
    Permitted,
    /// It concerns only what the map sends to another database: not tried.
    Elsewhere,
}

impl Class {
    /// Every class, the worst first.
    pub const ALL: &[Self] =
        &[Self::Denied, Self::Broken, Self::NotProvable, Self::Permitted, Self::Elsewhere];

    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Broken => "broken",
            Self::NotProvable => "not provable",
            Self::Permitted => "permitted at top level",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// What was found of one statement, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) class: Class,
    pub(super) reason: Option<String>,
    pub(super) sqlstate: Option<String>,
    pub(super) message: Option<String>,
    pub(super) relation: Option<String>,
}

impl Judged {
    /// With the server's words to come.
    pub(super) fn new(class: Class, sqlstate: &str, message: impl Into<String>) -> Self {
        Self {
            class,
            reason: None,
            sqlstate: Some(sqlstate.to_owned()),
            message: Some(message.into()),
            relation: None,
        }
    }

    pub(super) const fn permitted() -> Self {
        Self { class: Class::Permitted, reason: None, sqlstate: None, message: None, relation: None }
    }

    pub(super) fn not_provable(reason: impl Into<String>) -> Self {
        Self { class: Class::NotProvable, reason: Some(reason.into()), ..Self::permitted() }
    }

    /// By what the server said to the statement ("PostgreSQL Error Codes").
    pub(super) fn refused(error: &ServerError) -> Self {
        let class = match error.sqlstate.as_str() {
            "42501" => Class::Denied,
            // Undefined table, schema, column, object, function, cursor, database; and unpopulated views.
            "42P01" | "3F000" | "42703" | "42704" | "42883" | "3D000" | "55000" | "0A000" => Class::Broken,
            _ => Class::NotProvable,
        };
        let reason = match error.sqlstate.as_str() {
            "55P03" => Some("another session holds a lock on what it uses: try again later"),
            "57014" => Some("planning it took longer than it may, or somebody cancelled it"),
            "25006" => Some("a function that runs while planning wants to write"),
            _ if class == Class::NotProvable => Some("the server cannot plan it from its normalized text"),
            _ => None,
        };
        let judged = Self::new(class, &error.sqlstate, error.message.clone());
        Self { reason: reason.map(ToOwned::to_owned), relation: error.object.clone(), ..judged }
    }

    pub(super) fn about(mut self, relation: &str) -> Self {
        self.relation = Some(relation.to_owned());
        self
    }

    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// One recorded statement, tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tried {
    /// The role it was tried as: its name in the new database.
    pub role: String,
    /// Its normalized text.
    pub query: String,
    /// How often it ran.
    pub calls: i64,
    /// What will happen to it.
    pub class: Class,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the application will be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// The primary message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The object it is about, when the server or a rule names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
}

/// How many statements came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Counts {
    /// All that are recorded and asked for.
    pub statements: u64,
    /// [`Class::Permitted`]
    pub permitted: u64,
    /// [`Class::Denied`]
    pub denied: u64,
    /// [`Class::Broken`]
    pub broken: u64,
    /// [`Class::NotProvable`]
    pub not_provable: u64,
    /// [`Class::Elsewhere`]
    pub elsewhere: u64,
}

impl Counts {
    pub(super) fn of(statements: &[Tried]) -> Self {
        let mut counts = Self { statements: statements.len() as u64, ..Self::default() };
        for tried in statements {
            *counts.place(tried.class) += 1;
        }
        counts
    }

    const fn place(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Denied => &mut self.denied,
            Class::Broken => &mut self.broken,
            Class::NotProvable => &mut self.not_provable,
            Class::Permitted => &mut self.permitted,
            Class::Elsewhere => &mut self.elsewhere,
        }
    }

    /// Of one class.
    #[must_use]
    pub const fn get(mut self, class: Class) -> u64 {
        *self.place(class)
    }
}

/// How much of what ran was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stats {
    /// Since when statements were counted, RFC 3339; none when the server did not say.
    pub since: Option<String>,
    /// How often statements were forgotten to make room; none when the server did not say.
    pub evictions: Option<i64>,
    /// Statements whose text was hidden from the reader.
    pub hidden: u64,
}

impl From<&Workload> for Stats {
    fn from(workload: &Workload) -> Self {
        Self { since: workload.since.clone(), evictions: workload.evictions, hidden: workload.hidden }
    }
}

/// What a role's statements do with a relation: what severities of a diff can rest on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Usage {
    /// The role.
    pub role: String,
    /// The relation, `schema.name`.
    pub relation: String,
    /// What is done with it.
    pub privileges: Privileges,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// [`FORMAT`]
    pub schema: &'static str,
    /// How many statements came to what.
    pub counts: Counts,
    /// How much of what ran was seen.
    pub stats: Stats,
    /// Every recorded statement, the worst first.
    pub statements: Vec<Tried>,
    /// What the statements do with which relation, by the plans.
    pub used: Vec<Usage>,
    /// Functions of the database that the statements name and that may run while planning.
    pub functions: Vec<String>,
}

impl Report {
    /// Whether something was tried and nothing that was tried will be refused. Never that all is proved.
    #[must_use]
    pub const fn passes(&self) -> bool {
        self.counts.denied == 0 && self.counts.broken == 0 && self.counts.permitted > 0
    }
}

/// Usages gathered.
pub(super) type Used = BTreeMap<(String, String), Privileges>;

/// JSON Schema (draft 2020-12) of `gonogo grants replay --format json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::model::printed::schema::<Report>(FORMAT)
}
