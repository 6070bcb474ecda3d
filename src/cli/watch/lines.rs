//! What a pipe, a file or a terminal without a screen gets: a line an event, as `gonogo log` tells it, and one whenever the
//! verdict changes or the journal cannot be read.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use super::exit;
use super::follow::{Follower, Known};
use crate::cli::arguments::Format;
use crate::clock;
use crate::model::verdict::Verdict;
use crate::report::clock::Wall;
use crate::report::{self, text};
use crate::verdict::{Assessment, Exit, assess_live};

/// The verdict changes with the clock too.
const TICK: Duration = Duration::from_secs(1);

/// What was said last.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Said {
    /// Of which run, whether that goes on, whether it may still be a go, and what it is.
    verdict: Option<(String, bool, bool, Verdict)>,
    trouble: Option<String>,
    nothing: bool,
}

pub(super) async fn watch(follower: &Follower, format: Format) -> Exit {
    let mut said = Said::default();
    let mut gone = std::pin::pin!(gone());
    loop {
        tokio::select! {
            () = &mut gone => return exit(&follower.known()),
            () = follower.changed.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
        let (lines, exit) = {
            let mut known = follower.known();
            (news(&mut known, &mut said, &follower.place(), format), exit(&known))
        };
        let mut out = std::io::stdout().lock();
        let written = lines.iter().try_for_each(|line| writeln!(out, "{line}").and_then(|()| out.flush()));
        if written.is_err() {
            // Whoever read has read enough.
            return exit;
        }
    }
}

/// Until whoever reads has gone away; a file never does, and takes no part in epoll(7).
async fn gone() {
    // Nothing is written by way of it, so that it may block.
    match std::io::stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked) {
        Ok(out) => {
            let _ = out.ready(Interest::ERROR).await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// The lines since last time.
fn news(known: &mut Known, said: &mut Said, place: &str, format: Format) -> Vec<String> {
    if !known.is_begun {
        return Vec::new();
    }
    let now = clock::now();
    let mut lines = Vec::new();
    let entries = std::mem::take(&mut known.entries);
    let run = known.run();
    lines.extend(entries.iter().map(|entry| match format {
        Format::Text => format!("{}  {}", entry.local, entry.text),
        Format::Json => json!({ "event": entry }).to_string(),
    }));
    let wall = run.map_or_else(|| Wall::of_system(now), |run| Wall::of(&run.outline, now));
    let mut tell = |text: &str, value: &Value| {
        lines.push(match format {
            Format::Text => format!("{}  {}", wall.to_the_second(now), text::line(text)),
            Format::Json => value.to_string(),
        });
    };
    let trouble = known.trouble();
    if trouble != said.trouble {
        let text = match &trouble {
            Some(trouble) => format!("TROUBLE: what was told before may be old, and is no go: {trouble}"),
            None => "the journal can be read again".to_owned(),
        };
        tell(&text, &json!({ "at": now, "trouble": trouble }));
    }
    said.trouble.clone_from(&trouble);
    let Some(run) = run else {
        let nothing = trouble.is_none();
        if nothing && !said.nothing {
            let text = format!("no run is recorded in {place} yet; waiting for one");
            tell(&text, &json!({ "at": now, "run": null, "verdict": null, "go": false }));
        }
        said.nothing = nothing;
        return lines;
    };
    let told = assess_live(run, now, trouble.as_deref());
    let is_open = told.is_open() && trouble.is_none();
    let verdict = Some((run.id.clone(), run.finished, is_open, told.verdict));
    if verdict != said.verdict {
        let sentence = report::sentence(&told);
        let value = verdict_line(now, &told, &sentence);
        let text = if is_open {
            "RUNNING, no go yet: nothing that decides has failed so far".to_owned()
        } else {
            format!("VERDICT {}: {sentence}", told.verdict)
        };
        tell(&text, &value);
        said.verdict = verdict;
    }
    lines
}

fn verdict_line(now: Timestamp, told: &Assessment<'_>, sentence: &str) -> Value {
    json!({
        "at": now,
        "run": told.run.id,
        "verdict": told.verdict,
        "go": told.verdict.is_go(),
        "running": !told.run.finished,
        "say": sentence,
    })
}
