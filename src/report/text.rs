//! The one place where text of servers, commands and people is made safe to print. Every report goes through it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line that can do no harm in a terminal, a CI log or a browser's text.
///
/// Terminal control sequences (ECMA-48 section 5.4) are dropped; any other control character, bidi control,
/// invisible format character or noncharacter is shown as an escape; tabs are spaces; `::command`, `##[` and
/// `##vso[`, which CI systems execute, are broken by a space.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\u{1b}'
            && let Some(length) = control_sequence(rest.as_bytes())
        {
            rest = &rest[length..];
            continue;
        }
        show(&mut shown, c);
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(break_commands(&shown))
}

/// Text of the plan's author in ASCII: letters lose their accents, other scripts are spelled out.
#[must_use]
pub fn ascii_words(text: &str) -> Cow<'_, str> {
    let text = line(text);
    if text.is_ascii() {
        return text;
    }
    Cow::Owned(break_commands(&deunicode::deunicode_with_tofu(&text, "?")))
}

/// Text that is compared, in ASCII: what is not ASCII is an escape, so that two values that differ look different.
#[must_use]
pub fn ascii_exact(text: &str) -> Cow<'_, str> {
    let text = line(text);
    if text.is_ascii() {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_ascii() { shown.push(c) } else { escape(&mut shown, c) }
    }
    Cow::Owned(shown)
}

/// Cut to so many characters; ` ...` says that there was more.
#[must_use]
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most || text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(4)).collect();
    Cow::Owned(format!("{} ...", kept.trim_end()))
}

/// Break a line at spaces into lines of at most `width` characters; a word that is longer is cut where it must be.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut current));
            used = 0;
        }
        if used > 0 {
            current.push(' ');
            used += 1;
        }
        for c in word.chars() {
            if used == width {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            current.push(c);
            used += 1;
        }
    }
    if !current.is_empty() {
        lines.push(current);
    }
    lines
}

/// A name for a file: lower case, everything but letters, digits and `-` as `-`.
#[must_use]
pub fn slug(name: &str) -> String {
    /// Longest part of a file name; two of them and the rest stay under the 255 bytes of a Linux file name.
    const LONGEST: usize = 100;
    let mut slug = String::with_capacity(name.len());
    for c in name.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == LONGEST {
            break;
        }
    }
    let kept = slug.trim_end_matches('-');
    if kept.is_empty() { "plan".to_owned() } else { kept.to_owned() }
}

/// A line that is nothing but text in HTML, between tags and inside of quotes.
#[must_use]
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in line(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Whether a character would not be seen, or would move what is seen.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

fn show(shown: &mut String, c: char) {
    match c {
        '\t' => shown.push(' '),
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        c if is_hidden(c) => escape(shown, c),
        c => shown.push(c),
    }
}

fn escape(shown: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _ = if u32::from(c) < 0x100 {
        write!(shown, "\\x{:02x}", u32::from(c))
    } else {
        write!(shown, "\\u{{{:x}}}", u32::from(c))
    };
}

fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(index, byte)| match byte {
        b':' | b'#' => bytes.get(index + 1) != Some(byte),
        byte => (b' '..=b'~').contains(byte),
    })
}

/// Bytes of the control sequence a text begins with: `ESC [`, parameters, intermediates and one final byte.
fn control_sequence(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let end = body.iter().position(|byte| !(0x20..0x40).contains(byte))?;
    (0x40..0x7f).contains(&body[end]).then_some(end + 3)
}

fn break_commands(text: &str) -> String {
    let mut broken = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(['#', ':']) {
        broken.push_str(&rest[..=at]);
        let (mark, after) = (&rest[at..=at], &rest[at + 1..]);
        let harmful = match mark {
            "#" => ["#[", "#vso["].iter().any(|command| starts_with_ignoring_case(after, command)),
            _ => after.strip_prefix(':').is_some_and(is_command),
        };
        if harmful {
            broken.push(' ');
        }
        rest = after;
    }
    broken.push_str(rest);
    broken
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// After `::`: a command's name, rather than the rest of an IPv6 address such as `fe80::1`.
fn is_command(after: &str) -> bool {
    let end = after.find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, ':' | '.')));
    let (address, rest) = after.split_at(end.unwrap_or(after.len()));
    address.contains("::") || rest.starts_with(|c: char| c.is_alphabetic() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_not_touched() {
        assert!(matches!(line("HTTP/1.1 200 at 10.0.0.1:80"), Cow::Borrowed(_)));
        assert_eq!(line("\u{e9}t\u{e9}"), "\u{e9}t\u{e9}");
    }

    #[test]
    fn colours_are_dropped_and_everything_else_is_shown() {
        assert_eq!(line("\x1b[1;31mred\x1b[0m"), "red");
        assert_eq!(line("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
        assert_eq!(line("\x1b["), "\\x1b[");
        assert_eq!(line("a\0b\tc\r\nd"), "a\\x00b c\\r\\nd");
        assert_eq!(line("\u{202e}evil\u{fffe}\u{85}"), "\\u{202e}evil\\u{fffe}\\x85");
    }

    #[test]
    fn commands_of_ci_systems_are_broken_and_addresses_are_not() {
        assert_eq!(line("::error file=x::boo"), ": :error file=x: :boo");
        assert_eq!(line("::stop-commands::abc"), ": :stop-commands::abc");
        assert_eq!(line("::add-mask::1"), ": :add-mask::1");
        assert_eq!(line("##[error] ##vso[task] ##VSO[x]"), "# #[error] # #vso[task] # #VSO[x]");
        assert_eq!(line("\x1b[0m::err\x1b[0mor::x"), ": :error: :x");
        for address in ["[::1]:5432", "fe80::a", "::ffff:10.0.0.1", "2001:db8::1, ::"] {
            assert_eq!(line(address), address);
        }
    }

    #[test]
    fn ascii_is_readable_for_words_and_exact_for_values() {
        assert_eq!(
            ascii_words("\u{c9}quipe base de donn\u{e9}es \u{2014} nuit"),
            "Equipe base de donnees -- nuit"
        );
        assert_eq!(ascii_exact("\u{430}dmin"), "\\u{430}dmin");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("", 8), Vec::<String>::new());
    }

    #[test]
    fn file_names_are_tame() {
        assert_eq!(slug("September 2007 / Release!"), "september-2007-release");
        assert_eq!(slug("../.."), "plan");
        assert_eq!(slug(&"x".repeat(300)).len(), 100);
    }

    proptest! {
        #[test]
        fn nothing_hidden_and_no_command_survives(text in "(\\PC|[\\x00-\\x1f:#\\[]|::error|##vso\\[|\x1b\\[0m){0,40}") {
            let shown = line(&text);
            prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
            prop_assert!(!shown.contains("::error") && !shown.contains("##[") && !shown.contains("##vso["), "{shown:?}");
            prop_assert!(ascii_words(&text).is_ascii() && ascii_exact(&text).is_ascii());
            prop_assert!(!ascii_words(&text).chars().any(char::is_control));
            prop_assert!(wrap(&shown, 20).iter().all(|line| line.chars().count() <= 20));
        }
    }
}
