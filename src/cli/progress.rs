//! What a person sees while a stage runs: a bar and the running checks on a terminal, plain lines elsewhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;
use crate::journal::event::Expected;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, HERE, Severity};
use crate::report::text;
use crate::runner::Progress;

/// Names of running checks shown beside the bar.
const SHOWN: usize = 3;

/// The live view of one stage.
pub(super) struct Live {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    running: BTreeSet<String>,
    plain: Option<Plain>,
}

impl Live {
    pub(super) fn new(terminal: Terminal, stage: &str, total: usize) -> Self {
        if !terminal.live {
            terminal.tell(&format!("stage {stage}: {total} checks"));
            let plain = Some(Plain::start(terminal));
            return Self { terminal, bar: None, running: BTreeSet::new(), plain };
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style.progress_chars("##-"));
        }
        bar.set_prefix(stage.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { terminal, bar: Some(bar), running: BTreeSet::new(), plain: None }
    }

    pub(super) fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Started(item) => {
                if self.bar.is_some() {
                    self.running.insert(name(item));
                    self.redraw();
                }
            }
            Progress::Settled(item, check, judgement, flaky) => {
                let line = self.line(item, check, judgement, *flaky);
                let Some(bar) = &self.bar else {
                    if let Some(plain) = &self.plain {
                        plain.tell(line + "\n");
                    }
                    return;
                };
                if judgement.outcome != Outcome::Pass {
                    bar.println(line);
                }
                bar.inc(1);
                self.running.remove(&name(item));
                self.redraw();
            }
            Progress::Known(..) => {}
        }
    }

    /// A line about something beside the checks.
    pub(super) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => self.terminal.tell(line),
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn redraw(&self) {
        let Some(bar) = &self.bar else { return };
        let mut shown: Vec<&str> = self.running.iter().take(SHOWN).map(String::as_str).collect();
        if self.running.len() > SHOWN {
            shown.push("...");
        }
        bar.set_message(shown.join(", "));
    }

    fn line(&self, item: &Expected, check: &Check, judgement: &Judgement, flaky: bool) -> String {
        let color = match judgement.outcome {
            Outcome::Pass => AnsiColor::Green,
            Outcome::NotRun => AnsiColor::Yellow,
            Outcome::Fail | Outcome::Error | Outcome::NoAnswer => AnsiColor::Red,
        };
        let style = self.terminal.style(color);
        let mut line = format!("{style}{:9}{style:#} {}", judgement.outcome.name(), name(item));
        if judgement.outcome == Outcome::Pass {
            if flaky {
                line.push_str("  (flaky: passed after a retry)");
            }
            return line;
        }
        if check.severity != Severity::Blocker {
            let _ = write!(line, " ({})", check.severity);
        }
        line.push_str(": ");
        line.push_str(&text::line(&judgement.message));
        line
    }
}

fn name(item: &Expected) -> String {
    if &*item.vantage == HERE {
        item.check.to_string()
    } else {
        format!("{} from {}", item.check, item.vantage)
    }
}

/// Plain lines, told by a thread of their own a few times a second: what waits goes out in one write, no probe wakes
/// anybody, and a slow reader of stderr slows no probe down.
struct Plain {
    lines: mpsc::Sender<String>,
    end: Option<mpsc::Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Plain {
    /// The longest a line waits.
    const PAUSE: Duration = Duration::from_millis(100);

    fn start(terminal: Terminal) -> Self {
        let (lines, waiting) = mpsc::channel::<String>();
        let (end, ended) = mpsc::channel::<()>();
        let tell = move || {
            let mut last = false;
            while !last {
                last = ended.recv_timeout(Self::PAUSE) == Err(mpsc::RecvTimeoutError::Disconnected);
                let text: String = waiting.try_iter().collect();
                if !text.is_empty() {
                    terminal.tell(&text);
                }
            }
        };
        let teller = std::thread::Builder::new().name("progress".to_owned()).spawn(tell).ok();
        Self { lines, end: Some(end), teller }
    }

    fn tell(&self, line: String) {
        // Without the thread nobody listens; the summary says it all again.
        let _ = self.lines.send(line);
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.end = None;
        if let Some(teller) = self.teller.take() {
            let _ = teller.join();
        }
    }
}
