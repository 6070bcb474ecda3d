//! Rights that a role lacks (42501): which, on what, and the statement that gives it. The server's message names the
//! object it stumbled over, in its own language; the catalogs say what the role may do with each name.

use super::{
    COLUMN, DEFAULTS, FUNCTION, ROWS_HIDDEN, SEQUENCE, TABLE, VIEW_OWNER, WRITE_ONLY, catalog, elsewhere, failed, seen,
};
use crate::diagnosis::evidence::{Evidence, listed};
use crate::diagnosis::registry::Ruling;
use crate::grants::quote::Quoted;
use crate::model::cause::Confidence;
use crate::model::database::{CatalogFacts, RelationFacts};
use crate::model::layer::Layer;

/// The catalogs, when the role lacks a right.
fn refused<'a>(evidence: &Evidence<'a>) -> Option<&'a CatalogFacts> {
    failed(evidence).filter(|error| error.sqlstate == "42501")?;
    catalog(evidence)
}

/// What the statement names and the role finds, with the right it needs there.
fn meant(facts: &CatalogFacts) -> impl Iterator<Item = (&RelationFacts, &str)> {
    let named = facts.named.iter().enumerate();
    named.filter_map(|(of, named)| Some((facts.meant(of)?, named.needs.as_str()))).filter(|(relation, _)| relation.usage)
}

fn name(relation: &RelationFacts) -> String {
    format!("{}.{}", relation.schema, relation.name)
}

fn sql(schema: &str, name: &str) -> String {
    format!("{}.{}", Quoted(schema), Quoted(name))
}

fn baseline(evidence: &Evidence<'_>) -> &'static str {
    if evidence.before.is_some() { " In the baseline the statement worked." } else { "" }
}

pub(super) fn view_owner(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = refused(evidence)?;
    let (view, _) = meant(facts).find(|(relation, _)| relation.allowed && !relation.unread.is_empty())?;
    let below = listed(view.unread.iter().map(String::as_str));
    let contrast =
        format!("{} may read the view {}; its owner {} may not read {below}.", facts.role, name(view), view.owner);
    let next = format!("GRANT SELECT ON TABLE {} TO {};", view.unread.join(", "), Quoted(&view.owner));
    let ruling = Ruling::new(VIEW_OWNER, Layer::Payload, seen(evidence));
    Some(ruling.proved(format!("{contrast}{}", baseline(evidence))).next(next))
}

pub(super) fn column(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = refused(evidence)?;
    let lacks = |relation: &RelationFacts| {
        !relation.allowed && relation.some_columns && !relation.refused_columns.is_empty()
    };
    let (table, needs) = meant(facts).find(|(relation, _)| lacks(relation))?;
    let columns: Vec<String> = table.refused_columns.iter().take(8).map(|column| Quoted(column).to_string()).collect();
    let contrast = format!(
        "{} has {needs} on some columns of {} and not on {}.{}",
        facts.role,
        name(table),
        listed(table.refused_columns.iter().take(8).map(String::as_str)),
        baseline(evidence)
    );
    let next = format!(
        "GRANT {needs} ({}) ON TABLE {} TO {};",
        columns.join(", "),
        sql(&table.schema, &table.name),
        Quoted(&facts.role)
    );
    Some(Ruling::new(COLUMN, Layer::Payload, seen(evidence)).proved(contrast).next(next))
}

pub(super) fn table(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = refused(evidence)?;
    let (table, needs) = meant(facts).find(|(relation, _)| !relation.allowed && !relation.some_columns)?;
    let next = format!("GRANT {needs} ON TABLE {} TO {};", sql(&table.schema, &table.name), Quoted(&facts.role));
    let others = elsewhere(evidence, Layer::Payload);
    let others = if others.is_empty() { others } else { format!(" {others}") };
    let contrast = format!(
        "The catalogs say that {} has no {needs} on the {} {}.{}{}",
        facts.role,
        table.word(),
        name(table),
        baseline(evidence),
        others
    );
    if needs != "SELECT" {
        return Some(Ruling::new(WRITE_ONLY, Layer::Payload, seen(evidence)).proved(contrast).next(next));
    }
    // Never granted to anybody, as a new table is, while the role may read its neighbours.
    let is_new = !table.granted && table.neighbours > 0 && !table.by_default && table.kind != "v";
    if !is_new {
        return Some(Ruling::new(TABLE, Layer::Payload, seen(evidence)).proved(contrast).next(next));
    }
    let contrast = format!(
        "{contrast} No right on it was ever granted, and {} of the schema's tables may be read: no default privileges of {} give \
         SELECT on new ones.",
        table.neighbours, table.owner
    );
    let defaults = format!(
        "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT ON TABLES TO {};",
        Quoted(&table.owner),
        Quoted(&table.schema),
        Quoted(&facts.role)
    );
    let ruling = Ruling::new(DEFAULTS, Layer::Payload, seen(evidence)).proved(contrast).sure(Confidence::Medium);
    Some(ruling.or(&[TABLE]).next(next).next(defaults))
}

pub(super) fn sequence(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = refused(evidence)?;
    let (table, sequence) = meant(facts).filter(|(relation, _)| relation.allowed || relation.some_columns).find_map(
        |(relation, _)| Some((relation, relation.sequences.iter().find(|one| !one.usage && !one.given)?)),
    )?;
    let contrast = format!(
        "{} may write {}, and has no USAGE on the sequence {}.{}, which fills its column {}.{}",
        facts.role,
        name(table),
        sequence.schema,
        sequence.name,
        sequence.column,
        baseline(evidence)
    );
    let next = format!(
        "GRANT USAGE, SELECT ON SEQUENCE {} TO {};",
        sql(&sequence.schema, &sequence.name),
        Quoted(&facts.role)
    );
    Some(Ruling::new(SEQUENCE, Layer::Payload, seen(evidence)).proved(contrast).next(next))
}

pub(super) fn function(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = refused(evidence)?;
    let routine = facts.routines.iter().find(|one| {
        let reached = match &one.asked_schema {
            Some(_) => one.asked_schema == one.schema,
            None => one.in_path,
        };
        reached && one.usage && !one.allowed
    })?;
    let schema = routine.schema.as_deref().unwrap_or_default();
    let contrast = format!(
        "The catalogs say that {} has no EXECUTE on {schema}.{}({}).{}",
        facts.role,
        routine.name,
        routine.arguments,
        baseline(evidence)
    );
    let next = format!(
        "GRANT EXECUTE ON {} {}({}) TO {};",
        routine.kind,
        sql(schema, &routine.name),
        routine.arguments,
        Quoted(&facts.role)
    );
    Some(Ruling::new(FUNCTION, Layer::Payload, seen(evidence)).proved(contrast).next(next))
}

/// A row that is written and that no policy lets through: the role has its rights, and no policy is for it.
pub(super) fn rows_refused(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = refused(evidence)?;
    let hides = |relation: &RelationFacts| relation.row_security && relation.policies == 0 && relation.allowed;
    let (table, needs) = meant(facts).find(|(relation, _)| hides(relation))?;
    let contrast = format!(
        "{} has {needs} on {}; row level security is on there, and no policy is for the role.{}",
        facts.role,
        name(table),
        baseline(evidence)
    );
    Some(Ruling::new(ROWS_HIDDEN, Layer::Payload, seen(evidence)).proved(contrast))
}
