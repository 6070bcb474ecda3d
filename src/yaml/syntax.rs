//! What the parser complains of, in words for people who do not know its grammar.

use granit_parser::ErrorKind;

use super::parse::{Mistake, too_deep};
use super::tree::{FileId, Span};

/// The parser's words for people who do not know its grammar.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser has many more kinds, each with words of its own"
)]
pub(super) fn syntax(file: FileId, text: &str, error: &granit_parser::ScanError) -> Mistake {
    let offset = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let start = u32::try_from(offset).unwrap_or(u32::MAX);
    // One character, so that the caret has something to stand under.
    let width = text
        .get(offset..)
        .and_then(|rest| rest.chars().next())
        .map_or(0, |c| if c == '\n' { 0 } else { c.len_utf8() });
    let span = Span { file, start, end: start.saturating_add(u32::try_from(width).unwrap_or(0)) };
    let told = error.kind().to_string();
    let (message, label, help): (&str, &str, Option<&str>) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(span),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => {
            ("a tab is used to indent", "YAML indents with spaces only", Some("replace the tab with spaces"))
        }
        ErrorKind::UnclosedQuotedScalar => (
            "a quote is never closed",
            "the text that began before this has no end",
            Some("close the quote, or double a `'` inside `'...'`"),
        ),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("a `{` or `[` is never closed", "still open here", Some("add the closing `}` or `]`"))
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let needed = if *open == '{' { '}' } else { ']' };
            return Mistake {
                span,
                message: format!("not valid YAML: a `{open}` is closed by a `{close}`"),
                label: Some("opened here".to_owned()),
                help: Some(format!("close it with a `{needed}` first")),
            };
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => (
            "a `,` or a closing bracket is missing",
            "not expected here",
            Some("inside `{ }` and `[ ]`, values that hold `,`, `[`, `]`, `{`, `}` or `${...}` need quotes"),
        ),
        ErrorKind::UnknownAnchor => (
            "this alias stands for nothing",
            "no `&` anchor of this name comes before",
            Some("put a text that begins with `*` in quotes"),
        ),
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidMappingValueWhitespace => (
            "a `:` is where no key can be",
            "not expected here",
            Some("put a text that holds `: ` in quotes, and line the keys of one map up"),
        ),
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation
        | ErrorKind::BlockSequenceEntryNotAllowed => (
            "this line does not fit the ones above",
            "expected a `key: value`, or a `- ` item, lined up with the ones before",
            Some("check the indentation, and that a `:` with a space follows the key"),
        ),
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => (
            "a control character stands in this file",
            "YAML allows none but line breaks and tabs",
            Some("remove it, or write it as an escape such as `\\x1b` inside `\"...\"`"),
        ),
        ErrorKind::UnexpectedCharacter { .. } => {
            ("this character cannot begin a value", "put the value in quotes", None)
        }
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => (
            "this `\\` sequence is not known in a `\"...\"` text",
            "here",
            Some("write `\\\\` for a backslash, or use `'...'`, where it means itself"),
        ),
        _ => (&told, "here", None),
    };
    Mistake {
        span,
        message: format!("not valid YAML: {message}"),
        label: Some(label.to_owned()),
        help: help.map(ToOwned::to_owned),
    }
}
