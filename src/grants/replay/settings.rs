//! `search_path` of each role in the new database, by its settings there: a path that got lost has to show.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::postgres::session::{Limits, Session, SessionError};

/// What is set for everybody: only where no setting of our own role hides it is it what the configuration says.
const SERVER: &str = "\
    select case when source in ('default', 'configuration file', 'command line') then setting else boot_val end \
    from pg_catalog.pg_settings where name = 'search_path'";
const SET: &str = "\
    select s.setdatabase <> 0, r.rolname, pg_catalog.substr(c, 13) from pg_catalog.pg_db_role_setting s \
      cross join pg_catalog.unnest(s.setconfig) c left join pg_catalog.pg_roles r on r.oid = s.setrole \
    where c like 'search\\_path=%' and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))";

#[derive(Debug)]
pub(super) struct SearchPaths {
    server: String,
    /// By whether it is for this database only, and by role.
    set: BTreeMap<(bool, Option<String>), String>,
}

impl SearchPaths {
    pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
        session: &mut Session<S>,
    ) -> Result<Self, SessionError> {
        let limits = Limits { rows: 100_000, kept: 64 * 1024 * 1024, ..Limits::default() };
        let server =
            session.run(SERVER, limits).await?.value().flatten().unwrap_or("\"$user\", public").to_owned();
        let rows = session.run(SET, limits).await?.rows;
        let set = rows.into_iter().filter_map(|row| {
            let [in_database, role, path] = <[Option<String>; 3]>::try_from(row).ok()?;
            Some(((in_database.as_deref() == Some("t"), role), path?))
        });
        Ok(Self { server, set: set.collect() })
    }

    /// The most special setting wins: role in database, role, database, server (ALTER ROLE, "Description").
    pub(super) fn of(&self, role: &str) -> String {
        let role = Some(role.to_owned());
        let order = [(true, role.clone()), (false, role), (true, None), (false, None)];
        order.iter().find_map(|key| self.set.get(key)).unwrap_or(&self.server).clone()
    }
}
