//! `gonogo watch` on a real terminal (script(1) of util-linux opens it), and into a pipe.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::program::Program;
use crate::support::skip;

const PLAN: &str = "
gonogo: 1
name: night
zone: UTC
window: { start: 2099-09-22 22:00, must_be_up_by: 2099-09-23 07:00 }
checks:
  - { id: mark, command: { argv: [test, -e, mark] } }
  - { id: other, severity: minor, command: { argv: ['true'] } }
stages:
  - { id: first, undo: 10m, checks: [other] }
  - { id: second, undo: 10m, checks: [mark] }
";
/// The main screen is left, and come back to.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal with a program in it, and everything the program has written there.
struct Tty {
    script: Child,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Tty {
    /// Run a line of a shell on a terminal of 80 columns and 24 rows; its name is kept in `tty`.
    fn run(program: &Program, line: &str) -> Option<Self> {
        if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip("script of util-linux, for a terminal");
            return None;
        }
        // The directory of the program comes first, so that a line names it as a person does.
        let gonogo =
            std::path::Path::new(env!("CARGO_BIN_EXE_gonogo")).parent().unwrap().display().to_string();
        let line = format!("stty rows 24 columns 80; tty > tty; PATH='{gonogo}':$PATH; {line}");
        let mut script = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"])
            .current_dir(program.path(""))
            .env_remove("CI")
            .env_remove("NO_COLOR")
            .envs([("TERM", "xterm-256color"), ("SHELL", "/bin/sh"), ("TZ", "UTC")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (keys, mut out) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let written = Arc::new(Mutex::new(Vec::new()));
        let writing = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = out.read(&mut part) {
                writing.lock().unwrap().extend_from_slice(&part[..length]);
            }
        });
        Some(Self { script, keys, written })
    }

    fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }

    /// What is seen now.
    fn screen(&self) -> String {
        shown(&self.text())
    }

    /// What is seen once this holds.
    #[track_caller]
    fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        wait(|| Some(self.screen()).filter(|screen| wanted(screen)).ok_or_else(|| self.screen()))
    }

    /// Everything written once this has been written so many times.
    #[track_caller]
    fn until_written(&self, text: &str, times: usize) -> String {
        wait(|| Some(self.text()).filter(|all| all.matches(text).count() >= times).ok_or_else(|| self.text()))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// How it ends, within a few seconds.
    #[track_caller]
    fn ends(&mut self) -> i32 {
        let ended = wait(|| self.script.try_wait().unwrap().ok_or_else(|| self.text()));
        ended.code().unwrap()
    }

    /// The process that watches.
    fn watcher(&self, program: &Program) -> Pid {
        let pid = wait(|| std::fs::read_to_string(program.path("pid")).map_err(|_| self.text()));
        Pid::from_raw(pid.trim().parse().unwrap())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[track_caller]
fn wait<T>(mut looked: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match looked() {
            Ok(found) => return found,
            Err(seen) => assert!(began.elapsed() < PATIENCE, "this is what there is:\n{seen}\n{seen:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a terminal shows of what was written since the screen was taken: it knows the few sequences that we write, and takes
/// no other.
fn shown(written: &str) -> String {
    let mut lines: Vec<Vec<char>> = Vec::new();
    let Some((_, screen)) = written.rsplit_once(ENTER) else { return String::new() };
    let (mut row, mut column) = (0, 0);
    let mut rest = screen;
    while let Some(c) = rest.chars().next() {
        if c != '\x1b' {
            lines.resize(lines.len().max(row + 1), Vec::new());
            let line = &mut lines[row];
            line.resize(line.len().max(column + 1), ' ');
            line[column] = c;
            column += 1;
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else { break };
        let (sequence, after) = (&rest[2..end], &rest[end + 1..]);
        match (sequence, rest.as_bytes()[end]) {
            (at, b'H') => {
                let (to, from) = at.split_once(';').unwrap();
                (row, column) = (to.parse::<usize>().unwrap() - 1, from.parse::<usize>().unwrap() - 1);
            }
            ("2", b'J') => lines.clear(),
            ("", b'K') => {
                if let Some(line) = lines.get_mut(row) {
                    line.truncate(column);
                }
            }
            (_, b'm') | ("?25" | "?7", b'l' | b'h') => {}
            ("?1049", b'l') => break,
            other => panic!("a sequence that we do not write: {other:?}"),
        }
        rest = after;
    }
    lines.iter().map(|line| line.iter().collect::<String>() + "\n").collect()
}

/// The modes of a terminal, and that the program has let go of it.
fn modes(program: &Program) -> String {
    let name = program.read("tty");
    let output = Command::new("stty").args(["-a", "-F", name.trim()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_follows_a_run_that_is_written_while_it_is_looked_at() {
    let program = Program::with_plan(PLAN);
    let Some(mut tty) = Tty::run(&program, "gonogo watch; echo ended $?; stty -a > after") else { return };
    tty.until(|screen| screen.starts_with("NO RUN YET") && screen.contains("gonogo run"));
    assert!(modes(&program).contains("-icanon"), "keys come one by one");

    // Ctrl-S does not freeze what is looked at.
    tty.press("\x13");
    program.run(&["run"]).code(1);
    let screen = tty.until(|screen| screen.starts_with("NO-GO "));
    assert!(screen.contains("stage 2 of 2: second"), "{screen}");
    assert!(screen.contains("BLOCKERS (1)") && screen.contains("B1 mark"), "{screen}");
    assert!(screen.contains("STAGES  1 first GO"), "{screen}");
    assert!(screen.contains("CLOCK  COMFORTABLE: ") && screen.contains(" left, decide by "), "{screen}");
    let second = |screen: &str| screen.lines().next().unwrap().to_owned();
    tty.until(|now| second(now) != second(&screen));

    program.write("mark", "");
    program.run(&["run"]).code(0);
    tty.until(|screen| screen.starts_with("GO "));
    let before = tty.text();
    tty.press("q");
    assert_eq!(tty.ends(), 0);
    let text = tty.text();
    assert!(text[before.len()..].contains(LEAVE), "{text:?}");
    assert!(text.contains("\x1b[?25h") && text.contains("GO: Stage second is go."), "{text:?}");
    assert!(text.contains("ended 0"), "{text:?}");
    let after = program.read("after");
    assert!(after.contains(" icanon") && after.contains(" echo "), "{after}");
}

#[test]
fn it_ends_like_status_and_says_what_was_shown_last() {
    let program = Program::with_plan(PLAN);
    for (keys, code) in [("q", 2), ("\x1b", 2), ("\x03", 2)] {
        let Some(mut tty) = Tty::run(&program, "exec gonogo watch") else { return };
        tty.until(|screen| screen.starts_with("NO RUN YET"));
        tty.press(keys);
        assert_eq!(tty.ends(), code, "{keys:?}");
    }
    program.run(&["run"]).code(1);
    let Some(mut tty) = Tty::run(&program, "exec gonogo watch") else { return };
    tty.until(|screen| screen.starts_with("NO-GO "));
    // An arrow begins with ESC, and is none.
    tty.press("\x1b[B");
    tty.press("\x1b");
    assert_eq!(tty.ends(), 1);
    assert!(tty.text().contains("NO-GO: Stage second is no-go."), "{}", tty.text());
}

#[test]
fn it_follows_the_size_of_its_window() {
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    let Some(mut tty) = Tty::run(&program, "exec gonogo watch") else { return };
    tty.until(|screen| screen.lines().count() == 24 && screen.starts_with("NO-GO "));
    for (rows, columns) in [(50, 160), (10, 40), (1, 1), (24, 80)] {
        let name = program.read("tty");
        let size = [rows.to_string(), columns.to_string()];
        let resize = ["-F", name.trim(), "rows", &size[0], "columns", &size[1]];
        assert!(Command::new("stty").args(resize).status().unwrap().success());
        let screen = tty.until(|screen| {
            let widest = screen.lines().map(str::len).max();
            screen.lines().count() == rows && (columns == 1 || widest == Some(columns))
        });
        assert!(screen.lines().all(|line| line.len() <= columns), "{screen}");
        assert_eq!(screen.contains(" | TIMELINE"), columns == 160, "{screen}");
    }
    tty.press("q");
    tty.ends();
}

#[test]
fn a_signal_or_a_terminal_that_is_gone_ends_it_in_good_order() {
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    let before = program.journal();
    let line = "sh -c 'echo $$ > pid; exec gonogo watch'; echo ended $? > end; stty -a > after; echo";
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let _ = std::fs::remove_file(program.path("pid"));
        let Some(mut tty) = Tty::run(&program, line) else { return };
        tty.until(|screen| screen.starts_with("NO-GO "));
        kill(tty.watcher(&program), signal).unwrap();
        tty.ends();
        assert!(tty.text().contains(LEAVE), "{:?}", tty.text());
        assert_eq!(program.read("end").trim(), "ended 130");
        assert!(program.read("after").contains(" icanon"));
    }

    let _ = std::fs::remove_file(program.path("pid"));
    let Some(mut tty) = Tty::run(&program, line) else { return };
    tty.until(|screen| screen.starts_with("NO-GO "));
    let watcher = tty.watcher(&program);
    let began = Instant::now();
    tty.script.kill().unwrap();
    wait(|| match kill(watcher, None) {
        Err(_) => Ok(()),
        Ok(()) => Err(format!("{watcher} still runs")),
    });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(program.journal(), before, "nothing of the journal was touched");
}

#[test]
fn stopped_it_gives_the_terminal_back_and_takes_it_again() {
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    let Some(mut tty) = Tty::run(&program, "exec bash --norc --noprofile -i") else { return };
    tty.press("PS1='$ '; gonogo watch\n");
    tty.until(|screen| screen.starts_with("NO-GO "));
    tty.press("\x1a");
    tty.until_written("Stopped", 1);
    assert!(tty.text().contains(LEAVE));
    tty.press("stty -a > stopped; fg\n");
    tty.until_written(ENTER, 2);
    tty.until(|screen| screen.starts_with("NO-GO "));
    assert!(program.read("stopped").contains(" icanon") || program.read("stopped").contains("lnext"));
    tty.press("q");
    tty.until_written(LEAVE, 2);
    tty.press("exit 0\n");
    tty.ends();
}

#[test]
fn a_journal_that_cannot_be_read_is_told_at_the_top_and_is_no_go() {
    let program = Program::with_plan(PLAN);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let Some(mut tty) = Tty::run(&program, "exec gonogo watch") else { return };
    tty.until(|screen| screen.starts_with("GO "));
    let runs = program.path(".gonogo/runs");
    std::fs::rename(&runs, program.path("away")).unwrap();
    std::fs::write(&runs, "").unwrap();
    let screen = tty.until(|screen| screen.contains("!! WHAT FOLLOWS MAY BE OLD"));
    assert!(screen.starts_with("NO-GO "), "{screen}");
    tty.press("q");
    assert_eq!(tty.ends(), 5);
    assert!(tty.text().contains("the journal could not be read"), "{}", tty.text());
}

#[test]
fn colour_is_left_out_when_it_is_not_wanted_and_a_dumb_terminal_gets_lines() {
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    for (before, colored) in [("", true), ("NO_COLOR=1 ", false)] {
        let Some(mut tty) = Tty::run(&program, &format!("{before}gonogo watch")) else { return };
        tty.until(|screen| screen.starts_with("NO-GO "));
        tty.press("q");
        tty.ends();
        let text = tty.text().replace("\x1b[0m", "");
        let has_color = text.split("\x1b[").skip(1).any(|rest| {
            rest.find(|c: char| c.is_ascii_alphabetic()).is_some_and(|end| rest.as_bytes()[end] == b'm')
        });
        assert_eq!(has_color, colored, "{text:?}");
    }
    // Whoever runs the tests in the background hands down that Ctrl-C is ignored.
    let line = "TERM=dumb exec env --default-signal=INT gonogo watch";
    let Some(mut tty) = Tty::run(&program, line) else { return };
    let text = tty.until_written("VERDICT NO-GO", 1);
    assert!(!text.contains('\x1b'), "{text:?}");
    tty.press("\x03");
    tty.ends();
}

#[test]
fn what_servers_say_does_not_reach_the_terminal_as_it_is() {
    let program = Program::with_plan(
        "
gonogo: 1
name: night
zone: UTC
checks:
  - id: evil
    title: \"t\\e[2Jitle\"
    command: { argv: [printf, '\\033[2J\\033]0;owned\\007\\302\\233evil\\342\\200\\256\\r\\n'], expect: { stdout: fine } }
stages: [{ id: only, checks: [evil] }]
",
    );
    program.run(&["run"]).code(1);
    let Some(mut tty) = Tty::run(&program, "exec gonogo watch") else { return };
    // `shown` panics at a sequence that is none of ours.
    let screen = tty.until(|screen| screen.starts_with("NO-GO ") && screen.contains("evil"));
    assert!(screen.is_ascii(), "{screen}");
    assert_eq!(tty.text().matches("\x1b[2J").count(), 1, "only we clear the screen");
    assert!(!tty.text().contains("\x1b]"), "{:?}", tty.text());
    tty.press("q");
    tty.ends();
}

#[test]
fn a_pipe_gets_a_line_an_event_as_it_happens() {
    let program = Program::with_plan(PLAN);
    let mut child = program.start(&["watch"]);
    let (send, lines) = std::sync::mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let next = |wanted: &str| {
        let mut before = Vec::new();
        loop {
            let line =
                lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no `{wanted}` in {before:#?}"));
            assert!(!line.contains('\x1b'), "{line:?}");
            if line.contains(wanted) {
                return;
            }
            before.push(line);
        }
    };
    next("no run is recorded in .gonogo yet");
    program.run(&["run"]).code(1);
    next("a round began");
    next("blocker mark from here: fail");
    next("stage second is NO-GO");
    next("VERDICT NO-GO: Stage second is no-go.");
    program.run(&["note", "the disk is full", "--by", "ann"]).code(0);
    next("note: the disk is full, says ann");
    program.write("mark", "");
    program.run(&["run"]).code(0);
    next("stage second is GO");
    next("VERDICT GO: ");
    child.kill().unwrap();
    child.wait().unwrap();

    let log = program.run(&["log"]).code(0).stdout.clone();
    // Nothing happens any more: it notices that its reader has gone all the same.
    let head = Command::new("sh")
        .args(["-c", "\"$0\" watch | head -n 2", env!("CARGO_BIN_EXE_gonogo")])
        .current_dir(program.path(""))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&head.stderr), "", "a reader that has had enough is no error");
    for line in String::from_utf8_lossy(&head.stdout).lines() {
        assert!(log.contains(line), "`gonogo log` tells it in the same words: {line}");
    }
}

#[test]
fn json_is_an_object_a_line() {
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    let mut child = program.start(&["watch", "--format", "json"]);
    let out = BufReader::new(child.stdout.take().unwrap());
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut events = 0;
    for line in lines {
        if line.get("event").is_some_and(|event| event["text"].is_string()) {
            events += 1;
            continue;
        }
        assert_eq!(line["verdict"], "no_go", "{line}");
        assert_eq!(line["go"], false);
        assert_eq!(line["running"], false);
        break;
    }
    assert!(events > 3, "{events}");
    child.kill().unwrap();
    child.wait().unwrap();
}
