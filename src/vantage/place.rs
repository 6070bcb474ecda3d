//! Brings our own program to a vantage: into a new folder that nobody else can write to, checked by its hash there.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::Spec;
use super::advice::{no_shell, with_advice};
use super::ran::{Ran, command, run};
use crate::model::application::AsApplication;

/// The longest one command there may take; the program is some 20 MB.
const LIMIT: Duration = Duration::from_mins(1);
/// Between two questions whether a container runs.
const POLL: Duration = Duration::from_millis(500);
/// A container that nobody knows of by then was refused; the longest its image may take to come is the limit above.
const UNKNOWN: Duration = Duration::from_secs(5);

/// What kind of machine it is, and which file is where our program is here.
const LOOK: &str = r#"printf '\ngonogo/1 machine %s %s\n' "$(uname -s)" "$(uname -m)"
[ -x "$1" ] && printf 'gonogo/1 file %s\n' "$(stat -c %d:%i:%s:%Y "$1" 2>/dev/null)""#;

/// The first folder in which programs can be run takes it; a mount may forbid it (noexec), or be read-only. With `all` as
/// second argument everybody may run it, and nobody but its owner write it: then it is put where everybody comes. Cut off in the
/// middle, `cat` sees an end like any other: that nobody reads what is printed then is how the script knows.
const PUT: &str = r#"umask 077
tried='' folder='' mode=700 own="${XDG_RUNTIME_DIR:-}" home="${HOME:-}"
[ "$2" = all ] && mode=755 own='' home=''
for base in "$own" "${TMPDIR:-}" /tmp /var/tmp "$home" /dev/shm; do
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
if ! { cat > "$folder/gonogo" && chmod "$mode" "$folder/gonogo" "$folder"; }; then
    told=full
else
    case $(sha256sum < "$folder/gonogo" 2>/dev/null) in
    '') told=unsummed ;;
    "$1"*) said=$("$folder/gonogo" --version 2>&1) && told=placed || told=unable ;;
    *) told=other ;;
    esac
fi
[ "$told" = placed ] || rm -rf -- "$folder"
[ "$told" = unable ] || said=$folder
printf '\ngonogo/1 %s %s\n' "$told" "$(set -f; echo $said)" || rm -rf -- "$folder""#;

/// Why our program is not there.
#[derive(Debug)]
pub(super) enum NotPlaced {
    /// Nothing answers there, or what answers cannot be trusted.
    Unusable(String),
    /// A shell answers, and has no place for our program, or cannot run it.
    Shell(String),
}

impl From<String> for NotPlaced {
    fn from(reason: String) -> Self {
        Self::Unusable(reason)
    }
}

/// Programs of ours that can be brought to a vantage.
#[derive(Debug, Clone)]
pub struct Brought {
    /// Our own program; static builds for other machines are found at `agents/ARCH/gonogo` beside it.
    pub own: PathBuf,
    /// A build that is brought instead of any of these.
    pub agent: Option<PathBuf>,
}

/// Where our program is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its path.
    pub(super) program: String,
    /// The folder to remove at the end, when we made one.
    pub(super) folder: Option<String>,
}

/// How words reach a vantage.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) spec: Spec,
    /// The application that is looked as from there.
    pub(super) who: Option<AsApplication>,
    /// A folder of ours, nobody else's.
    pub(super) private: PathBuf,
    /// What can be brought.
    pub(super) program: Brought,
    /// Words that end the place itself, when it is one of ours.
    pub(super) end: Option<Vec<String>>,
}

impl Way {
    /// The command that runs these words there, with nothing of ours but its pipes.
    pub(super) fn command(&self, words: &[&str]) -> (String, Command) {
        command(&self.words(words))
    }

    /// Find our program there, or bring it.
    ///
    /// # Errors
    /// Why it cannot be there, and what to do.
    pub(super) async fn place(&self) -> Result<Placed, NotPlaced> {
        if let Some(program) = self.spec.program() {
            return Ok(Placed { program: program.to_owned(), folder: None });
        }
        let own = &self.program.own;
        let here = own.display().to_string();
        let looked = self.run(&["sh", "-c", LOOK, "sh", &here], None).await?;
        let Some(machine) = looked.value("machine") else {
            return Err(self.no_shell(&looked).into());
        };
        // A vantage that sees the very same file shares our file system.
        if looked.value("file").is_some_and(|there| Some(there) == identity(own).as_deref()) {
            return Ok(Placed { program: here, folder: None });
        }
        let program = Arc::new(self.program_for(machine).await?);
        let sum = hex(&Sha256::digest(program.as_slice()));
        let is_for_another = self.who.as_ref().is_some_and(|who| who.user.is_some());
        let who_runs = if is_for_another { "all" } else { "owner" };
        let put = self.run(&["sh", "-c", PUT, "sh", &sum, who_runs], Some(program)).await?;
        if let Some(folder) = put.value("placed") {
            return Ok(Placed { program: format!("{folder}/gonogo"), folder: Some(folder.to_owned()) });
        }
        let named = "bring gonogo there and name it with `program:`";
        Err(if let Some(tried) = put.value("nowhere") {
            NotPlaced::Shell(format!(
                "there is no folder that can be written to and run from (tried: {tried}); {named}"
            ))
        } else if let Some(folder) = put.value("full") {
            NotPlaced::Shell(format!("it does not fit into {folder}{}; {named}", put.saying()))
        } else if put.value("unsummed").is_some() {
            NotPlaced::Shell(format!("what arrived cannot be checked, as there is no sha256sum; {named}"))
        } else if let Some(said) = put.value("unable") {
            NotPlaced::Shell(format!(
                "it does not run there ({said}); a static build does, whatever the libc: `make agents`, or name one with `--agent`"
            ))
        } else if put.value("other").is_some() {
            NotPlaced::Unusable(
                "what arrived there is not our program: its hash (sha256sum) is another".to_owned(),
            )
        } else {
            NotPlaced::Unusable(format!("our program could not be written there{}", put.saying()))
        })
    }

    /// The way to a place of ours beside the vantage, which is made, when the plan asks for one; else this one.
    ///
    /// # Errors
    /// Why it does not run.
    pub(super) async fn beside(&self) -> Result<Self, String> {
        let mut random = [0; 5];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let Some(beside) = self.spec.beside(&format!("gonogo-{}", hex(&random))) else {
            return Ok(self.clone());
        };
        let made = run(&beside.make, None, LIMIT).await?;
        let began = Instant::now();
        loop {
            let told = run(&beside.state, None, LIMIT).await?;
            let state = told.value("state").unwrap_or_default();
            if state.contains("running") {
                return Ok(Self { spec: beside.place, end: Some(beside.end), ..self.clone() });
            }
            let refused = state.is_empty() && began.elapsed() > UNKNOWN;
            if refused || state.contains("terminated") || began.elapsed() > LIMIT {
                let said = if state.is_empty() { made.saying() } else { format!(": {state}") };
                return Err(format!("no container of `debug_image` runs beside it{said}"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// End the place itself, when it is one of ours.
    pub(super) async fn end(&self) {
        if let Some(words) = &self.end {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _ = self.run(&words, None).await;
        }
    }

    /// Take away what was brought.
    pub(super) async fn remove(&self, placed: &Placed) {
        if let Some(folder) = &placed.folder {
            let _ = self.run(&["rm", "-rf", "--", folder], None).await;
        }
    }

    /// Our program for a machine: the build that was named, else a static one beside ours, else our own when the machine is of
    /// our kind.
    async fn program_for(&self, machine: &str) -> Result<Vec<u8>, NotPlaced> {
        let (system, processor) = machine.split_once(' ').unwrap_or((machine, ""));
        if !system.eq_ignore_ascii_case(std::env::consts::OS) {
            return Err(NotPlaced::Shell(format!(
                "it is a {machine} machine, and gonogo looks from Linux only"
            )));
        }
        let Brought { own, agent } = &self.program;
        if let Some(agent) = agent {
            return Ok(read(agent).await?);
        }
        let built = own.parent().map(|folder| folder.join("agents").join(processor).join("gonogo"));
        if let Some(built) = built
            && let Ok(program) = tokio::fs::read(&built).await
        {
            return Ok(program);
        }
        if processor != std::env::consts::ARCH {
            return Err(NotPlaced::Shell(format!(
                "it is a {processor} machine: put a build for it at agents/{processor}/gonogo beside the program, or name one \
                 with `--agent`"
            )));
        }
        Ok(read(own).await?)
    }

    /// The whole command that runs these words there.
    pub(super) fn words(&self, words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        self.spec.command(&words, &self.private)
    }

    /// Why no shell answered, and what to do.
    pub(super) fn no_shell(&self, ran: &Ran) -> String {
        no_shell(&ran.said, &self.words(&[]))
    }

    /// Run these words there, and take the marked lines they say.
    ///
    /// # Errors
    /// When they cannot be run, or do not end in time.
    pub(super) async fn run(&self, words: &[&str], input: Option<Arc<Vec<u8>>>) -> Result<Ran, String> {
        let ran = run(&self.words(words), input, LIMIT).await;
        ran.map_err(|reason| with_advice(reason, &self.words(&[])))
    }
}

/// Which file it is (stat(2)): device, inode, size and time of change.
fn identity(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(format!("{}:{}:{}:{}", metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime()))
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    tokio::fs::read(path)
        .await
        .map_err(|error| format!("cannot read the program to bring, {}: {error}", path.display()))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
