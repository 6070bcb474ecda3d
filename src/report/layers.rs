//! The table of layers by vantage: where a check still works, and where it breaks.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::model::examination::{Examination, Question};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::outline::Check;
use crate::model::trace::{Ended, Observation, Seen, Trace};
use crate::verdict::{Row, Standing};

/// The table of one check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayerTable<'a> {
    /// The columns, shallowest first.
    pub(super) layers: Vec<Layer>,
    /// One row for each vantage of the check, then each other place that was asked, then the baseline.
    pub(super) rows: Vec<TableRow<'a>>,
    /// Vantages left out of the table.
    pub(super) more: usize,
}

/// What one vantage saw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableRow<'a> {
    /// The vantage.
    pub(super) vantage: &'a str,
    /// What sets the row apart from the check's own.
    pub(super) mark: Mark,
    /// One cell for each column.
    pub(super) cells: Vec<Cell>,
    /// A word about the row, such as `decides`.
    pub(super) note: &'static str,
}

/// What sets a row apart from those of the check itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing: the check looks from there.
    Own,
    /// Another place was asked.
    Other,
    /// Another place was asked: the target's own host.
    Itself,
    /// The baseline, at a time on the clock.
    Before(String),
}

impl TableRow<'_> {
    /// The vantage with its mark.
    pub(super) fn name(&self) -> Cow<'_, str> {
        match &self.mark {
            Mark::Own | Mark::Other => self.vantage.into(),
            Mark::Itself => format!("{} (itself)", self.vantage).into(),
            Mark::Before(clock) => format!("{} at {clock}", self.vantage).into(),
        }
    }
}

/// What one layer showed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    /// `ok`, a status, or in capitals what broke; `-` when the probe did not come so far.
    pub(super) word: String,
    /// Milliseconds, when worth telling.
    pub(super) took_ms: Option<u64>,
}

impl Cell {
    /// The word, with the time.
    pub(super) fn timed(&self) -> String {
        match self.took_ms {
            Some(took) => format!("{} {took}ms", self.word),
            None => self.word.clone(),
        }
    }
}

impl<'a> LayerTable<'a> {
    /// The table of a check's rows, with what other places and the baseline show; none when no vantage saw any layer.
    pub(super) fn of(
        check: &Check,
        rows: &[&'a Row<'_>],
        clock: impl Fn(Timestamp) -> String,
    ) -> Option<Self> {
        /// Rows of the check's own vantages; the failing ones come first.
        const MOST: usize = 8;
        let seen = |layer: Layer| {
            rows.iter().flat_map(|row| row.layers()).any(|observation| observation.layer == layer)
        };
        if rows.iter().all(|row| row.layers().is_empty()) {
            return None;
        }
        let blind = rows.iter().flat_map(|row| row.layers()).any(|observation| {
            observation.layer == Layer::Vantage && matches!(observation.seen, Seen::Broke(_))
        });
        let known = Layer::ALL.into_iter().filter(|&layer| check.layers.contains(&layer) || seen(layer));
        // That a place could be looked from says nothing beside what was seen there.
        let layers: Vec<Layer> = known.filter(|&layer| layer != Layer::Vantage || blind).collect();
        let mut ordered: Vec<&'a Row<'_>> = rows.to_vec();
        ordered.sort_by_key(|row| row.standing == Standing::Passed);
        let cells = |seen: &[Observation]| layers.iter().map(|&layer| cell(seen, layer)).collect();
        let own = ordered.iter().take(MOST).map(|row| TableRow {
            vantage: row.vantage,
            mark: Mark::Own,
            cells: cells(row.layers()),
            note: note(row),
        });
        let mut shown: Vec<TableRow<'a>> = own.collect();
        if let Some((row, examination)) = ordered.iter().find_map(|row| Some((row, row.examination?))) {
            let others = elsewhere(check, examination);
            shown.extend(others.into_iter().map(|(vantage, mark, trace)| TableRow {
                vantage,
                mark,
                cells: cells(&trace.observations),
                note: if trace.ended == Ended::Complete { "" } else { "could not look" },
            }));
            shown.extend(examination.before.as_ref().map(|before| TableRow {
                vantage: row.vantage,
                mark: Mark::Before(clock(before.at)),
                cells: cells(&before.trace.observations),
                note: "baseline",
            }));
        }
        Some(Self { rows: shown, more: rows.len().saturating_sub(MOST), layers })
    }
}

/// The same from other places; the target's own host says so.
fn elsewhere<'a>(check: &Check, examination: &'a Examination) -> Vec<(&'a str, Mark, &'a Trace)> {
    let asked = examination.answers.iter().filter(|answer| answer.question == Question::Elsewhere);
    let own = check.link.as_deref().map_or(&[][..], |link| &link.to_runs_on);
    let named = asked.map(|answer| {
        let mark = if own.contains(&answer.vantage) { Mark::Itself } else { Mark::Other };
        (&*answer.vantage, mark, &answer.trace)
    });
    named.collect()
}

fn note(row: &Row<'_>) -> &'static str {
    match (row.judgement.outcome, row.standing) {
        (Outcome::Pass, _) => "",
        (_, Standing::Waived) => "waived",
        (_, Standing::Accepted) => "accepted",
        (_, Standing::Owed) => "owed",
        (_, Standing::Awaiting) => "awaited",
        (Outcome::Fail, Standing::Counts(_) | Standing::Passed) => "decides",
        (Outcome::Error, _) => "could not look",
        (Outcome::NoAnswer, _) => "no answer",
        (Outcome::NotRun, _) => "not run",
    }
}

/// The cell of one layer: the worst of its observations, for there may be one for each address.
fn cell(observations: &[Observation], layer: Layer) -> Cell {
    let mut all = 0_usize;
    let mut broken = 0_usize;
    let mut shown: Option<&Observation> = None;
    for observation in observations.iter().filter(|observation| observation.layer == layer) {
        all += 1;
        let broke = matches!(observation.seen, Seen::Broke(_));
        if shown.is_none() || (broke && broken == 0) {
            shown = Some(observation);
        }
        broken += usize::from(broke);
    }
    let Some(observation) = shown else { return Cell { word: "-".to_owned(), took_ms: None } };
    let word = match &observation.seen {
        Seen::Worked(Fact::Responded(response)) => response.status.to_string(),
        Seen::Worked(_) => "ok".to_owned(),
        Seen::Broke(fault) if broken < all => format!("{} {broken}/{all}", short(fault)),
        Seen::Broke(fault) => short(fault),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let took = observation.took_ms.round() as u64;
    Cell { word, took_ms: (broken == 0 && took > 0).then_some(took) }
}

/// The layer that broke and how, in two words, such as `tcp TIMEOUT`.
pub(super) fn broken(row: &Row<'_>) -> Option<String> {
    let (layer, fault) = row.trace.as_ref()?.broken()?;
    Some(format!("{layer} {}", short(fault)))
}

/// A fault in a word, in capitals, so that it stands out without colour.
fn short(fault: &Fault) -> String {
    let word = match fault {
        Fault::NameNotFound { .. } => "NO NAME",
        Fault::NoRecord { .. } => "NO RECORD",
        Fault::ServerFailure { .. } => "SERVFAIL",
        Fault::QueryRefused { .. } | Fault::Refused { .. } => "REFUSED",
        Fault::NoRoute { .. } => "NO ROUTE",
        Fault::Prohibited { .. } => "PROHIBITED",
        Fault::ConnectTimedOut { .. } | Fault::TimedOut { .. } => "TIMEOUT",
        Fault::Unreachable { .. } => "UNREACHABLE",
        Fault::ResolverFailed { .. } | Fault::ConnectFailed { .. } | Fault::SocketFailed { .. } => "FAILED",
        Fault::Reset { .. } => "RESET",
        Fault::ConnectionLost { .. } => "LOST",
        Fault::ClosedEarly { .. } => "CLOSED",
        Fault::Distrusted { .. } => "UNTRUSTED",
        Fault::AlertReceived { .. } => "ALERT",
        Fault::ClientCertificateRefused { .. } => "CLIENT CERT",
        Fault::NotTls { .. } => "NOT TLS",
        Fault::TlsNotOffered { .. } => "NO TLS",
        Fault::HandshakeFailed { .. } => "HANDSHAKE",
        Fault::BadProtocol { .. } | Fault::BadCompression { .. } => "GARBLED",
        Fault::TooLarge { .. } => "TOO LARGE",
        Fault::ProxyRefused { status } => return format!("PROXY {status}"),
        Fault::Unauthorized { status, .. } | Fault::Forbidden { status } => return status.to_string(),
        Fault::LoginRefused(error) | Fault::StatementFailed(error) => {
            // Five letters and digits (PostgreSQL appendix A); anything else is not a SQLSTATE.
            let valid =
                error.sqlstate.len() == 5 && error.sqlstate.bytes().all(|b| b.is_ascii_alphanumeric());
            return if valid { error.sqlstate.clone() } else { "REFUSED".to_owned() };
        }
        Fault::Mismatch { mismatches, .. } => {
            let status = mismatches.iter().find(|one| one.what == "status").map(|one| &one.got);
            // Three digits (RFC 9110 section 15); anything else would be a word of the server in our table.
            let valid = |got: &&String| got.len() == 3 && got.bytes().all(|byte| byte.is_ascii_digit());
            return status.filter(valid).map_or_else(|| "DIFFERS".to_owned(), |got| format!("GOT {got}"));
        }
        Fault::PermissionsDiffer { .. } => "PERMISSIONS",
        Fault::KeyMissing { .. } => "NO KEY",
        Fault::RecordedFail { .. } => "FAIL",
        Fault::Unknown => "BROKEN",
    };
    word.to_owned()
}
