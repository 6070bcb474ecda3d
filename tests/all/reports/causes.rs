//! Causes in the reports: of what passes, and of what breaks for one and the same reason.

use std::sync::Arc;

use gonogo::journal::event::Event;
use gonogo::model::examination::{Answer as Asked, Examination, Question};
use gonogo::model::fact::{Attempt, ConnectError, ConnectErrorKind, Fact};
use gonogo::model::fault::Fault;
use gonogo::model::host::{NameFacts, Said, ServerSaid};
use gonogo::model::layer::Layer;
use gonogo::model::outcome::Outcome;
use gonogo::model::outline::{Check, Link, LinkPart, Severity};
use gonogo::model::trace::{Ended, Observation, Seen, Trace};
use gonogo::model::verdict::Verdict;
use gonogo::report::{Format, Options};
use gonogo::verdict::{Assessment, assess};

use crate::night::{Answer, Night, broke, check, filtered, outline, worked};

const DEAD: &str = "10.0.0.53";

fn asked(question: Question, vantage: &str, trace: Trace) -> Asked {
    Asked { question, vantage: vantage.into(), trace }
}

fn examined(night: &mut Night, check: &str, vantage: &str, answers: Vec<Asked>) {
    night.said(Event::Examined {
        stage: "all".into(),
        check: check.into(),
        vantage: vantage.into(),
        examination: Box::new(Examination { before: None, answers }),
    });
}

fn whole(change: impl FnOnce(&mut Vec<Observation>)) -> Trace {
    let mut observations = worked(&Layer::ALL[1..], Layer::Payload);
    change(&mut observations);
    Trace { observations, ended: Ended::Complete }
}

/// Found at once by the second of two name servers, the first being dead.
fn found_late(name: &str) -> Trace {
    whole(|seen| {
        seen[0].took_ms = 2004.0;
        if let Seen::Worked(Fact::Resolved { name: asked, .. }) = &mut seen[0].seen {
            name.clone_into(asked);
        }
    })
}

/// Two addresses, of which one refuses.
fn half_dead(bad: &str, good: &str) -> Trace {
    let attempt = |address: &str, error| Attempt {
        address: format!("{address}:8443").parse().unwrap(),
        took_ms: 1.0,
        error,
    };
    let error =
        ConnectError { kind: ConnectErrorKind::Refused, errno: Some(111), offender: None, icmp: None };
    whole(|seen| {
        if let Seen::Worked(Fact::Resolved { addresses, .. }) = &mut seen[0].seen {
            *addresses = [bad, good].map(|one| one.trim_matches(['[', ']']).parse().unwrap()).to_vec();
        }
        if let Seen::Worked(Fact::Connected { attempts, .. }) = &mut seen[2].seen {
            *attempts = vec![attempt(bad, Some(error)), attempt(good, None)];
        }
    })
}

fn names(name: &str, servers: &[(&str, Said)]) -> Asked {
    let servers = servers.iter().map(|(server, said)| ServerSaid {
        server: (*server).to_owned(),
        name: format!("{name}."),
        said: *said,
        took_ms: 1.0,
        records: Vec::new(),
        cut_off: false,
        bogus: false,
    });
    let facts = NameFacts {
        name: name.to_owned(),
        addresses: Vec::new(),
        took_ms: 2004.0,
        hosts: Vec::new(),
        switch: Vec::new(),
        search: Vec::new(),
        servers: servers.collect(),
        searched: Vec::new(),
        proxies: Vec::new(),
    };
    let seen = Observation {
        layer: Layer::Dns,
        took_ms: 2004.0,
        address: None,
        seen: Seen::Worked(Fact::Names(Box::new(facts))),
        answer: None,
    };
    asked(Question::Names, "here", Trace { observations: vec![seen], ended: Ended::Complete })
}

/// Everything passes: a name has a dead address, and each lookup of this host waits for a dead name server.
pub(super) fn trouble_to_come() -> Night {
    let owned = |id: &str| check(id, 0, |check| check.owner = Some("web".to_owned()));
    let mut plan = outline(&["all"], ["shop", "orders", "stock", "mail"].map(owned).to_vec());
    plan.checks[1].owner = None;
    let mut night = Night::begin(plan);
    night.stage(0, |id, _| match id {
        "shop" => Answer::Seen(half_dead("10.0.0.3", "10.0.0.2")),
        "orders" | "stock" => Answer::Seen(found_late(id)),
        _ => Answer::Pass,
    });
    for id in ["orders", "stock"] {
        let asked = names(id, &[(DEAD, Said::Silence), ("10.0.0.54", Said::Addresses)]);
        examined(&mut night, id, "here", vec![asked]);
    }
    night
}

fn link(id: &str, severity: Severity) -> Check {
    check(id, 0, |check| {
        check.severity = severity;
        check.target = format!("https://{id}.app2.int:8443/version");
        check.from = vec!["app1-a".into()];
        check.link = Some(Arc::new(Link {
            id: id.into(),
            part: LinkPart::Path,
            from: "app1".to_owned(),
            to: "app2".to_owned(),
            to_owner: None,
            to_runs_on: vec!["app2-a".into()],
            compare_from: Vec::new(),
            as_application: None,
        }));
    })
}

/// Nine links behind one dropped port, of which the second was examined; a minor one too; and one that breaks otherwise.
pub(super) fn one_cause() -> Night {
    let mut checks: Vec<Check> = (1..=9).map(|n| link(&format!("l{n}"), Severity::Blocker)).collect();
    checks.push(link("l10", Severity::Minor));
    checks.push(check("other", 0, |_| {}));
    let mut night = Night::begin(outline(&["all"], checks));
    night.stage(0, |id, _| if id == "other" { refused() } else { filtered() });
    let works = || whole(|_| {});
    let answers = || ["here", "app2-a"].map(|place| asked(Question::Elsewhere, place, works())).to_vec();
    examined(&mut night, "l2", "app1-a", answers());
    examined(&mut night, "l3", "app1-a", answers());
    examined(&mut night, "other", "here", Vec::new());
    night
}

fn refused() -> Answer {
    let error =
        ConnectError { kind: ConnectErrorKind::Refused, errno: Some(111), offender: None, icmp: None };
    let address = "10.0.0.9:8443".parse().unwrap();
    let attempts = vec![Attempt { address, took_ms: 1.0, error: Some(error) }];
    broke(Layer::Tcp, Fault::Refused { attempts })
}

fn text(told: &Assessment<'_>, format: Format) -> String {
    format.render(told, &Options::default()).remove(0).text
}

#[test]
fn what_passes_and_shows_trouble_is_told_everywhere_and_the_verdict_stays() {
    let night = trouble_to_come();
    let told = assess(&night.run, night.now());
    assert_eq!(told.verdict, Verdict::Go);
    let all = "3 checks that passed show trouble to come: shop, orders, stock.";
    for format in [Format::Summary, Format::Markdown, Format::Html] {
        let shown = text(&told, format).split_whitespace().collect::<Vec<_>>().join(" ");
        for wanted in [
            all,
            "10.0.0.3 did not connect",
            "One of the addresses behind the name is dead.",
            "same cause as",
        ] {
            assert!(shown.contains(wanted), "{wanted} in {format:?}: {shown}");
        }
        let dead = shown.matches("The first name server of this host is dead").count();
        assert_eq!(dead, 1, "told once in {format:?}: {shown}");
    }
    for format in [Format::Tap, Format::Junit] {
        let shown = text(&told, format);
        assert!(shown.contains("cause One of the addresses behind the name is dead."), "{shown}");
        assert!(shown.contains("10.0.0.3 did not connect"), "which one is dead: {shown}");
        assert!(!shown.contains("not ok") && !shown.contains("<failure"), "{shown}");
    }
}

#[test]
fn a_handful_is_told_and_the_rest_counted() {
    let ids: Vec<String> = (0..30).map(|n| format!("shop-{n}")).collect();
    let mut night = Night::begin(outline(&["all"], ids.iter().map(|id| check(id, 0, |_| {})).collect()));
    night.stage(0, |_, _| Answer::Seen(whole(|seen| seen[0].took_ms = 2004.0)));
    for (n, id) in ids.iter().enumerate() {
        let servers = [(DEAD, Said::Silence), ("10.0.0.54", Said::Addresses)];
        let asked = names(id, &servers);
        examined(&mut night, id, "here", if n < 20 { vec![asked] } else { Vec::new() });
    }
    let told = assess(&night.run, night.now());
    let summary = text(&told, Format::Summary);
    assert!(summary.contains("LOOK AT, THOUGH IT PASSES (20)"), "{summary}");
    assert!(summary.contains("  and 15 more: see result.json"), "{summary}");
    assert_eq!(summary.matches("same cause as L1").count(), 4, "{summary}");
}

#[test]
fn nothing_is_said_of_trouble_where_there_is_none() {
    let mut night =
        Night::begin(outline(&["all"], ["shop", "localhost"].map(|id| check(id, 0, |_| {})).to_vec()));
    // A server on 127.0.0.1 alone: another family is not there at all, which is no trouble.
    night.stage(
        0,
        |id, _| if id == "shop" { Answer::Pass } else { Answer::Seen(half_dead("[::1]", "127.0.0.1")) },
    );
    let told = assess(&night.run, night.now());
    for format in Format::ALL {
        let shown: String =
            format.render(&told, &Options::default()).into_iter().map(|one| one.text).collect();
        assert!(!shown.to_lowercase().contains("look at, though"), "{format:?}: {shown}");
        assert!(!shown.contains("trouble"), "{format:?}: {shown}");
    }
}

#[test]
fn one_root_cause_is_told_once_and_first() {
    let night = one_cause();
    let told = assess(&night.run, night.now());
    for format in [Format::Summary, Format::Markdown, Format::Html] {
        let shown = text(&told, format).split_whitespace().collect::<Vec<_>>().join(" ");
        let causes = shown.matches("A firewall silently drops").count();
        assert_eq!(causes, 1, "{format:?}: {shown}");
    }
    let summary = text(&told, Format::Summary);
    let lines: Vec<&str> = summary.lines().filter(|line| line.starts_with("  B")).collect();
    let begins = ["  B1 l2", "  B2 other", "  B3 l1", "  B4 l3"];
    assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{lines:?}");
    // A handful with their message, the others in a line.
    assert_eq!(summary.matches("     same cause as B1").count(), 3 + 1, "{summary}");
    assert_eq!(summary.matches("  tcp TIMEOUT, same cause as B1").count(), 5, "{summary}");
    assert!(summary.contains("repair B1, B2, then look again: gonogo retest --failed"), "{summary}");
    assert!(text(&told, Format::Markdown).contains("same cause as B1 |"));
    assert!(text(&told, Format::Html).contains("same cause as <a href=\"#B1\">B1</a>"));
}

#[test]
fn the_gravest_tells_it_though_another_one_was_examined() {
    let mut checks = vec![link("minor", Severity::Minor)];
    checks.extend(["one", "two"].map(|id| link(id, Severity::Blocker)));
    let mut night = Night::begin(outline(&["all"], checks));
    night.stage(0, |_, _| filtered());
    let works = asked(Question::Elsewhere, "here", whole(|_| {}));
    examined(&mut night, "minor", "app1-a", vec![works]);
    let told = assess(&night.run, night.now());
    let summary = text(&told, Format::Summary);
    let blocker = summary.split("B1 one").nth(1).unwrap().split("B2 two").next().unwrap();
    assert!(blocker.contains("CAUSE") && blocker.contains("ALSO   minor from app1-a, two"), "{summary}");
    assert_eq!(summary.matches("same cause as B1").count(), 2, "{summary}");
}

#[test]
fn a_host_is_named_before_it_is_marked_where_there_is_little_room() {
    let night = one_cause();
    let told = assess(&night.run, night.now());
    let summary = text(&told, Format::Summary);
    let row =
        summary.lines().find(|line| line.starts_with("     app2-a")).unwrap_or_else(|| panic!("{summary}"));
    assert!(row.ends_with("<- itself"), "{row}");
    let page = text(&told, Format::Markdown);
    assert!(page.contains("| app2-a (itself) |"), "{page}");
}

/// Names that one name server fails for from one place, one from another place, and two that do not exist.
#[test]
fn a_name_server_that_fails_is_one_cause_whatever_the_name() {
    let ids = ["n1", "n2", "n3", "n4", "n5", "n6"];
    let named = |id: &str| {
        check(id, 0, |check| {
            check.from = vec!["app1-a".into()];
        })
    };
    let mut checks: Vec<Check> = ids.map(named).to_vec();
    checks.push(check("far", 0, |check| check.from = vec!["app1-b".into()]));
    checks.push(check("gone", 0, |check| check.from = vec!["app1-a".into()]));
    checks.push(check("lost", 0, |check| check.from = vec!["app1-a".into()]));
    let mut night = Night::begin(outline(&["all"], checks));
    let failure = |id: &str| Fault::ServerFailure { name: format!("{id}.int"), by: DEAD.to_owned() };
    let no_name = |id: &str| Fault::NameNotFound { name: format!("{id}.int"), by: DEAD.to_owned() };
    night.stage(0, |id, _| {
        broke(Layer::Dns, if matches!(id, "gone" | "lost") { no_name(id) } else { failure(id) })
    });
    for (id, vantage) in [("n3", "app1-a"), ("n5", "app1-a"), ("far", "app1-b")] {
        examined(&mut night, id, vantage, vec![names(&format!("{id}.int"), &[(DEAD, Said::ServerFailure)])]);
    }
    for id in ["gone", "lost"] {
        examined(&mut night, id, "app1-a", vec![names(&format!("{id}.int"), &[(DEAD, Said::NoName)])]);
    }
    let told = assess(&night.run, night.now());
    let explains = |id: &str| {
        let row = told.rows.iter().find(|row| &*row.check.id == id).unwrap();
        assert_eq!(row.judgement.outcome, Outcome::Fail);
        let cause = row.diagnoses.first().unwrap_or_else(|| panic!("{id} has no cause"));
        (cause.id.to_string(), cause.explains.join(", "))
    };
    let others = ["n1", "n2", "n4", "n5", "n6"].map(|id| format!("{id} from app1-a")).join(", ");
    assert_eq!(explains("n3"), ("dns-servfail".to_owned(), others));
    for id in ["n1", "n2", "n4", "n5", "n6", "far"] {
        assert_eq!(explains(id), ("dns-servfail".to_owned(), String::new()), "{id}");
    }
    // That a name does not exist is said of that name alone.
    for id in ["gone", "lost"] {
        assert_eq!(explains(id), ("dns-nxdomain".to_owned(), String::new()), "{id}");
    }
    let summary = text(&told, Format::Summary);
    assert_eq!(summary.matches("The name server is broken").count(), 2, "once a place: {summary}");
}
