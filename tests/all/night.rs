//! A night made up: an outline and the events of a run, folded like a real one. For reports and verdicts.

use std::net::SocketAddr;
use std::sync::Arc;

use gonogo::journal::event::{Actor, Event, Flaky, Line, Record, RunStarted, Selection};
use gonogo::journal::people::{Extended, Speaker};
use gonogo::journal::rollback::Measured;
use gonogo::journal::run::Run;
use gonogo::model::fact::{Attempt, ConnectError, ConnectErrorKind, Fact, Looked};
use gonogo::model::fault::{Fault, Mismatch};
use gonogo::model::layer::Layer;
use gonogo::model::outcome::{Judgement, Outcome};
use gonogo::model::outline::{Check, Defer, Outline, Person, Place, Severity, Stage, Waiver};
use gonogo::model::response::Response;
use gonogo::model::trace::{Ended, Observation, Seen, Trace, VantageError};
use gonogo::model::verdict::Verdict;
use gonogo::model::window::{Extension, Margin, Window};
use gonogo::verdict::assess;
use jiff::Timestamp;

const HTTP: [Layer; 7] =
    [Layer::Dns, Layer::Route, Layer::Tcp, Layer::Tls, Layer::Protocol, Layer::Auth, Layer::Payload];

/// A run in the making.
#[derive(Debug)]
pub(crate) struct Night {
    pub(crate) run: Run,
    at: Timestamp,
    selection: Selection,
}

/// What one check showed from one vantage.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Pass,
    Flaky(u32, String),
    Seen(Trace),
    NotRun(String),
    Silent,
}

/// A plan of these stages, `id: title`, and checks.
pub(crate) fn outline(stages: &[&str], checks: Vec<Check>) -> Outline {
    let stage = |text: &&str| {
        let (id, title) = text.split_once(": ").map_or((*text, None), |(id, title)| (id, Some(title)));
        Stage { id: id.to_owned(), title: title.map(ToOwned::to_owned), ..Stage::default() }
    };
    let person = |name: &str| Person { name: name.to_owned(), decides: false, deputy: None };
    Outline {
        name: "September 2007 release".to_owned(),
        change: Some("CHG-1234".to_owned()),
        sha256: "9c41e2".repeat(10) + "9c41",
        zone: Some("America/Montreal".to_owned()),
        window: None,
        max_minor: 5,
        people: [
            ("dba", "DBA team"),
            ("web", "Web team"),
            ("back", "Back-end team"),
            ("client", "Client team"),
        ]
        .into_iter()
        .map(|(id, name)| (id.to_owned(), person(name)))
        .collect(),
        stages: stages.iter().map(stage).collect(),
        checks,
        waivers: Vec::new(),
        pieces: Vec::new(),
    }
}

/// The plan with a window from 22:00 on, and each stage with the times of the story.
pub(crate) fn with_window(mut plan: Outline, must_be_up_by: &str) -> Outline {
    let at = |text: &str| text.parse().expect("an instant");
    plan.window = Some(Window {
        start: at("2007-09-22T22:00-04:00"),
        must_be_up_by: at(must_be_up_by),
        margin: Margin { percent: 25, at_least_s: 600 },
        verify_s: 0,
        place: Place { file: "checks/night.yaml".into(), line: 7 },
    });
    let times = [(90, 10, 20), (60, 15, 20), (45, 15, 20), (20, 0, 0)];
    for (index, (stage, (work, sanity, undo))) in plan.stages.iter_mut().zip(times).enumerate() {
        stage.after = index.checked_sub(1).into_iter().collect();
        stage.duration_s = Some(work * 60);
        stage.sanity_s = Some(sanity * 60);
        stage.undo_s = Some(undo * 60);
    }
    plan
}

/// An `http` check, a blocker, due at a stage.
pub(crate) fn check(id: &str, stage: usize, change: impl FnOnce(&mut Check)) -> Check {
    let mut check = Check {
        id: id.into(),
        title: None,
        kind: "http".to_owned(),
        target: format!("https://{id}.int:8443/status"),
        layers: HTTP.to_vec(),
        from: vec!["here".into()],
        severity: Severity::Blocker,
        owner: None,
        tags: Vec::new(),
        needs: Vec::new(),
        touches: Vec::new(),
        expect_break: None,
        stage,
        defer: None,
        again: true,
        manual: false,
        link: None,
        place: Place { file: "checks/night.yaml".into(), line: 40 },
    };
    change(&mut check);
    check
}

/// Put a check off.
pub(crate) fn deferred(check: &mut Check, until: usize, because: &str) {
    check.defer = Some(Defer { until, because: because.to_owned() });
}

/// A waiver for a check.
pub(crate) fn waiver(check: &str, until: &str) -> Waiver {
    Waiver {
        check: check.into(),
        until: until.parse().expect("a date"),
        by: "web".to_owned(),
        because: "CHG-1240, host replaced next week".to_owned(),
        outcome: None,
        layer: None,
    }
}

impl Night {
    pub(crate) fn begin(outline: Outline) -> Self {
        Self::begin_selected(outline, Selection::default())
    }

    /// The next attempt, begun at a moment, with what this one measured.
    pub(crate) fn again(&self, outline: Outline, at: &str) -> Self {
        let started = RunStarted {
            attempt: self.run.attempt + 1,
            round: 1,
            version: "0.1.0".to_owned(),
            actor: actor(),
            plan_sha256: outline.sha256.clone(),
            selection: self.selection.clone(),
            measured: Measured::after(&self.run),
            outline: Some(Arc::new(outline)),
            sources: Arc::default(),
            out_of_order: None,
            definitions: Arc::default(),
        };
        let at: Timestamp = at.parse().expect("a moment");
        let what = Event::RunStarted(Box::new(started));
        let run = Run::begin(
            "20071006-020000-51c2",
            Line { seq: 1, prev: String::new(), at, clock_set: false, late: None, what },
        );
        Self { run: run.expect("a run"), at, selection: self.selection.clone() }
    }

    /// It is then.
    pub(crate) fn at(&mut self, at: &str) -> &mut Self {
        self.at = at.parse().expect("a moment");
        self
    }

    /// Somebody says something.
    pub(crate) fn said(&mut self, what: Event) -> &mut Self {
        self.apply(what);
        self
    }

    /// Run a stage from one moment to another.
    pub(crate) fn stage_between(
        &mut self,
        index: usize,
        (from, to): (&str, &str),
        answer: impl Fn(&str, &str) -> Answer,
    ) -> &mut Self {
        self.at(from);
        self.probe(index, answer);
        self.at(to);
        self.conclude(index)
    }

    pub(crate) fn begin_selected(outline: Outline, selection: Selection) -> Self {
        Self::begin_at("2007-09-23T05:30:00Z", outline, selection)
    }

    pub(crate) fn begin_at(at: &str, outline: Outline, selection: Selection) -> Self {
        let at: Timestamp = at.parse().expect("a moment");
        let started = RunStarted {
            attempt: 1,
            round: 1,
            version: "0.1.0".to_owned(),
            actor: actor(),
            plan_sha256: outline.sha256.clone(),
            selection: selection.clone(),
            measured: Measured::default(),
            outline: Some(Arc::new(outline)),
            sources: Arc::default(),
            out_of_order: None,
            definitions: Arc::default(),
        };
        let line = Line {
            seq: 1,
            prev: String::new(),
            at,
            clock_set: false,
            late: None,
            what: Event::RunStarted(Box::new(started)),
        };
        let run = Run::begin("20070923-053000-7f3a", line).expect("a run");
        Self { run, at, selection }
    }

    /// Run a stage; the answers are asked by check and vantage. Checks put off to a later stage are not asked.
    pub(crate) fn stage(&mut self, index: usize, answer: impl Fn(&str, &str) -> Answer) -> &mut Self {
        self.probe(index, answer);
        self.at += jiff::SignedDuration::from_mins(30);
        self.conclude(index)
    }

    fn conclude(&mut self, index: usize) -> &mut Self {
        let stage = self.run.outline.stages[index].id.clone();
        let verdict = assess(&self.run, self.at).verdict;
        self.apply(Event::Verdict { stage, verdict, reasons: Vec::new(), revokes: Vec::new() });
        self
    }

    /// Begin a stage, and go on with it as far as these answers come.
    pub(crate) fn probe(&mut self, index: usize, answer: impl Fn(&str, &str) -> Answer) {
        let outline = Arc::clone(&self.run.outline);
        let stage = outline.stages[index].id.clone();
        let due = gonogo::runner::due(&self.run, index, &self.selection);
        self.apply(Event::StageStarted {
            stage: stage.clone(),
            expected: due.expected.clone(),
            left_out: due.left_out,
        });
        for expected in due.expected {
            let check = &outline.checks[self.run.check_index(&expected.check).expect("a check")];
            let put_off = check.defer.as_ref().filter(|defer| index < defer.until);
            let answer = match put_off {
                Some(defer) => Answer::NotRun(format!(
                    "deferred until {}: {}",
                    outline.stages[defer.until].id, defer.because
                )),
                None => answer(&check.id, &expected.vantage),
            };
            let (trace, judgement, flaky) = match answer {
                Answer::Silent => continue,
                Answer::NotRun(why) => (None, Judgement::plain(Outcome::NotRun, why), None),
                Answer::Pass => judged(check, works(check)),
                Answer::Flaky(attempt, first) => {
                    let (trace, judgement, _) = judged(check, works(check));
                    (trace, judgement, Some(Flaky { attempt, first }))
                }
                Answer::Seen(trace) => judged(check, trace),
            };
            let (stage, check, vantage): (Arc<str>, _, _) =
                (stage.as_str().into(), expected.check, expected.vantage);
            if let Some(trace) = trace {
                self.apply(Event::Seen {
                    stage: Arc::clone(&stage),
                    check: Arc::clone(&check),
                    vantage: Arc::clone(&vantage),
                    attempt: 1,
                    trace,
                });
            }
            self.apply(Event::Judged { stage, check, vantage, judgement, flaky });
        }
    }

    pub(crate) fn record(&mut self, check: &str, outcome: Outcome, evidence: &str) -> &mut Self {
        self.apply(Event::Recorded(Record {
            check: check.into(),
            outcome,
            by: "Ana Lima".to_owned(),
            evidence: Some(evidence.to_owned()),
            actor: actor(),
        }));
        self
    }

    pub(crate) fn extend(&mut self, extension: Extension) -> &mut Self {
        let speaker = Speaker { by: "web".to_owned(), actor: actor() };
        self.apply(Event::Extended(Extended { extension, because: None, speaker }));
        self
    }

    pub(crate) fn finish(&mut self, interrupted: bool) -> &mut Self {
        self.apply(Event::RunFinished { verdict: Verdict::NoGo, interrupted });
        self
    }

    /// When the latest stage ended.
    pub(crate) fn now(&self) -> Timestamp {
        self.at
    }

    fn apply(&mut self, what: Event) {
        self.run.apply(Line { seq: 2, prev: String::new(), at: self.at, clock_set: false, late: None, what });
    }
}

/// Who typed what people say.
pub(crate) fn actor() -> Actor {
    Actor { user: "ana".to_owned(), host: "runner".to_owned(), pid: 1, page: None }
}

fn judged(check: &Check, trace: Trace) -> (Option<Trace>, Judgement, Option<Flaky>) {
    let judgement = Judgement::of(&trace, &check.layers, check.expect_break);
    (Some(trace), judgement, None)
}

fn observation(layer: Layer, took_ms: f64, seen: Seen) -> Observation {
    Observation { layer, took_ms, address: None, seen, answer: None }
}

fn address() -> SocketAddr {
    "10.0.0.2:8443".parse().expect("an address")
}

/// A trace that works up to and with `last`.
pub(crate) fn worked(layers: &[Layer], last: Layer) -> Vec<Observation> {
    let fact = |layer| match layer {
        Layer::Vantage => Fact::Started { program: "true".to_owned() },
        Layer::Dns => Fact::Resolved {
            name: "app2.int".to_owned(),
            addresses: vec![address().ip()],
            by: "getaddrinfo".to_owned(),
        },
        Layer::Route => {
            Fact::Routed { address: address().ip(), source: "10.0.0.1".parse().expect("an address") }
        }
        Layer::Tcp => Fact::Connected {
            address: address(),
            source: "10.0.0.1:40000".parse().expect("an address"),
            attempts: Vec::new(),
        },
        Layer::Tls => Fact::Secured {
            version: "TLSv1.3".to_owned(),
            cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
            alpn: None,
            chain: Vec::new(),
            verifier: "the system's trust store".to_owned(),
            client_certificate_asked: false,
            stapled: None,
        },
        Layer::Protocol => Fact::Responded(Box::new(Response {
            status: 200,
            version: "HTTP/1.1".to_owned(),
            first_byte_ms: 1.5,
            ..Response::default()
        })),
        Layer::Auth => Fact::Admitted { scheme: "none".to_owned(), user: None },
        Layer::Payload => Fact::Matched {
            values: vec![Looked { what: "status".to_owned(), got: "200".to_owned() }],
            excerpt: None,
        },
    };
    let took = |layer| if layer == Layer::Tcp { 2.4 } else { 0.25 };
    layers
        .iter()
        .filter(|&&layer| layer <= last)
        .map(|&layer| observation(layer, took(layer), Seen::Worked(fact(layer))))
        .collect()
}

fn works(check: &Check) -> Trace {
    Trace { observations: worked(&check.layers, Layer::Payload), ended: Ended::Complete }
}

/// A trace of an `http` probe that broke at a layer.
pub(crate) fn broke(layer: Layer, fault: Fault) -> Answer {
    let mut observations = worked(&HTTP, layer);
    observations.pop();
    observations.push(observation(layer, 1.0, Seen::Broke(fault)));
    Answer::Seen(Trace { observations, ended: Ended::Complete })
}

/// No answer to SYN.
pub(crate) fn filtered() -> Answer {
    let error = ConnectError { kind: ConnectErrorKind::TimedOut, errno: None, offender: None, icmp: None };
    let attempt = Attempt { address: address(), took_ms: 4000.0, error: Some(error) };
    broke(Layer::Tcp, Fault::ConnectTimedOut { attempts: vec![attempt] })
}

/// A value that differs.
pub(crate) fn differs(what: &str, expected: &str, got: &str) -> Answer {
    let (what, expected, got) = (what.to_owned(), expected.to_owned(), got.to_owned());
    broke(
        Layer::Payload,
        Fault::Mismatch { mismatches: vec![Mismatch { what, expected, got }], excerpt: None },
    )
}

/// We could not look.
pub(crate) fn blind() -> Answer {
    let secret = "env ORDERS_PASSWORD".to_owned();
    Answer::Seen(Trace::blind(VantageError::Secret { secret, reason: "it is not set".to_owned() }))
}
