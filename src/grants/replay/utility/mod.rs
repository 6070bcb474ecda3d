//! Statements without a plan, by the privileges their commands ask for ("SQL Commands").

mod copy;
mod session;
mod tables;

use tokio::io::{AsyncRead, AsyncWrite};

use super::ReplayError;
use super::desk::Desk;
use super::lexer::{Kind, Lexed};
use super::outcome::Judged;
use super::plan::Plan;

/// What to do with a statement, by its first words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Explain it, from this token on: all of it, or the query inside it.
    Plan(usize),
    /// The same, and the right to make temporary tables.
    Temporary(Option<usize>),
    /// `CALL`
    Call,
    /// `COPY table`
    Copy,
    /// `TRUNCATE`
    Truncate,
    /// `LOCK`
    Lock,
    /// `REFRESH MATERIALIZED VIEW`
    Refresh,
    /// `SET ROLE`, `SET name`
    Set,
    /// What everybody may do: transactions, cursors, notifications.
    Free,
    /// Code of its own.
    Do,
    /// What changes the database's structure, or keeps it.
    Other,
}

impl Command {
    pub(super) fn of(text: &Lexed) -> Self {
        let Some(Kind::Word(first)) = text.kind(0) else {
            // `(select 1) union ...`
            return if text.is_mark(0, '(') { Self::Plan(0) } else { Self::Other };
        };
        let after =
            |word: &str| text.tokens.iter().position(|token| token.kind.is_word(word)).map(|index| index + 1);
        match first.as_str() {
            "select" | "insert" | "update" | "delete" | "merge" | "values" | "with" | "table" => {
                Self::Plan(0)
            }
            "declare" => after("for").map_or(Self::Other, Self::Plan),
            "prepare" => after("as").map_or(Self::Other, Self::Plan),
            "explain" => explained(text).map_or(Self::Other, Self::Plan),
            "copy" if text.is_mark(1, '(') => Self::Plan(1),
            "copy" => Self::Copy,
            "call" => Self::Call,
            "truncate" => Self::Truncate,
            "lock" => Self::Lock,
            "refresh" => Self::Refresh,
            "do" => Self::Do,
            "create"
                if ["temp", "temporary"]
                    .iter()
                    .any(|word| text.is_word(1, word) || text.is_word(2, word)) =>
            {
                let query = after("as").filter(|_| text.has_word("table"));
                Self::Temporary(query)
            }
            "set" => Self::Set,
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release"
            | "fetch" | "move" | "close" | "deallocate" | "discard" | "listen" | "unlisten" | "notify"
            | "show" | "reset" | "execute" => Self::Free,
            _ => Self::Other,
        }
    }
}

/// The query after `EXPLAIN (...)`, `EXPLAIN ANALYZE VERBOSE`.
fn explained(text: &Lexed) -> Option<usize> {
    let mut index = 1;
    if text.is_mark(1, '(') {
        index = text.tokens.iter().position(|token| token.kind.is_mark(')'))? + 1;
    }
    while text.is_word(index, "analyze") || text.is_word(index, "verbose") {
        index += 1;
    }
    let first = text.kind(index)?.name()?;
    ["select", "insert", "update", "delete", "merge", "values", "with", "table"]
        .contains(&first)
        .then_some(index)
}

/// What is known of a statement that cannot be explained.
#[derive(Debug)]
pub(super) enum Ruling {
    /// What will happen to it.
    Said(Judged),
    /// The privileges it asks for are there. It does this, and the rules over the catalogs say the rest.
    Does(Plan),
}

/// Judge a statement that has no plan.
pub(super) async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
    command: &Command,
) -> Result<Ruling, ReplayError> {
    Ok(Ruling::Said(match command {
        Command::Plan(_) | Command::Free => Judged::permitted(),
        Command::Temporary(_) => session::temporary(desk).await?,
        Command::Call => session::call(desk, text).await?,
        Command::Copy => return copy::copy(desk, text).await,
        Command::Truncate => tables::truncate(desk, text).await?,
        Command::Lock => tables::lock(desk, text).await?,
        Command::Refresh => tables::refresh(desk, text).await?,
        Command::Set => session::set(desk, text).await?,
        Command::Do => Judged::not_provable("what a DO block does shows only when it runs"),
        Command::Other => Judged::not_provable("a command that changes the database is not tried"),
    }))
}

/// One yes or no of the server's; or what it said instead.
async fn asked<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    expression: &str,
) -> Result<Result<Option<bool>, Judged>, ReplayError> {
    let answer = desk.ask(&format!("select {expression}")).await?;
    Ok(match answer {
        Ok(answer) => Ok(answer.value().flatten().map(|value| value == "t")),
        Err(error) => Err(Judged::refused(&error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::replay::lexer::lex;

    #[test]
    fn commands_are_told_apart() {
        let of = |text: &str| Command::of(&lex(text));
        assert_eq!(of("/* x */ (select 1) union select 2"), Command::Plan(0));
        assert_eq!(of("declare c cursor for select 1"), Command::Plan(4));
        assert_eq!(of("explain (analyze, verbose) select 1"), Command::Plan(6));
        assert_eq!(of("COPY (select 1) TO STDOUT"), Command::Plan(1));
        assert_eq!(of("copy t from stdin"), Command::Copy);
        assert_eq!(of("create temp table x as select 1"), Command::Temporary(Some(5)));
        assert_eq!(of("create local temporary table x (as_of int)"), Command::Temporary(None));
        assert_eq!(of("vacuum"), Command::Other);
        assert_eq!(of("\\i x"), Command::Other);
        assert_eq!(of(""), Command::Other);
    }
}
