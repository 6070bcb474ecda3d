//! Permissions that differ, each with what the application is told and the SQL that repairs it.

use maud::{Markup, html};

use super::section as titled;
use super::tone::Tone;
use super::words::{Words, code};
use crate::model::permission::{Finding, Severity};
use crate::report::digest::{Digest, Item, names};
use crate::report::findings::{Told, app_error, first_step, heading, more_consequences, more_statements};
use crate::report::text;

/// Findings told of one check.
const MOST: usize = 50;
/// Statements shown of one finding, and consequences.
const STATEMENTS: usize = 8;
const CONSEQUENCES: usize = 5;
/// Characters of one statement.
const LONGEST: usize = 4000;

/// Every check that may have found some, however it stands.
fn items<'d, 'a>(digest: &'d Digest<'a>) -> impl Iterator<Item = &'d Item<'a>> {
    let sections =
        [&digest.blockers, &digest.majors, &digest.issues, &digest.noted, &digest.waived, &digest.accepted];
    sections.into_iter().flatten()
}

/// How many differ.
pub(super) fn count(digest: &Digest<'_>) -> usize {
    let told = items(digest).flat_map(Item::messages).filter_map(|(_, row)| Told::of(row, 0));
    usize::try_from(told.map(|told| told.all.total()).sum::<u64>()).unwrap_or(usize::MAX)
}

/// Nothing when no `grants` check found any.
pub(super) fn section(digest: &Digest<'_>) -> Option<Markup> {
    let total = count(digest);
    (total > 0).then(|| {
        let content = html! {
            @for item in items(digest) {
                @for (vantages, row) in item.messages() {
                    @if let Some(told) = Told::of(row, MOST) {
                        h3.group {
                            (code(&item.check.id))
                            @if vantages.len() < item.rows.len() { " from " (Words(&names(&vantages))) }
                            ": " (told.all)
                        }
                        @for one in &told.shown { (finding(one)) "\n" }
                        @if let Some(rest) = told.rest() { p { (rest) } }
                    }
                }
            }
        };
        titled(
            "permissions",
            &format!("Permissions that differ ({})", super::words::number(total)),
            "",
            &content,
        )
    })
}

fn finding(finding: &Finding) -> Markup {
    let tone = match finding.severity {
        Severity::Blocker | Severity::Major => Tone::Bad,
        Severity::Minor | Severity::Info => Tone::Caution,
    };
    html! {
        article.item {
            h4 { span class={ "tag " (tone.name()) } { (tone.shape()) (finding.severity.name()) } " " (code(&heading(finding))) }
            p.what { (Words(&finding.message)) }
            @if let Some(error) = app_error(finding) { p { "The application is told: " (code(&error)) } }
            @if !finding.consequences.is_empty() || more_consequences(finding, 0).is_some() {
                ul.consequences {
                    @for one in finding.consequences.iter().take(CONSEQUENCES) { li { (Words(&one.message)) } }
                    @if let Some(more) = more_consequences(finding, CONSEQUENCES) { li { (more) } }
                }
            }
            @if finding.fix.is_empty() {
                @if let Some(step) = first_step(finding) { p { b { "Do: " } (Words(&step)) } }
            } @else {
                @for (place, statements) in places(finding) {
                    pre.sql tabindex="0" role="region" aria-label="SQL that repairs it" {
                        code { "-- " (Words(&place)) "\n" @for sql in statements { (sql) ";\n" } }
                    }
                }
                @if let Some(more) = more_statements(finding, STATEMENTS) { p { (more) } }
            }
        }
    }
}

/// Statements by where and as whom they are run, cleaned line by line.
fn places(finding: &Finding) -> Vec<(String, Vec<String>)> {
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for repair in finding.fix.iter().take(STATEMENTS) {
        let place = format!("in {} as {}", repair.database, repair.run_as);
        let lines: Vec<String> =
            text::cut(&repair.sql, LONGEST).lines().map(|line| text::line(line).into_owned()).collect();
        let sql = lines.join("\n");
        match places.last_mut() {
            Some((last, statements)) if *last == place => statements.push(sql),
            Some(_) | None => places.push((place, vec![sql])),
        }
    }
    places
}
