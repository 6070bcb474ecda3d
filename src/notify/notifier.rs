//! Messages on their way: each is first claimed in the journal, and sent once the journal says that nobody else had claimed
//! it; then the journal says what came of it. Whoever calls brings what is to be written there, and what is known from there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::notice::Notice;
use super::{Sent, Tries, scrubbed, send};
use crate::clock;
use crate::journal::event::Event;
use crate::journal::notifications::Notifications;
use crate::journal::run::Run;
use crate::model::notification::{Delivery, Notified, Occasion, Sender, Target};
use crate::model::outline::CheckId;
use crate::net::{Context, delivery};

/// The longest that a command waits at its end for what is under way; somebody who has stopped it does not want to wait.
const PATIENCE: Duration = delivery::LONGEST;
const PATIENCE_OF_THE_STOPPED: Duration = Duration::from_millis(1500);
/// How often somebody is told again who could not be told: a journal must not fill.
const MOST_FAILURES: usize = 20;
/// Whoever watches tries again after so long, and then after twice as long, so many times.
const AGAIN: Duration = Duration::from_secs(30);
const DOUBLINGS: u32 = 4;

/// Sends what nobody else sends, and remembers what is under way.
pub(super) struct Notifier {
    pub(super) targets: Arc<[Target]>,
    context: Context,
    sender: Sender,
    open: Vec<Open>,
    sending: JoinSet<(Message, Sent)>,
    /// What came of those that are not open any more.
    came: HashMap<Message, Came>,
}

/// A notice's id, and whom it is for.
type Message = (String, String);

/// A message on its way to somebody.
struct Open {
    notice: Notice,
    target: Target,
    tries: Arc<Tries>,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Wanted,
    Claimed,
    Sending,
}

enum Came {
    Sent,
    Failed { at: Instant, times: u32 },
}

impl Notifier {
    pub(super) fn new(targets: Arc<[Target]>, context: Context, sender: Sender) -> Self {
        let (open, sending, came) = (Vec::new(), JoinSet::new(), HashMap::new());
        Self { targets, context, sender, open, sending, came }
    }

    /// Everybody who wants to hear of it is to be told, but those who hear of `better`, which is told too.
    pub(super) fn tell(&mut self, run: &Run, notice: &Notice, better: Option<Occasion>) {
        for target in Arc::clone(&self.targets).iter() {
            if target.wants(notice.of) && !better.is_some_and(|better| target.wants(better)) {
                self.tell_one(run, notice, target);
            }
        }
    }

    /// Somebody is to be told, unless they were, or are being told by somebody else.
    pub(super) fn tell_one(&mut self, run: &Run, notice: &Notice, target: &Target) {
        let (known, key, to) = (&run.notified, &notice.key, &target.name);
        let is_open = self.open.iter().any(|open| open.notice.id == notice.id && open.target.name == *to);
        let is_others = known.sender(key, to, clock::now()).is_some_and(|sender| *sender != self.sender);
        if is_open
            || is_others
            || known.was_told(key, to)
            || known.failures(key, to) >= MOST_FAILURES
            || self.rests(&(notice.id.clone(), to.clone()))
        {
            return;
        }
        let (notice, target) = (notice.clone(), target.clone());
        self.open.push(Open { notice, target, tries: Arc::default(), step: Step::Wanted });
    }

    /// Whether it is too early to try again: a run has few occasions, whoever watches has one every second.
    fn rests(&self, message: &Message) -> bool {
        match self.came.get(message) {
            None => false,
            Some(Came::Sent) => true,
            Some(Came::Failed { at, times }) => {
                let pause = AGAIN * 2_u32.pow(times.saturating_sub(1).min(DOUBLINGS));
                self.sender != Sender::Run && at.elapsed() < pause
            }
        }
    }

    /// The blockers that somebody is being told of.
    pub(super) fn telling(&self, to: &str) -> impl Iterator<Item = &CheckId> {
        let open = self.open.iter().filter(move |open| open.target.name == to);
        open.flat_map(|open| &open.notice.blockers)
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// For the journal: what has come to an end, and what we are about to send.
    pub(super) fn pending(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(joined) = self.sending.try_join_next() {
            events.extend(joined.ok().and_then(|(message, sent)| self.ended(&message, sent)));
        }
        for open in self.open.iter_mut().filter(|open| open.step == Step::Wanted) {
            open.step = Step::Claimed;
            events.push(open.event(Delivery::Begun(self.sender.clone())));
        }
        events
    }

    /// Send what is ours by what the journal says, and leave to others what is theirs.
    pub(super) fn begin(&mut self, known: &Notifications) {
        let now = clock::now();
        for mut open in std::mem::take(&mut self.open) {
            let (key, to) = (&open.notice.key, &open.target.name);
            if open.step == Step::Claimed {
                match known.sender(key, to, now) {
                    Some(sender) if *sender == self.sender => self.start(&mut open),
                    None if !known.was_told(key, to) => {}
                    Some(_) | None => continue,
                }
            }
            self.open.push(open);
        }
    }

    /// The journal takes nothing: nobody can claim anything, and people are told all the same.
    pub(super) fn begin_unclaimed(&mut self) {
        for mut open in std::mem::take(&mut self.open) {
            if open.step != Step::Sending {
                self.start(&mut open);
            }
            self.open.push(open);
        }
    }

    fn start(&mut self, open: &mut Open) {
        open.step = Step::Sending;
        let (message, tries) = (open.message(), Arc::clone(&open.tries));
        let (notice, way, context) = (open.notice.clone(), open.target.way.clone(), self.context.clone());
        self.sending.spawn(async move { (message, send(&way, &notice, &context, &tries).await) });
    }

    /// Wait for what is under way, but not for long, and less once it is stopped; what has no answer then is given up, and told
    /// as such.
    pub(super) async fn settle(&mut self, stopped: impl Future<Output = ()>) -> Vec<Event> {
        let patience = async {
            tokio::select! {
                () = sleep(PATIENCE) => {}
                () = async { stopped.await; sleep(PATIENCE_OF_THE_STOPPED).await } => {}
            }
        };
        tokio::pin!(patience);
        let mut events = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(joined) = self.sending.join_next() => {
                    events.extend(joined.ok().and_then(|(message, sent)| self.ended(&message, sent)));
                }
                () = &mut patience, if !self.sending.is_empty() => break,
                else => break,
            }
        }
        self.sending.abort_all();
        let given_up = self.open.drain(..).filter(|open| open.step == Step::Sending).map(|open| {
            let last = open.tries.so_far().1.map(|last| format!("; the last try: {last}"));
            let reason = format!("no answer came before gonogo ended{}", last.unwrap_or_default());
            open.event(Delivery::Failed(scrubbed(&reason, &self.context)))
        });
        events.extend(given_up);
        events
    }

    fn ended(&mut self, message: &Message, sent: Sent) -> Option<Event> {
        let place = self.open.iter().position(|open| open.message() == *message)?;
        let open = self.open.swap_remove(place);
        let outcome = match sent {
            Ok(()) => Delivery::Sent,
            Err(reason) => Delivery::Failed(scrubbed(&reason, &self.context)),
        };
        let came = match (&outcome, self.came.get(message)) {
            (Delivery::Sent, _) => Came::Sent,
            (_, Some(Came::Failed { times, .. })) => Came::Failed { at: Instant::now(), times: times + 1 },
            (_, _) => Came::Failed { at: Instant::now(), times: 1 },
        };
        self.came.insert(open.message(), came);
        Some(open.event(outcome))
    }
}

impl Open {
    fn message(&self) -> Message {
        (self.notice.id.clone(), self.target.name.clone())
    }

    fn event(&self, outcome: Delivery) -> Event {
        Event::Notified(Notified {
            key: self.notice.key.clone(),
            to: self.target.name.clone(),
            of: self.notice.headline.clone(),
            checks: self.notice.blockers.clone(),
            tries: self.tries.so_far().0,
            outcome,
        })
    }
}
