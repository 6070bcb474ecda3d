//! A plan as everything after the runner sees it: who, what, when due; no probe specification and no secret.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::application::AsApplication;
use super::layer::Layer;
use super::outcome::Outcome;
pub use super::severity::Severity;
use super::window::Window;

/// The name of a place probes run from.
pub type VantageId = Arc<str>;
/// The id of a check.
pub type CheckId = Arc<str>;

/// The runner's own vantage.
pub const HERE: &str = "here";

/// A plan without its probes: what journals, verdicts and reports need to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outline {
    /// The plan's name; the file's stem when it has none.
    pub name: String,
    /// The change it belongs to, such as `CHG-1234`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// SHA-256, in hexadecimal, of the plan's files, variables and settings.
    pub sha256: String,
    /// IANA name of the zone times are shown in; the system's zone when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The time the release has; without one there is no clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// More failed minors than this are a NO-GO.
    pub max_minor: usize,
    /// People by id.
    #[serde(default)]
    pub people: IndexMap<String, Person>,
    /// Stages in order; never empty.
    pub stages: Vec<Stage>,
    /// Checks in the order of the files; never empty.
    pub checks: Vec<Check>,
    /// Named, expiring exceptions.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// Apps, databases and systems, in this order; none in journals of versions that kept none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
}

/// One thing that links go from or lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// What it is.
    pub kind: PieceKind,
    /// Its id.
    pub id: String,
    /// Index of the stage it is up from.
    pub up_from: usize,
    /// A person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The vantages it runs on, when it is an app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs_on: Vec<VantageId>,
}

/// Kinds of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PieceKind {
    /// Deployed here.
    App,
    /// One of `databases`.
    Database,
    /// Not deployed here.
    System,
}

impl PieceKind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Database => "database",
            Self::System => "system",
        }
    }
}

/// Somebody who owns something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The name shown.
    pub name: String,
    /// May decide for the whole release.
    #[serde(default)]
    pub decides: bool,
    /// Who stands in: another person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy: Option<String>,
}

/// One step of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Its id.
    pub id: String,
    /// What it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Indexes of the stages that come before it, and are undone after it: those of `after`, or the one before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<usize>,
    /// Planned seconds of work, as written in `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
    /// Planned seconds of letting it settle, between the work and the sanity test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
    /// Planned seconds of the sanity test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sanity_s: Option<u64>,
    /// Planned seconds of undoing this stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_s: Option<u64>,
    /// It cannot be undone: once it has begun, there is no way back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irreversible: bool,
    /// Ids of people who have to say go before it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<String>,
}

/// One question, without its probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Its id; unique in the plan.
    pub id: CheckId,
    /// What it asks, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The probe's kind, such as `http`.
    pub kind: String,
    /// What is looked at, such as `https://app2:8443/status`; no secret.
    pub target: String,
    /// The layers its probe passes, in order.
    pub layers: Vec<Layer>,
    /// The vantages it runs from; never empty.
    pub from: Vec<VantageId>,
    /// How much its failure decides.
    pub severity: Severity,
    /// A person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Tags, for `tag:` in stages and `--tag`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Ids of checks that must pass first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<CheckId>,
    /// Apps, databases and systems it says something about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<String>,
    /// The layer that must stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_break: Option<Layer>,
    /// Index of the stage that owns it: where it would be due if it were not deferred.
    pub stage: usize,
    /// Put off, by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defer: Option<Defer>,
    /// Probe again at later stages once green (blockers only).
    pub again: bool,
    /// Only a person can answer.
    #[serde(default)]
    pub manual: bool,
    /// The link it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Arc<Link>>,
    /// Where it is written.
    pub place: Place,
}

/// A link from an application to something it needs, as one of its parts sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// The link's id.
    pub id: Arc<str>,
    /// Which part of it the check is.
    pub part: LinkPart,
    /// The application that calls.
    pub from: String,
    /// What is called: an app, a database or a system.
    pub to: String,
    /// A person's id: who owns what is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_owner: Option<String>,
    /// The vantages that what is called runs on, when it is an app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_runs_on: Vec<VantageId>,
    /// Vantages that are asked too when it fails: they never decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare_from: Vec<VantageId>,
    /// As whom its path is looked at; as the vantage's own user when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_application: Option<AsApplication>,
}

/// A part of a link: a check of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkPart {
    /// From where the calling application runs, without it.
    Path,
    /// Through the calling application itself.
    Through,
    /// What the calling application is configured with.
    Configured,
}

/// A check put off to a later stage, by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Defer {
    /// Index of the stage it is owed at.
    pub until: usize,
    /// Why.
    pub because: String,
}

/// A place in a plan file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
}

/// A named, expiring exception for one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// The check it is for.
    pub check: CheckId,
    /// The last day it holds, in the plan's zone.
    pub until: Date,
    /// Who granted it.
    pub by: String,
    /// Why.
    pub because: String,
    /// Only this outcome is covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Only a break at this layer is covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Check {
    /// Index of the stage at which it is due: its own, or the one it is put off to.
    #[must_use]
    pub fn due(&self) -> usize {
        self.defer.as_ref().map_or(self.stage, |defer| defer.until)
    }

    /// Places that it is compared with once it has failed: here, the target's own hosts, and those the plan names.
    #[must_use]
    pub fn compared_from(&self) -> Vec<VantageId> {
        let link = self.link.as_deref();
        let named = link.into_iter().flat_map(|link| link.to_runs_on.iter().chain(&link.compare_from));
        let mut places: Vec<VantageId> = Vec::new();
        for place in std::iter::once(VantageId::from(HERE)).chain(named.cloned()) {
            if !self.from.contains(&place) && !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

impl Outline {
    /// The name of a person, or the id when the plan lists no people.
    #[must_use]
    pub fn person<'a>(&'a self, id: &'a str) -> &'a str {
        self.people.get(id).map_or(id, |person| person.name.as_str())
    }

    /// Index of a stage by id.
    #[must_use]
    pub fn stage(&self, id: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id == id)
    }
}
