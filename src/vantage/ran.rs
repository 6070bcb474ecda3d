//! One command of a vantage, run to its end: the marked lines of what it said, and its last words.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdout, Command};

use super::advice::telling;
use super::life::{Life, Listened, SILENCE};
use crate::agent::line::{self, Came};
use crate::agent::wire::MARK;
use crate::process::Group;

/// Bytes kept of one line, and of complaints.
const LONGEST: usize = 4096;
/// Marked lines that are kept.
const MOST: usize = 1000;

/// What a command came to. Its exit status is not among it: not every way there brings it back.
pub(super) struct Ran {
    /// Its marked lines, without the mark.
    pub(super) marked: Vec<String>,
    /// The end of what it said otherwise.
    pub(super) said: String,
}

/// How long a command may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Until its end.
    whole: Duration,
    /// From one sign of life of it to the next, where it is not to be silent for longer.
    silence: Option<Duration>,
}

/// Run a command and take its marked lines. One that is given nothing has to say something soon.
///
/// # Errors
/// When it cannot be started, or does not end within the limit, or is silent for 15 s.
pub(super) async fn run(
    words: &[String],
    input: Option<Arc<Vec<u8>>>,
    limit: Duration,
) -> Result<Ran, String> {
    let patience = Patience { whole: limit, silence: input.is_none().then_some(SILENCE) };
    let mut answers = Answers::default();
    let kept = &mut answers;
    let complaints = whole(words, input, patience, move |stdout| kept.fill(stdout)).await;
    let Answers { marked, noise, unfinished } = answers;
    let noise = if unfinished.is_empty() { noise } else { String::from_utf8_lossy(&unfinished).into_owned() };
    let said = |complaints: String| if complaints.trim().is_empty() { noise } else { complaints };
    match complaints {
        Ok(complaints) => Ok(Ran { marked, said: said(complaints) }),
        Err(Failed { why, complaints }) => Err(format!("{why}{}", behind(&said(complaints)))),
    }
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
    let mut bytes = Vec::new();
    let kept = &mut bytes;
    let patience = Patience { whole: limit, silence: None };
    let all = move |stdout| async move { take(stdout, most + 1, kept).await };
    let complaints = whole(words, input, patience, all)
        .await
        .map_err(|Failed { why, complaints }| format!("{why}{}", behind(&complaints)))?;
    if bytes.len() > most {
        return Err(format!("its answer is longer than {most} bytes"));
    }
    Ok((bytes, behind(&complaints)))
}

/// Why a command did not come to its end, and what it complained of until then.
struct Failed {
    why: String,
    complaints: String,
}

/// Start a command, give it its input, take its output and its complaints, and wait for its end. Whatever else happens, it
/// is ended with all that it started.
async fn whole<F: Future<Output = ()>>(
    words: &[String],
    input: Option<Arc<Vec<u8>>>,
    patience: Patience,
    take_output: impl FnOnce(Option<Listened<ChildStdout>>) -> F,
) -> Result<String, Failed> {
    let (name, mut command) = command(words);
    let failed =
        |why, complaints: &[u8]| Failed { why, complaints: String::from_utf8_lossy(complaints).into_owned() };
    let mut child = command.spawn().map_err(|error| failed(format!("cannot start {name}: {error}"), &[]))?;
    let mut group = Group::of(&child);
    let life = Life::new();
    let stdin = child.stdin.take();
    let sending = async move {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A far side that does not take it says why on its own.
            let _ = stdin.write_all(&input).await;
            let _ = stdin.shutdown().await;
        }
    };
    let stdout = child.stdout.take().map(|pipe| life.listen(pipe));
    let stderr = child.stderr.take().map(|pipe| life.listen(pipe));
    let mut complaints = Vec::new();
    let ending = async {
        tokio::join!(sending, take_output(stdout), take_end(stderr, &mut complaints));
        let _ = child.wait().await;
    };
    let silence = async {
        match patience.silence {
            Some(longest) => (life.silent_for(longest).await, longest.as_secs()),
            None => std::future::pending().await,
        }
    };
    let why = tokio::select! {
        biased;
        () = ending => {
            group.release();
            return Ok(String::from_utf8_lossy(&complaints).into_owned());
        }
        (heard, seconds) = silence => {
            let more = if heard { "nothing more" } else { "nothing" };
            format!("{name} hangs, {more} was heard from it within {seconds} s")
        }
        () = tokio::time::sleep(patience.whole) => {
            format!("{name} did not end within {} s", patience.whole.as_secs())
        }
    };
    Err(failed(why, &complaints))
}

impl Ran {
    /// The first marked line that begins with this name, without it.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.marked.iter().find_map(|line| line.strip_prefix(name)).map(str::trim)
    }

    /// What went wrong by its own words, to be put behind a sentence.
    pub(super) fn saying(&self) -> String {
        behind(&self.said)
    }
}

/// The line of it that tells what went wrong, to be put behind a sentence.
pub(super) fn behind(said: &str) -> String {
    match telling(said) {
        line if line.is_empty() => line,
        line => format!(": {line}"),
    }
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

/// What a command answered so far.
#[derive(Default)]
struct Answers {
    /// Its marked lines, without the mark.
    marked: Vec<String>,
    /// The last line that is none.
    noise: String,
    /// The beginning of a line that has not ended.
    unfinished: Vec<u8>,
}

impl Answers {
    async fn fill(&mut self, stdout: Option<Listened<ChildStdout>>) {
        let Some(stdout) = stdout else { return };
        let mut stdout = BufReader::new(stdout);
        loop {
            let came = line::next(&mut stdout, MARK, LONGEST, &mut self.unfinished).await;
            let line = String::from_utf8_lossy(&self.unfinished).into_owned();
            self.unfinished.clear();
            match came {
                Ok(Came::Marked) if self.marked.len() < MOST => self.marked.push(line),
                Ok(Came::Noise) if !line.trim().is_empty() => self.noise = line,
                Ok(Came::Marked | Came::Noise | Came::TooLong | Came::Cut) => {}
                Ok(Came::End) | Err(_) => return,
            }
        }
    }
}

/// Take the first bytes of a pipe, until its end.
async fn take<R: AsyncRead + Unpin>(pipe: Option<R>, most: usize, bytes: &mut Vec<u8>) {
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(most as u64).read_to_end(bytes).await;
        // The rest is not kept, but has to be taken, or it would never end.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
}

/// Take a pipe until its end, and keep the end of it: what goes wrong is told last.
async fn take_end<R: AsyncRead + Unpin>(pipe: Option<R>, bytes: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut chunk = [0; LONGEST];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        bytes.drain(..bytes.len().saturating_sub(LONGEST));
    }
}
