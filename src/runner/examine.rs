//! Once a check has failed: what else is asked, at the same time, within four seconds.

use std::collections::HashSet;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::questions::{Ask, LIMIT, questions, questions_of_a_pass, questions_of_an_error};
use crate::journal::Baseline;
use crate::journal::event::Expected;
use crate::model::change::changes;
use crate::model::examination::{Answer, Before, Examination, Question};
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, VantageId};
use crate::model::trace::{Ended, Trace};
use crate::plan::Job;
use crate::vantage::Places;

/// Checks of one stage that are examined at most: when more fail, few causes are behind them.
const MOST: usize = 32;

/// What was examined in a stage.
#[derive(Debug, Default)]
pub(super) struct Examinations {
    /// Server, vantage, layer and fault: what breaks in the same way on the same server has the same cause.
    asked: HashSet<(usize, VantageId, Layer, String)>,
}

/// Ask what else tells the cause of one look, outside of any stage; none when there is nothing to tell.
pub async fn examine(
    (check, job): (&Check, &Job),
    vantage: &VantageId,
    seen: (Outcome, &Trace),
    places: &Places,
    cancel: &CancellationToken,
) -> Option<Examination> {
    let begun = Examinations::default().begin((check, job), (0, vantage), seen, &Baseline::default())?;
    Some(begun.ask(places, cancel).await)
}

/// An examination to be made.
#[derive(Debug)]
pub(super) struct Begun {
    before: Option<Before>,
    asks: Vec<Ask>,
}

impl Examinations {
    /// What to ask about a check that was just judged; none when there is nothing to tell, or enough was asked.
    pub(super) fn begin(
        &mut self,
        (check, job): (&Check, &Job),
        (server, vantage): (usize, &VantageId),
        (outcome, trace): (Outcome, &Trace),
        baseline: &Baseline,
    ) -> Option<Begun> {
        // What is meant to break has no cause to be found.
        if check.expect_break.is_some() {
            return None;
        }
        let before = of(baseline, check, vantage);
        let known = before.map(|before| &before.trace);
        let asks = match outcome {
            Outcome::Fail => questions(check, &job.probe, vantage, trace, known),
            Outcome::Pass => questions_of_a_pass(check, &job.probe, vantage, trace, known),
            Outcome::Error => questions_of_an_error(check, &job.probe, vantage, trace),
            // We could not look, so there is nothing to find a cause of.
            Outcome::NoAnswer | Outcome::NotRun => return None,
        };
        let differs =
            known.is_some_and(|known| outcome != Outcome::Pass || !changes(known, trace).is_empty());
        // What is asked about though no layer broke: a name that took long, a certificate that ends soon, a file of our own.
        let (layer, way) = trace
            .broken()
            .map_or_else(|| (Layer::Dns, "none".to_owned()), |(layer, fault)| (layer, fault.way()));
        // A failure that nothing more is asked about, such as a configuration that was read, has its cause in what was seen.
        let is_new = (outcome == Outcome::Fail || !asks.is_empty())
            && self.asked.len() < MOST
            && self.asked.insert((server, vantage.clone(), layer, way));
        let mut asks = if is_new { asks } else { Vec::new() };
        // What did not work from there before is no contrast.
        asks.retain(|ask| {
            let contrast =
                of(baseline, check, &ask.vantage).is_none_or(|before| before.trace.broken().is_none());
            ask.question != Question::Elsewhere || contrast
        });
        let is_told = match outcome {
            Outcome::Fail => is_new,
            Outcome::Pass => differs || !asks.is_empty(),
            Outcome::Error | Outcome::NoAnswer | Outcome::NotRun => !asks.is_empty(),
        };
        if !is_told {
            return None;
        }
        Some(Begun { before: before.filter(|_| differs || !asks.is_empty()).cloned(), asks })
    }
}

fn of<'a>(baseline: &'a Baseline, check: &Check, vantage: &VantageId) -> Option<&'a Before> {
    baseline.of(&Expected { check: check.id.clone(), vantage: vantage.clone() })
}

impl Begun {
    /// Ask, all at the same time.
    pub(super) async fn ask(self, places: &Places, cancel: &CancellationToken) -> Examination {
        let asking = self.asks.into_iter().map(async |Ask { question, vantage, who, probe }| {
            let trace = places.look((&vantage, who.as_ref()), &probe, LIMIT, None, cancel).await;
            Answer { question, vantage, trace }
        });
        let answers =
            join_all(asking).await.into_iter().filter(|answer| answer.trace.ended != Ended::Cancelled);
        Examination { before: self.before, answers: answers.collect() }
    }
}
