//! A statement's text in tokens, by PostgreSQL's own rules (`scan.l`; "Lexical Structure"), with
//! `standard_conforming_strings` on. Nothing here decides what is sent: the server itself refuses more than one statement.

use std::ops::Range;

/// Bytes of an identifier that count (NAMEDATALEN - 1).
const NAME: usize = 63;
const OPERATOR: &str = "+-*/<>=~!@#%^&|`?";

/// A statement in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    /// It holds what cannot be read by names alone: an unfinished quote, an escape that spells a name, a name that is too long.
    pub(super) is_odd: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it is in the text.
    pub(super) range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or name without quotes, in lower case.
    Word(String),
    /// A name in quotes, as it is.
    Quoted(String),
    /// `$1`
    Parameter(u32),
    /// A constant.
    Constant,
    /// `||`
    Operator(String),
    /// `(`, `,`, `::`, ...
    Mark(char),
}

impl Kind {
    /// The name it may be: of a table, a function, a type.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Parameter(_) | Self::Constant | Self::Operator(_) | Self::Mark(_) => None,
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        matches!(self, Self::Mark(own) if *own == mark)
    }
}

impl Lexed {
    /// The token at this place; none past the end.
    pub(super) fn kind(&self, index: usize) -> Option<&Kind> {
        self.tokens.get(index).map(|token| &token.kind)
    }

    pub(super) fn is_word(&self, index: usize, word: &str) -> bool {
        self.kind(index).is_some_and(|kind| kind.is_word(word))
    }

    pub(super) fn is_mark(&self, index: usize, mark: char) -> bool {
        self.kind(index).is_some_and(|kind| kind.is_mark(mark))
    }

    pub(super) fn has_word(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.kind.is_word(word))
    }

    /// Whether this name is written in it.
    pub(super) fn names(&self, name: &str) -> bool {
        self.tokens.iter().any(|token| token.kind.name() == Some(name))
    }

    /// The highest `$n`.
    pub(super) fn parameters(&self) -> u32 {
        let numbers = self.tokens.iter().map(|token| match token.kind {
            Kind::Parameter(number) => number,
            Kind::Word(_) | Kind::Quoted(_) | Kind::Constant | Kind::Operator(_) | Kind::Mark(_) => 0,
        });
        numbers.max().unwrap_or(0)
    }

    /// A name of one to three parts, `a.b`, that begins at this token; and the token after it.
    pub(super) fn qualified(&self, mut index: usize) -> Option<(Vec<&str>, usize)> {
        let mut parts = vec![self.kind(index)?.name()?];
        index += 1;
        while self.is_mark(index, '.') {
            let Some(part) = self.kind(index + 1).and_then(Kind::name) else { break };
            parts.push(part);
            index += 2;
        }
        Some((parts, index))
    }
}

/// Take a text apart.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer { text, at: 0, out: Lexed::default() };
    while lexer.at < text.len() {
        let begin = lexer.at;
        if let Some(kind) = lexer.next() {
            lexer.out.tokens.push(Token { kind, range: begin..lexer.at });
        }
        // Every way through `next` takes a character; a way that does not must end all the same.
        if lexer.at == begin {
            lexer.out.is_odd = true;
            break;
        }
    }
    lexer.out
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    out: Lexed,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The next token; none for blanks and comments.
    fn next(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let mut characters = rest.chars();
        let first = characters.next()?;
        let second = characters.next();
        if is_blank(first) {
            self.take_while(is_blank);
            return None;
        }
        if rest.starts_with("--") {
            self.take_while(|character| !matches!(character, '\n' | '\r'));
            return None;
        }
        if rest.starts_with("/*") {
            self.comment();
            return None;
        }
        match (first, second) {
            ('\'', _) => return Some(self.constant(1, false)),
            ('e' | 'E', Some('\'')) => return Some(self.constant(2, true)),
            ('b' | 'B' | 'x' | 'X' | 'n' | 'N', Some('\'')) => return Some(self.constant(2, false)),
            ('u' | 'U', Some('&')) if matches!(rest.as_bytes().get(2), Some(b'\'' | b'"')) => {
                self.out.is_odd = true;
                self.at += 2;
                return None;
            }
            ('"', _) => return Some(self.quoted()),
            ('$', _) => return Some(self.dollar()),
            ('.', Some('0'..='9')) | ('0'..='9', _) => {
                self.number();
                return Some(Kind::Constant);
            }
            _ => {}
        }
        if is_name_start(first) {
            let word = self.take_while(|character| {
                is_name_start(character) || character.is_ascii_digit() || character == '$'
            });
            // Only ASCII folds the same way in every encoding.
            self.out.is_odd |= word.len() > NAME || !word.is_ascii();
            return Some(Kind::Word(word.to_ascii_lowercase()));
        }
        if OPERATOR.contains(first) {
            return Some(Kind::Operator(self.operator().to_owned()));
        }
        self.at += first.len_utf8();
        Some(Kind::Mark(first))
    }

    /// Comments nest.
    fn comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else if let Some(character) = rest.chars().next() {
                self.at += character.len_utf8();
            } else {
                self.out.is_odd = true;
                return;
            }
        }
    }

    fn constant(&mut self, opening: usize, escapes: bool) -> Kind {
        self.at += opening;
        loop {
            let Some(character) = self.rest().chars().next() else {
                self.out.is_odd = true;
                return Kind::Constant;
            };
            self.at += character.len_utf8();
            if character == '\'' {
                if !self.rest().starts_with('\'') {
                    return Kind::Constant;
                }
                self.at += 1;
            } else if character == '\\' && escapes {
                self.out.is_odd = true;
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            }
        }
    }

    fn quoted(&mut self) -> Kind {
        self.at += 1;
        let mut name = String::new();
        loop {
            let Some(character) = self.rest().chars().next() else {
                self.out.is_odd = true;
                return Kind::Quoted(name);
            };
            self.at += character.len_utf8();
            if character == '"' {
                if !self.rest().starts_with('"') {
                    self.out.is_odd |= name.len() > NAME;
                    return Kind::Quoted(name);
                }
                self.at += 1;
            }
            name.push(character);
        }
    }

    /// `$1`, or `$tag$...$tag$`.
    fn dollar(&mut self) -> Kind {
        let rest = self.rest();
        let tag = rest[1..].find(|character: char| !is_name_start(character) && !character.is_ascii_digit());
        let digits = rest[1..].find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len() - 1);
        if digits > 0 {
            self.at += 1 + digits;
            if let Ok(number) = rest[1..=digits].parse() {
                return Kind::Parameter(number);
            }
            self.out.is_odd = true;
            return Kind::Constant;
        }
        if let Some(length) = tag
            && rest[1 + length..].starts_with('$')
        {
            let tag = &rest[..length + 2];
            let body = &rest[tag.len()..];
            if let Some(end) = body.find(tag) {
                self.at += end + 2 * tag.len();
            } else {
                self.out.is_odd = true;
                self.at = self.text.len();
            }
            return Kind::Constant;
        }
        self.at += 1;
        Kind::Mark('$')
    }

    fn number(&mut self) {
        loop {
            let taken = self
                .take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '_'));
            let exponent = taken.ends_with(['e', 'E']) && !taken.starts_with("0x");
            if !exponent || !self.rest().starts_with(['+', '-']) {
                return;
            }
            self.at += 1;
        }
    }

    /// The longest operator: not into a comment, and not ending in `+` or `-` unless one of `~!@#%^&|?` and a backtick is in it.
    fn operator(&mut self) -> &'t str {
        let run = self.rest();
        let mut end = run.find(|character| !OPERATOR.contains(character)).unwrap_or(run.len());
        for comment in ["--", "/*"] {
            end = run[..end].find(comment).unwrap_or(end);
        }
        while end > 1
            && run[..end].ends_with(['+', '-'])
            && !run[..end].contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?'])
        {
            end -= 1;
        }
        let end = end.max(1);
        self.at += end;
        &run[..end]
    }
}

const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        lex(text).tokens.into_iter().map(|token| token.kind).collect()
    }

    fn word(text: &str) -> Kind {
        Kind::Word(text.to_owned())
    }

    #[test]
    fn a_statement_is_taken_apart() {
        let operator = |text: &str| Kind::Operator(text.to_owned());
        assert_eq!(
            kinds("SELECT \"A\"\"b\".c||$12 -- it's\n+-/* a /* b */ ; */'x;''y'"),
            [
                word("select"),
                Kind::Quoted("A\"b".to_owned()),
                Kind::Mark('.'),
                word("c"),
                operator("||"),
                Kind::Parameter(12),
                operator("+"),
                operator("-"),
                Kind::Constant
            ]
        );
        assert_eq!(kinds("a$1"), [word("a$1")]);
        assert_eq!(kinds("$q$ ; $$ $q$ 1e+5"), [Kind::Constant, Kind::Constant]);
        assert_eq!(lex("select $3 + $1").parameters(), 3);
        assert_eq!(lex("a.\"B\" (").qualified(0), Some((vec!["a", "B"], 3)));
    }

    #[test]
    fn what_hides_names_is_odd() {
        for text in [
            "U&\"\\0065vil\"",
            "select 'x",
            "select \"x",
            "/* x",
            "E'\\x41'",
            "$$ x",
            "naïve",
            &"x".repeat(64),
        ] {
            assert!(lex(text).is_odd, "{text}");
        }
        assert!(!lex("select 'a\\b', \"ë\", U & 1").is_odd);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,40}|[-/*$'\"eEuU&a1 ;.\\\\]{0,30}") {
            let lexed = lex(&text);
            for token in &lexed.tokens {
                assert!(text.get(token.range.clone()).is_some_and(|part| !part.is_empty()));
            }
        }
    }
}
