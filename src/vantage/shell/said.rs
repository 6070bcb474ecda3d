//! One script over there: what it says, all of it, and how it ended, between two lines that nobody else can write.

use std::sync::Arc;
use std::time::Duration;

use super::Looking;
use crate::agent::wire::MARK;
use crate::net::http::{LARGEST_BODY, LARGEST_HEAD};
use crate::probe::Stop;
use crate::vantage::place::hex;
use crate::vantage::ran::output;

/// Beyond the limit that is kept over there: for the way there and back.
const SLACK: Duration = Duration::from_secs(5);
/// How a command ends that was ended at its limit: by SIGTERM, as a shell tells it.
const TERMINATED: i32 = 128 + 15;
/// How a shell tells that there is no such command.
const ABSENT: i32 = 127;

/// What a script said.
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    pub(super) code: i32,
}

impl Said {
    /// It was ended at its limit.
    pub(super) const fn late(&self) -> bool {
        self.code == TERMINATED
    }

    /// The program it needs is not there.
    pub(super) const fn absent(&self) -> bool {
        self.code == ABSENT
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Looking<'_> {
    /// Run a command over there, which `$1` and so on are given to, for so long at most. It is ended there: nothing may be
    /// left of it when we are gone.
    pub(super) async fn limited(
        &self,
        command: &str,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Said, Stop> {
        let limit = limit.min(self.recorder.remaining()).max(Duration::from_secs(1));
        let program = command.split_whitespace().find(|word| !word.contains('=')).unwrap_or_default();
        // A `sleep` that is missing must not look like a limit that has passed.
        let script = format!(
            "command -v {program} > /dev/null 2>&1 || exit {ABSENT}
{command} < /dev/null & p=$!
(sleep {} && kill $p) > /dev/null 2>&1 < /dev/null & w=$!
wait $p; c=$?
kill $w 2> /dev/null
exit $c",
            limit.as_secs()
        );
        self.script(&script, arguments, None, limit).await
    }

    /// Run a script over there, with this on its stdin.
    pub(super) async fn script(
        &self,
        script: &str,
        arguments: &[&str],
        input: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<Said, Stop> {
        let shell = self.shell;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| shell.lost(&error.to_string()))?;
        let secret = hex(&random);
        // What a server says comes out between these lines, and cannot know how they read.
        let whole = format!(
            "n=$1; shift
printf '\\n{MARK}%s begin\\n' \"$n\"
(\n{script}\n) 2>&1
printf '\\n{MARK}%s end %s\\n' \"$n\" \"$?\""
        );
        let mut words = vec!["sh", "-c", &whole, "sh", &secret];
        words.extend_from_slice(arguments);
        let words = shell.way.words(&words);
        let most = usize::try_from(LARGEST_BODY).unwrap_or(usize::MAX) + 2 * LARGEST_HEAD;
        let ran = output(&words, input.map(Arc::new), limit + SLACK, most);
        let (bytes, saying) = self.recorder.waiting(ran).await?.map_err(|reason| shell.lost(&reason))?;
        between(bytes, &secret)
            .ok_or_else(|| shell.lost(&format!("its shell did not answer to the end{saying}")))
    }
}

/// What stands between the two lines that bear this word, and the status at the end.
fn between(mut bytes: Vec<u8>, secret: &str) -> Option<Said> {
    let begin = format!("\n{MARK}{secret} begin\n");
    let end = format!("\n{MARK}{secret} end ");
    let find =
        |bytes: &[u8], line: &str| bytes.windows(line.len()).position(|window| window == line.as_bytes());
    let from = find(&bytes, &begin)? + begin.len();
    bytes.drain(..from);
    let to = find(&bytes, &end)?;
    let code = std::str::from_utf8(bytes.get(to + end.len()..)?).ok()?.split_once('\n')?.0.parse().ok()?;
    bytes.truncate(to);
    Some(Said { bytes, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_with_the_word_count() {
        let whole = b"hello\n\ngonogo/1 w begin\nbody\ngonogo/1 x end 0\nmore\n\ngonogo/1 w end 7\nbye";
        let said = between(whole.to_vec(), "w").expect("an answer");
        assert_eq!((said.text().as_str(), said.code), ("body\ngonogo/1 x end 0\nmore\n", 7));
        // Cut anywhere before its status, it is none.
        for cut in 0..whole.len() - 3 {
            assert!(between(whole[..cut].to_vec(), "w").is_none(), "{cut}");
        }
    }
}
