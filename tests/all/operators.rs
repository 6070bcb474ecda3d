//! Operators on the served page: who may say something, that it is in the journal as they stated it, and nobody else's.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::program::Program;
use crate::support::server::{Server, json};

/// `mark` is there when the major check is to pass.
const PLAN: &str = "
gonogo: 1
name: night
zone: UTC
window: { start: START, must_be_up_by: END }
people:
  web: { name: Web team }
  relmgr: { name: Release manager, decides: true, deputy: web }
checks:
  - { id: seen, owner: web, manual: { steps: [look at the page] } }
  - { id: tried, owner: web, severity: major, command: { argv: [test, -e, mark] } }
  - { id: strict, owner: web, command: { argv: [test, -e, strict] } }
stages:
  - { id: app, owner: web, undo: 10m, votes: [web], checks: [seen, tried, strict] }
";
const READER: &str = "the-token-of-those-who-read";
const OPERATOR: &str = "the-token-of-those-who-speak";

/// A night after its first run, and its server.
fn night() -> (Program, Server) {
    let now = jiff::Timestamp::now();
    let moment =
        |hours| (now + jiff::SignedDuration::from_hours(hours)).strftime("%Y-%m-%d %H:%M").to_string();
    let program = Program::with_plan(&PLAN.replace("START", &moment(-1)).replace("END", &moment(10)));
    program.write("reader", READER);
    program.write("operator", OPERATOR);
    program.run(&["run"]).code(1);
    let server = Server::start(&program, &["--token-file", "reader", "--operator-token-file", "operator"]);
    server.until_as(READER, "/gate", |got| got.1.starts_with("NO-GO: "));
    (program, server)
}

/// What curl is told, with the operator's token.
fn say(server: &Server, form: &str) -> (u16, String) {
    let bearer = format!("Authorization: Bearer {OPERATOR}");
    server.get("/say", &["-H", &bearer, "-d", form])
}

/// How many events of this kind the journal has.
fn events(program: &Program, kind: &str) -> usize {
    program.journal().matches(&format!("\"event\":\"{kind}\"")).count()
}

#[test]
fn what_an_operator_says_is_in_the_journal_under_the_stated_name() {
    let (program, server) = night();
    for (form, event, line) in [
        (
            "word=record&check=seen&answer=pass&by=web&evidence=order+42",
            "recorded",
            "recorded: seen pass, says web",
        ),
        ("word=accept&check=tried&because=known&by=Web+team", "accepted", "accepted: tried, by Web team"),
        (
            "word=waive&check=strict&until=2999-01-01&because=known&by=relmgr",
            "waived",
            "waived: strict until 2999-01-01",
        ),
        ("word=vote&stage=app&vote=go&by=web&because=", "voted", "voted: Web team says go to stage app"),
        ("word=note&text=the+bridge+is+open&by=web", "note", "noted"),
        ("word=extend&until=2999-01-01+08:00&granted_by=relmgr", "extended", "extended until"),
        ("word=handover&to=relmgr&by=web", "handover", "handed over: from Web team to Release manager"),
        ("word=decide&decision=go&by=relmgr", "decided", "decided: Release manager says go"),
        ("word=decide&decision=rollback&by=web", "decided", "decided: Web team says roll back"),
        ("word=rollback-start&by=web", "rollback", "rollback: it begins"),
        ("word=rollback-undone&stage=app&by=web", "rollback", "rollback: stage app is undone"),
        ("word=rollback-done&by=web", "rollback", "rollback: done"),
    ] {
        let before = events(&program, event);
        let (status, told) = say(&server, form);
        assert_eq!((status, told.starts_with(line)), (200, true), "{form}: {told}");
        assert_eq!(events(&program, event), before + 1, "{form}");
    }
    let log = program.run(&["log"]);
    assert!(log.code(0).stdout.contains("typed by the page at 127.0.0.1, served by "), "{}", log.stdout);
    for canary in [READER, OPERATOR] {
        assert!(!program.journal().contains(canary) && !log.stdout.contains(canary));
    }
    // As JSON too, in and out.
    let bearer = format!("Authorization: Bearer {OPERATOR}");
    let body = r#"{"word":"note","text":"by a program","by":"web"}"#;
    let more =
        ["-H", &bearer, "-H", "Content-Type: application/json", "-H", "Accept: application/json", "-d", body];
    let (status, told) = server.get("/say", &more);
    assert_eq!(
        (status, &json(&told)["said"], &json(&told)["go"]),
        (200, &"noted".into(), &false.into()),
        "{told}"
    );
}

#[test]
fn what_may_not_be_said_is_not_recorded() {
    let (program, server) = night();
    let before = program.journal();
    for (form, status, words) in [
        ("word=accept&check=strict&because=no&by=web", 409, "nobody can simply accept it"),
        ("word=accept&check=tried&because=no&by=wob", 409, "not one of the plan's people"),
        ("word=accept&check=tried&by=web", 400, "because"),
        ("word=accept&check=tried&because=no&by=web&sudo=1", 400, "sudo"),
        ("word=vote&stage=app&vote=maybe&by=web", 400, "maybe"),
        ("word=vote&stage=app&vote=go&by=relmgr", 409, "has no vote on stage app"),
        ("word=decide&decision=go&by=relmgr", 409, "the run stands at NO-GO"),
        (
            "word=waive&check=strict&until=2999-01-01&because=no&by=nobody",
            409,
            "not one of the plan's people",
        ),
        ("word=rollback-done&by=web", 409, "not being rolled back"),
        ("word=sudo&by=web", 400, "`word` is one of accept, decide"),
        ("by=web", 400, "`word` is one of"),
        ("", 400, "`word` is one of"),
        ("%ff%fe=%00&word=note&text=%3Cscript%3E", 400, "nothing was recorded"),
    ] {
        let (got, told) = say(&server, form);
        assert_eq!(
            (got, told.contains(words), told.contains("nothing was recorded")),
            (status, true, true),
            "{form}: {told}"
        );
    }
    // Nobody else, however they ask.
    let form = "word=note&text=no&by=web";
    let reader = format!("Authorization: Bearer {READER}");
    let operator = format!("Authorization: Bearer {OPERATOR}");
    for (more, status) in [
        (vec![], 401),
        (vec!["-H", "Authorization: Bearer nonsense-of-some-length"], 401),
        (vec!["-H", &reader], 401),
        (vec!["-H", &operator, "-H", "Origin: http://evil.example"], 403),
        (vec!["-H", &operator, "-H", "Origin: null"], 403),
        (vec!["-H", &operator, "-H", "Host: evil.example"], 421),
        (vec!["-H", &operator, "-X", "PUT"], 405),
    ] {
        assert_eq!(server.get("/say", &[&["-d", form], more.as_slice()].concat()).0, status, "{more:?}");
    }
    let jar = program.path("jar");
    let jar = jar.to_str().unwrap();
    assert_eq!(server.get("/login", &["-c", jar, "-d", &format!("token={OPERATOR}")]).0, 303);
    assert_eq!(server.get("/say", &["-b", jar]).0, 200);
    assert_eq!(server.get("/say", &["-b", jar, "-d", form]).0, 403, "a cookie without an Origin");
    assert_eq!(program.journal(), before);
    // Without a token of operators nobody writes, on this machine either.
    let read_only = Server::start(&program, &[]);
    read_only.until("/gate", |got| got.0 == 409);
    let (status, told) = say(&read_only, form);
    assert!(status == 404 && told.contains("--operator-token-file"), "{status} {told}");
    let same = program.run(&["serve", "--token-file", "reader", "--operator-token-file", "reader"]);
    assert!(same.code(2).stderr.contains("every reader could decide"), "{}", same.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_accepts_on_the_page_and_a_reader_cannot() {
    let Some(browser) = Browser::start().await else { return };
    let (program, server) = night();
    let page = |path: &str| format!("http://{}{path}", server.address);
    let text = async || {
        let text = browser.script("return document.body.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    };
    let until = async |words: &str| {
        let began = Instant::now();
        while !text().await.contains(words) {
            assert!(began.elapsed() < Duration::from_secs(20), "{words}: {}", text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let log_in = async |token: &str| {
        let fill = format!(
            "document.getElementById('token').value = '{token}'; document.querySelector('form button').click()"
        );
        browser.script(&fill).await;
    };
    browser.open(&page("/")).await;
    log_in(READER).await;
    until("Operators: record").await;
    browser.open(&page("/say")).await;
    until("Operator's token").await;
    assert_eq!(browser.script("return document.querySelectorAll('.desk').length").await, 0);
    log_in("nonsense-of-some-length").await;
    until("This is not the token").await;
    browser.open(&page("/say")).await;
    log_in(OPERATOR).await;
    until("Does not pass").await;
    let say = "const form = document.querySelector('form[aria-label=\"accept tried\"]');
        form.elements.because.value = '<b>known</b>';
        form.elements.by.value = 'web';
        form.querySelector('button').click()";
    browser.script(say).await;
    until("tried is accepted as it is, says web, because <b>known</b>").await;
    assert_eq!(events(&program, "accepted"), 1);
    assert_eq!(
        browser.script("return document.querySelector('form[aria-label^=\"note\"]').elements.by.value").await,
        "web"
    );
    // What is refused is told where it was said, and nothing is lost of the rest.
    browser.script("const form = document.querySelector('form[aria-label^=\"decide\"]'); form.elements.by.value = 'relmgr'; form.querySelector('button').click()").await;
    until("Nothing was recorded: the run stands at NO-GO").await;
    assert_eq!(events(&program, "decided"), 0);
    for (width, name) in [(390, "phone"), (1280, "laptop")] {
        browser.screen(width, 900, "light").await;
        browser.picture(&format!("desk-{name}")).await;
        let wider = browser.script("return document.documentElement.scrollWidth > innerWidth").await;
        assert_eq!(wider, Value::Bool(false), "{name}");
    }
    let unnamed = "return [...document.querySelectorAll('input:not([type=hidden]), select, button')]
        .filter(it => !(it.labels?.length || it.innerText)).map(it => it.outerHTML).join()";
    assert_eq!(browser.script(unnamed).await, "");
    // A refusal and a wrong token are answers that the console tells of; nothing else may be there.
    let console = browser.console().await;
    assert!(console.iter().all(|line| line.contains("401") || line.contains("409")), "{console:?}");
    browser.end().await;
}
