//! The statements as a file for `psql`: one transaction, stops at the first error, nothing depends on settings.

use std::fmt::Write as _;

use super::Step;
use crate::grants::quote::Quoted;

/// What repairs, in order.
#[must_use]
pub fn script(steps: &[Step], database: &str, reader: &str) -> String {
    let statements = steps.iter().map(|step| (step.repair.run_as.as_str(), step.repair.sql.as_str()));
    written("repairs", statements, database, reader)
}

/// What takes the repair back, last statement first.
#[must_use]
pub fn undo_script(steps: &[Step], database: &str, reader: &str) -> String {
    let undo =
        |step: &'_ Step| step.repair.undo.as_ref().map(|undo| (step.repair.run_as.clone(), undo.clone()));
    let statements: Vec<(String, String)> = steps.iter().rev().filter_map(undo).collect();
    let statements = statements.iter().map(|(role, sql)| (role.as_str(), sql.as_str()));
    written("takes back the repair of", statements, database, reader)
}

fn written<'a>(
    what: &str,
    statements: impl Iterator<Item = (&'a str, &'a str)>,
    database: &str,
    reader: &str,
) -> String {
    let mut text = format!(
        "-- gonogo grants fix: {what} the permissions of the database {}; run it as {} or another superuser.\n\
         \\set ON_ERROR_STOP on\n\
         BEGIN;\n\
         SET LOCAL standard_conforming_strings = on;\n\
         SET LOCAL search_path = '';\n",
        comment(database),
        comment(reader),
    );
    let mut role = reader;
    for (run_as, sql) in statements {
        if run_as != role {
            let _ = if run_as == reader {
                writeln!(text, "RESET ROLE;")
            } else {
                writeln!(text, "SET LOCAL ROLE {};", Quoted(run_as))
            };
            role = run_as;
        }
        let _ = writeln!(text, "{sql};");
    }
    if role != reader {
        text.push_str("RESET ROLE;\n");
    }
    text.push_str("COMMIT;\n");
    text
}

/// A name inside a comment: a line break in it must not end the comment.
fn comment(name: &str) -> String {
    name.chars()
        .flat_map(
            |character| {
                if character.is_control() { character.escape_default().collect() } else { vec![character] }
            },
        )
        .collect()
}
