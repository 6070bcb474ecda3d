//! The beginning: one transaction, where we are and who we are, and what objects of every kind share.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Address, Catalog, Found, class, facts};
use super::row::{Row, Unread, each};
use crate::grants::acl::{Acl, Grantee};
use crate::grants::reader::{ReadError, Request};
use crate::grants::snapshot::{AclDefault, Attribute, Fact, Key, Kind, Reader, Server};
use crate::postgres::session::Session;

/// The oldest version whose catalogs are known.
const OLDEST: u32 = 130_000;

/// Where we are, who we are, and what we may read.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) server: Server,
    pub(super) reader: Reader,
    pub(super) taken_at: String,
    pub(super) database_oid: u32,
    pub(super) in_recovery: bool,
    pub(super) statement_timeout_ms: u128,
    pub(super) may: May,
}

/// What needs a right of its own.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one right each")]
pub(super) struct May {
    pub(super) passwords: bool,
    pub(super) mappings: bool,
    pub(super) hba: bool,
    pub(super) conninfo: bool,
    pub(super) statistics: bool,
}

impl Opening {
    pub(super) fn since(&self, major: u32) -> bool {
        self.server.major() >= major
    }
}

/// The settings of every transaction here: names come out qualified, times in UTC, nothing waits for long.
pub(super) fn settings(statement_timeout_ms: u128) -> String {
    format!(
        "SET LOCAL search_path = ''; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; \
         SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = {statement_timeout_ms}; \
         SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL jit = off; \
         SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on"
    )
}

/// Begin the transaction, and ask who is there.
pub(super) async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    request: &Request,
) -> Result<Opening, ReadError> {
    const STATEMENT: &str = "
        select current_setting('server_version_num'), current_database(), d.oid, current_user, r.rolsuper,
               to_char(transaction_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
               pg_is_in_recovery(),
               has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select'),
               has_column_privilege('pg_catalog.pg_user_mapping', 'umoptions', 'select'),
               has_table_privilege('pg_catalog.pg_hba_file_rules', 'select')
                   and has_function_privilege('pg_catalog.pg_hba_file_rules()', 'execute'),
               has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'select'),
               pg_has_role('pg_read_all_stats', 'usage'),
               has_function_privilege('pg_catalog.pg_control_system()', 'execute')
          from pg_database d, pg_roles r
         where d.datname = current_database() and r.rolname = current_user";
    // The largest value the setting has (milliseconds in an int4).
    let statement_timeout_ms = request.limit.as_millis().clamp(1, 2_147_483_647);
    let begin = format!(
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {}",
        settings(statement_timeout_ms)
    );
    session.batch(&begin).await.map_err(|error| ReadError::from(error).while_reading("anything"))?;
    let reading = "where it is";
    let mut opening = None;
    let mut may_identify = false;
    each(session, reading, STATEMENT, |row: Row<'_, 13>| {
        may_identify = row.truth(12);
        opening = Some(Opening {
            server: Server {
                version_num: row.number(0)?,
                system_identifier: None,
                database: row.text(1)?.to_owned(),
            },
            reader: Reader { role: row.text(3)?.to_owned(), superuser: row.truth(4) },
            taken_at: row.text(5)?.to_owned(),
            database_oid: row.number(2)?,
            in_recovery: row.truth(6),
            statement_timeout_ms,
            may: May {
                passwords: row.truth(7),
                mappings: row.truth(8),
                hba: row.truth(9),
                conninfo: row.truth(10),
                statistics: row.truth(11),
            },
        });
        Ok(())
    })
    .await?;
    let mut opening =
        opening.ok_or(ReadError::Unknown { reading, got: "no database and no role of ours".to_owned() })?;
    if opening.server.version_num < OLDEST {
        return Err(ReadError::TooOld { major: opening.server.major() });
    }
    if may_identify {
        let statement = "select system_identifier from pg_control_system()";
        each(session, reading, statement, |row: Row<'_, 1>| {
            opening.server.system_identifier = Some(row.text(0)?.to_owned());
            Ok(())
        })
        .await?;
    }
    Ok(opening)
}

/// What NULL stands for, by kind (`acldefault`).
pub(super) async fn acl_defaults<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &Catalog,
) -> Result<BTreeMap<Kind, AclDefault>, ReadError> {
    let mut letters = "r,s,f,T,l,L,F,S,t,d,n".to_owned();
    if opening.since(15) {
        letters.push_str(",p");
    }
    let statement =
        format!("select k, acldefault(k::\"char\", 10)::text from unnest('{{{letters}}}'::text[]) k");
    let mut defaults = BTreeMap::new();
    each(session, "the built-in default privileges", &statement, |row: Row<'_, 2>| {
        let acl = Acl::parse(row.text(1)?, |name| catalog.roles.id(name))
            .map_err(|error| Unread(error.to_string()))?;
        let owner =
            catalog.bootstrap().map(Grantee::Role).map(|owner| acl.granted(owner)).unwrap_or_default();
        let default = AclDefault { owner, public: acl.granted(Grantee::Public) };
        let kinds: &[Kind] = match row.text(0)? {
            "r" => &[Kind::Table, Kind::View, Kind::MaterializedView, Kind::ForeignTable],
            "s" => &[Kind::Sequence],
            "f" => &[Kind::Function, Kind::Procedure, Kind::Aggregate],
            "T" => &[Kind::Type, Kind::Domain],
            "l" => &[Kind::Language],
            "L" => &[Kind::LargeObject],
            "F" => &[Kind::ForeignDataWrapper],
            "S" => &[Kind::ForeignServer],
            "t" => &[Kind::Tablespace],
            "d" => &[Kind::Database],
            "n" => &[Kind::Schema],
            "p" => &[Kind::Parameter],
            other => return Err(Unread(format!("the kind {other:?}"))),
        };
        defaults.extend(kinds.iter().map(|&kind| (kind, default)));
        Ok(())
    })
    .await?;
    Ok(defaults)
}

/// The database, its schemas and extensions, who belongs to an extension, and what everything was granted at first.
pub(super) async fn places<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let members = "select classid, objid, refobjid from pg_depend where refclassid = 3079 and deptype = 'e'";
    each(session, "members of extensions", members, |row: Row<'_, 3>| {
        let member: Address = (row.number(0)?, row.number(1)?);
        catalog.members.insert(member, row.number(2)?);
        Ok(())
    })
    .await?;
    let initial = "select classoid, objoid, objsubid, initprivs::text from pg_init_privs";
    each(session, "initial privileges", initial, |row: Row<'_, 4>| {
        let address: Address = (row.number(0)?, row.number(1)?);
        catalog.initial.insert((address, row.number(2)?), row.text(3)?.into());
        Ok(())
    })
    .await?;
    let database = "select oid, datdba, datacl::text, datconnlimit, datallowconn from pg_database
         where datname = current_database()";
    each(session, "the database", database, |row: Row<'_, 5>| {
        let limit = row.text(3)?;
        catalog.add(Found {
            address: (class::DATABASE, row.number(0)?),
            key: Key::database(),
            owner: Some(row.number(1)?),
            acl: row.maybe(2),
            facts: facts([
                (limit != "-1").then(|| (Attribute::ConnectionLimit, Fact::Text(limit.to_owned()))),
                (!row.truth(4)).then(|| (Attribute::AllowConnections, Fact::Text("no".to_owned()))),
            ]),
        })
    })
    .await?;
    let schemas = "select oid, nspname, nspowner, nspacl::text from pg_namespace
         where nspname !~ '^pg_(toast|temp_|toast_temp_)'";
    // Extensions name schemas, and schemas may belong to extensions.
    let mut found = Vec::new();
    each(session, "schemas", schemas, |row: Row<'_, 4>| {
        let (oid, name): (u32, _) = (row.number(0)?, row.text(1)?);
        catalog.schemas.insert(oid, name.into());
        found.push((oid, name.to_owned(), row.number(2)?, row.maybe(3).map(ToOwned::to_owned)));
        Ok(())
    })
    .await?;
    let extensions = "select oid, extname, extowner, extversion, extnamespace from pg_extension";
    each(session, "extensions", extensions, |row: Row<'_, 5>| {
        let oid = row.number(0)?;
        let schema = catalog.schemas.get(&row.number(4)?).map(ToString::to_string);
        catalog.extensions.insert(oid, row.text(1)?.into());
        catalog.add(Found {
            address: (class::EXTENSION, oid),
            key: Key::plain(Kind::Extension, row.text(1)?),
            owner: Some(row.number(2)?),
            acl: None,
            facts: facts([
                Some((Attribute::Version, Fact::Text(row.text(3)?.to_owned()))),
                schema.map(|schema| (Attribute::ExtensionSchema, Fact::Text(schema))),
            ]),
        })
    })
    .await?;
    for (oid, name, owner, acl) in found {
        let found = Found {
            address: (class::SCHEMA, oid),
            key: Key::plain(Kind::Schema, &name),
            owner: Some(owner),
            acl: acl.as_deref(),
            facts: BTreeMap::new(),
        };
        catalog.add(found).map_err(|Unread(got)| ReadError::Unknown { reading: "schemas", got })?;
    }
    Ok(())
}
