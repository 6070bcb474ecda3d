//! The run lease in the database: an advisory lock, which lasts as long as the session that took it.

use std::time::Duration;

use super::database::{Database, LEASE_LOCK, quote};
use super::{Sender, Team};
use crate::journal::JournalError;

impl Database {
    /// Take the run lease; who holds it when it is taken. `ours` is a session of our own that broke: the server may not
    /// have noticed.
    pub(super) async fn lease(
        &mut self,
        sender: &Sender,
        ours: Option<i64>,
    ) -> Result<Option<String>, JournalError> {
        let key = self.key(LEASE_LOCK);
        if let Some(backend) = ours
            && self.lease_backend().await? == Some(backend)
        {
            self.end_session(backend).await?;
        }
        let took = self.row(&format!("SELECT pg_try_advisory_lock({key})")).await?;
        if took.first().and_then(Option::as_deref) == Some("t") {
            return self.holds_lease(sender).await.map(|()| None);
        }
        Ok(Some(self.lease_holder().await?.unwrap_or_else(|| "somebody who has just let it go".to_owned())))
    }

    /// Say who holds the run lease now.
    async fn holds_lease(&mut self, sender: &Sender) -> Result<(), JournalError> {
        self.backend = self.process().await?;
        // Cut to 63 bytes by the server.
        let name = quote(&format!("gonogo: {}", sender.actor));
        self.run(&format!("SET application_name = {name}")).await.map(drop)
    }

    /// Who holds the run lease now, in words.
    pub(super) async fn lease_holder(&mut self) -> Result<Option<String>, JournalError> {
        let Some(backend) = self.lease_backend().await? else { return Ok(None) };
        let name = format!("SELECT application_name FROM pg_stat_activity WHERE pid = {backend}");
        let name = self.row(&name).await?.into_iter().next().flatten().unwrap_or_default();
        match name.strip_prefix("gonogo: ") {
            Some(name) => Ok(Some(name.to_owned())),
            None => Ok(Some(self.holders("").await?.name)),
        }
    }

    /// Take the run lease from whoever holds it, by ending that session: whoever lost it connects again at once, and must
    /// find us waiting for it already.
    /// Who holds it still, when that session does not end.
    pub(super) async fn take_lease(&mut self, sender: &Sender) -> Result<Option<String>, JournalError> {
        let key = self.key(LEASE_LOCK);
        let ends = match self.lease_backend().await? {
            Some(backend) => format!("pg_terminate_backend({backend}), "),
            None => String::new(),
        };
        self.run("SET lock_timeout = '3s'").await?;
        let waited = self.run(&format!("SELECT {ends}pg_advisory_lock({key})")).await;
        self.run("RESET lock_timeout").await?;
        match waited {
            Ok(_) => self.holds_lease(sender).await.map(|()| None),
            Err(error) => self.lease_holder().await?.map(Some).ok_or(error),
        }
    }

    async fn lease_backend(&mut self) -> Result<Option<i64>, JournalError> {
        let Some(table) = self.table else { return Ok(None) };
        let found = self
            .row(&format!(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = {LEASE_LOCK} AND objid = {table} \
                 AND objsubid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ))
            .await?;
        Ok(found.into_iter().next().flatten().and_then(|pid| pid.parse().ok()))
    }

    /// End a session of the same role, and wait until it is gone.
    async fn end_session(&mut self, backend: i64) -> Result<(), JournalError> {
        const PAUSE: Duration = Duration::from_millis(50);
        self.run(&format!("SELECT pg_terminate_backend({backend})")).await?;
        for _ in 0..60 {
            if self.lease_backend().await? != Some(backend) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Refuse a pooler that gives a session to several clients by turns, as PgBouncer does unless `pool_mode = session`: a
    /// lock that is taken there belongs to whoever comes next.
    pub(super) async fn is_ours_alone(&mut self, team: &Team) -> Result<(), JournalError> {
        let own = self.process().await?;
        // A server tells its process as a client logs in (PostgreSQL documentation, 53.2.1 "Start-up"); a pooler makes one up.
        if own.is_some() && self.session.process().map(i64::from) == own {
            return Ok(());
        }
        let next = Box::pin(Self::connect(team)).await?.process().await?;
        if next != own && self.process().await? == own {
            return Ok(());
        }
        Err(self.refused(
            "a pooler gives its sessions to several clients by turns, so that nobody can hold the run lease"
                .to_owned(),
            "name the server itself; or, of PgBouncer, a database with pool_mode=session".to_owned(),
        ))
    }

    /// The server's process that answers.
    async fn process(&mut self) -> Result<Option<i64>, JournalError> {
        let process = self.row("SELECT pg_backend_pid()").await?;
        Ok(process.into_iter().next().flatten().and_then(|pid| pid.parse().ok()))
    }
}
