//! One root cause is told once: by one item in full, by the others as the same as that one's.

use std::collections::{HashMap, HashSet};

use super::{Digest, Item};
use crate::model::cause::{Blame, Diagnosis, Family};
use crate::verdict::Row;

/// A cause that an item tells in full.
#[derive(Debug, Clone)]
pub(in crate::report) struct Telling<'a> {
    /// The cause.
    pub(in crate::report) cause: &'a Diagnosis,
    /// The place that it was seen from.
    pub(in crate::report) from: &'a str,
    /// Other checks with the same one, with their vantages.
    pub(in crate::report) also: Vec<String>,
}

/// A check and a place.
type Place<'a> = (&'a str, &'a str);

/// Rows with one cause, as diagnosis has put them together.
struct Group<'a> {
    /// The row that was examined, and names the others.
    examined: &'a Row<'a>,
    /// Which item of the sections tells it: by section and check.
    teller: Option<(usize, &'a str)>,
}

/// Decide who tells what, and put those who only name another one behind the others of their section. Items are
/// numbered after this.
pub(super) fn settle<'a>(digest: &mut Digest<'a>) {
    let (mut groups, of) = groups(digest.told.rows.as_slice());
    let sections = [&mut digest.blockers, &mut digest.majors, &mut digest.issues];
    for (index, section) in sections.iter().enumerate() {
        for item in section.iter() {
            for (row, group) in item.rows.iter().filter_map(|row| Some((row, *of.get(&place(row))?))) {
                let group: &mut Group<'a> = &mut groups[group];
                let is_examined = std::ptr::eq(*row, group.examined);
                match group.teller {
                    None => group.teller = Some((index, &item.check.id)),
                    Some((known, _)) if known == index && is_examined => {
                        group.teller = Some((index, &item.check.id));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    for (index, section) in sections.into_iter().enumerate() {
        for item in section.iter_mut() {
            let mine = (index, &*item.check.id);
            tell(item, |row| {
                let group = of.get(&place(row)).map(|&group| (group, &groups[group]));
                group.map(|(number, group)| (number, group, group.teller == Some(mine)))
            });
        }
        section.sort_by_key(|item| item.tells.is_empty() && item.teller.is_some());
    }
    for item in digest.noted.iter_mut().chain(&mut digest.unknown) {
        item.tells = item.rows.iter().find_map(|row| of_row(row)).into_iter().collect();
    }
}

/// The tags of those that tell, once there are tags; then what passes, which may have the cause of what does not.
pub(super) fn name<'a>(digest: &mut Digest<'a>) {
    let failing = || digest.blockers.iter().chain(&digest.majors).chain(&digest.issues);
    let mut known: HashMap<Key<'a>, String> = HashMap::new();
    for item in failing() {
        let told = item.rows.iter().filter(|row| {
            row.diagnoses.first().is_some_and(|cause| item.tells.iter().any(|told| told.cause == cause))
        });
        for row in told {
            known.entry(key(row, &row.diagnoses[0])).or_insert_with(|| item.tag.clone());
        }
    }
    let tags: HashMap<&str, String> = failing().map(|item| (&*item.check.id, item.tag.clone())).collect();
    for item in digest.blockers.iter_mut().chain(&mut digest.majors).chain(&mut digest.issues) {
        item.same_as = item.teller.filter(|_| item.tells.is_empty()).and_then(|id| tags.get(id).cloned());
    }
    // Those who tell something first.
    let mut told: HashSet<Key<'a>> = known.keys().copied().collect();
    digest.look_at.sort_by_cached_key(|item| {
        let keys = item.rows.iter().filter_map(|row| Some(key(row, row.diagnoses.first()?)));
        keys.filter(|key| told.insert(*key)).count() == 0
    });
    for (index, item) in digest.look_at.iter_mut().enumerate() {
        item.tag = format!("L{}", index + 1);
        for row in &item.rows {
            let Some(cause) = row.diagnoses.first() else { continue };
            if let Some(tag) = known.get(&key(row, cause)) {
                item.same_as = item.same_as.take().or_else(|| Some(tag.clone()));
            } else {
                item.tells.push(Telling { cause, from: row.vantage, also: Vec::new() });
                known.insert(key(row, cause), item.tag.clone());
            }
        }
        if !item.tells.is_empty() {
            item.same_as = None;
        }
    }
}

/// What makes a cause the same one: its proof, or the place where it is.
type Key<'a> = (&'a str, &'a str);

fn key<'a>(row: &Row<'a>, cause: &'a Diagnosis) -> Key<'a> {
    // What the names of one place suffer from is the same for every name, though each proves it by itself.
    let of_place = cause.family == Family::Dns && cause.blame == Blame::Source;
    (&cause.id, if of_place { row.vantage } else { &cause.contrast })
}

fn place<'a>(row: &Row<'a>) -> Place<'a> {
    (&row.check.id, row.vantage)
}

fn of_row<'a>(row: &'a Row<'a>) -> Option<Telling<'a>> {
    row.diagnoses.first().map(|cause| Telling { cause, from: row.vantage, also: cause.explains.clone() })
}

/// The groups, and which one each row is in.
fn groups<'a>(rows: &'a [Row<'a>]) -> (Vec<Group<'a>>, HashMap<Place<'a>, usize>) {
    let explaining = |row: &&Row<'_>| row.diagnoses.first().is_some_and(|cause| !cause.explains.is_empty());
    let mut groups = Vec::new();
    let mut of = HashMap::new();
    if !rows.iter().any(|row| explaining(&row)) {
        return (groups, of);
    }
    let by_name: HashMap<String, &'a Row<'a>> = rows.iter().map(|row| (row.name(), row)).collect();
    for examined in rows.iter().filter(explaining) {
        let cause = &examined.diagnoses[0];
        let same = cause.explains.iter().filter_map(|name| by_name.get(name)).filter(|other| {
            // What was looked at again at another stage has a cause of its own.
            other.stage == examined.stage && other.diagnoses.first().is_some_and(|own| own.id == cause.id)
        });
        for row in same.copied().chain([examined]) {
            of.insert(place(row), groups.len());
        }
        groups.push(Group { examined, teller: None });
    }
    (groups, of)
}

/// What an item tells: every cause it is the one to tell, else the first that nobody else tells.
fn tell<'a, 'g>(item: &mut Item<'a>, of: impl Fn(&Row<'a>) -> Option<(usize, &'g Group<'a>, bool)>)
where
    'a: 'g,
{
    let mut told: Vec<usize> = Vec::new();
    let mut alone = None;
    for &row in &item.rows {
        match of(row) {
            Some((number, group, true)) if !told.contains(&number) => {
                told.push(number);
                let Some(telling) = of_group(row, group) else { continue };
                let same = |known: &&mut Telling<'_>| {
                    known.cause.id == telling.cause.id && known.cause.contrast == telling.cause.contrast
                };
                match item.tells.iter_mut().find(same) {
                    Some(known) => known.also.extend(telling.also),
                    None => item.tells.push(telling),
                }
            }
            Some((_, _, true)) => {}
            Some((_, group, false)) => {
                item.teller = item.teller.or_else(|| group.teller.map(|(_, check)| check));
            }
            None => alone = alone.or_else(|| of_row(row)),
        }
    }
    if item.tells.is_empty() {
        item.tells.extend(alone);
    }
}

/// The cause of a group, as a row tells it that may not be the one that was examined.
fn of_group<'a>(row: &'a Row<'a>, group: &Group<'a>) -> Option<Telling<'a>> {
    let (own, examined) = (row.name(), group.examined);
    let cause = examined.diagnoses.first()?;
    let others = [examined.name()].into_iter().chain(cause.explains.iter().cloned());
    Some(Telling { cause, from: row.vantage, also: others.filter(|name| *name != own).collect() })
}
