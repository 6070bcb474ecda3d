//! A team's baseline: the newest row of a table of its own, for every machine that carries the night on.

use super::Team;
use super::database::{Database, quote};
use crate::journal::JournalError;
use crate::postgres::session::Limits;

/// Older rows stay: they tell what was taken for well before.
const TABLE: &str = "CREATE TABLE gonogo_baseline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    baseline text NOT NULL
)";
/// The longest that is read.
const LARGEST: usize = 256 * 1024 * 1024;

impl Team {
    /// Keep it for all machines.
    pub(in crate::journal) async fn keep_baseline(&self, text: &str) -> Result<(), JournalError> {
        let mut database = Database::connect(self).await?;
        database.prepare().await?;
        if !database.has_baselines().await?
            && let Err(error) = database.run(TABLE).await
            // Somebody else may have made it at the same moment.
            && !database.has_baselines().await?
        {
            return Err(error.asking_for(TABLE));
        }
        database
            .run(&format!("INSERT INTO gonogo_baseline (baseline) VALUES ({})", quote(text)))
            .await
            .map(drop)
    }

    /// The newest; none when none was kept.
    pub(in crate::journal) async fn baseline(&self) -> Result<Option<String>, JournalError> {
        let mut database = Database::connect(self).await?;
        if !database.has_baselines().await? {
            return Ok(None);
        }
        let limits = Limits { rows: 1, kept: LARGEST, row: LARGEST, total: LARGEST as u64 };
        let newest = "SELECT baseline FROM gonogo_baseline ORDER BY id DESC LIMIT 1";
        let found = database.ask(newest, limits).await?;
        Ok(found.rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }
}

impl Database {
    async fn has_baselines(&mut self) -> Result<bool, JournalError> {
        let found = self.row("SELECT to_regclass('gonogo_baseline')").await?;
        Ok(found.into_iter().next().flatten().is_some())
    }
}

impl JournalError {
    /// With the statement that a role with more rights has to run.
    fn asking_for(self, statement: &str) -> Self {
        let Self::Refused { place, reason, help: _ } = self else { return self };
        let help = format!(
            "ask the DBA to run:\n{statement};\nGRANT SELECT, INSERT ON gonogo_baseline TO ...; -- the role of this login"
        );
        Self::Refused { place, reason, help }
    }
}
