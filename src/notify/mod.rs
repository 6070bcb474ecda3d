//! Telling people of a run beside its reports: Slack, Teams, a signed webhook, a program. `notice` says what happened, from
//! a judged run and nothing else; `news` says when; one file a way dresses it and sends it. Nothing here decides anything, and
//! nobody waits for it but the end of a command. A new way is one file here and one line in `model::notification`.

mod blockers;
mod command;
mod news;
mod notice;
pub(crate) mod post;
mod slack;
mod teams;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::journal::event::Event;
use crate::journal::run::Run;
use crate::model::notification::{Delivery, Notified, Occasion, Target, Way, endpoint};
use crate::model::outline::Outline;
use crate::probe::Context;
use crate::secret::SecretRef;

pub use news::News;
pub use notice::{Failure, Notice, SCHEMA, notification_schema};

/// The longest that a command waits at its end for what is under way; somebody who has stopped it does not want to wait.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_OF_THE_STOPPED: Duration = Duration::from_secs(2);

/// What came of sending: the tries made, and whether it was taken.
type Sent = (u32, Delivery);

/// Sends, and remembers what is under way.
struct Notifier {
    targets: Arc<[Target]>,
    context: Context,
    sending: JoinSet<Notified>,
    under_way: Vec<Notified>,
    /// Ids of what was begun, and for whom: until the journal comes back to us it does not say so.
    begun: HashSet<(String, String)>,
}

impl Notifier {
    fn new(targets: Arc<[Target]>, context: Context) -> Self {
        Self { targets, context, sending: JoinSet::new(), under_way: Vec::new(), begun: HashSet::new() }
    }

    /// Begin to tell everybody who wants to hear of it and was not told, but those who hear of `better`, which is told too.
    fn tell(&mut self, run: &Run, notice: &Notice, better: Option<Occasion>) {
        for target in self.targets.iter() {
            let wants = |occasion: Occasion| target.on.0.contains(&occasion);
            let Target { name: to, way, .. } = target;
            if !wants(notice.of)
                || better.is_some_and(wants)
                || run.was_told(&notice.key, to)
                || !self.begun.insert((notice.id.clone(), to.clone()))
            {
                continue;
            }
            let open = Notified {
                key: notice.key.clone(),
                to: to.clone(),
                of: notice.headline.clone(),
                tries: 0,
                outcome: Delivery::Failed("no answer came before the command ended".to_owned()),
            };
            self.under_way.push(open.clone());
            let (way, notice, context) = (way.clone(), notice.clone(), self.context.clone());
            self.sending.spawn(async move {
                let (tries, outcome) = send(&way, &notice, &context).await;
                let outcome = scrubbed(outcome, &context);
                Notified { tries, outcome, ..open }
            });
        }
    }

    /// What has come to an end since, for the journal.
    fn finished(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(joined) = self.sending.try_join_next() {
            events.extend(joined.ok().map(|notified| self.taken(notified)));
        }
        events
    }

    /// Wait for what is under way, but not for long; what has no answer then is given up, and told as such.
    async fn settle(&mut self, stopped: bool) -> Vec<Event> {
        let until = Instant::now() + if stopped { PATIENCE_OF_THE_STOPPED } else { PATIENCE };
        let mut events = Vec::new();
        while let Ok(Some(joined)) = tokio::time::timeout_at(until, self.sending.join_next()).await {
            events.extend(joined.ok().map(|notified| self.taken(notified)));
        }
        self.sending.abort_all();
        events.extend(self.under_way.drain(..).map(Event::Notified));
        events
    }

    fn taken(&mut self, notified: Notified) -> Event {
        self.under_way.retain(|open| open.key != notified.key || open.to != notified.to);
        Event::Notified(notified)
    }
}

/// Tell somebody in their way.
async fn send(way: &Way, notice: &Notice, context: &Context) -> Sent {
    match way {
        Way::Slack(slack) => slack::send(slack, notice, context).await,
        Way::Teams(teams) => teams::send(teams, notice, context).await,
        Way::Webhook(webhook) => webhook::send(webhook, notice, context).await,
        Way::Command(command) => command::send(command, notice, context).await,
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
pub async fn test(target: &Target, outline: &Outline, context: &Context) -> Delivery {
    let (_, outcome) = send(&target.way, &Notice::of_nothing(outline), context).await;
    scrubbed(outcome, context)
}

/// Nothing of a secret is in a reason, whoever gave it.
fn scrubbed(outcome: Delivery, context: &Context) -> Delivery {
    match outcome {
        Delivery::Sent => Delivery::Sent,
        Delivery::Failed(reason) => Delivery::Failed(context.vault.scrubber().text(&reason).into_owned()),
    }
}

async fn goes_to(url: &SecretRef, context: &Context) -> Result<(), String> {
    let text = context.vault.get(url).await.map_err(|error| error.to_string())?;
    endpoint(text.expose()).map(drop).map_err(|reason| format!("{url}: {reason}"))
}
