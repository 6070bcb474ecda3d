//! Why a vantage does not answer, the reason first, and what to do about the reasons that are common. A new reason gets a
//! line in `REASONS`, with what its program says about it.

use super::quote::quoted;

/// Characters of a reason.
const LONGEST: usize = 300;
/// Words of a line that tells what went wrong, rather than who may log in or how a command is used.
const TELLING: &[&str] = &[
    "error",
    "denied",
    "failed",
    "fatal",
    "cannot",
    "could not",
    "can't",
    "unable",
    "no such",
    "not found",
    "refused",
    "timed out",
    "unrecognized",
    "unknown",
    "panicked",
    "password",
    "passphrase",
    "no route",
    "unreachable",
    "is not running",
];

/// Words that are all in what was said, and what to do then; the first that fits counts. `HAND` stands for the way there as it is tried by hand,
/// `PROGRAM` for the program that leads there, `HOST` for its host.
const REASONS: &[(&[&str], &str)] = &[
    (
        &["identification has changed"],
        "its host key is another one than before: ask whoever runs it whether that is meant; if so, `ssh-keygen -R HOST`, \
         connect once by hand, `HAND`, and compare the fingerprint",
    ),
    (
        &["host key verification failed"],
        "its host key is not known here: connect once by hand, `HAND`, and compare the fingerprint, or take the key from \
         `ssh-keyscan HOST` after comparing it",
    ),
    (
        &["permission denied ("],
        "it takes none of our keys, and nobody is here to type a password: `ssh-add -l` lists those of the agent, \
         IdentityFile in ~/.ssh/config names one; then try `HAND`",
    ),
    (
        &["could not resolve hostname"],
        "look at the name of the host, or give it a HostName in ~/.ssh/config: getent hosts HOST",
    ),
    (&["connect to host", "connection refused"], "does sshd run there, on this port? `port:` names another"),
    (
        &["connect to host", "timed out"],
        "its ssh port cannot be reached from here: is it up, is a firewall in between, is a ProxyJump missing? Try `HAND`",
    ),
    (
        &["connect to host", "no route to host"],
        "its ssh port cannot be reached from here: is it up, and on this network? Try `HAND`",
    ),
    (&["no such container"], "see what runs, and under which name: PROGRAM ps --all"),
    (&["container", "is not running"], "start it, or see what runs: PROGRAM ps --all"),
    (&["no container with name"], "see what runs, and under which name: PROGRAM ps --all"),
    (&["docker daemon"], "does the docker daemon run, and may you use it? docker ps"),
    (&["pods", "not found"], "see which pods there are: kubectl get pods --all-namespaces"),
    (
        &["sudo", "password is required"],
        "sudo asks for a password, and nobody is here to type it: allow the command without one (NOPASSWD in sudoers)",
    ),
    (
        &["sudo", "terminal is required"],
        "sudo asks for a password, and nobody is here to type it: allow the command without one (NOPASSWD in sudoers)",
    ),
    (&["cannot open network namespace"], "see which namespaces there are: ip netns list"),
    (
        &["executable file not found"],
        "there is no shell in it: give a `debug_image` (kubectl), or look from its host",
    ),
    (&["command not found"], "one of the words names a program that is not there; try them by hand: HAND"),
    (&["sh: ", ": not found"], "one of the words names a program that is not there; try them by hand: HAND"),
    (&["cannot start", "no such file"], "this program is not installed here, or not in PATH"),
    (&["was heard from it"], "try it by hand: HAND"),
    (&["did not answer there"], "try it by hand: HAND"),
];

/// The last line of what was said that tells what went wrong; else the last one at all.
pub(super) fn telling(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        TELLING.iter().any(|word| line.contains(word))
    };
    let line = lines().rfind(tells).or_else(|| lines().next_back()).unwrap_or_default();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    format!("{} ...", line.chars().take(LONGEST).collect::<String>())
}

/// Why no shell answered, when this was said instead by what these words lead to.
pub(super) fn no_shell(said: &str, words: &[String]) -> String {
    match (telling(said), advice(said, words)) {
        (line, _) if line.is_empty() => "no shell answered there, and nothing was said".to_owned(),
        (line, Some(advice)) => format!("{line}; {advice}"),
        (line, None) => format!("{line}; no shell answered there"),
    }
}

/// The reason, with what to do about it when it is one that is known. `words` lead to what gave it.
pub(super) fn with_advice(reason: String, words: &[String]) -> String {
    match advice(&reason, words) {
        Some(advice) => format!("{reason}; {advice}"),
        None => reason,
    }
}

fn advice(said: &str, words: &[String]) -> Option<String> {
    let said = said.to_lowercase();
    let (_, advice) = REASONS.iter().find(|(marks, _)| marks.iter().all(|mark| said.contains(mark)))?;
    Some(filled(advice, words))
}

fn filled(advice: &str, words: &[String]) -> String {
    let program = words.first().map_or("", String::as_str);
    let hand = by_hand(words);
    let host = hand.last().map_or("", String::as_str);
    let typed: Vec<_> = hand.iter().map(|word| quoted(word)).collect();
    advice.replace("HAND", &typed.join(" ")).replace("PROGRAM", program).replace("HOST", host)
}

/// The words that lead there, as a person would type them: without the options that make ssh ask nothing.
fn by_hand(words: &[String]) -> Vec<String> {
    if words.first().is_none_or(|program| program != "ssh") {
        return words.to_vec();
    }
    let mut hand = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-T" => {}
            "-o" => drop(words.next()),
            "--" => {
                hand.extend(words.next().cloned());
                break;
            }
            _ => hand.push(word.clone()),
        }
    }
    hand
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_reason_comes_first_and_then_what_to_do() {
        let ssh = words("ssh -T -F my.config -o BatchMode=yes -o ConnectTimeout=10 -p 2222 -- app1");
        for (words, said, reason, advice) in [
            (
                &ssh,
                "*** Authorized use only ***\nann@app1: Permission denied (publickey,password).\n",
                "ann@app1: Permission denied (publickey,password).",
                "`ssh-add -l`",
            ),
            (
                &ssh,
                "No ED25519 host key is known for app1 and you have requested strict checking.\nHost key verification failed.",
                "Host key verification failed.",
                "`ssh -F my.config -p 2222 app1`",
            ),
            (
                &ssh,
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nIT IS POSSIBLE\nHost key verification failed.",
                "Host key verification failed.",
                "ssh-keygen -R app1",
            ),
            (
                &ssh,
                "ssh: Could not resolve hostname app1: Name or service not known",
                "ssh: Could not resolve hostname app1: Name or service not known",
                "getent hosts app1",
            ),
            (
                &ssh,
                "ssh: connect to host app1 port 2222: Connection refused",
                "ssh: connect to host app1 port 2222: Connection refused",
                "`port:`",
            ),
            (
                &ssh,
                "ssh: connect to host app1 port 2222: Connection timed out",
                "ssh: connect to host app1 port 2222: Connection timed out",
                "ProxyJump",
            ),
            (
                &words("docker exec -i shop"),
                "Error response from daemon: No such container: shop",
                "Error response from daemon: No such container: shop",
                "docker ps --all",
            ),
            (
                &words("podman exec -i shop"),
                "Error: no container with name or ID \"shop\" found: no such container",
                "Error: no container with name or ID \"shop\" found: no such container",
                "podman ps --all",
            ),
            (&words("sudo -n"), "sudo: a password is required", "sudo: a password is required", "NOPASSWD"),
            (
                &words("kubectl exec -i web -- "),
                "Error from server (NotFound): pods \"web\" not found\n",
                "Error from server (NotFound): pods \"web\" not found",
                "kubectl get pods",
            ),
        ] {
            let told = no_shell(said, words);
            assert!(told.starts_with(&format!("{reason}; ")), "{told}");
            assert!(told.contains(advice), "{told}");
        }
        assert_eq!(no_shell("", &ssh), "no shell answered there, and nothing was said");
        assert_eq!(no_shell("I do not like you\n", &ssh), "I do not like you; no shell answered there");
        let hangs =
            with_advice("sh hangs, nothing was heard from it".to_owned(), &["sh".into(), "a b".into()]);
        assert_eq!(hangs, "sh hangs, nothing was heard from it; try it by hand: sh 'a b'");
    }

    #[test]
    fn the_line_that_tells_is_found() {
        for (said, line) in [
            (
                "error: unrecognized subcommand '__agent'\n\nUsage: gonogo\n\nTry --help.",
                "error: unrecognized subcommand '__agent'",
            ),
            ("Welcome\n  have a nice   day \n\n", "have a nice day"),
            ("banner\nPassword: ", "Password:"),
            ("", ""),
        ] {
            assert_eq!(telling(said), line, "{said}");
        }
        let long = telling(&format!("it failed {}", "x".repeat(1000)));
        assert!(long.starts_with("it failed xxx") && long.ends_with(" ..."), "{long}");
    }
}
