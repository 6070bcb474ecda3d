//! Permissions of a PostgreSQL database, versions 13 to 18: raw catalogs over a session that somebody else logged in, a
//! few statements in one transaction, whatever the number of objects.

mod access;
mod catalog;
mod foreign;
mod later;
mod opening;
mod references;
mod relations;
mod roles;
mod routines;
mod row;
mod rules;
mod secrets;
mod values;
mod workload;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::reader::{ReadError, Reader, Request};
use super::snapshot::{Aspect, Facts, Snapshot};
use crate::model::fault::Fault;
use crate::postgres::session::Session;
use catalog::Catalog;
use opening::Opening;

/// Past the server's own limit, so that its words are told when it can still tell them.
const BEYOND: Duration = Duration::from_secs(1);

/// A session that reads permissions.
#[derive(Debug)]
pub struct PostgresReader<S>(pub Session<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Reader for PostgresReader<S> {
    async fn snapshot(&mut self, request: &Request) -> Result<Snapshot, ReadError> {
        let limit = request.limit.saturating_add(BEYOND);
        tokio::time::timeout(limit, self.whole(request)).await.unwrap_or_else(|_| {
            let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            let fault = Fault::TimedOut { waiting_for: "the rest of the snapshot".to_owned(), limit_ms };
            Err(ReadError::Broke { reading: "the catalogs", fault })
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> PostgresReader<S> {
    async fn whole(&mut self, request: &Request) -> Result<Snapshot, ReadError> {
        let session = &mut self.0;
        let opening = opening::begin(session, request).await?;
        let snapshot = everything(session, &opening, request).await;
        // The transaction wrote nothing: however it ends is the same, and a session that broke has ended it.
        let ended = session.batch("ROLLBACK").await;
        let (mut catalog, mut snapshot) = snapshot?;
        ended.map_err(ReadError::from)?;
        snapshot.values.sequences = values::sequences(session, &opening, &mut catalog).await?;
        finish(catalog, &mut snapshot.facts);
        Ok(snapshot)
    }
}

async fn everything<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    request: &Request,
) -> Result<(Catalog, Snapshot), ReadError> {
    let mut catalog = Catalog::default();
    let memberships = roles::read(session, opening, &mut catalog).await?;
    catalog.defaults = opening::acl_defaults(session, opening, &catalog).await?;
    opening::places(session, &mut catalog).await?;
    let populated = relations::read(session, &mut catalog).await?;
    routines::read(session, opening, &mut catalog).await?;
    foreign::read(session, opening, &mut catalog).await?;
    rules::read(session, opening, &mut catalog).await?;
    let (settings, default_privileges) = later::read(session, opening, &mut catalog).await?;
    let hba = access::read(session, opening, &mut catalog).await?;
    let workload = if request.workload {
        workload::read(session, opening, &settings, &mut catalog).await?
    } else {
        None
    };
    let references =
        if request.references { Some(references::read(session, opening, &catalog).await?) } else { None };
    let facts = Facts {
        server: opening.server.clone(),
        reader: opening.reader.clone(),
        coverage: Vec::new(),
        acl_defaults: catalog.defaults.clone(),
        roles: catalog.roles.clone(),
        memberships,
        objects: std::collections::BTreeMap::new(),
        settings,
        default_privileges,
        references,
        hba,
    };
    let values = super::snapshot::Values { populated, ..Default::default() };
    Ok((catalog, Snapshot { taken_at: opening.taken_at.clone(), facts, values, workload }))
}

fn finish(mut catalog: Catalog, facts: &mut Facts) {
    let untold = catalog.untold_items();
    if untold > 0 {
        catalog.gap(Aspect::AclItems, format!("{untold} more such items"));
    }
    facts.objects = catalog.objects.into_values().collect();
    facts.coverage = catalog.gaps.into_iter().collect();
}
