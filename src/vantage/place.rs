//! Brings our own program to a vantage: into a new folder that nobody else can write to, checked by its hash there.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};

use super::Spec;
use crate::agent::line::{self, Came};
use crate::agent::wire::MARK;

/// The longest one command there may take; the program is some 20 MB.
const LIMIT: Duration = Duration::from_mins(1);
/// Bytes kept of one line, and of complaints.
const LONGEST: usize = 4096;
/// Answers a command there gives at most.
const MOST: usize = 10;

/// What kind of machine it is, and which file is where our program is here.
const LOOK: &str = r#"printf '\ngonogo/1 machine %s %s\n' "$(uname -s)" "$(uname -m)"
[ -x "$1" ] && printf 'gonogo/1 file %s\n' "$(stat -c %d:%i:%s:%Y "$1" 2>/dev/null)""#;

/// The first folder in which programs can be run takes it; a mount may forbid it (noexec), or be read-only. Cut off in the
/// middle, `cat` sees an end like any other: that nobody reads what is printed then is how the script knows.
const PUT: &str = r#"umask 077
tried='' folder=''
for base in "${XDG_RUNTIME_DIR:-}" "${TMPDIR:-}" /tmp /var/tmp "${HOME:-}" /dev/shm; do
    [ -n "$base" ] && [ -d "$base" ] || continue
    tried="$tried $base"
    folder=$(mktemp -d "$base/gonogo.XXXXXXXXXX" 2>/dev/null) || { folder=''; continue; }
    printf '#!/bin/sh\nexit 0\n' > "$folder/try" && chmod 700 "$folder/try" && "$folder/try" 2>/dev/null && break
    rm -rf -- "$folder"
    folder=''
done
if [ -z "$folder" ]; then
    printf '\ngonogo/1 nowhere%s\n' "$tried"
    exit 1
fi
rm -f -- "$folder/try"
trap 'rm -rf -- "$folder"; exit 1' HUP INT PIPE TERM
if cat > "$folder/gonogo" && chmod 700 "$folder/gonogo"; then
    printf '\ngonogo/1 placed %s\n' "$folder" &&
        printf 'gonogo/1 sum %s\n' "$(sha256sum < "$folder/gonogo" 2>/dev/null)" ||
        rm -rf -- "$folder"
else
    rm -rf -- "$folder"
    printf '\ngonogo/1 full %s\n' "$folder"
fi"#;

/// Where our program is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its path.
    pub(super) program: String,
    /// The folder to remove at the end, when we made one.
    pub(super) folder: Option<String>,
}

/// How words reach a vantage.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) spec: Spec,
    /// A folder of ours, nobody else's.
    pub(super) private: PathBuf,
    /// Our own program here.
    pub(super) program: PathBuf,
}

/// What a command there came to.
struct Ran {
    /// Its marked lines, without the mark.
    marked: Vec<String>,
    /// The end of what it said otherwise.
    said: String,
}

impl Way {
    /// The command that runs these words there, with nothing of ours but its pipes.
    pub(super) fn command(&self, words: &[&str]) -> (String, Command) {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        command(&self.spec.command(&words, &self.private))
    }

    /// Find our program there, or bring it.
    ///
    /// # Errors
    /// Why it cannot be there, and what to do.
    pub(super) async fn place(&self) -> Result<Placed, String> {
        if let Some(program) = self.spec.program() {
            return Ok(Placed { program: program.to_owned(), folder: None });
        }
        let here = self.program.display().to_string();
        let looked = self.run(&["sh", "-c", LOOK, "sh", &here], None).await?;
        let Some(machine) = looked.value("machine") else {
            return Err(format!("no shell answered there{}", looked.saying()));
        };
        // A vantage that sees the very same file shares our file system.
        if looked.value("file").is_some_and(|there| Some(there) == identity(&self.program).as_deref()) {
            return Ok(Placed { program: here, folder: None });
        }
        let program = Arc::new(self.program_for(machine).await?);
        let sum = hex(&Sha256::digest(program.as_slice()));
        let put = self.run(&["sh", "-c", PUT], Some(program)).await?;
        if let Some(tried) = put.value("nowhere") {
            return Err(format!(
                "there is no folder that can be written to and run from (tried:{tried}); bring gonogo there and name it \
                 with `program:`"
            ));
        }
        let Some(folder) = put.value("placed") else {
            return Err(format!("our program could not be written there{}", put.saying()));
        };
        let placed = Placed { program: format!("{folder}/gonogo"), folder: Some(folder.to_owned()) };
        if put.value("sum").is_some_and(|there| there.starts_with(&sum)) {
            return Ok(placed);
        }
        self.remove(&placed).await;
        Err("what arrived there is not our program: its hash (sha256sum) is another, or cannot be told"
            .to_owned())
    }

    /// Take away what was brought.
    pub(super) async fn remove(&self, placed: &Placed) {
        if let Some(folder) = &placed.folder {
            let _ = self.run(&["rm", "-rf", "--", folder], None).await;
        }
    }

    /// Our program for a machine: a static build beside ours, else our own when the machine is of our kind.
    async fn program_for(&self, machine: &str) -> Result<Vec<u8>, String> {
        let (system, processor) = machine.split_once(' ').unwrap_or((machine, ""));
        if !system.eq_ignore_ascii_case(std::env::consts::OS) {
            return Err(format!("it is a {machine} machine, and gonogo looks from Linux only"));
        }
        let built = self.program.parent().map(|folder| folder.join("agents").join(processor).join("gonogo"));
        if let Some(built) = built
            && let Ok(program) = tokio::fs::read(&built).await
        {
            return Ok(program);
        }
        if processor != std::env::consts::ARCH {
            return Err(format!(
                "it is a {processor} machine: put a build for it at agents/{processor}/gonogo beside the program"
            ));
        }
        read(&self.program).await
    }

    async fn run(&self, words: &[&str], input: Option<Arc<Vec<u8>>>) -> Result<Ran, String> {
        let (name, mut command) = self.command(words);
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
        let whole = async {
            let ((), (marked, noise), complaints) = tokio::join!(sending, answers(stdout), all(stderr));
            let _ = child.wait().await;
            Ran { marked, said: last_words(if complaints.trim().is_empty() { &noise } else { &complaints }) }
        };
        let late = |_| format!("{name} did not end within {} s", LIMIT.as_secs());
        tokio::time::timeout(LIMIT, whole).await.map_err(late)
    }
}

impl Ran {
    fn value(&self, name: &str) -> Option<&str> {
        self.marked.iter().find_map(|line| line.strip_prefix(name)).map(str::trim)
    }

    fn saying(&self) -> String {
        if self.said.is_empty() { String::new() } else { format!(": {}", self.said) }
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

async fn all(stderr: Option<ChildStderr>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stderr) = stderr {
        let _ = (&mut stderr).take(LONGEST as u64).read_to_end(&mut bytes).await;
        // The rest is not kept, but has to be taken, or it would never end.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Which file it is (stat(2)): device, inode, size and time of change.
fn identity(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(format!("{}:{}:{}:{}", metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime()))
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    tokio::fs::read(path)
        .await
        .map_err(|error| format!("cannot read our own program {}: {error}", path.display()))
}

/// The end of what was said, in one line.
pub(super) fn last_words(said: &str) -> String {
    const LONGEST: usize = 300;
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let skipped = line.chars().count().saturating_sub(LONGEST);
    line.chars().skip(skipped).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
