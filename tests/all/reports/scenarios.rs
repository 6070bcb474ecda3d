//! The nights that reports are tried on.

use gonogo::journal::event::Selection;
use gonogo::model::fault::{Distrust, Fault, ServerError};
use gonogo::model::layer::Layer;
use gonogo::model::outcome::Outcome;
use gonogo::model::outline::{Check, Outline, Severity};
use gonogo::model::permission::{AppError, Class, Consequence, Counts, Finding, FindingId, Repair};
use gonogo::model::window::Extension;

use super::causes;
use crate::night::{
    Answer, Night, blind, broke, check, deferred, differs, filtered, outline, waiver, with_window,
};

const STAGES: [&str; 4] =
    ["db-split: Database split", "app2: Application 2", "app1: Application 1", "landing: Landing test"];

/// Every scenario by name.
pub(crate) fn all() -> Vec<(&'static str, Night)> {
    vec![
        ("go", go()),
        ("go-with-issues", go_with_issues()),
        ("provisional", provisional()),
        ("hold", hold()),
        ("no-go", no_go()),
        ("revoked", revoked()),
        ("settled", settled()),
        ("could-not-look", could_not_look()),
        ("left-out", left_out()),
        ("interrupted", interrupted()),
        ("stages-missing", stages_missing()),
        ("waived-and-flaky", waived_and_flaky()),
        ("hostile", hostile()),
        ("many-failures", many_failures()),
        ("long-names", long_names()),
        ("permissions", permissions()),
        ("no-stage", Night::begin(plan())),
        ("trouble-to-come", causes::trouble_to_come()),
        ("one-cause", causes::one_cause()),
        ("clock", clock()),
        ("clock-tight", clock_tight()),
        ("clock-overdue", clock_overdue()),
        ("clock-up", clock_up()),
    ]
}

fn link(change: impl FnOnce(&mut Check)) -> Check {
    check("app1-to-app2", 2, |check| {
        check.title = Some("Application 1 reaches Application 2".to_owned());
        check.target = "https://app2.int:8443/api/version".to_owned();
        check.from = ["app1-a", "app1-b", "app2-a", "here"].map(Into::into).to_vec();
        check.owner = Some("web".to_owned());
        change(check);
    })
}

fn plan() -> Outline {
    outline(
        &STAGES,
        vec![
            check("orders-login", 0, |check| {
                check.kind = "postgres".to_owned();
                check.target = "postgres://orders-db.int/orders".to_owned();
                check.owner = Some("dba".to_owned());
            }),
            check("stock-login", 0, |check| check.owner = Some("dba".to_owned())),
            check("app2-status", 1, |check| {
                check.severity = Severity::Minor;
                check.owner = Some("back".to_owned());
                check.target = "https://app2.int:8443/status".to_owned();
            }),
            check("app2-health", 1, |check| check.owner = Some("back".to_owned())),
            link(|check| {
                check.stage = 1;
                deferred(check, 2, "app1 is not up yet");
            }),
            check("app1-front", 2, |check| check.owner = Some("web".to_owned())),
            check("client-landing-order", 3, |check| {
                check.kind = "manual".to_owned();
                check.target = "a person".to_owned();
                check.title = Some("Log in as test1, place an order, see it in the list".to_owned());
                check.layers = vec![Layer::Payload];
                check.manual = true;
                check.owner = Some("client".to_owned());
            }),
        ],
    )
}

fn old_version(id: &str) -> Answer {
    if id == "app2-status" { differs("$.version", "4.2.0", "4.1.9") } else { Answer::Pass }
}

/// The plan of September 2007 with its times, up by a moment of that night.
fn timed(must_be_up_by: &str) -> Outline {
    with_window(plan(), must_be_up_by)
}

/// The story at half past two, the database and application 2 done.
fn clock() -> Night {
    let mut night = Night::begin(timed("2007-09-23T07:00-04:00"));
    night.stage(0, |_, _| Answer::Pass).stage(1, |id, _| old_version(id));
    night
}

/// Application 1 does not reach application 2, an extension is asked for, and there is no way back from the landing.
fn clock_tight() -> Night {
    let mut plan = timed("2007-09-23T05:00-04:00");
    plan.stages[3].irreversible = true;
    let mut night = Night::begin(plan);
    let until = "2007-09-23T06:00-04:00".parse().expect("an instant");
    night.extend(Extension { until, granted: false });
    night.stage(0, |_, _| Answer::Pass).stage(1, |_, _| Answer::Pass);
    night.stage(2, |id, vantage| {
        if id == "app1-to-app2" && vantage.starts_with("app1") { filtered() } else { Answer::Pass }
    });
    night
}

/// On hold, and the last moment to decide has passed.
fn clock_overdue() -> Night {
    let mut night = Night::begin(timed("2007-09-23T04:15-04:00"));
    night.stage(0, |_, _| Answer::Pass).stage(1, |_, _| Answer::Pass).stage(2, |_, _| Answer::Pass);
    night.stage(3, |id, _| match id {
        "client-landing-order" => Answer::NotRun("a person has not recorded it yet".to_owned()),
        _ => Answer::Pass,
    });
    night
}

/// Everything is up before the deadline, after the last moment to decide.
fn clock_up() -> Night {
    let mut night = clock_overdue();
    night.record("client-landing-order", Outcome::Pass, "order 4711");
    night
}

fn go() -> Night {
    let mut night = Night::begin(plan());
    night.stage(0, |_, _| Answer::Pass);
    night
}

fn provisional() -> Night {
    let mut night = go();
    night.stage(1, |id, _| old_version(id));
    night
}

fn go_with_issues() -> Night {
    let mut plan = plan();
    plan.stages.truncate(2);
    plan.checks.retain(|check| check.stage < 2 && check.defer.is_none());
    let mut night = Night::begin(plan);
    night.stage(0, |_, _| Answer::Pass).stage(1, |id, _| old_version(id)).finish(false);
    night
}

fn no_go() -> Night {
    let mut plan = plan();
    for check in &mut plan.checks {
        check.defer = None;
        check.stage = if &*check.id == "app1-to-app2" { 2 } else { check.stage };
    }
    let mut night = Night::begin(plan);
    night.stage(0, |_, _| Answer::Pass).stage(1, |_, _| Answer::Pass).stage(2, |id, vantage| {
        if id == "app1-to-app2" && vantage.starts_with("app1") { filtered() } else { Answer::Pass }
    });
    night
}

fn revoked() -> Night {
    let mut night = provisional();
    night.stage(2, |id, vantage| {
        if id == "app1-to-app2" && vantage.starts_with("app1") { filtered() } else { Answer::Pass }
    });
    night
}

fn settled() -> Night {
    let mut night = provisional();
    night.stage(2, |_, _| Answer::Pass);
    night
}

fn hold() -> Night {
    let mut night = settled();
    night.stage(3, |id, _| match id {
        "client-landing-order" => Answer::NotRun("a person has not recorded it yet".to_owned()),
        _ => Answer::Pass,
    });
    night
}

fn could_not_look() -> Night {
    let mut plan = plan();
    plan.checks[1].needs = vec!["orders-login".into()];
    plan.checks[0].severity = Severity::Major;
    plan.checks.insert(2, check("replica-lag", 0, |check| check.severity = Severity::Minor));
    let mut night = Night::begin(plan);
    night.stage(0, |id, _| match id {
        "orders-login" => blind(),
        "stock-login" => Answer::NotRun("it needs orders-login, which could not be looked at".to_owned()),
        _ => Answer::Silent,
    });
    night
}

fn left_out() -> Night {
    let selection = Selection { only: vec!["stock-*".to_owned()], ..Selection::default() };
    let mut night = Night::begin_selected(plan(), selection);
    night.stage(0, |_, _| Answer::Pass);
    night
}

fn interrupted() -> Night {
    let mut night = Night::begin(plan());
    night.stage(0, |id, _| match id {
        "orders-login" => Answer::Pass,
        _ => Answer::NotRun("the run was interrupted before it had answered".to_owned()),
    });
    night.finish(true);
    night
}

fn stages_missing() -> Night {
    let mut night = Night::begin(plan());
    night.stage(0, |id, _| if id == "stock-login" { filtered() } else { Answer::Pass });
    night.stage(2, |_, _| Answer::Pass);
    night
}

fn waived_and_flaky() -> Night {
    let mut plan = plan();
    plan.waivers = vec![
        waiver("app2-status", "2007-09-30"),
        waiver("orders-login", "2007-09-30"),
        waiver("app2-health", "2007-09-01"),
    ];
    plan.checks.push(check("app2-metrics", 1, |check| check.severity = Severity::Info));
    let mut night = Night::begin(plan);
    night.stage(0, |_, _| Answer::Pass);
    night.stage(1, |id, _| match id {
        "app2-health" => Answer::Flaky(3, "refused 10.0.0.9:5432 (ECONNREFUSED)".to_owned()),
        "app2-metrics" => broke(Layer::Auth, Fault::Forbidden { status: 403 }),
        id => old_version(id),
    });
    night
}

fn hostile() -> Night {
    let evil = "\x1b[31mred\x1b]0;owned\x07 \0 ]]> \u{202e}gpj.exe ::error file=x::pwned\n::set-output name=go::true \
                ##vso[task.complete result=Succeeded;] ##[endgroup] @everyone <script>alert(1)</script> `a|b` \\|x | \
                [click](http://evil.example) \u{fffe}\u{85} &amp; %0A::error::y";
    let mut plan = plan();
    plan.name = "r\u{e9}lease <script> \u{202e}!!".to_owned();
    plan.stages[0].title = Some("S\u{e9}paration | des `bases` @dba ::error::x \u{1f525}".to_owned());
    plan.checks[0].title = Some("<b>bold</b> | ::error::t".to_owned());
    plan.checks[0].target = format!("https://h.int/{evil}");
    plan.checks.insert(2, check("orders-rows", 0, |check| check.severity = Severity::Major));
    plan.checks.insert(3, check("orders-tls", 0, |check| check.severity = Severity::Minor));
    let mut night = Night::begin(plan);
    let text = evil.to_owned();
    night.stage(0, move |id, _| match id {
        "orders-login" => broke(
            Layer::Auth,
            Fault::LoginRefused(Box::new(ServerError {
                sqlstate: "::er".to_owned(),
                message: text.clone(),
                hint: Some("\r\n::error::hint".to_owned()),
                ..ServerError::default()
            })),
        ),
        "stock-login" => differs("$.user", "admin", "\u{430}dmin"),
        "orders-rows" => differs("body", "ok", &text.repeat(40)),
        "orders-tls" => broke(
            Layer::Tls,
            Fault::Distrusted {
                reasons: vec![
                    Distrust::Expired { not_after: "2007-09-01T00:00:00Z".to_owned() },
                    Distrust::Other { said: text.clone() },
                ],
                chain: Vec::new(),
                verifier: "x".to_owned(),
            },
        ),
        _ => Answer::Pass,
    });
    night
}

fn many_failures() -> Night {
    let checks = (0..200).map(|number| {
        check(&format!("shop-{number:03}"), 0, |check| {
            check.owner = Some(if number % 2 == 0 { "web" } else { "back" }.to_owned());
            check.severity = if number % 10 == 0 { Severity::Major } else { Severity::Blocker };
            check.place.line = 10 + number;
        })
    });
    let mut night = Night::begin(outline(&["all"], checks.collect()));
    night.stage(0, |_, _| filtered());
    night
}

fn long_names() -> Night {
    let id = |letter: &str| format!("{}-to-{}", letter.repeat(28), letter.repeat(28));
    let vantages: Vec<std::sync::Arc<str>> =
        (0..12).map(|number| format!("a-very-long-name-of-a-host-in-montreal-{number}").into()).collect();
    let mut plan = outline(
        &[
            "a-stage-with-a-name-of-sixty-characters-that-somebody-thought-ok: \u{41f}\u{440}\u{43e}\u{432}\u{435}\u{440}\u{43a}\u{430} \u{2014} na\u{ef}ve \u{65e5}\u{672c}",
        ],
        vec![
            check(&id("a"), 0, |check| {
                check.from = vantages.clone();
                check.owner = Some(
                    "\u{c9}quipe des tr\u{e8}s longs noms de responsables \u{e0} Montr\u{e9}al".to_owned(),
                );
                check.target = format!("https://{}.example/{}", "host".repeat(12), "path/".repeat(30));
            }),
            check(&id("b"), 0, |check| check.severity = Severity::Minor),
        ],
    );
    plan.people.clear();
    let mut night = Night::begin(plan);
    night.stage(0, |id, vantage| {
        if id.starts_with('b') {
            differs("$.name", "Zo\u{eb}", "Zoe\u{308}")
        } else if vantage.ends_with('1') {
            Answer::Pass
        } else {
            filtered()
        }
    });
    night
}

/// A difference of permissions, with consequences and a repair.
fn finding(id: FindingId, severity: Severity, about: &str, message: &str, sql: Option<&str>) -> Finding {
    let (subject, grantee) = about.split_once(' ').unwrap_or((about, "app"));
    Finding {
        id: id.name().into(),
        class: Class::Missing,
        subject: subject.to_owned(),
        grantee: Some(grantee.to_owned()),
        privilege: Some("SELECT".to_owned()),
        direct: true,
        effective: true,
        severity,
        message: message.to_owned(),
        used: None,
        app_error: Some(AppError {
            sqlstate: "42501".into(),
            message: format!("permission denied for {subject}"),
        }),
        consequences: Vec::new(),
        consequences_left_out: Counts::default(),
        opened_left_out: 0,
        fix_left_out: 0,
        fix: sql
            .map(|sql| Repair {
                run_as: "admin".to_owned(),
                database: "billing".to_owned(),
                sql: sql.to_owned(),
                undo: None,
            })
            .into_iter()
            .collect(),
        expected: None,
        key: format!("missing:{about}:SELECT"),
    }
}

/// What a copy lost, more than anybody reads; names made to break reports; and what a map excepts.
fn permissions() -> Night {
    let evil =
        "table:x.\"\r\n::error::y\n]]> `a|b` | <b> \x1b[31mred @everyone ##[endgroup]\" app\n::warning::z";
    let mut plan = plan();
    for id in ["grants-billing", "grants-hostile", "grants-many", "grants-rules"] {
        plan.checks.insert(
            2,
            check(id, 0, |check| {
                check.kind = "grants".to_owned();
                check.target = "postgres://billing-db.int/billing".to_owned();
                check.layers = vec![Layer::Dns, Layer::Tcp, Layer::Auth, Layer::Payload];
                check.owner = Some("dba".to_owned());
                if id == "grants-rules" {
                    check.severity = Severity::Minor;
                }
            }),
        );
    }
    let consequence = |id: FindingId, severity, message: &str| Consequence {
        id: id.name().into(),
        subject: "table:shop.t".to_owned(),
        grantee: None,
        privilege: None,
        severity,
        message: message.to_owned(),
    };
    let mut copy = finding(
        FindingId::CopyWithoutCreate,
        Severity::Blocker,
        "copy:without_create",
        "looks like a copy without --create (plain pg_dump, or TEMPLATE): the database's own grants, settings stayed behind",
        Some("GRANT CONNECT ON DATABASE \"billing\" TO \"app\""),
    );
    copy.fix.extend(copy.fix.clone());
    copy.consequences = vec![consequence(
        FindingId::OpenedToPublic,
        Severity::Blocker,
        "PUBLIC is now granted CONNECT on the database",
    )];
    let lost = |number: u32| format!("app{number} can no longer SELECT on table shop.t{number}");
    copy.consequences.extend(
        (0..11).map(|number| consequence(FindingId::EffectiveChanged, Severity::Minor, &lost(number))),
    );
    copy.consequences_left_out = Counts { minor: 30, ..Counts::default() };
    let mut meant =
        finding(FindingId::GrantMissing, Severity::Blocker, "table:shop.meant etl", "not told", None);
    meant.expected = Some("etl moves, CHG-1234".to_owned());
    let billing = vec![
        copy,
        finding(
            FindingId::HbaChanged,
            Severity::Blocker,
            "pg_hba:app",
            "no line of pg_hba.conf lets app in; before: host all app 10.0.0.0/8 scram-sha-256",
            None,
        ),
        finding(FindingId::ExceptionUnneeded, Severity::Info, "expect:table:x", "covers nothing", None),
        meant,
    ];
    let hostile = vec![finding(
        FindingId::GrantMissing,
        Severity::Blocker,
        evil,
        &format!("{evil} is lost"),
        Some("GRANT SELECT ON TABLE \"x\".\"\r\n]]>`|\x1b[31m ::error::q\" TO \"a\n::error::t\""),
    )];
    let many = (0..300).map(|number| {
        let about = format!("table:shop.t{number:03} app");
        let sql = format!("GRANT SELECT ON TABLE \"shop\".\"t{number:03}\" TO \"app\"");
        let message =
            format!("app is no longer granted SELECT on table shop.t{number:03}{}", " and so on".repeat(20));
        let severity = if number < 250 { Severity::Blocker } else { Severity::Major };
        finding(FindingId::GrantMissing, severity, &about, &message, Some(&sql))
    });
    let many: Vec<Finding> = many.collect();
    let mut night = Night::begin(plan);
    night.stage(0, move |id, _| {
        let differ = |findings: &[Finding], left_out| {
            broke(Layer::Payload, Fault::PermissionsDiffer { findings: findings.to_vec(), left_out })
        };
        match id {
            "grants-billing" | "grants-rules" => differ(&billing, Counts::default()),
            "grants-hostile" => differ(&hostile, Counts::default()),
            "grants-many" => differ(&many, Counts { major: 7, minor: 2, ..Counts::default() }),
            _ => Answer::Pass,
        }
    });
    night
}

/// So many checks over two stages: owed, waived, failing, passing.
pub(crate) fn large(number: u32) -> Night {
    let checks = (0..number).map(|number| {
        check(&format!("check-{number:05}"), usize::from(number % 3 == 0), |check| match number % 7 {
            1 => deferred(check, 1, "not up yet"),
            2 => check.severity = Severity::Minor,
            _ => {}
        })
    });
    let mut plan =
        outline(&["one", "two"], checks.filter(|check| check.stage == 0 || check.defer.is_none()).collect());
    plan.waivers = vec![waiver("check-00001", "2007-09-30")];
    let mut night = Night::begin(plan);
    for stage in 0..2 {
        night.stage(stage, |id, _| if id.ends_with('5') { filtered() } else { Answer::Pass });
    }
    night
}

/// One recorded by a person.
pub(super) fn recorded() -> Night {
    let mut night = hold();
    night.record("client-landing-order", Outcome::Pass, "order 4711 is in the list");
    night
}
