//! One command of a vantage, run to its end: the marked lines of what it said, and its last words.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdout, Command};

use crate::agent::line::{self, Came};
use crate::agent::wire::MARK;

/// Bytes kept of one line, and of complaints.
const LONGEST: usize = 4096;
/// Marked lines that are kept.
const MOST: usize = 1000;

/// What a command came to. Its exit status is not among it: not every way there brings it back.
pub(super) struct Ran {
    /// Its marked lines, without the mark.
    pub(super) marked: Vec<String>,
    /// The end of what it said otherwise.
    said: String,
}

/// Run a command and take its marked lines.
///
/// # Errors
/// When it cannot be started, or does not end within the limit.
pub(super) async fn run(
    words: &[String],
    input: Option<Arc<Vec<u8>>>,
    limit: Duration,
) -> Result<Ran, String> {
    let ((marked, noise), complaints) = whole(words, input, limit, answers).await?;
    Ok(Ran { marked, said: last_words(if complaints.trim().is_empty() { &noise } else { &complaints }) })
}

/// Run a command and take all it says, this many bytes at most, and its complaints, to be put behind a sentence.
///
/// # Errors
/// When it cannot be started, says more, or does not end within the limit.
pub(super) async fn output(
    words: &[String],
    input: Option<Arc<Vec<u8>>>,
    limit: Duration,
    most: usize,
) -> Result<(Vec<u8>, String), String> {
    let all = |stdout| async move { taken(stdout, most + 1).await };
    let (bytes, complaints) = whole(words, input, limit, all).await?;
    if bytes.len() > most {
        return Err(format!("its answer is longer than {most} bytes"));
    }
    Ok((bytes, behind(&last_words(&complaints))))
}

/// Start a command, give it its input, take its output and its complaints, and wait for its end.
async fn whole<T, F: Future<Output = T>>(
    words: &[String],
    input: Option<Arc<Vec<u8>>>,
    limit: Duration,
    take: impl FnOnce(Option<ChildStdout>) -> F,
) -> Result<(T, String), String> {
    let (name, mut command) = command(words);
    let mut child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    let stdin = child.stdin.take();
    let sending = async move {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A far side that does not take it says why on its own.
            let _ = stdin.write_all(&input).await;
            let _ = stdin.shutdown().await;
        }
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ending = async {
        let ((), output, complaints) = tokio::join!(sending, take(stdout), taken(stderr, LONGEST));
        let _ = child.wait().await;
        (output, String::from_utf8_lossy(&complaints).into_owned())
    };
    let late = |_| format!("{name} did not end within {} s", limit.as_secs());
    tokio::time::timeout(limit, ending).await.map_err(late)
}

impl Ran {
    /// The first marked line that begins with this name, without it.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.marked.iter().find_map(|line| line.strip_prefix(name)).map(str::trim)
    }

    /// Its last words, to be put behind a sentence.
    pub(super) fn saying(&self) -> String {
        behind(&self.said)
    }
}

fn behind(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// A command whose end and whose pipes are ours: Ctrl-C in the terminal is for us, and we tell it.
pub(super) fn command(words: &[String]) -> (String, Command) {
    let name = words.first().cloned().unwrap_or_default();
    let mut command = Command::new(&name);
    command.args(words.get(1..).unwrap_or_default());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).process_group(0);
    (name, command)
}

/// The marked lines, without the mark, and the last line that is none.
async fn answers(stdout: Option<ChildStdout>) -> (Vec<String>, String) {
    let (mut marked, mut noise) = (Vec::new(), String::new());
    let Some(stdout) = stdout else { return (marked, noise) };
    let (mut stdout, mut text) = (BufReader::new(stdout), Vec::new());
    loop {
        let came = line::next(&mut stdout, MARK, LONGEST, &mut text).await;
        let line = String::from_utf8_lossy(&text).into_owned();
        match came {
            Ok(Came::Marked) if marked.len() < MOST => marked.push(line),
            Ok(Came::Noise) if !line.trim().is_empty() => noise = line,
            Ok(Came::Marked | Came::Noise | Came::TooLong | Came::Cut) => {}
            Ok(Came::End) | Err(_) => return (marked, noise),
        }
    }
}

/// The first bytes of a pipe.
async fn taken<R: AsyncRead + Unpin>(pipe: Option<R>, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(most as u64).read_to_end(&mut bytes).await;
        // The rest is not kept, but has to be taken, or it would never end.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    bytes
}

/// The end of what was said, in one line.
pub(super) fn last_words(said: &str) -> String {
    const LONGEST: usize = 300;
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let skipped = line.chars().count().saturating_sub(LONGEST);
    line.chars().skip(skipped).collect()
}
