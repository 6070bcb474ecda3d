//! Statements whose normalized text does not parse again: each rung writes them, or the types of their parameters, in
//! another way. What no rung carries is left to the privileges of what it names.

use tokio::io::{AsyncRead, AsyncWrite};

use super::ReplayError;
use super::desk::{Desk, Explained};
use super::lexer::{Kind, Lexed, lex};

/// Types tried for parameters that the server cannot tell.
const TYPES: &[&str] =
    &["text", "integer", "timestamp with time zone", "numeric", "interval", "date", "text[]", "integer[]"];
/// Errors that may come of constants which are gone ("PostgreSQL Error Codes"): a syntax error, an indeterminate type, an
/// ambiguous function, one that does not exist for these types, a mismatch of types, a cast that does not exist.
const DOUBTFUL: &[&str] = &["42601", "42P18", "42725", "42883", "42804", "42846"];
/// Most tries of one statement.
const MOST: usize = 48;

/// Explain a statement, by the first rung that carries. The server's answer to the text as it is when none does.
pub(super) async fn climb<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &str,
    lexed: &Lexed,
) -> Result<Explained, ReplayError> {
    let parameters = lexed.parameters();
    let first = settle(desk, text, &[], parameters, &mut 0).await?;
    if parameters == 0 || !is_doubtful(&first) {
        return Ok(first);
    }
    let rewritten = rewrite(text, lexed);
    let text = rewritten.as_deref().unwrap_or(text);
    let mut tries = 0;
    if rewritten.is_some() {
        let second = settle(desk, text, &[], parameters, &mut tries).await?;
        if !is_doubtful(&second) {
            return Ok(second);
        }
    }
    for types in typings(parameters) {
        if tries >= MOST {
            break;
        }
        let next = settle(desk, text, &types, parameters, &mut tries).await?;
        if !is_doubtful(&next) {
            return Ok(next);
        }
    }
    Ok(first)
}

/// Whether constants that are gone may be why the server says no.
pub(super) fn is_doubtful(explained: &Explained) -> bool {
    matches!(explained, Explained::NotPrepared(error) if DOUBTFUL.contains(&error.sqlstate.as_str()))
}

/// Try it; parameters whose type the server cannot tell become texts, one after the other.
async fn settle<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &str,
    types: &[&'static str],
    parameters: u32,
    tries: &mut usize,
) -> Result<Explained, ReplayError> {
    let mut types = types.to_vec();
    loop {
        *tries += 1;
        let explained = desk.explain(text, &types, parameters).await?;
        let Explained::NotPrepared(error) = &explained else { return Ok(explained) };
        let unknown =
            (error.sqlstate == "42P18" && *tries < MOST).then(|| numbered(&error.message)).flatten();
        match unknown.filter(|&number| number < usize::try_from(parameters).unwrap_or(0)) {
            Some(number) => {
                types.resize(types.len().max(number + 1), "unknown");
                if types[number] != "unknown" {
                    return Ok(explained);
                }
                types[number] = "text";
            }
            None => return Ok(explained),
        }
    }
}

/// The place of the parameter an error names: `could not determine data type of parameter $1`, in any language.
fn numbered(message: &str) -> Option<usize> {
    let (_, rest) = message.rsplit_once('$')?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// Every parameter of one type; with few parameters each of its own.
fn typings(parameters: u32) -> Vec<Vec<&'static str>> {
    let count = usize::try_from(parameters).unwrap_or(0).min(1000);
    let mut all: Vec<Vec<&str>> = TYPES.iter().map(|&name| vec![name; count]).collect();
    for place in 0..count.min(4) {
        for &name in &TYPES[..6] {
            let mut types = vec!["unknown"; count];
            types[place] = name;
            all.push(types);
        }
    }
    if count == 2 {
        let pairs = TYPES[..6].iter().flat_map(|&one| TYPES[..6].iter().map(move |&other| vec![one, other]));
        all.extend(pairs.filter(|pair| pair[0] != pair[1]));
    }
    all
}

/// `interval $1` as `$1::interval`, `extract($1 from x)` as `extract(epoch from x)`; none when there is nothing of the kind.
fn rewrite(text: &str, lexed: &Lexed) -> Option<String> {
    const LITERALS: &[&str] = &[
        "interval",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "bit",
        "bytea",
        "inet",
        "json",
        "jsonb",
        "uuid",
        "xml",
        "point",
        "numeric",
    ];
    let mut out = String::new();
    let mut copied = 0;
    let mut index = 0;
    let replace = |from: usize, to: usize, with: &str, out: &mut String, copied: &mut usize| {
        let (Some(first), Some(last)) = (lexed.tokens.get(from), lexed.tokens.get(to)) else { return };
        out.push_str(text.get(*copied..first.range.start).unwrap_or_default());
        out.push_str(with);
        *copied = last.range.end;
    };
    while let Some(kind) = lexed.kind(index) {
        if kind.is_word("extract")
            && lexed.is_mark(index + 1, '(')
            && matches!(lexed.kind(index + 2), Some(Kind::Parameter(_)))
        {
            replace(index + 2, index + 2, "epoch", &mut out, &mut copied);
            index += 3;
            continue;
        }
        let begins = kind.name().is_some_and(|name| LITERALS.contains(&name))
            && !lexed.is_mark(index.wrapping_sub(1), ':');
        if begins {
            // `timestamp with time zone $1`
            let mut end = index + 1;
            let zoned =
                ["with", "time", "zone"].iter().enumerate().all(|(at, word)| lexed.is_word(end + at, word));
            if zoned {
                end += 3;
            }
            if let Some(Kind::Parameter(number)) = lexed.kind(end) {
                let (from, to) = (lexed.tokens[index].range.start, lexed.tokens[end - 1].range.end);
                let name = text.get(from..to).unwrap_or_default();
                replace(index, end, &format!("${number}::{name}"), &mut out, &mut copied);
                index = end + 1;
                continue;
            }
        }
        index += 1;
    }
    (copied > 0).then(|| out + text.get(copied..).unwrap_or_default()).filter(|new| lex(new).tokens.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_casts() {
        let rewritten = |text: &str| rewrite(text, &lex(text));
        assert_eq!(
            rewritten("select now() - interval $1, extract($2 from x), date $3, timestamp with time zone $4")
                .as_deref(),
            Some(
                "select now() - $1::interval, extract(epoch from x), $3::date, $4::timestamp with time zone"
            )
        );
        assert_eq!(rewritten("select $1::interval, date from t where date = $2"), None);
        assert_eq!(numbered("could not determine data type of parameter $3"), Some(2));
    }
}
