//! Needs, limits, retries, cancel, resume and debts, on probes that only wait or run a program.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Beginning, Limits, Opening, Progress, Round, Runner, Session, Wish, due};
use crate::clock;
use crate::environment::Environment;
use crate::journal::Store;
use crate::journal::event::{Actor, Event, Selection};
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, Defer, Outline, Place, Severity, Stage};
use crate::model::verdict::Verdict;
use crate::net::Net;
use crate::period::Period;
use crate::plan::{Job, Plan, Retry};
use crate::probe::{Context, Spec};
use crate::secret::{Scrubber, Vault};
use crate::vantage::Places;
use crate::verdict::assess;

/// A check that runs a program, with what a test wants to change.
fn check(id: &str, argv: &[&str], change: impl FnOnce(&mut Check, &mut Job)) -> (Check, Job) {
    let probe = Spec::read("command", json!({ "argv": argv })).unwrap().unwrap();
    let mut check = Check {
        id: id.into(),
        title: None,
        kind: probe.kind().to_owned(),
        target: probe.target(),
        layers: probe.layers(),
        from: vec!["here".into()],
        severity: Severity::Blocker,
        owner: None,
        tags: Vec::new(),
        needs: Vec::new(),
        touches: Vec::new(),
        expect_break: None,
        stage: 0,
        defer: None,
        again: true,
        manual: false,
        link: None,
        place: Place { file: "plan.yaml".into(), line: 1 },
    };
    let mut job = Job { probe, as_application: None, timeout: Duration::from_secs(10), retry: None };
    change(&mut check, &mut job);
    (check, job)
}

fn plain(id: &str, argv: &[&str]) -> (Check, Job) {
    check(id, argv, |_, _| {})
}

fn needing(id: &str, needs: &[&str]) -> (Check, Job) {
    check(id, &["true"], |check, _| check.needs = needs.iter().map(|&need| need.into()).collect())
}

fn plan(stages: &[&str], checks: Vec<(Check, Job)>) -> Arc<Plan> {
    let stage = |id: &&str| Stage { id: (*id).to_owned(), ..Stage::default() };
    let (checks, jobs) = checks.into_iter().unzip();
    let outline = Outline {
        name: "test".to_owned(),
        change: None,
        sha256: "0".repeat(64),
        zone: None,
        window: None,
        max_minor: 5,
        people: indexmap::IndexMap::new(),
        stages: stages.iter().map(stage).collect(),
        checks,
        waivers: Vec::new(),
        pieces: Vec::new(),
    };
    Arc::new(Plan {
        journal: None,
        notify: Arc::default(),
        outline: Arc::new(outline),
        jobs,
        sources: Vec::new(),
        databases: Arc::default(),
        vantages: Arc::default(),
    })
}

fn runner(plan: &Arc<Plan>) -> Runner {
    let environment = Arc::new(Environment::of_process());
    let vault = Vault::new(Arc::clone(&environment), Arc::new(Scrubber::default()));
    Runner {
        plan: Arc::clone(plan),
        places: Arc::new(Places::here(Context {
            vault: Arc::new(vault),
            environment,
            net: Arc::new(Net::default()),
        })),
        baseline: Arc::default(),
        limits: Limits { concurrency: 8, per_target: 8 },
        cancel: CancellationToken::new(),
    }
}

async fn session(folder: &Path, plan: &Plan, selection: Selection, wish: Wish) -> Session {
    let actor = Actor { user: "tester".to_owned(), host: "here".to_owned(), pid: 1, page: None };
    let store = Store::new(folder);
    let opening = Box::pin(Opening::take(&store, wish, actor)).await.unwrap();
    Box::pin(opening.begin(&store, plan, Round { selection, ..Round::default() })).await.unwrap()
}

/// Begin a stage and probe what it expects.
async fn stage(runner: &Runner, session: &mut Session, index: usize) {
    let due = due(session.run(), index, &session.run().selection.clone());
    let stage = runner.plan.outline.stages[index].id.clone();
    let begun = Event::StageStarted { stage, expected: due.expected.clone(), left_out: due.left_out };
    session.append(vec![begun]).await.unwrap();
    runner.stage(session, index, due.expected, |_| {}).await.unwrap();
}

fn outcomes(session: &Session, stage: usize) -> Vec<(String, Outcome)> {
    let rows = session.run().stages[stage].rows.iter();
    rows.map(|(expected, row)| (expected.check.to_string(), row.outcome())).collect()
}

#[tokio::test]
async fn every_expected_check_is_answered_and_a_program_that_is_not_there_is_our_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(
        &["all"],
        vec![plain("good", &["true"]), plain("bad", &["false"]), plain("none", &["no-such-program"])],
    );
    let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    stage(&runner(&plan), &mut session, 0).await;
    let wanted = [("good", Outcome::Pass), ("bad", Outcome::Fail), ("none", Outcome::Error)];
    assert_eq!(outcomes(&session, 0), wanted.map(|(id, outcome)| (id.to_owned(), outcome)));
    let (read, _) = Store::new(folder.path()).newest().await.unwrap().unwrap();
    assert_eq!(assess(&read, clock::now()).counts, assess(session.run(), clock::now()).counts);
}

#[tokio::test]
async fn a_long_chain_of_needs_falls_in_one_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut checks = vec![plain("c-0", &["false"])];
    for index in 1..5_000 {
        checks.push(needing(&format!("c-{index}"), &[&format!("c-{}", index - 1)]));
    }
    let plan = plan(&["all"], checks);
    let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    stage(&runner(&plan), &mut session, 0).await;
    let state = &session.run().stages[0];
    assert_eq!(state.rows[0].outcome(), Outcome::Fail);
    assert!(state.rows.values().skip(1).all(|row| row.outcome() == Outcome::NotRun));
    let last = state.rows[4_999].judgement.as_ref().unwrap();
    assert_eq!(last.message, "it needs c-4998, which was not run");
}

#[tokio::test]
async fn a_need_is_probed_first_and_its_pass_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&["all"], vec![needing("second", &["first"]), plain("first", &["sleep", "0.05"])]);
    let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    stage(&runner(&plan), &mut session, 0).await;
    assert!(outcomes(&session, 0).iter().all(|(_, outcome)| *outcome == Outcome::Pass));
    let rows = &session.run().stages[0].rows;
    assert!(rows[0].judged_at >= rows[1].judged_at);
}

#[tokio::test]
async fn no_more_probes_at_once_than_the_limits_say() {
    let folder = tempfile::tempdir().unwrap();
    let checks = (0..6).map(|index| plain(&format!("c-{index}"), &["sleep", "0.1"])).collect();
    let plan = plan(&["all"], checks);
    let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    let mut runner = runner(&plan);
    runner.limits = Limits { concurrency: 8, per_target: 2 };
    let due = due(session.run(), 0, &Selection::default());
    let begun =
        Event::StageStarted { stage: "all".to_owned(), expected: due.expected.clone(), left_out: vec![] };
    session.append(vec![begun]).await.unwrap();
    let (mut running, mut most) = (0_i32, 0);
    let watch = |progress: Progress<'_>| {
        running += if matches!(progress, Progress::Started(_)) { 1 } else { -1 };
        most = most.max(running);
    };
    runner.stage(&mut session, 0, due.expected, watch).await.unwrap();
    assert_eq!(most, 2);
    assert!(outcomes(&session, 0).iter().all(|(_, outcome)| *outcome == Outcome::Pass));
}

#[tokio::test]
async fn a_pass_after_a_retry_is_flaky_and_every_try_is_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = format!("test -e {0} || {{ touch {0}; exit 3; }}", mark.display());
    let retry = Retry { lasting: Period(Duration::from_secs(20)), every: Period(Duration::from_millis(20)) };
    let plan = plan(&["all"], vec![check("slow", &["sh", "-c", &script], |_, job| job.retry = Some(retry))]);
    let mut session =
        session(&folder.path().join("journal"), &plan, Selection::default(), Wish::default()).await;
    stage(&runner(&plan), &mut session, 0).await;
    let row = &session.run().stages[0].rows[0];
    assert_eq!(row.outcome(), Outcome::Pass);
    let flaky = row.flaky.as_ref().unwrap();
    assert_eq!(flaky.attempt, 2);
    assert!(flaky.first.contains('3'), "{}", flaky.first);
    let journal =
        std::fs::read_to_string(Store::new(folder.path().join("journal")).path(&session.run().id)).unwrap();
    assert_eq!(journal.matches("\"event\":\"seen\"").count(), 2);
}

#[tokio::test]
async fn a_cancelled_stage_ends_soon_and_says_of_every_check_that_nobody_looked() {
    let folder = tempfile::tempdir().unwrap();
    let checks = (0..20).map(|index| plain(&format!("c-{index}"), &["sleep", "30"])).collect();
    let plan = plan(&["all"], checks);
    let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    let runner = runner(&plan);
    let cancel = runner.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    let began = Instant::now();
    stage(&runner, &mut session, 0).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    session.append(vec![Event::RunFinished { verdict: Verdict::NoGo, interrupted: true }]).await.unwrap();
    let assessment = assess(session.run(), clock::now());
    assert_eq!(assessment.verdict, Verdict::NoGo);
    assert_eq!(assessment.counts.not_run, 20);
}

#[tokio::test]
async fn a_killed_run_goes_on_and_a_finished_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&["all"], vec![plain("a", &["true"]), plain("b", &["true"])]);
    let first = {
        let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
        assert_eq!(session.beginning, Beginning::Fresh);
        let due = due(session.run(), 0, &Selection::default());
        let begun =
            Event::StageStarted { stage: "all".to_owned(), expected: due.expected.clone(), left_out: vec![] };
        session.append(vec![begun]).await.unwrap();
        let only_a = due.expected[..1].to_vec();
        runner(&plan).stage(&mut session, 0, only_a, |_| {}).await.unwrap();
        session.run().id.clone()
    };
    {
        let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
        assert_eq!(session.beginning, Beginning::Resumed { torn: 0 });
        assert_eq!(session.run().id, first);
        let todo = session.unsettled(0, jiff::Span::new().minutes(30));
        assert_eq!(todo.iter().map(|item| &*item.check).collect::<Vec<_>>(), ["b"]);
        assert_eq!(session.unsettled(0, jiff::Span::new()).len(), 2, "too old is probed again");
        runner(&plan).stage(&mut session, 0, todo, |_| {}).await.unwrap();
        session.append(vec![Event::RunFinished { verdict: Verdict::Go, interrupted: false }]).await.unwrap();
    }
    let again = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    assert_eq!(again.beginning, Beginning::Fresh);
    assert_ne!(again.run().id, first);
    assert_eq!(
        assess(again.run(), clock::now()).verdict,
        Verdict::NoGo,
        "an old journal never makes a new GO"
    );
}

#[tokio::test]
async fn a_debt_is_owed_then_judged_where_it_comes_due() {
    let folder = tempfile::tempdir().unwrap();
    let owed = |check: &mut Check, _: &mut Job| {
        check.defer = Some(Defer { until: 1, because: "app1 is not up yet".to_owned() });
    };
    let plan = plan(&["app2", "app1"], vec![plain("status", &["true"]), check("through", &["false"], owed)]);
    let runner = runner(&plan);
    let mut session = session(folder.path(), &plan, Selection::default(), Wish::default()).await;
    stage(&runner, &mut session, 0).await;
    assert_eq!(assess(session.run(), clock::now()).verdict, Verdict::ProvisionalGo);
    stage(&runner, &mut session, 1).await;
    let assessment = assess(session.run(), clock::now());
    assert_eq!(assessment.verdict, Verdict::NoGo);
    assert_eq!(assessment.stages[0].verdict, Some(Verdict::ProvisionalGo));
    assert_eq!(assessment.stages[0].revoked_by, ["through"]);
    assert_eq!(outcomes(&session, 1).len(), 2, "the green blocker is probed again");
}

#[tokio::test]
async fn a_run_of_the_day_before_lends_no_stage_even_when_something_was_recorded_since() {
    use sha2::Digest as _;
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&["first", "second"], vec![plain("a", &["true"])]);
    let named = Selection { stages: vec!["first".to_owned()], ..Selection::default() };
    let id = {
        let mut session = session(folder.path(), &plan, named.clone(), Wish::default()).await;
        stage(&runner(&plan), &mut session, 0).await;
        session.append(vec![Event::RunFinished { verdict: Verdict::Go, interrupted: false }]).await.unwrap();
        session.run().id.clone()
    };
    let again = session(folder.path(), &plan, named.clone(), Wish::default()).await;
    assert_eq!(again.beginning, Beginning::Round);
    drop(again);

    // The same journal, begun 25 hours ago; its last events stay of today.
    let path = Store::new(folder.path()).path(&id);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    let mut aged = vec![lines.next().unwrap().to_owned()];
    for line in lines {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let digest = sha2::Sha256::digest(aged.last().unwrap().as_bytes());
        line["prev"] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat().into();
        if line["seq"] == 1 {
            line["at"] = (clock::now() - jiff::SignedDuration::from_hours(25)).to_string().into();
        }
        aged.push(line.to_string());
    }
    std::fs::write(&path, aged.join("\n") + "\n").unwrap();
    let next = session(folder.path(), &plan, named, Wish::default()).await;
    assert_eq!(next.beginning, Beginning::TooOld);
    assert_ne!(next.run().id, id);
}
