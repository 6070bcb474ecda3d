//! Words for a shell on the other side, and names that must not be taken for options.

use crate::probe::Problem;

/// A word as any POSIX shell reads it back (POSIX.1-2017, XCU 2.2.2).
pub(super) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A name that is put on a command line has to be one.
pub(super) fn name(path: &str, name: &str) -> Option<Problem> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.starts_with('-') {
        "begins with `-`: it would be taken for an option"
    } else if name.chars().any(|character| character.is_control() || character.is_whitespace()) {
        "holds a space or a control character"
    } else {
        return None;
    };
    Some(Problem::at(path, format!("this name {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_every_word_back() {
        for word in ["plain", "", "two words", "it's", "$(id)", "a\nb", "`x`", "\\", "*", "-n", "é", "~", "'"]
        {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
    }

    #[test]
    fn names_are_no_options() {
        assert_eq!(name("host", "app1.example"), None);
        for wrong in ["", "-oProxyCommand=id", "a b", "a\nb"] {
            assert!(name("host", wrong).is_some(), "{wrong:?}");
        }
    }
}
