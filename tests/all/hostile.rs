//! Peers that mean no good, through the whole program: bounded time, a clear word, never a go.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::program::Program;

/// A server that treats each connection like this.
fn server(treat: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let treat = treat.clone();
            std::thread::spawn(move || treat(stream));
        }
    });
    port
}

fn heard(stream: &mut TcpStream) {
    let mut heard = [0; 4096];
    let _ = stream.read(&mut heard);
}

/// Every way of speaking to `port`, each as a check.
fn plan(port: u16) -> Program {
    Program::with_plan(&format!(
        r#"gonogo: 1
name: hostile
checks:
  - {{ id: web, timeout: 3s, http: {{ url: "http://127.0.0.1:{port}/", expect: {{ body: {{ contains: never }} }} }} }}
  - {{ id: web-tls, timeout: 3s, http: {{ url: "https://127.0.0.1:{port}/" }} }}
  - {{ id: tls, timeout: 3s, tls: {{ address: "127.0.0.1:{port}" }} }}
  - {{ id: tls-pg, timeout: 3s, tls: {{ address: "127.0.0.1:{port}", starttls: postgres }} }}
  - {{ id: tls-smtp, timeout: 3s, tls: {{ address: "127.0.0.1:{port}", starttls: smtp }} }}
  - {{ id: banner, timeout: 3s, tcp: {{ address: "127.0.0.1:{port}", expect: {{ banner: {{ contains: never }} }} }} }}
  - {{ id: database, timeout: 3s, postgres: {{ url: "postgres://u@127.0.0.1:{port}/d?sslmode=disable", password: {{ command: [echo, pw] }} }} }}
  - {{ id: database-tls, timeout: 3s, postgres: {{ url: "postgres://u@127.0.0.1:{port}/d?sslmode=require", password: {{ command: [echo, pw] }} }} }}
  - {{ id: steps, timeout: 3s, flow: {{ base_url: "http://127.0.0.1:{port}", steps: [{{ get: /, expect: {{ status: 299 }} }}] }} }}
"#
    ))
}

#[track_caller]
fn never_a_go(port: u16) {
    let program = plan(port);
    let began = Instant::now();
    let ended = program.run(&["run"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    ended.code(1);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    let result = program.result();
    for check in result["checks"].as_array().unwrap() {
        assert_eq!(check["outcome"], "fail", "{check}");
    }
    for text in [
        ended.stdout,
        ended.stderr,
        program.read("gonogo-out/summary.txt"),
        program.read("gonogo-out/junit.xml"),
    ] {
        assert!(!text.contains(['\u{1b}', '\0', '\u{202e}']), "{text}");
    }
}

#[test]
fn a_server_that_says_nothing() {
    never_a_go(server(|stream| {
        std::thread::sleep(Duration::from_mins(1));
        drop(stream);
    }));
}

#[test]
fn a_server_that_closes_at_once() {
    never_a_go(server(drop));
}

#[test]
fn a_server_that_drips_a_byte_a_second() {
    never_a_go(server(|mut stream| {
        heard(&mut stream);
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".iter().cycle().take(100) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }));
}

#[test]
fn a_server_that_answers_gigabytes() {
    never_a_go(server(|mut stream| {
        heard(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
        let chunk = vec![b'x'; 1 << 16];
        for _ in 0..100_000 {
            if stream.write_all(&chunk).is_err() {
                return;
            }
        }
    }));
}

#[test]
fn a_server_that_sends_garbage() {
    never_a_go(server(|mut stream| {
        heard(&mut stream);
        let garbage: Vec<u8> =
            (0..4096_u32).map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
        let _ = stream.write_all(&garbage);
    }));
}

#[test]
fn a_server_that_writes_into_the_report() {
    never_a_go(server(|mut stream| {
        heard(&mut stream);
        let body = "\u{1b}[2J\u{1b}]0;owned\u{7}\n::error::owned\n##vso[task.complete result=Succeeded;]\n]]>\u{202e}\0";
        let _ = write!(
            stream,
            "HTTP/1.1 500 \u{1b}[31m::error\r\nServer: \u{1b}[1m\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }));
}

#[test]
fn a_gzip_bomb() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..512 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    never_a_go(server(move |mut stream| {
        heard(&mut stream);
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            bomb.len()
        );
        let _ = stream.write_all(&bomb);
    }));
}

#[test]
fn what_was_typed_does_not_drive_the_terminal() {
    let program = Program::empty();
    for arguments in [
        &["explain", "\u{1b}[31mrefused"][..],
        &["probe", "\u{1b}]0;title\u{7}"],
        &["probe", "tcp://\u{1b}[2J:1"],
        &["probe", "tcp://127.0.0.1:1", "--from", "\u{1b}[31m"],
    ] {
        let ended = program.run(arguments);
        ended.code(2);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.chars().all(|letter| letter == '\n' || !letter.is_control()), "{arguments:?}: {all:?}");
    }
}
