//! Positions of sequences. They belong to no snapshot of the server's, and reading one locks it: so after the
//! transaction, and a few at a time, or a database of many sequences would run the server out of locks.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, class};
use super::opening::{Opening, settings};
use super::row::{Row, each};
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Aspect, Key, Kind};
use crate::postgres::session::Session;

/// Sequences read, and locked, at once: far fewer than locks (`max_locks_per_transaction`, 64, times connections).
const AT_ONCE: usize = 500;

pub(super) async fn sequences<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<BTreeMap<Key, i64>, ReadError> {
    let mut oids: Vec<u32> = catalog
        .objects
        .iter()
        .filter(|((class, _), (key, _))| *class == class::RELATION && key.kind == Kind::Sequence)
        .map(|(&(_, oid), _)| oid)
        .collect();
    oids.sort_unstable();
    let mut positions = BTreeMap::new();
    let mut refused = 0_usize;
    for some in oids.chunks(AT_ONCE) {
        match few(session, opening, some, catalog, &mut positions).await {
            Ok(unreadable) => refused += unreadable,
            Err(ReadError::Refused { error, .. }) => {
                catalog.gap(
                    Aspect::SequenceValues,
                    format!("the positions of {} sequences: the server says {error}", some.len()),
                );
            }
            Err(error) => return Err(error),
        }
    }
    if refused > 0 {
        let why = format!(
            "the positions of {refused} sequences: USAGE or SELECT on each reads it, as pg_read_all_data has"
        );
        catalog.gap(Aspect::SequenceValues, why);
    }
    Ok(positions)
}

/// How many may not be read is the answer.
async fn few<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    oids: &[u32],
    catalog: &Catalog,
    positions: &mut BTreeMap<Key, i64>,
) -> Result<usize, ReadError> {
    let reading = "positions of sequences";
    let list: Vec<String> = oids.iter().map(ToString::to_string).collect();
    // A standby has nothing of unlogged sequences.
    let persistence = if opening.in_recovery { " and c.relpersistence = 'p'" } else { "" };
    let statement = format!(
        "select c.oid, x.may, case when x.may then pg_sequence_last_value(c.oid) end
           from pg_class c, lateral (select has_sequence_privilege(c.oid, 'usage, select') may offset 0) x
          where c.oid in ({}) and c.relkind = 'S'{persistence}",
        list.join(",")
    );
    let begin = format!("BEGIN READ ONLY; {}", settings(opening.statement_timeout_ms));
    session.batch(&begin).await.map_err(|error| ReadError::from(error).while_reading(reading))?;
    let mut unreadable = 0;
    let seen = each(session, reading, &statement, |row: Row<'_, 3>| {
        unreadable += usize::from(!row.truth(1));
        if let (Some((key, _)), Some(_)) =
            (catalog.objects.get(&(class::RELATION, row.number(0)?)), row.maybe(2))
        {
            positions.insert(key.clone(), row.number(2)?);
        }
        Ok(())
    })
    .await;
    let refused = matches!(seen, Err(ReadError::Refused { .. }) | Ok(()));
    if refused {
        session.batch("ROLLBACK").await.map_err(|error| ReadError::from(error).while_reading(reading))?;
    }
    seen.map(|()| unreadable)
}
