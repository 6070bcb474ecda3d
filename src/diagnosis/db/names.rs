//! Names in a statement that are not found, and where the catalogs have them.

use super::{
    LOST_PATH, NO_FUNCTION, NO_SCHEMA, NO_TABLE, NO_USAGE, SEARCH_PATH, WRONG_SIDE, catalog, failed, identity, seen,
};
use crate::diagnosis::evidence::{Evidence, listed};
use crate::diagnosis::registry::Ruling;
use crate::grants::quote::Quoted;
use crate::model::database::{CatalogFacts, NamedRelation, RelationFacts};
use crate::model::layer::Layer;

/// `undefined_table`, `invalid_schema_name`, `undefined_function`, `undefined_object`
const NOT_FOUND: [&str; 4] = ["42P01", "3F000", "42883", "42704"];
/// `insufficient_privilege`
const REFUSED: &str = "42501";

/// The catalogs, when a name was not found.
fn not_found<'a>(evidence: &Evidence<'a>) -> Option<&'a CatalogFacts> {
    failed(evidence).filter(|error| NOT_FOUND.contains(&error.sqlstate.as_str()))?;
    catalog(evidence)
}

/// Relations as they are written that the role does not find.
fn lost(facts: &CatalogFacts) -> impl Iterator<Item = (usize, &NamedRelation)> {
    facts.named.iter().enumerate().filter(|(of, _)| facts.meant(*of).is_none())
}

/// A name that stands bare and is in another schema.
fn elsewhere(facts: &CatalogFacts) -> Option<(&NamedRelation, Vec<&RelationFacts>)> {
    lost(facts).find_map(|(of, named)| {
        let found: Vec<&RelationFacts> = facts.found(of).filter(|_| named.schema.is_none()).collect();
        (!found.is_empty()).then_some((named, found))
    })
}

fn schemas(found: &[&RelationFacts]) -> String {
    let names: Vec<String> = found.iter().map(|one| format!("{}.{}", one.schema, one.name)).collect();
    listed(names.iter().map(String::as_str))
}

/// Whether the database that answers is another one than before.
fn is_other(evidence: &Evidence<'_>) -> bool {
    let Some((before, now)) = evidence.before.and_then(identity).zip(identity(evidence.trace)) else { return false };
    before.database != now.database || before.system_identifier != now.system_identifier
}

pub(super) fn no_schema(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = not_found(evidence)?;
    let written = |schema: &str| {
        let relation = facts.named.iter().any(|named| named.schema.as_deref() == Some(schema));
        relation || facts.routines.iter().any(|routine| routine.asked_schema.as_deref() == Some(schema))
    };
    let gone = facts.schemas.iter().find(|schema| !schema.exists && written(&schema.name))?;
    let elsewhere = lost(facts).find_map(|(of, _)| {
        let found: Vec<&RelationFacts> = facts.found(of).collect();
        (!found.is_empty()).then(|| format!(" Here there is {}.", schemas(&found)))
    });
    let before = if evidence.before.is_some() { " In the baseline the statement worked." } else { "" };
    let contrast =
        format!("The catalogs have no schema {}.{}{before}", gone.name, elsewhere.unwrap_or_default());
    let ruling = Ruling::new(NO_SCHEMA, Layer::Payload, seen(evidence)).proved(contrast);
    Some(if is_other(evidence) { ruling.or(&[WRONG_SIDE]) } else { ruling })
}

/// The schema is there, and the role may not look into it.
pub(super) fn no_usage(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = failed(evidence).filter(|error| {
        error.sqlstate == REFUSED || NOT_FOUND.contains(&error.sqlstate.as_str())
    })?;
    let facts = catalog(evidence)?;
    let written = facts.named.iter().filter_map(|named| named.schema.as_deref());
    let called = facts.routines.iter().filter_map(|routine| routine.asked_schema.as_deref());
    let closed = |name: &str| facts.schemas.iter().any(|one| one.name == name && one.exists && !one.usage);
    let schema = written.chain(called).find(|name| closed(name)).map(ToOwned::to_owned).or_else(|| {
        let found = elsewhere(facts).filter(|_| error.sqlstate != REFUSED)?.1;
        let in_path = |name: &str| facts.schemas.iter().any(|one| one.name == name && one.in_path);
        found.iter().find(|one| closed(&one.schema) && in_path(&one.schema)).map(|one| one.schema.clone())
    })?;
    let contrast = format!("The catalogs have the schema {schema}, and say that {} has no USAGE on it.", facts.role);
    let next = format!("GRANT USAGE ON SCHEMA {} TO {};", Quoted(&schema), Quoted(&facts.role));
    Some(Ruling::new(NO_USAGE, Layer::Payload, seen(evidence)).proved(contrast).next(next))
}

/// The name is in a schema that the search path lacks, or that a search path of schemas which are gone lacks.
pub(super) fn search_path(evidence: &Evidence<'_>) -> Option<Ruling> {
    let facts = not_found(evidence)?;
    if no_usage(evidence).is_some() {
        return None;
    }
    let (named, found) = elsewhere(facts)?;
    let set = facts.setting("search_path").map_or_else(String::new, |own| format!(", set for the {}", own.source));
    let contrast = format!("{} is there as {}; search_path is {}{set}.", named.name, schemas(&found), facts.search_path);
    let gone: Vec<&str> =
        facts.schemas.iter().filter(|one| one.in_path && !one.exists).map(|one| one.name.as_str()).collect();
    let schema = found.first().map(|one| Quoted(&one.schema).to_string()).unwrap_or_default();
    let database = identity(evidence.trace).map_or_else(|| "DATABASE".to_owned(), |own| Quoted(&own.database).to_string());
    let next = format!("alter role {} in database {database} set search_path = {schema}, public", Quoted(&facts.role));
    if gone.is_empty() {
        return Some(Ruling::new(SEARCH_PATH, Layer::Payload, seen(evidence)).proved(contrast).next(next));
    }
    let contrast = format!("{contrast} There is no schema {}.", listed(gone.iter().copied()));
    Some(Ruling::new(LOST_PATH, Layer::Payload, seen(evidence)).proved(contrast).or(&[SEARCH_PATH]).next(next))
}

pub(super) fn no_table(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = failed(evidence).filter(|error| error.sqlstate == "42P01")?;
    if no_schema(evidence).is_some() || no_usage(evidence).is_some() || search_path(evidence).is_some() {
        return None;
    }
    let ruling = Ruling::new(NO_TABLE, Layer::Payload, seen(evidence));
    let ruling = if is_other(evidence) { ruling.or(&[WRONG_SIDE]) } else { ruling };
    let Some(facts) = catalog(evidence) else {
        let contrast = "The catalogs were not asked.";
        return Some(ruling.because(contrast).or(&[SEARCH_PATH, NO_SCHEMA]).next("select to_regclass('SCHEMA.NAME')"));
    };
    // A name that the text of the statement does not show: inside a function, say.
    let Some((of, named)) = lost(facts).next() else {
        return Some(ruling.because(format!("The server says {}; the statement itself names no such relation.", error.message)));
    };
    let found: Vec<&RelationFacts> = facts.found(of).collect();
    let name = named.schema.as_ref().map_or_else(|| named.name.clone(), |schema| format!("{schema}.{}", named.name));
    let contrast = if found.is_empty() {
        format!("The catalogs have no relation {} in any schema.", named.name)
    } else {
        format!("The catalogs have no relation {name}; there is {}.", schemas(&found))
    };
    let before = if evidence.before.is_some() { " In the baseline the statement worked." } else { "" };
    Some(ruling.proved(format!("{contrast}{before}")))
}

pub(super) fn no_function(evidence: &Evidence<'_>) -> Option<Ruling> {
    failed(evidence).filter(|error| error.sqlstate == "42883")?;
    if no_schema(evidence).is_some() {
        return None;
    }
    let ruling = Ruling::new(NO_FUNCTION, Layer::Payload, seen(evidence));
    let Some(facts) = catalog(evidence) else {
        return Some(ruling.because("The catalogs were not asked.").or(&[SEARCH_PATH]));
    };
    let reached = |asked: &Option<String>, schema: &Option<String>, in_path: bool| match asked {
        Some(_) => asked == schema,
        None => in_path,
    };
    let missing = facts.routines.iter().find(|one| one.schema.is_none());
    if let Some(missing) = missing {
        let before = if evidence.before.is_some() { " In the baseline the statement worked." } else { "" };
        return Some(ruling.proved(format!("The catalogs have no function {} in any schema.{before}", missing.name)));
    }
    let other = facts.routines.iter().find(|one| !reached(&one.asked_schema, &one.schema, one.in_path))?;
    let place = other.schema.as_deref().unwrap_or_default();
    let contrast = format!("It is there as {place}.{}({}); search_path is {}.", other.name, other.arguments, facts.search_path);
    Some(ruling.proved(contrast).or(&[SEARCH_PATH]))
}
