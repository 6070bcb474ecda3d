//! What the README shows is what the program does.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use gonogo::verdict::Exit;
use regex::Regex;

use crate::support::program::Program;

const README: &str = include_str!("../../README.md");

/// The first block of this language.
fn block(language: &str) -> &'static str {
    let begin = format!("```{language}\n");
    let start = README.find(&begin).expect("a block") + begin.len();
    &README[start..start + README[start..].find("```").expect("an end")]
}

/// Times, ids and hashes are another's at each run.
fn timeless(text: &str) -> String {
    let time = Regex::new(r"[A-Z][a-z]{2} [ \d]\d [A-Z][a-z]{2} \d\d:\d\d").expect("a pattern");
    let run = Regex::new(r"run \S+ attempt 1 plan \S+").expect("a pattern");
    let text = time.replace_all(text, "TIME");
    run.replace_all(&text, "RUN").into_owned()
}

fn answer(mut stream: TcpStream) {
    let body = r#"{"version":"4.2.0"}"#;
    let _ = stream.read(&mut [0; 2048]);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

#[test]
fn the_first_plan_gives_the_output_it_shows() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || server.incoming().flatten().for_each(answer));
    let refused = tokio::net::TcpSocket::new_v4().unwrap();
    refused.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = refused.local_addr().unwrap().port().to_string();
    assert_eq!((port.len(), closed.len()), (5, 5), "the layout is the one of ports with five digits");

    let here = |text: &str| text.replace("18080", &port).replace("15432", &closed);
    let program = Program::with_plan(&here(block("yaml")));
    let ended = program.run(&["run"]);
    ended.code(1);
    if std::env::var("UPDATE_FIXTURES").as_deref() == Ok("1") {
        let shown = ended.stdout.replace(&port, "18080").replace(&closed, "15432");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        return std::fs::write(path, README.replace(block("text"), &shown)).unwrap();
    }
    assert_eq!(timeless(&ended.stdout), timeless(&here(block("text"))), "UPDATE_FIXTURES=1 rewrites it");
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    for (exit, meaning) in Exit::TABLE {
        let row = format!("| {} | {meaning} |", exit.code());
        assert!(README.contains(&row), "missing: {row}");
    }
    let row = Regex::new(r"(?m)^\| \d+ \| .+ \|$").expect("a pattern");
    assert_eq!(row.find_iter(README).count(), Exit::TABLE.len(), "a row too many");
}

#[test]
fn every_command_it_names_exists() {
    let program = Program::with_plan("");
    let help = program.run(&["--help"]).stdout;
    let named = Regex::new(r"gonogo ([a-z]+)").expect("a pattern");
    let mut found = 0;
    for command in named.captures_iter(README).map(|captures| captures[1].to_owned()) {
        assert!(help.contains(&format!("\n  {command} ")), "gonogo {command}");
        found += 1;
    }
    assert!(found > 10, "only {found} commands are named");
}

#[test]
fn its_length_can_be_read() {
    let lines = README.lines().count();
    assert!((150..=250).contains(&lines), "{lines} lines");
    assert!(README.lines().filter(|line| !line.starts_with('|')).all(|line| line.chars().count() <= 125));
}
