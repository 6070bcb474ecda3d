//! Telling people of a run beside its reports: Slack, Teams, a signed webhook, a program. `notice` says what happened, from
//! a judged run and nothing else; `news` says when; `notifier` sees to it that it is sent once; one file a way dresses it and
//! sends it. Nothing here decides anything, and nobody waits for it but the end of a command. A new way is one file here and one line in `model::notification`.

mod blockers;
mod command;
mod news;
mod notice;
mod notifier;
mod post;
mod slack;
mod teams;
#[cfg(test)]
mod tests;
mod webhook;

use crate::model::notification::{Target, Way, endpoint};
use crate::model::outline::Outline;
use crate::net::Context;
use crate::net::delivery::Tries;
use crate::secret::SecretRef;

pub use news::News;
pub use notice::{Failure, Notice, SCHEMA, notification_schema};

/// Whether it was taken, or why not.
type Sent = Result<(), String>;

/// Tell somebody in their way.
async fn send(way: &Way, notice: &Notice, context: &Context, tries: &Tries) -> Sent {
    match way {
        Way::Slack(slack) => slack::send(slack, notice, context, tries).await,
        Way::Teams(teams) => teams::send(teams, notice, context, tries).await,
        Way::Webhook(webhook) => webhook::send(webhook, notice, context, tries).await,
        Way::Command(command) => command::send(command, notice, context, tries).await,
    }
}

/// Whether somebody could be told: every secret is found, and what should be a URL is one. Nothing is sent.
///
/// # Errors
/// A sentence that says what is missing, without any secret.
pub async fn ready(target: &Target, context: &Context) -> Result<(), String> {
    let mut way = target.way.clone();
    for (_, reference) in way.secrets() {
        context.vault.get(reference).await.map_err(|error| error.to_string())?;
    }
    match &way {
        Way::Slack(slack) => goes_to(&slack.url, context).await,
        Way::Teams(teams) => goes_to(&teams.url, context).await,
        Way::Webhook(webhook) => {
            webhook::key(&webhook.secret, context).await?;
            goes_to(&webhook.url, context).await
        }
        Way::Command(command) => command::is_there(command, context),
    }
}

/// Send somebody a message that says that it is none.
///
/// # Errors
/// Why it was not taken, without any secret.
pub async fn test(target: &Target, outline: &Outline, context: &Context) -> Result<(), String> {
    let sent = send(&target.way, &Notice::of_nothing(outline), context, &Tries::default()).await;
    sent.map_err(|reason| scrubbed(&reason, context))
}

/// Nothing of a secret is in a reason, whoever gave it.
fn scrubbed(reason: &str, context: &Context) -> String {
    context.vault.scrubber().text(reason).into_owned()
}

async fn goes_to(url: &SecretRef, context: &Context) -> Result<(), String> {
    let text = context.vault.get(url).await.map_err(|error| error.to_string())?;
    endpoint(text.expose()).map(drop).map_err(|reason| format!("{url}: {reason}"))
}
