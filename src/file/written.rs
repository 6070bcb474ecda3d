//! The sections of a plan file as they are written: plain structs, unknown keys refused.

use std::borrow::Cow;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

pub use super::scalars::{Day, Id, Names};
use crate::model::application::AsApplication;
use crate::model::layer::Layer;
use crate::model::notification::Occasions;
use crate::model::outcome::Outcome;
use crate::model::outline::Severity;
use crate::moment::Moment;
use crate::period::Period;
use crate::secret::SecretRef;

/// Keys of the main file.
pub const KEYS: &[&str] = &[
    "gonogo",
    "name",
    "change",
    "zone",
    "include",
    "vars",
    "window",
    "max_minor",
    "journal",
    "notify",
    "people",
    "vantages",
    "apps",
    "databases",
    "systems",
    "checks",
    "links",
    "stages",
    "waivers",
];
/// Keys that belong in the main file only.
pub const MAIN_ONLY: &[&str] =
    &["name", "change", "zone", "include", "window", "max_minor", "journal", "notify"];

/// More failed minors than this are a NO-GO, unless the plan says otherwise.
pub const MAX_MINOR: usize = 5;
/// The longest one try may take, unless the check says otherwise.
const TIMEOUT: Period = Period(Duration::from_secs(10));

/// Where runs are recorded, for a team on several machines.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// A libpq connection URL or keyword string of a PostgreSQL database.
    pub url: String,
    /// The role's password; found as libpq finds it when absent.
    #[serde(default)]
    pub password: Option<SecretRef>,
}

/// Somebody who is told of a run, without the way.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Of what they are told; of everything when absent.
    #[serde(default)]
    pub on: Occasions,
}

/// The time the release has.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When the first stage may begin.
    pub start: Moment,
    /// When everything must be up, either way.
    pub must_be_up_by: Moment,
    /// What is kept in hand for a rollback that takes longer than planned.
    #[serde(default)]
    pub margin: Margin,
    /// Planned time of the checks after a rollback; none when absent.
    pub verify: Option<Period>,
}

/// Time kept in hand: the larger of the two.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Margin {
    /// Percent of the rollback.
    #[schemars(range(min = 0, max = 100))]
    pub percent: u8,
    /// However short the rollback is.
    pub at_least: Period,
}

impl Default for Margin {
    fn default() -> Self {
        Self { percent: 25, at_least: Period(Duration::from_mins(10)) }
    }
}

/// Somebody who owns something.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name shown.
    pub name: String,
    /// May decide for the whole release.
    #[serde(default)]
    pub decides: bool,
    /// Who stands in: another person's id.
    pub deputy: Option<String>,
}

/// An application that is deployed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The vantages it runs on; a check `from` it is looked at from each of them. Without, it can only be led to.
    pub runs_on: Option<Names>,
    /// A person's id.
    pub owner: Option<String>,
    /// The stage it is up from; from the start when absent.
    pub up_from: Option<String>,
}

/// Something that is not deployed here, and that applications need.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// A person's id.
    pub owner: Option<String>,
    /// Where it is: `host:port` or a URL.
    pub address: Option<String>,
    /// Vantages on its own host, where there are any: asked too when a link to it breaks.
    pub runs_on: Option<Names>,
    /// The stage it is up from; from the start when absent.
    pub up_from: Option<String>,
}

/// One step of the deployment.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its id.
    pub id: Id,
    /// What it is, in words.
    pub title: Option<String>,
    /// A person's id.
    pub owner: Option<String>,
    /// Stages that come before it, and are undone after it; the one listed before it when absent.
    pub after: Option<Names>,
    /// Planned time of the work itself.
    pub duration: Option<Period>,
    /// Planned time of letting it settle, between the work and the sanity test; `run` does not wait.
    pub wait: Option<Period>,
    /// Planned time of the sanity test.
    pub sanity: Option<Period>,
    /// Planned time of undoing it; nothing has to be undone when absent.
    pub undo: Option<Period>,
    /// Whether it can be undone at all; once a stage that cannot has begun, there is no way back.
    #[serde(default = "yes")]
    pub reversible: bool,
    /// People who have to say go before the stage is over: ids.
    pub votes: Option<Names>,
    /// Checks that are due here: ids, or `tag:NAME`.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// One question, without its probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its id; unique in the plan.
    pub id: Id,
    /// What it asks, in words.
    pub title: Option<String>,
    /// Where it is looked from; `here` when absent.
    pub from: Option<Names>,
    /// How much its failure decides; `blocker` when absent.
    #[serde(default)]
    pub severity: Severity,
    /// A person's id.
    pub owner: Option<String>,
    /// Tags, for `tag:` in stages and `--tag`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Ids of checks that must pass first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The longest one try may take; 10 s when absent.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// Try again while it fails.
    pub retry: Option<Retry>,
    /// Apps, databases and systems it says something about.
    #[serde(default)]
    pub touches: Vec<String>,
    /// The layer that must stop it.
    pub expect_break: Option<Layer>,
    /// Put off to a later stage.
    pub defer: Option<Defer>,
    /// Probe again at later stages once green; true when absent.
    #[serde(default = "yes")]
    pub again: bool,
    /// One check for each value, used as `${name}`.
    #[schemars(length(min = 1))]
    pub for_each: Option<IndexMap<String, Values>>,
}

/// A link from an application to something it needs, without its probes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its id; unique among checks and links.
    pub id: Id,
    /// What it is for, in words.
    pub title: Option<String>,
    /// The app that calls; its path is looked at from each place it runs on.
    pub from: String,
    /// What is called: an app, a database or a system.
    pub to: String,
    /// How much its failure decides; `blocker` when absent.
    #[serde(default)]
    pub severity: Severity,
    /// A person's id; the owner of the app that calls when absent.
    pub owner: Option<String>,
    /// Tags, for `tag:` in stages and `--tag`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Ids of checks that must pass first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The longest one try may take; 10 s when absent.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// Try again while it fails.
    pub retry: Option<Retry>,
    /// Probe again at later stages once green; true when absent.
    #[serde(default = "yes")]
    pub again: bool,
    /// Look at the path as the application itself: as its user, with the proxies, trust store and name service of its
    /// environment. With the variables of a running process the path is owed until the app that calls is up.
    pub as_application: Option<AsApplication>,
    /// Vantages that are asked too when it fails: they never decide.
    pub compare_from: Option<Names>,
    /// One link for each value, used as `${name}`.
    #[schemars(length(min = 1))]
    pub for_each: Option<IndexMap<String, Values>>,
}

/// What stands in `through` beside its probe: nothing.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Through {}

const fn timeout() -> Period {
    TIMEOUT
}

const fn yes() -> bool {
    true
}

/// Values of `for_each`: read from the tree, so never from here.
#[derive(Debug, Clone, Deserialize)]
pub struct Values(#[expect(dead_code, reason = "only its schema is used")] Vec<String>);

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1 })
    }
}

/// Try again while it fails.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Keep trying for this long, from the first try.
    #[serde(rename = "for")]
    pub lasting: Period,
    /// Wait this long between tries.
    pub every: Period,
}

/// A check put off.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defer {
    /// The stage it is owed at.
    pub until: String,
    /// Why.
    pub because: String,
}

/// A named, expiring exception for one check.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The check it is for.
    pub check: String,
    /// The last day it holds.
    pub until: Day,
    /// Who granted it.
    pub by: String,
    /// Why.
    pub because: String,
    /// Only this is covered.
    pub expect: Option<Covered>,
}

/// What a waiver covers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    /// Only this outcome.
    pub outcome: Option<Outcome>,
    /// Only a break at this layer.
    pub layer: Option<Layer>,
}
