//! How long the effective privileges of every role on every relation and column of a snapshot take: `cargo bench --bench
//! effective -- SNAPSHOT`.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gonogo::grants::effective::Effective;
use gonogo::grants::snapshot::{Facts, load};

/// The median of so many is told.
const ROUNDS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds an option of its own.
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        return Ok(());
    };
    let snapshot = load(Path::new(&path))?;
    let mut rounds: Vec<(Duration, usize)> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let facts = effective(&snapshot.facts);
            (began.elapsed(), facts)
        })
        .collect();
    rounds.sort_unstable();
    let (took, facts) = rounds[ROUNDS / 2];
    writeln!(std::io::stdout(), "{facts} privileges in {:.1} ms", took.as_secs_f64() * 1e3)?;
    Ok(())
}

/// How many privileges there are: role by relation, and by column.
fn effective(facts: &Facts) -> usize {
    let effective = Effective::new(facts);
    let relations = facts.objects.iter().filter(|(key, _)| key.kind.is_relation());
    relations
        .map(|(key, object)| {
            let may = effective.on(key, object);
            let columns = object.columns.values().filter_map(Option::as_ref);
            let on_columns = columns.map(|acl| effective.on_column(&may, Some(acl)));
            let on_columns: usize = on_columns.flatten().map(|privileges| privileges.iter().count()).sum();
            may.iter().map(|privileges| privileges.iter().count()).sum::<usize>() + on_columns
        })
        .sum()
}
