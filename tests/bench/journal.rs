//! What an append to a journal costs beside the bare fdatasync, and how many events a second many writers get: `cargo
//! bench --bench journal -- FOLDER`.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use gonogo::journal::Journal;
use gonogo::journal::event::Event;
use gonogo::model::outcome::{Judgement, Outcome};

/// Appends measured one after the other.
const ALONE: u64 = 2000;
/// Writers at once, and events of each.
const WRITERS: usize = 32;
const EACH: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds an option of its own.
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        return Ok(());
    };
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bare = bare(folder)?;
    let (alone, grouped) = runtime.block_on(runtime.spawn(journal(folder.to_owned())))??;
    writeln!(std::io::stdout(), "{bare:.1} {alone:.1} {grouped:.0}")?;
    Ok(())
}

fn event(number: usize) -> Event {
    Event::Judged {
        stage: "app2".into(),
        check: format!("check-{number}").into(),
        vantage: "here".into(),
        judgement: Judgement::plain(Outcome::Pass, "answered as expected, and in time"),
        flaky: None,
    }
}

/// Microseconds of one write of a line's size with its fdatasync.
fn bare(folder: &Path) -> std::io::Result<f64> {
    let file: File = OpenOptions::new().write(true).create_new(true).open(folder.join("bare"))?;
    let line = [b'x'; 320];
    let began = Instant::now();
    for number in 0..ALONE {
        file.write_all_at(&line, number * 320)?;
        file.sync_data()?;
    }
    Ok(micros(began, ALONE))
}

/// Microseconds of one append alone; events a second of many writers.
async fn journal(folder: std::path::PathBuf) -> Result<(f64, f64), gonogo::journal::JournalError> {
    let journal = Journal::create(&folder.join("journal.jsonl"), "bench")?;
    let began = Instant::now();
    for _ in 0..ALONE {
        journal.append(vec![event(1)]).await?;
    }
    let alone = micros(began, ALONE);
    let began = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let journal = journal.clone();
        writers.spawn(async move {
            for number in 0..EACH {
                journal.append(vec![event(writer * EACH + number)]).await?;
            }
            Ok::<(), gonogo::journal::JournalError>(())
        });
    }
    for done in writers.join_all().await {
        done?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let events = u32::try_from(WRITERS * EACH).unwrap_or(u32::MAX);
    Ok((alone, f64::from(events) / seconds))
}

fn micros(began: Instant, times: u64) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(times).unwrap_or(u32::MAX))
}
