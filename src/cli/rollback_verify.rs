//! `gonogo rollback verify`: everything that was green before the first change must be green again.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::arguments::{Format, JournalFolder, PlanFiles};
use super::baseline::{Shown, look};
use super::people::say;
use super::{Shared, journal, load, signals};
use crate::journal::Baseline;
use crate::journal::event::{Actor, Event, Expected};
use crate::journal::people::Speaker;
use crate::journal::rollback::{RollbackEvent, Step, Verification};
use crate::json;
use crate::model::examination::Before;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::Trace;
use crate::people::{Refusal, Word, speaker};
use crate::plan::Plan;
use crate::report::text;
use crate::secret::Scrubber;
use crate::verdict::{Assessment, Exit};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    plan: PlanFiles,
    #[command(flatten)]
    journal: JournalFolder,
    /// Who has it verified; the user of this computer when absent
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Probes at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) async fn verify(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    // What is wrong with it is told.
    let Ok(plan) = load::usable(&arguments.plan, shared, &scrubber) else { return Exit::Usage };
    let store = match journal::planned(&arguments.journal, plan.journal.as_deref(), shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let baseline = match store.baseline().await {
        Ok(baseline) => baseline,
        Err(error) => {
            shared.terminal.error(&error.to_string(), Some("without it nobody knows how it was before"));
            return Exit::NoGo;
        }
    };
    let (wanted, unknown) = wanted(&plan, &baseline);
    if unknown > 0 {
        let text = "checks and places are not in the baseline: nothing tells how they were";
        shared.terminal.tell(&format!("note: {unknown} {text}"));
    }
    if wanted.is_empty() {
        let help = "nothing shows how it was before the first change: gonogo baseline records it";
        shared.terminal.error("the baseline has none of this plan's checks", Some(help));
        return Exit::NoGo;
    }
    let cancel = signals::cancelled_by_signals();
    let places = match load::places(&plan.vantages, plan.applications(), shared, &scrubber) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    shared.terminal.tell(&format!("looking at {} checks and places", wanted.len()));
    let (from, stop, of) = (&places, &cancel, &plan);
    let rows: Vec<(usize, Arc<str>)> = wanted.iter().map(|(index, at, _)| (*index, Arc::clone(at))).collect();
    let looking = rows.into_iter().map(|row| async move { look(of, row, from, stop).await });
    let seen: Vec<Shown> = stream::iter(looking).buffered(arguments.concurrency.into()).collect().await;
    places.close().await;
    if cancel.is_cancelled() {
        shared.terminal.error("interrupted: nothing was verified", None);
        return Exit::Interrupted;
    }
    let mut found = Verification::default();
    for (now, (index, _, before)) in seen.iter().zip(&wanted) {
        match held(&plan, *index, before, now) {
            Held::Differs(how) => found.differs.push(scrubber.text(&how).into_owned()),
            Held::Same => found.same += 1,
            Held::WasRed => found.were_red += 1,
        }
    }
    let shown = match arguments.format {
        Format::Text => as_text(&found),
        Format::Json => json::line(&found).unwrap_or_default(),
    };
    let good = found.is_good();
    let verified = Verified { found, by: arguments.by.clone(), shown: shown.clone() };
    match say(&arguments.journal, shared, &verified).await {
        Exit::Go if good => Exit::Go,
        Exit::Go => Exit::NoGo,
        Exit::Usage => {
            shared.terminal.print(&shown);
            Exit::Usage
        }
        exit @ (Exit::NoGo | Exit::ProvisionalGo | Exit::Hold | Exit::NotWritten | Exit::Interrupted) => exit,
    }
}

/// What came of it, into the journal.
struct Verified {
    found: Verification,
    by: Option<String>,
    shown: String,
}

impl Word for Verified {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        if told.run.rollback.is_none() {
            let help = "begin: gonogo rollback start --by NAME";
            return Err(Refusal::new("it was not rolled back, so nothing is recorded", help));
        }
        let speaker = match &self.by {
            Some(by) => speaker(told.outline, by, actor)?,
            None => Speaker { by: actor.user.clone(), actor: actor.clone() },
        };
        let step = Step::Verified(self.found.clone());
        Ok((Event::Rollback(RollbackEvent { step, speaker }), self.shown.clone()))
    }
}

/// A check's index, a place, and what the baseline has of them.
type Wanted<'a> = (usize, Arc<str>, &'a Before);

/// Every check from every place that decides and that the baseline knows, in the order of the plan; and how many it does not.
fn wanted<'a>(plan: &Plan, baseline: &'a Baseline) -> (Vec<Wanted<'a>>, usize) {
    let (mut wanted, mut unknown) = (Vec::new(), 0);
    for (index, check) in plan.outline.checks.iter().enumerate().filter(|(_, check)| !check.manual) {
        for vantage in &check.from {
            let expected = Expected { check: check.id.clone(), vantage: vantage.clone() };
            match baseline.of(&expected) {
                Some(before) => wanted.push((index, vantage.clone(), before)),
                None => unknown += 1,
            }
        }
    }
    (wanted, unknown)
}

/// What became of a check.
enum Held {
    /// It was green, and is again.
    Same,
    /// It was not green, so it proves nothing.
    WasRed,
    /// It is not as it was, in a sentence.
    Differs(String),
}

/// What was not green before need not be, but its permissions may not differ.
fn held(plan: &Plan, index: usize, before: &Before, now: &Shown) -> Held {
    let check = &plan.outline.checks[index];
    let name = format!("{} from {}", check.id, now.recorded.vantage);
    let was = Judgement::of(&before.trace, &check.layers, check.expect_break).outcome;
    let judgement = &now.judgement;
    if was == Outcome::Pass && judgement.outcome != Outcome::Pass {
        let message = text::line(&judgement.message);
        return Held::Differs(format!("{name} was green: {}, {message}", judgement.outcome));
    }
    if permissions(&before.trace) != permissions(&now.recorded.trace) {
        return Held::Differs(format!("{name}: permissions differ in another way than before"));
    }
    if was == Outcome::Pass { Held::Same } else { Held::WasRed }
}

/// What tells two states of permissions apart.
fn permissions(trace: &Trace) -> Vec<(&str, &str, Option<&str>, Option<&str>)> {
    let (findings, _) = trace.findings();
    let key = findings.iter().map(|finding| {
        (&*finding.id, &*finding.subject, finding.grantee.as_deref(), finding.privilege.as_deref())
    });
    let mut keys: Vec<_> = key.collect();
    keys.sort_unstable();
    keys
}

fn as_text(verification: &Verification) -> String {
    let all = verification.same + verification.differs.len();
    let red = match verification.were_red {
        0 => String::new(),
        red => format!("\n{red} more were not green before the first change: they prove nothing"),
    };
    if verification.is_good() {
        return format!("ROLLED BACK AND VERIFIED: all {all} are as they were before the first change{red}");
    }
    if all == 0 {
        return format!("NOT VERIFIED: nothing was green before the first change{red}");
    }
    let lines = verification.differs.iter().map(|how| format!("\n  {how}"));
    format!("NOT AS BEFORE: {} of {all}{}{red}", verification.differs.len(), lines.collect::<String>())
}
