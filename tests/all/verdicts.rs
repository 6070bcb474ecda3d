//! The rules of the verdict: the table case by case, and trouble that never makes anything better.

use gonogo::journal::event::Selection;
use gonogo::model::fault::Fault;
use gonogo::model::layer::Layer;
use gonogo::model::outcome::Outcome;
use gonogo::model::outline::{Outline, Severity};
use gonogo::model::verdict::{ReasonId, Verdict};
use gonogo::verdict::{Exit, Standing, WaiverState, assess};
use proptest::prelude::*;

use crate::night::{Answer, Night, blind, broke, check, deferred, filtered, outline, waiver};

/// One stage, one check of this severity beside a blocker that passes.
fn alone(severity: Severity, answer: Answer) -> Night {
    let plan = outline(
        &["all"],
        vec![check("beside", 0, |_| {}), check("tried", 0, |check| check.severity = severity)],
    );
    let mut night = Night::begin(plan);
    night.stage(0, move |id, _| if id == "tried" { answer.clone() } else { Answer::Pass });
    night
}

fn verdict(night: &Night) -> Verdict {
    assess(&night.run, night.now()).verdict
}

fn ids(night: &Night) -> Vec<ReasonId> {
    assess(&night.run, night.now()).reasons.iter().map(|reason| reason.id).collect()
}

fn not_run() -> Answer {
    Answer::NotRun("it needs beside, which failed".to_owned())
}

#[test]
fn severity_and_outcome_decide() {
    let troubles = [filtered(), blind(), Answer::Silent, not_run()];
    let blockers =
        [ReasonId::BlockerFailed, ReasonId::BlockerErrored, ReasonId::BlockerSilent, ReasonId::BlockerNotRun];
    for (answer, id) in troubles.iter().zip(blockers) {
        let night = alone(Severity::Blocker, answer.clone());
        assert_eq!((verdict(&night), ids(&night)), (Verdict::NoGo, vec![id]));
        let night = alone(Severity::Major, answer.clone());
        assert_eq!((verdict(&night), ids(&night)), (Verdict::NoGo, vec![ReasonId::MajorNotPassed]));
        let night = alone(Severity::Minor, answer.clone());
        assert_eq!((verdict(&night), ids(&night)), (Verdict::GoWithIssues, vec![ReasonId::MinorsNotPassed]));
        let night = alone(Severity::Info, answer.clone());
        assert_eq!((verdict(&night), ids(&night)), (Verdict::Go, vec![]));
    }
    for severity in [Severity::Blocker, Severity::Major, Severity::Minor, Severity::Info] {
        assert_eq!(verdict(&alone(severity, Answer::Pass)), Verdict::Go);
        assert_eq!(verdict(&alone(severity, Answer::Flaky(2, "refused".to_owned()))), Verdict::Go);
    }
}

#[test]
fn more_minors_than_allowed_are_a_no_go_over_the_whole_run() {
    let checks = |stages: usize| {
        (0..6).map(move |number| {
            check(&format!("minor-{number}"), number % stages, |check| check.severity = Severity::Minor)
        })
    };
    for stages in [1, 2] {
        let names = ["one", "two"];
        let mut plan = outline(&names[..stages], checks(stages).collect());
        for stage in 0..stages {
            plan.checks.push(check(&format!("beside-{stage}"), stage, |_| {}));
        }
        for (most, expected) in [(6, Verdict::GoWithIssues), (5, Verdict::NoGo)] {
            plan.max_minor = most;
            let mut night = Night::begin(plan.clone());
            for stage in 0..stages {
                night.stage(stage, |id, _| if id.starts_with("minor") { filtered() } else { Answer::Pass });
            }
            assert_eq!(verdict(&night), expected, "{stages} stages, {most} allowed");
            assert_eq!(ids(&night).contains(&ReasonId::TooManyMinors), most == 5);
        }
    }
}

#[test]
fn nothing_checked_is_never_a_go() {
    let begun_nothing = Night::begin(outline(&["all"], vec![check("one", 0, |_| {})]));
    assert_eq!(ids(&begun_nothing), [ReasonId::NothingExecuted]);
    assert_eq!(verdict(&begun_nothing), Verdict::NoGo);

    let mut empty = Night::begin(outline(&["one", "two"], vec![check("later", 1, |_| {})]));
    empty.stage(0, |_, _| Answer::Pass);
    assert_eq!((verdict(&empty), ids(&empty)), (Verdict::NoGo, vec![ReasonId::NothingSelected]));

    let selection = Selection { only: vec!["nothing-like-this".to_owned()], ..Selection::default() };
    let mut none = Night::begin_selected(outline(&["all"], vec![check("one", 0, |_| {})]), selection);
    none.stage(0, |_, _| Answer::Pass);
    assert_eq!(verdict(&none), Verdict::NoGo);

    let minor = check("one", 0, |check| check.severity = Severity::Minor);
    let mut blind_minor = Night::begin(outline(&["all"], vec![minor]));
    blind_minor.stage(0, |_, _| blind());
    assert_eq!(verdict(&blind_minor), Verdict::NoGo);
    assert_eq!(ids(&blind_minor), [ReasonId::NothingExecuted, ReasonId::MinorsNotPassed]);
}

#[test]
fn a_debt_is_provisional_then_settled_or_revoked() {
    let plan = outline(
        &["one", "two"],
        vec![
            check("owed", 0, |check| {
                check.from = vec!["a".into(), "b".into()];
                deferred(check, 1, "not up yet");
            }),
            check("beside", 0, |_| {}),
        ],
    );
    let mut night = Night::begin(plan.clone());
    night.stage(0, |_, _| Answer::Pass);
    assert_eq!((verdict(&night), ids(&night)), (Verdict::ProvisionalGo, vec![ReasonId::DebtsOpen]));
    let told = assess(&night.run, night.now());
    assert_eq!(told.debts.len(), 1);
    assert_eq!(told.stages[0].open, ["owed"]);

    night.stage(1, |_, _| Answer::Pass);
    let told = assess(&night.run, night.now());
    assert_eq!(told.verdict, Verdict::Go);
    assert!(told.stages[0].settled && told.stages[0].revoked_by.is_empty() && told.debts.is_empty());

    let mut night = Night::begin(plan);
    night.stage(0, |_, _| Answer::Pass);
    night.stage(1, |id, vantage| if (id, vantage) == ("owed", "b") { filtered() } else { Answer::Pass });
    let told = assess(&night.run, night.now());
    assert_eq!(told.verdict, Verdict::NoGo);
    assert_eq!(told.stages[0].revoked_by, ["owed"]);
    assert!(!told.stages[0].settled);
}

#[test]
fn a_debt_that_comes_due_and_is_left_out_is_not_a_go() {
    let owed = check("owed", 0, |check| deferred(check, 1, "not up yet"));
    let plan = outline(&["one", "two"], vec![owed, check("beside", 0, |_| {}), check("other", 1, |_| {})]);
    let selection = Selection { skip: vec!["owed".to_owned()], ..Selection::default() };
    let mut night = Night::begin_selected(plan, selection);
    night.stage(0, |_, _| Answer::Pass).stage(1, |_, _| Answer::Pass);
    let told = assess(&night.run, night.now());
    assert!(told.verdict >= Verdict::ProvisionalGo, "{}", told.verdict);
    assert_eq!(told.left_out.len(), 1);
}

#[test]
fn what_is_left_out_is_at_best_provisional() {
    let plan = outline(&["all"], vec![check("one", 0, |_| {}), check("two", 0, |_| {})]);
    let selection = Selection { skip: vec!["two".to_owned()], ..Selection::default() };
    let mut night = Night::begin_selected(plan, selection);
    night.stage(0, |_, _| Answer::Pass);
    assert_eq!((verdict(&night), ids(&night)), (Verdict::ProvisionalGo, vec![ReasonId::LeftOut]));
}

#[test]
fn a_later_stage_is_no_better_than_what_it_stands_on() {
    let plan = || {
        outline(
            &["one", "two"],
            vec![check("first", 0, |check| check.again = false), check("second", 1, |_| {})],
        )
    };
    let mut skipped = Night::begin(plan());
    skipped.stage(1, |_, _| Answer::Pass);
    assert_eq!((verdict(&skipped), ids(&skipped)), (Verdict::ProvisionalGo, vec![ReasonId::StageSkipped]));

    let mut broken = Night::begin(plan());
    broken.stage(0, |_, _| filtered()).stage(1, |_, _| Answer::Pass);
    assert_eq!((verdict(&broken), ids(&broken)), (Verdict::NoGo, vec![ReasonId::EarlierStage]));
}

#[test]
fn a_manual_check_holds_until_a_person_has_spoken() {
    let manual = |severity| {
        check("manual", 0, move |check| {
            check.manual = true;
            check.layers = vec![Layer::Payload];
            check.severity = severity;
        })
    };
    for (severity, awaited, failed) in [
        (Severity::Blocker, Verdict::Hold, Verdict::NoGo),
        (Severity::Minor, Verdict::Hold, Verdict::GoWithIssues),
        (Severity::Info, Verdict::Go, Verdict::Go),
    ] {
        let mut night = Night::begin(outline(&["all"], vec![manual(severity), check("beside", 0, |_| {})]));
        night.stage(
            0,
            |id, _| {
                if id == "manual" { Answer::NotRun("not recorded".to_owned()) } else { Answer::Pass }
            },
        );
        assert_eq!(verdict(&night), awaited, "{severity}");
        night.record("manual", Outcome::Pass, "seen");
        assert_eq!(verdict(&night), Verdict::Go, "{severity}");
        night.record("manual", Outcome::Fail, "gone");
        assert_eq!(verdict(&night), failed, "{severity}");
    }
    let mut only = Night::begin(outline(&["all"], vec![manual(Severity::Blocker)]));
    only.stage(0, |_, _| Answer::NotRun("not recorded".to_owned()));
    assert_eq!(verdict(&only), Verdict::Hold);
}

/// What it is about, the change to the plan, the answer, and what comes of both.
type WaiverCase<'a> = (&'a str, &'a dyn Fn(&mut Outline), Answer, Verdict, WaiverState);

#[test]
fn a_waiver_covers_what_it_names_until_its_last_day() {
    let with = |change: &dyn Fn(&mut Outline)| {
        let mut plan = outline(&["all"], vec![check("beside", 0, |_| {}), check("tried", 0, |_| {})]);
        change(&mut plan);
        plan
    };
    let cases: [WaiverCase<'_>; 7] = [
        (
            "covers",
            &|plan| plan.waivers = vec![waiver("tried", "2007-09-23")],
            filtered(),
            Verdict::GoWithIssues,
            WaiverState::Covers,
        ),
        (
            "out of date",
            &|plan| plan.waivers = vec![waiver("tried", "2007-09-22")],
            filtered(),
            Verdict::NoGo,
            WaiverState::Expired,
        ),
        (
            "not needed",
            &|plan| plan.waivers = vec![waiver("tried", "2007-09-30")],
            Answer::Pass,
            Verdict::Go,
            WaiverState::Unneeded,
        ),
        (
            "another outcome",
            &|plan| {
                plan.waivers = vec![waiver("tried", "2007-09-30")];
                plan.waivers[0].outcome = Some(Outcome::Fail);
            },
            blind(),
            Verdict::NoGo,
            WaiverState::DoesNotCover,
        ),
        (
            "another layer",
            &|plan| {
                plan.waivers = vec![waiver("tried", "2007-09-30")];
                plan.waivers[0].layer = Some(Layer::Payload);
            },
            broke(Layer::Auth, Fault::Forbidden { status: 403 }),
            Verdict::NoGo,
            WaiverState::DoesNotCover,
        ),
        (
            "this layer",
            &|plan| {
                plan.waivers = vec![waiver("tried", "2007-09-30")];
                plan.waivers[0].layer = Some(Layer::Auth);
            },
            broke(Layer::Auth, Fault::Forbidden { status: 403 }),
            Verdict::GoWithIssues,
            WaiverState::Covers,
        ),
        (
            "the first of two, one for each layer",
            &|plan| {
                plan.waivers = vec![waiver("tried", "2007-09-30"), waiver("tried", "2007-09-30")];
                plan.waivers[0].layer = Some(Layer::Auth);
                plan.waivers[1].layer = Some(Layer::Tcp);
            },
            broke(Layer::Auth, Fault::Forbidden { status: 403 }),
            Verdict::GoWithIssues,
            WaiverState::Covers,
        ),
    ];
    for (name, change, answer, expected, state) in cases {
        let mut night = Night::begin(with(change));
        night.stage(0, move |id, _| if id == "tried" { answer.clone() } else { Answer::Pass });
        let told = assess(&night.run, night.now());
        assert_eq!(told.verdict, expected, "{name}");
        assert_eq!(told.waivers[0].state, state, "{name}");
    }
}

#[test]
fn an_interrupted_run_is_no_go_and_every_verdict_has_its_code() {
    let mut night = alone(Severity::Blocker, Answer::Pass);
    night.finish(true);
    assert_eq!((verdict(&night), ids(&night)), (Verdict::NoGo, vec![ReasonId::Interrupted]));
    let codes = [Verdict::Go, Verdict::GoWithIssues, Verdict::NoGo, Verdict::ProvisionalGo, Verdict::Hold]
        .map(|verdict| Exit::of(verdict).code());
    assert_eq!(codes, [0, 0, 1, 3, 4]);
    let not_written = Exit::TABLE.map(|(exit, _)| (exit.code(), exit.not_written().code()));
    assert_eq!(not_written, [(0, 5), (1, 1), (2, 2), (3, 5), (4, 5), (5, 5), (130, 130)]);
    for (exit, _) in Exit::TABLE {
        assert_eq!(gonogo::explain::explain(&format!("exit {}", exit.code())).len(), 1);
    }
}

/// How one row ends, worst last within what decides.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Pass,
    Flaky,
    Fail,
    Error,
    Silent,
    NotRun,
}

impl End {
    fn answer(self) -> Answer {
        match self {
            Self::Pass => Answer::Pass,
            Self::Flaky => Answer::Flaky(2, "refused".to_owned()),
            Self::Fail => filtered(),
            Self::Error => blind(),
            Self::Silent => Answer::Silent,
            Self::NotRun => not_run(),
        }
    }
}

/// One check of a random plan: how much it decides, its modifiers, how it ends at each of two stages.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each modifier of a check, with or without the others")]
struct Tried {
    severity: Severity,
    stage: usize,
    deferred: bool,
    manual: bool,
    waived: bool,
    skipped: bool,
    ends: [End; 2],
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        6 => Just(End::Pass),
        1 => Just(End::Flaky),
        1 => Just(End::Fail),
        1 => Just(End::Error),
        1 => Just(End::Silent),
        1 => Just(End::NotRun),
    ]
}

prop_compose! {
    fn tried()(
        severity in prop_oneof![Just(Severity::Info), Just(Severity::Minor), Just(Severity::Major), Just(Severity::Blocker)],
        stage in 0_usize..2,
        deferred in prop::bool::weighted(0.2),
        manual in prop::bool::weighted(0.1),
        waived in prop::bool::weighted(0.1),
        skipped in prop::bool::weighted(0.05),
        ends in [end(), end()],
    ) -> Tried {
        Tried { severity, stage, deferred: deferred && stage == 0, manual, waived, skipped, ends }
    }
}

fn night(all: &[Tried], stages: usize) -> Night {
    let checks = all.iter().enumerate().map(|(number, tried)| {
        check(&format!("c{number}"), tried.stage, |check| {
            check.severity = tried.severity;
            check.manual = tried.manual;
            if tried.manual {
                check.layers = vec![Layer::Payload];
            }
            if tried.deferred {
                deferred(check, 1, "not up yet");
            }
        })
    });
    let mut plan = outline(&["one", "two"], checks.collect());
    plan.max_minor = 2;
    let waived = all.iter().enumerate().filter(|(_, tried)| tried.waived);
    plan.waivers = waived.map(|(number, _)| waiver(&format!("c{number}"), "2007-12-31")).collect();
    let skipped = all.iter().enumerate().filter(|(_, tried)| tried.skipped);
    let skip = skipped.map(|(number, _)| format!("c{number}")).collect();
    let mut night = Night::begin_selected(plan, Selection { skip, ..Selection::default() });
    for stage in 0..stages {
        night.stage(stage, |id, _| {
            let number: usize = id[1..].parse().expect("a number");
            all[number].ends[stage].answer()
        });
    }
    night
}

proptest! {
    #[test]
    fn trouble_never_makes_it_better(
        all in prop::collection::vec(tried(), 1..8),
        stages in 1_usize..=2,
        which in any::<prop::sample::Index>(),
        stage in 0_usize..2,
        worse in prop_oneof![Just(End::Fail), Just(End::Error), Just(End::Silent), Just(End::NotRun)],
        severity in prop_oneof![Just(Severity::Minor), Just(Severity::Major), Just(Severity::Blocker)],
    ) {
        let before = verdict(&night(&all, stages));

        // An answer becomes trouble, or is gone.
        let mut changed = all.clone();
        let end = &mut changed[which.index(all.len())].ends[stage];
        if matches!(*end, End::Pass | End::Flaky) {
            *end = worse;
            let after = verdict(&night(&changed, stages));
            prop_assert!(after >= before, "{before} became {after}: {changed:?}");
        }

        // One more check, and it is trouble.
        let mut more = all.clone();
        more.push(Tried {
            severity, stage: 0, deferred: false, manual: false, waived: false, skipped: false, ends: [worse, worse],
        });
        let after = verdict(&night(&more, stages));
        // A stage in which nothing was looked at is a NO-GO that ends when something is.
        let earlier = night(&all, stages);
        let empty = assess(&earlier.run, earlier.now())
            .stages
            .iter()
            .flat_map(|stage| &stage.reasons)
            .any(|reason| matches!(reason.id, ReasonId::NothingSelected | ReasonId::NothingExecuted));
        prop_assert!(after >= before || empty, "{before} became {after}: {more:?}");

        // Left out by hand.
        let mut skipped = all.clone();
        skipped[which.index(all.len())].skipped = true;
        let passed = all[which.index(all.len())].ends[..stages].iter().all(|end| matches!(end, End::Pass | End::Flaky));
        if passed {
            let after = verdict(&night(&skipped, stages));
            prop_assert!(after >= before, "{before} became {after}: {skipped:?}");
        }

        // Stopped by somebody.
        let mut interrupted = night(&all, stages);
        interrupted.finish(true);
        prop_assert_eq!(verdict(&interrupted), Verdict::NoGo);
    }

    #[test]
    fn trouble_of_our_own_is_never_a_go(
        all in prop::collection::vec(tried(), 1..8),
        stages in 1_usize..=2,
    ) {
        let night = night(&all, stages);
        let told = assess(&night.run, night.now());
        for row in &told.rows {
            let decides = matches!(row.check.severity, Severity::Blocker | Severity::Major);
            let excused = matches!(row.standing, Standing::Waived | Standing::Owed | Standing::Awaiting);
            if decides && row.judgement.outcome != Outcome::Pass && !excused {
                prop_assert_eq!(told.verdict, Verdict::NoGo, "{}", row.name());
            }
            if row.judgement.outcome != Outcome::Pass && row.check.severity != Severity::Info {
                prop_assert!(told.verdict > Verdict::Go, "{}", row.name());
            }
        }
        let ran = told.rows.iter().any(|row| matches!(row.judgement.outcome, Outcome::Pass | Outcome::Fail));
        prop_assert!(ran || told.verdict >= Verdict::Hold);
        prop_assert!(told.left_out.is_empty() || told.verdict >= Verdict::ProvisionalGo);
        prop_assert!(told.debts.iter().all(|debt| debt.check.severity == Severity::Info) || told.verdict >= Verdict::ProvisionalGo);
        prop_assert_eq!(told.verdict == Verdict::Go, told.reasons.is_empty());
        prop_assert_eq!(told.counts.total, told.rows.len());
    }
}
