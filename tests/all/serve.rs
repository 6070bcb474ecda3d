//! The newest run over HTTP: what gates and readers are told, who is let in, and that nobody misses an event.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::browser::Browser;
use crate::support::program::{Program, count};
use crate::support::server::{Server, json};

const PLAN: &str = "
gonogo: 1
name: night
checks:
  - { id: mark, command: { argv: [test, -e, mark] } }
  - { id: other, severity: minor, command: { argv: ['true'] } }
stages:
  - { id: first, checks: [other] }
  - { id: second, checks: [mark] }
";
const TOKEN: &str = "a-token-that-nobody-guesses";

#[test]
fn a_gate_is_open_only_while_the_newest_run_is_go() {
    let program = Program::with_plan(PLAN);
    let server = Server::start(&program, &[]);
    assert_eq!(server.get("/gate", &[]).0, 503, "nothing is recorded");
    assert_eq!(server.get("/verdict", &[]).0, 503);
    assert!(server.get("/", &[]).1.contains("No run is recorded yet"));
    assert_eq!(server.get("/healthz", &[]), (200, "ok\n".to_owned()));

    program.run(&["run"]).code(1);
    // Until it was read to its end, it is a run that goes on.
    server.until("/gate", |got| got.0 == 409 && got.1.starts_with("NO-GO: "));
    let verdict = json(&server.get("/verdict", &[]).1);
    assert_eq!((&verdict["verdict"], &verdict["go"]), (&"no_go".into(), &false.into()));
    assert_eq!(json(&server.get("/verdict?stage=first", &[]).1)["verdict"], "go");
    assert_eq!(server.get("/gate?stage=first", &["-d", "{}"]).0, 200, "Flagger sends what it is about");
    assert_eq!(server.get("/gate?stage=second", &[]).0, 409);
    let (status, unknown) = server.get("/gate?stage=third", &[]);
    assert!(status == 404 && unknown.contains("its stages are first, second"), "{status} {unknown}");

    program.write("mark", "");
    program.run(&["run"]).code(0);
    let (_, open) = server.until("/gate", |got| got.0 == 200);
    assert!(open.starts_with("GO: "), "{open}");
    let result = json(&server.get("/result.json", &[]).1);
    let status = json(&program.run(&["status", "--format", "json"]).stdout);
    for key in ["schema", "run", "verdict", "go", "counts", "checks", "stages"] {
        assert_eq!(result[key], status[key], "{key}");
    }
    assert!(server.get("/metrics", &[]).1.contains("gonogo_"), "metrics");
    let page = server.get("/", &[]).1;
    assert!(page.contains("<!DOCTYPE html>") && page.contains("night"), "{page}");
}

#[test]
fn a_gate_is_shut_while_a_run_goes_on_and_when_it_is_old() {
    let program = Program::with_plan(&PLAN.replace("[test, -e, mark]", "[sleep, '2']"));
    let server = Server::start(&program, &["--max-age", "4s"]);
    let mut run = program.start(&["run"]);
    let (_, shut) = server.until("/gate", |got| got.0 == 409);
    assert!(shut.starts_with("HOLD: a run goes on"), "{shut}");
    assert_eq!(json(&server.get("/verdict", &[]).1)["running"], true);
    assert!(server.get("/", &[]).1.contains("A run goes on"));
    run.wait().unwrap();
    server.until("/gate", |got| got.0 == 200);
    let (_, old) = server.until("/gate", |got| got.0 == 409);
    assert!(old.starts_with("HOLD: nothing was looked at for"), "{old}");
}

#[test]
fn a_journal_that_cannot_be_read_is_never_a_go() {
    let program = Program::with_plan(PLAN);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let server = Server::start(&program, &[]);
    let run = json(&server.until("/verdict", |got| got.0 == 200).1)["run"].as_str().unwrap().to_owned();
    assert_eq!(server.until("/gate", |got| got.0 == 200).0, 200);
    // A line that follows nothing; then, beside a sound one again, a newer run that cannot be read.
    let journal = program.path(&format!(".gonogo/runs/{run}/journal.jsonl"));
    let sound = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, [&sound, &b"{}\n"[..]].concat()).unwrap();
    never_a_go(&server);
    std::fs::write(&journal, &sound).unwrap();
    server.until("/gate", |got| got.0 == 200);
    let newer = program.path(".gonogo/runs/20991231-235959-ffff");
    std::fs::create_dir(&newer).unwrap();
    std::fs::write(newer.join("journal.jsonl"), "nonsense\n".repeat(100)).unwrap();
    never_a_go(&server);
}

fn never_a_go(server: &Server) {
    let (_, held) = server.until("/gate", |got| got.0 == 409);
    assert!(held.starts_with("HOLD: the journal cannot be read: "), "{held}");
    assert_eq!(server.get("/healthz", &[]).0, 503);
    for _ in 0..20 {
        assert_eq!(server.get("/gate", &[]).0, 409, "it is held, and not now and then");
        assert_eq!(json(&server.get("/result.json", &[]).1)["go"], false);
    }
    assert!(server.get("/metrics", &[]).1.contains("gonogo_run_go{plan=\"night\"} 0"));
    assert!(server.get("/", &[]).1.contains("What follows may be old: "), "the page says so too");
}

#[test]
fn nobody_misses_an_event() {
    let program = Program::with_plan(PLAN);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let last = u64::try_from(program.journal().lines().count()).unwrap() - 1;
    let server = Server::start(&program, &[]);
    let run = json(&server.until("/verdict", |got| got.0 == 200).1)["run"].as_str().unwrap().to_owned();
    let after = |seq: u64| server.numbers(&format!("?after={run}:{seq}"), last);
    assert_eq!(after(0), (1..=last).collect::<Vec<_>>());
    assert_eq!(after(last - 2), [last - 1, last]);
    let request =
        format!("GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {run}:{}\r\n\r\n", last - 1);
    let mut head = [0; 2048];
    let read = server.send(request.as_bytes()).read(&mut head).unwrap();
    assert!(String::from_utf8_lossy(&head[..read]).contains("text/event-stream"));
    // Of another run, or of none: the page is loaded anew.
    for other in ["20200101-000000-abcd:3", "nonsense", "x:y"] {
        let request = format!("GET /events?after={other} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut stream = BufReader::new(server.send(request.as_bytes()));
        let mut text = String::new();
        while !text.contains("retry:") && stream.read_line(&mut text).unwrap() > 0 {}
        if other.contains(":3") {
            while !text.contains("reload") && stream.read_line(&mut text).unwrap() > 0 {}
            assert!(text.contains("event: reload"), "{text}");
        }
    }
    // Live: what people say comes at once, to everybody.
    let began = Instant::now();
    let (said, numbers) = std::thread::scope(|scope| {
        let readers_of_next: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| server.numbers(&format!("?after={run}:{last}"), last + 1)))
            .collect();
        program.run(&["note", "the bridge is open", "--by", "Ada"]).code(0);
        (
            began.elapsed(),
            readers_of_next.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>(),
        )
    });
    assert!(numbers.iter().all(|numbers| *numbers == [last + 1]), "{numbers:?} after {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_the_night_by_itself() {
    let Some(browser) = Browser::start().await else { return };
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    let server = Server::start(&program, &[]);
    server.until("/verdict", |got| got.0 == 200);
    browser.open(&format!("http://{}/", server.address)).await;
    let shows = async |words: &str| {
        let began = Instant::now();
        let text = "return document.body.innerText.toLowerCase()";
        while !browser.script(text).await.as_str().unwrap().contains(words) {
            assert!(began.elapsed() < Duration::from_secs(20), "{words}: {}", browser.script(text).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    shows("no-go").await;
    shows("connected: this page is live").await;
    program.run(&["note", "the bridge is open", "--by", "Ada"]).code(0);
    shows("note: the bridge is open").await;
    // Another run: the page changes over to it, and the filters still work.
    program.write("mark", "");
    program.run(&["run"]).code(0);
    shows("passed 2 of 2").await;
    let gone = browser.script("return document.body.innerText.includes('NO-GO')").await;
    assert_eq!(gone, false, "nothing is left of the run before");
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
    browser.end().await;
}

#[test]
fn strangers_are_not_let_in() {
    let program = Program::with_plan(PLAN);
    program.write("token", &format!("{TOKEN}\n"));
    let refused = |arguments: &[&str], words: &str| {
        let ended = program.run(&[&["serve"], arguments].concat());
        assert!(ended.code(2).stderr.contains(words), "{}", ended.stderr);
        assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
    };
    refused(&["--listen", "0.0.0.0:0"], "there is no token");
    refused(&["--listen", "0.0.0.0:0", "--token-file", "token"], "clear text");
    refused(&["--token-file", "nowhere"], "nowhere: No such file");
    program.write("short", "abc");
    refused(&["--token-file", "short"], "it could be guessed");
    refused(&["--tls-cert", "token", "--tls-key", "token"], "token: ");

    let server = Server::start(&program, &["--token-file", "token"]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for path in ["/", "/body", "/events", "/result.json", "/verdict", "/gate", "/metrics", "/nowhere"] {
        assert_eq!(server.get(path, &[]).0, 401, "{path}");
        assert_eq!(
            server.get(path, &["-H", "Authorization: Bearer wrong-token-of-some-length"]).0,
            401,
            "{path}"
        );
    }
    assert_eq!(server.get("/healthz", &[]).0, 200);
    assert_eq!(server.get("/", &["-H", &bearer]).0, 200);
    assert_eq!(server.get("/nowhere", &["-H", &bearer]).0, 404);
    assert_eq!(server.get("/", &["-H", &bearer, "-H", "Host: evil.example"]).0, 421);
    assert_eq!(server.get("/", &["-H", &bearer, "-X", "DELETE"]).0, 405);
    // The form: a cookie that holds no token, and no cookie for another page's form.
    let jar = program.path("jar");
    let jar = jar.to_str().unwrap();
    assert_eq!(server.get("/login", &["-d", "token=wrong"]).0, 401);
    assert_eq!(
        server.get("/login", &["-d", &format!("token={TOKEN}"), "-H", "Origin: http://evil.example"]).0,
        403
    );
    assert_eq!(server.get("/login", &["-c", jar, "-d", &format!("token={TOKEN}")]).0, 303);
    assert!(!program.read("jar").contains(TOKEN));
    assert_eq!(server.get("/", &["-b", jar]).0, 200);
    let headers = server.get("/", &["-b", jar, "-D", "-", "-o", "/dev/null"]).1.to_lowercase();
    for header in ["cache-control: no-store", "x-content-type-options: nosniff", "frame-ancestors 'none'"] {
        assert!(headers.contains(header), "{header}: {headers}");
    }
}

#[test]
fn whatever_is_sent_the_server_stays() {
    let program = Program::with_plan(PLAN);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let server = Server::start(&program, &[]);
    server.until("/gate", |got| got.0 == 200);
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(5000));
    let large = format!(
        "POST /gate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n{}",
        "a".repeat(200_000)
    );
    let hostile: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%00%ff?stage=%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        long.as_bytes(),
        many.as_bytes(),
        large.as_bytes(),
    ];
    for bytes in hostile {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        // The server may end the connection before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.take(1 << 20).read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("root:"), "{answer}");
    }
    assert_eq!(server.get("/gate", &[]).0, 200, "still there");
}

/// In `make soak`, 200 readers of about 1,000 events a second for a minute.
#[test]
fn many_readers_keep_up_and_slow_ones_are_dropped() {
    let (readers, checks, rounds) = (count(20, 200), count(200, 1000), count(3, 60));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut plan = String::from("gonogo: 1\nchecks:\n  - { id: sure, command: { argv: ['true'] } }\n");
    for number in 0..checks {
        writeln!(plan, "  - {{ id: check-{number}, severity: info, tcp: {{ address: '{closed}' }} }}")
            .unwrap();
    }
    let program = Program::with_plan(&plan);
    program.run(&["run"]).code(0);
    let server = Server::start(&program, &[]);
    server.until("/gate", |got| got.0 == 200);
    let request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let slow: Vec<_> = (0..5).map(|_| server.send(request)).collect();
    let last = AtomicU64::new(u64::MAX);
    let mut memory = Vec::new();
    let heard: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..readers).map(|_| scope.spawn(|| numbers_until(server.send(request), &last))).collect();
        std::thread::sleep(Duration::from_millis(500));
        for _ in 0..rounds {
            program.run(&["retest", "--failed"]).code(0);
            memory.push(server.memory());
        }
        last.store(u64::try_from(program.journal().lines().count()).unwrap(), Ordering::Relaxed);
        program.run(&["note", "this is the last", "--by", "Ada"]).code(0);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    let last = last.into_inner();
    for numbers in &heard {
        assert_eq!(numbers.last(), Some(&last));
        assert!(numbers.len() > rounds * checks, "{} of {rounds} times {checks}", numbers.len());
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "one is missing");
    }
    // What is kept for readers is filled within the first third; from then on nothing grows.
    let (filled, end) = (memory[rounds / 3], memory[rounds - 1]);
    assert!(end <= filled + 24, "{memory:?} MiB with {} readers, {} of them slow", heard.len(), slow.len());
}

/// The numbers of the events that come until the last one.
fn numbers_until(stream: TcpStream, last: &AtomicU64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some((_, number)) = line.strip_prefix("id: ").and_then(|id| id.rsplit_once(':')) {
            let number = number.parse().unwrap();
            numbers.push(number);
            if number >= last.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    numbers
}
