//! Source lines as they may be shown: secrets starred at the same width, control characters made visible.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::Place;
use super::source::Source;
use crate::secret::{Scrubber, signs, sounds_secret};
use crate::yaml::tree::{FileId, Kind, NodeId, Span, Tree};

/// Characters of a line that are shown; of a longer one, the part around the mistake.
const SHOWN: usize = 240;
/// Characters before the mistake that are kept of a longer line.
const BEFORE: usize = 60;
/// Bytes around the shown part that are looked through for secrets.
const MARGIN: usize = 4096;
/// A shorter value would star half of every file.
pub(crate) const SHORTEST: usize = 4;

/// The parts of the files that must not be shown.
#[derive(Debug, Default)]
pub struct Stars {
    spans: BTreeMap<FileId, BTreeSet<(u32, u32)>>,
    values: BTreeSet<String>,
}

impl Stars {
    /// Star a place.
    pub fn place(&mut self, span: Span) {
        self.spans.entry(span.file).or_default().insert((span.start, span.end));
    }

    /// Star a value wherever it stands, here and in everything written later.
    pub fn value(&mut self, value: &str, scrubber: &Scrubber) {
        scrubber.learn(value);
        if value.len() >= SHORTEST {
            self.values.insert(value.to_owned());
        }
    }

    /// Every starred byte range of a text, in order, not overlapping.
    fn ranges(&self, file: FileId, text: &str, offset: usize) -> Vec<(usize, usize)> {
        let end = offset + text.len();
        let placed = self.spans.get(&file).into_iter().flatten().filter_map(|&(start, stop)| {
            let (start, stop) = (start as usize, stop as usize);
            (start < end && stop > offset).then(|| (start.max(offset) - offset, stop.min(end) - offset))
        });
        let known = self.values.iter().flat_map(|value| {
            text.match_indices(value.as_str()).map(move |(start, _)| (start, start + value.len()))
        });
        let mut ranges: Vec<_> = placed.chain(known).collect();
        ranges.sort_unstable();
        ranges
    }

    /// A part of a file, starred; as many characters as before, line breaks kept.
    fn starred(&self, file: FileId, text: &str, offset: usize) -> String {
        let ranges = self.ranges(file, text, offset);
        if ranges.is_empty() {
            return text.to_owned();
        }
        let mut next = ranges.iter().peekable();
        let mut until = 0;
        let mut shown = String::with_capacity(text.len());
        for (index, letter) in text.char_indices() {
            while let Some(&&(start, stop)) = next.peek() {
                if start > index {
                    break;
                }
                until = until.max(stop);
                next.next();
            }
            shown.push(if index < until && !matches!(letter, '\n' | '\r') { '*' } else { letter });
        }
        shown
    }

    /// A whole file, starred.
    #[must_use]
    pub fn file(&self, file: FileId, source: &Source) -> String {
        self.starred(file, &source.text, 0)
    }

    /// A place with its line.
    #[must_use]
    pub fn show(&self, span: Span, source: &Source, label: Option<String>) -> Place {
        let start = (span.start as usize).min(source.text.len());
        let (line, line_start, raw) = source.line_of(start);
        let ahead = raw.get(..start - line_start).unwrap_or(raw);
        let before = ahead.chars().count();
        let stop = (span.end as usize).clamp(start, line_start + raw.len());
        let width = source.text.get(start..stop).map_or(0, |text| text.chars().count());
        // Cut before starring: a line can have megabytes.
        let skipped = if before + width > SHOWN { before.saturating_sub(BEFORE) } else { 0 };
        // Backwards from the mistake: a thousand mistakes in one line of megabytes would take long to count to.
        let from = match skipped {
            0 => 0,
            _ => ahead.char_indices().rev().nth(BEFORE - 1).map_or(0, |(byte, _)| byte),
        };
        let to = raw[from..].char_indices().nth(SHOWN).map_or(raw.len(), |(byte, _)| from + byte);
        // A value cut in two by the window would not be known, so stars come from a wider one.
        let wide_from = floor(raw, from.saturating_sub(MARGIN));
        let wide_to = floor(raw, (to + MARGIN).min(raw.len()));
        let wide = self.starred(span.file, &raw[wide_from..wide_to], line_start + wide_from);
        let hidden = raw[wide_from..from].chars().count();
        let window: String = wide.chars().skip(hidden).take(SHOWN).map(visible_char).collect();
        let (lead, trail) = (if skipped > 0 { "... " } else { "" }, if to < raw.len() { " ..." } else { "" });
        let first = before - skipped + lead.len();
        let last = (first + width).min(lead.len() + window.chars().count()).max(first);
        Place {
            line,
            column: before + 1,
            text: format!("{lead}{window}{trail}"),
            underlined: first..last,
            label,
        }
    }
}

fn floor(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Control characters and those that turn the direction of text, made visible: a hostile file must not drive a
/// terminal.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

/// One character for one character, so that carets stay where they belong.
fn visible_char(letter: char) -> char {
    match letter {
        '\t' => ' ',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + letter as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // C1, marks and overrides of direction, zero width, line and paragraph separators.
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => '\u{fffd}',
        letter => letter,
    }
}

/// The byte range, within a text, of the password in `scheme://user:password@`, or after `password=` in a connection
/// string of libpq.
#[must_use]
pub(crate) fn url_password(text: &str) -> Option<std::ops::Range<usize>> {
    in_authority(text).or_else(|| in_parameter(text))
}

fn in_authority(text: &str) -> Option<std::ops::Range<usize>> {
    // Most URLs name nobody: one byte is found much sooner than where an authority ends.
    text.contains('@').then_some(())?;
    let scheme = text.find("://")?;
    let authority = scheme + 3;
    // A raw `/` in a database's password is a mistake, and must not show the rest of it.
    let database = text[..scheme].ends_with("postgres") || text[..scheme].ends_with("postgresql");
    let ends: &[char] = if database { &['?', '#', ' ', '"', '\''] } else { &['/', '?', '#', ' ', '"'] };
    let end = text[authority..].find(ends).map_or(text.len(), |index| authority + index);
    let at = authority + text[authority..end].rfind('@')?;
    let colon = authority + text[authority..at].find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}

/// `?password=...` and `host=... password='...'` (documentation of PostgreSQL, section 34.1.1).
fn in_parameter(text: &str) -> Option<std::ops::Range<usize>> {
    const KEY: &str = "password=";
    text.contains('=').then_some(())?;
    let others = ["postgres://", "postgresql://", "host=", "hostaddr=", "dbname=", "user=", "service="];
    let start = text.find(KEY)? + KEY.len();
    others.iter().any(|other| text.contains(other)).then_some(())?;
    let quoted = text[start..].starts_with('\'');
    let start = start + usize::from(quoted);
    let ends: &[char] = if quoted { &['\''] } else { &['&', ' ', '"', '\''] };
    let length = text[start..].find(ends).unwrap_or(text.len() - start);
    (length > 0).then_some(start..start + length)
}

/// The byte ranges of every secret within a text that is a URL or the path of one, in order: its password, and the values of
/// parameters that are named like a secret, as in `?token=...&sig=...`.
#[must_use]
pub(crate) fn url_secrets(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut secrets = in_query(text);
    if let Some(password) = url_password(text)
        && secrets.iter().all(|secret| secret.end <= password.start || secret.start >= password.end)
    {
        secrets.push(password);
        secrets.sort_by_key(|secret| secret.start);
    }
    secrets
}

fn in_query(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_database = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let is_url = text.contains("://") || text.starts_with('/');
    let Some(query) = text.find('?').filter(|_| is_url && !is_database) else { return Vec::new() };
    let end = query + text[query..].find(['#', ' ', '"', '\'', '\n']).unwrap_or(text.len() - query);
    let mut secrets = Vec::new();
    let mut begin = query + 1;
    while begin < end {
        let stop = begin + text[begin..end].find(['&', ';']).unwrap_or(end - begin);
        if let Some(equals) = text[begin..stop].find('=') {
            let (name, value) = (&text[begin..begin + equals], begin + equals + 1);
            if value < stop && (sounds_secret(name) || signs(name)) {
                secrets.push(value..stop);
            }
        }
        begin = stop + 1;
    }
    secrets
}

impl Stars {
    /// Star every password inside a URL of a file; on its text, since a file that is not valid YAML is shown too.
    pub fn urls(&mut self, file: FileId, source: &Source) {
        let mut begin = 0;
        for line in source.text.split_inclusive('\n') {
            for (colon, _) in line.match_indices("://") {
                // With the scheme before it: a database's password may hold what ends another's.
                let from =
                    line[..colon].trim_end_matches(|letter: char| letter.is_ascii_alphanumeric()).len();
                let to = floor(line, line.len().min(colon + MARGIN));
                let range = in_authority(line[from..to].trim_end());
                self.range(file, begin + from, range);
                for range in url_secrets(line[from..to].trim_end()) {
                    self.range(file, begin + from, Some(range));
                }
            }
            self.range(file, begin, in_parameter(line.trim_end()));
            begin += line.len();
        }
    }

    fn range(&mut self, file: FileId, offset: usize, range: Option<std::ops::Range<usize>>) {
        let Some(range) = range else { return };
        let place = |byte: usize| u32::try_from(offset + byte).unwrap_or(u32::MAX);
        self.place(Span { file, start: place(range.start), end: place(range.end) });
    }

    /// Star what follows a key that is named like a secret, to the end of its line: in a file that is not valid YAML.
    pub fn unparsed(&mut self, file: FileId, source: &Source) {
        /// Bytes of a key that are looked at.
        const KEY: usize = 40;
        let mut begin = 0;
        for line in source.text.split_inclusive('\n') {
            let end = line.trim_end().len();
            let secret = line.match_indices(':').map(|(colon, _)| colon).find(|&colon| {
                let key = &line[floor(line, colon.saturating_sub(KEY))..colon];
                sounds_secret(key.trim_end_matches([' ', '"', '\'']))
            });
            self.range(file, begin, secret.map(|colon| colon + 1..end).filter(|range| !range.is_empty()));
            begin += line.len();
        }
    }

    /// Star every scalar under a key that is named like a secret, but for addresses of secrets.
    pub fn keys(&mut self, tree: &Tree) {
        for node in tree.nodes() {
            let Kind::Map(entries) = &node.kind else { continue };
            for &(key, value) in entries {
                if tree.text(key).is_some_and(sounds_secret) {
                    self.below(tree, value);
                }
            }
        }
    }

    fn below(&mut self, tree: &Tree, id: NodeId) {
        match &tree.node(id).kind {
            Kind::Scalar { text, .. } if text.is_empty() => {}
            Kind::Scalar { .. } => self.place(tree.node(id).span),
            Kind::List(items) => items.iter().for_each(|&item| self.below(tree, item)),
            Kind::Map(entries) => {
                let is_address = |key| matches!(tree.text(key), Some("env" | "file" | "command" | "on"));
                let values = entries.iter().filter(|&&(key, _)| !is_address(key));
                values.for_each(|&(_, value)| self.below(tree, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{url_password, url_secrets};

    #[test]
    fn secrets_among_the_parameters_of_urls_are_found() {
        for (text, secrets) in [
            ("https://host/x?token=s3cret&x=1", &["s3cret"][..]),
            (
                "https://host/x?a=1&access_token=s3cret&api_key=k3y&sig=s1g#token=no",
                &["s3cret", "k3y", "s1g"],
            ),
            ("https://host/x?X-Amz-Signature=s1g&Password=pw", &["s1g", "pw"]),
            ("/login?password=s3cret", &["s3cret"]),
            ("https://host/x?token=&page=2&tokens=3", &[]),
            ("what is token=? and password=x", &[]),
            ("postgres://host/x?password=s3cret", &["s3cret"]),
            ("https://ann:pw@host/x?token=s3cret", &["pw", "s3cret"]),
        ] {
            let found: Vec<&str> = url_secrets(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, secrets, "{text}");
        }
    }

    #[test]
    fn passwords_of_connection_strings_are_found() {
        for (text, password) in [
            ("https://app:s3cret@host/x@y", Some("s3cret")),
            ("https://host:443/a@b", None),
            ("postgres://app:s3/cr@et@host/x", Some("s3/cr@et")),
            ("postgres://host/x?user=app&password=s3cret&sslmode=require", Some("s3cret")),
            ("postgres://app@host/x?options=a@b", None),
            ("host=db password=s3cret user=app", Some("s3cret")),
            ("host=db password='s3 cret' user=app", Some("s3 cret")),
            ("select 1 where password='x'", None),
        ] {
            assert_eq!(url_password(text).map(|range| &text[range]), password, "{text}");
        }
    }
}
