//! Who is told of a run beside its reports, on what occasion, and what came of telling them. It never decides anything.
//! A new way to tell somebody is its fields and one line in `ways!` here, and one file in `notify`.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

use crate::model::outline::CheckId;
use crate::secret::{SecretRef, Text};

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A stage ended, and its verdict is said.
    Stage,
    /// A blocker failed that had not failed before, while the stage still runs.
    Blocker,
    /// Ten minutes or less are left to turn back in time.
    DecideNow,
    /// The last moment to turn back in time has passed.
    Overdue,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 4] = [Self::Stage, Self::Blocker, Self::DecideNow, Self::Overdue];

    /// The word in plans, keys and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Blocker => "blocker",
            Self::DecideNow => "decide_now",
            Self::Overdue => "overdue",
        }
    }
}

/// A message to a Slack channel, by an incoming webhook.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// The webhook's URL: who has it can write to the channel.
    pub url: SecretRef,
}

/// A card in a Microsoft Teams chat or channel, by a webhook of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// The webhook's URL: who has it can write to the channel.
    pub url: SecretRef,
}

/// A signed POST of `gonogo.notification/1`, by the rules of Standard Webhooks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where it goes: https, or http to this machine.
    pub url: SecretRef,
    /// What it is signed with (HMAC-SHA256); after `whsec_` it is Base64.
    pub secret: SecretRef,
}

/// A program that gets `gonogo.notification/1` on standard input.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1))]
    pub argv: Vec<String>,
    /// Variables added to `PATH`, `HOME`, the locale, the zone and the user.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, Text>,
}

macro_rules! ways {
    ($($kind:literal => $Way:ident,)+) => {
        /// A way to tell somebody, as written in a plan.
        #[derive(Debug, Clone, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Way {
            $(
                #[doc = concat!("By `", $kind, "`.")]
                $Way($Way),
            )+
        }

        impl Way {
            /// The plan key of each way.
            pub const KINDS: &[&str] = &[$($kind),+];

            /// Read the way written under the key `kind`; none when no way has this key.
            pub fn read<'de, D: Deserializer<'de>>(kind: &str, node: D) -> Option<Result<Self, D::Error>> {
                match kind {
                    $($kind => Some(<$Way as Deserialize>::deserialize(node).map(Self::$Way)),)+
                    _ => None,
                }
            }

            /// The JSON Schema of each way, by plan key.
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($kind, generator.subschema_for::<$Way>())),+]
            }

            /// The plan key of this one.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$Way(_) => $kind,)+ }
            }
        }
    };
}

ways! {
    "slack" => Slack,
    "teams" => Teams,
    "webhook" => Webhook,
    "command" => Command,
}

impl Way {
    /// The secrets it names, each with the keys that lead to it.
    pub fn secrets(&mut self) -> Vec<(String, &mut SecretRef)> {
        match self {
            Self::Slack(Slack { url }) | Self::Teams(Teams { url }) => vec![("url".to_owned(), url)],
            Self::Webhook(Webhook { url, secret }) => {
                vec![("url".to_owned(), url), ("secret".to_owned(), secret)]
            }
            Self::Command(Command { environment, .. }) => {
                let secrets = environment.iter_mut().filter_map(|(name, text)| match text {
                    Text::Plain(_) => None,
                    Text::Secret(secret) => Some((format!("environment.{name}"), secret)),
                });
                secrets.collect()
            }
        }
    }

    /// Make relative files relative to the plan's folder.
    pub fn anchor(&mut self, base: &Path) {
        self.secrets().into_iter().for_each(|(_, secret)| secret.anchor(base));
    }
}

/// Where it goes, for people: the address of a secret, or a program; never a secret.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slack(Slack { url }) | Self::Teams(Teams { url }) | Self::Webhook(Webhook { url, .. }) => {
                write!(f, "POST to {url}")
            }
            Self::Command(Command { argv, .. }) => f.write_str(&argv.join(" ")),
        }
    }
}

/// When somebody is told: at least one occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasions(pub Vec<Occasion>);

impl JsonSchema for Occasions {
    fn schema_name() -> Cow<'static, str> {
        "Occasions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<Occasion>(), "minItems": 1 })
    }
}

impl Default for Occasions {
    fn default() -> Self {
        Self(Occasion::ALL.to_vec())
    }
}

impl<'de> Deserialize<'de> for Occasions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let occasions = Vec::<Occasion>::deserialize(deserializer)?;
        if occasions.is_empty() {
            let wrong =
                "this list is empty: nobody would be told anything; remove the key to be told everything";
            return Err(D::Error::custom(wrong));
        }
        Ok(Self(occasions))
    }
}

/// Somebody who is told.
#[derive(Debug, Clone)]
pub struct Target {
    /// What it is called in the journal and in reports: its kind, with a number from the second of a kind on.
    pub name: String,
    /// How.
    pub way: Way,
    /// Of what.
    pub on: Occasions,
}

impl Target {
    /// Whether they want to hear of this.
    #[must_use]
    pub fn wants(&self, occasion: Occasion) -> bool {
        self.on.0.contains(&occasion)
    }
}

/// That somebody is being told, was told, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// What happened, as one word that is the same for everybody who would tell it, such as `stage:app2:1:no_go`.
    pub key: String,
    /// Who: a [`Target::name`].
    pub to: String,
    /// What they were told, in words.
    pub of: String,
    /// The blockers it told them of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckId>,
    /// Tries made.
    pub tries: u32,
    /// What came of it.
    pub outcome: Delivery,
}

/// What came of telling somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It is about to be sent by this one, if nobody else has begun to: what comes of it follows, unless they are gone.
    Begun(Sender),
    /// It was taken.
    Sent,
    /// It was not, or nobody knows, because of this.
    Failed(String),
}

/// Who sends a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// Whoever has the run lease.
    Run,
    /// Somebody who watches the clock, by an id of its own.
    Watcher(String),
}

/// The URL, when a message may be sent there. The reason why not holds nothing of it: it is a secret.
///
/// # Errors
/// When it is no URL, neither https nor http to this machine, or has a user in it.
pub fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("it is not a URL: {error}"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        scheme => {
            // What is no URL may have a scheme all the same, and a part of the secret is one.
            let scheme = if scheme == "http" { "`http`" } else { "another one" };
            return Err(format!("its scheme is {scheme}: only https is sent to, or http to this machine"));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user in it, which would not be sent".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_leaves_this_machine_and_no_reason_shows_the_url() {
        for fine in [
            "https://hooks.slack.com/services/T/B/x",
            "http://127.0.0.1:1/x",
            "http://localhost/",
            "http://[::1]:8/",
        ] {
            assert!(endpoint(fine).is_ok(), "{fine}");
        }
        for bad in [
            "http://hooks.example/canary",
            "http://localhost.example/canary",
            "ftp://127.0.0.1/canary",
            "canary1abc:foo",
            "https://ann:canary@hooks.example/",
            "canary",
            "https://",
        ] {
            let reason = endpoint(bad).unwrap_err();
            assert!(!reason.contains("canary"), "{bad}: {reason}");
        }
    }
}
