//! Databases: the way into PostgreSQL and what it lets a role do there, and PgBouncer in front of it.

mod data;
mod host;
mod login;
mod names;
mod pooler;
mod reach;
mod rights;
mod statement;

use super::evidence::{Evidence, Place, facts, listed};
use super::quoted::{Quoted, Words};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::{Cause, Family};
use crate::model::database::CatalogFacts;
use crate::model::fact::{DatabaseIdentity, Fact};
use crate::model::fault::{Fault, ServerError};
use crate::model::layer::Layer;
use crate::model::trace::Trace;

causes! { Db:
    PORT_REFUSED = "db-port-refused" at Source,
        "PostgreSQL listens on another port of that host.",
        "Refused on the port asked for, while a PostgreSQL server answers on another port of the same host.",
        ["correct the port in the connection string", "a second server of one host usually has port 5433"];
    LOCALHOST_ONLY = "db-listen-localhost" at Target,
        "PostgreSQL listens on localhost only, as a new server does.",
        "Loopback on the database's host connects, its own address refuses.",
        ["alter system set listen_addresses = '*', then restart the server"];
    NO_TLS = "db-ssl-not-supported" at Target,
        "The database server has no TLS.",
        "It answers N to SSLRequest, where the connection string asks for TLS.",
        ["alter system set ssl = on with a certificate, then select pg_reload_conf()"];
    DISTRUSTED = "db-ssl-verify-fails" at Target,
        "The certificate of the database server is not trusted, or is for another name.",
        "TLS itself works; the chain or the name does not, and no login is sent.",
        ["install a certificate of the authority that clients trust, for the name they use"];
    NO_DATABASE = "db-3D000-database-missing" at Target,
        "There is no database of this name on this server.",
        "The server answers, and lets the role in: pg_hba.conf and password come first. Only the name is wrong.",
        ["is it the right server of the split?", "create the database, or correct its name in the connection string"];
    NO_ROLE = "db-28000-role-missing-trust" at Target,
        "The role does not exist on this server.",
        "The server says so only where it asks for no password; otherwise it looks like a wrong password.",
        ["create the role: pg_dumpall --roles-only on the old server"];
    NO_ROLE_PASSWORD = "db-28P01-role-missing-scram" at Target,
        "The role does not exist on this server, which looks like a wrong password.",
        "The client's text is that of a wrong password; the server's log says that the role does not exist.",
        ["create the role: pg_dumpall --roles-only on the old server"];
    WRONG_PASSWORD = "db-28P01-wrong-password" at Source,
        "The password is not the one the server has for the role.",
        "The role is there, has a password, and it has not expired.",
        ["put the new password where the application reads it", "read the server's log: its DETAIL tells the reason that clients are not told"];
    PASSWORD_EXPIRED = "db-28P01-password-expired" at Target,
        "The role's password has expired.",
        "The client's text is that of a wrong password; pg_roles.rolvaliduntil is in the past.",
        ["alter role ... valid until 'infinity'"];
    NO_PASSWORD = "db-28P01-no-password-set" at Target,
        "The role has no password: it was created again without the one it had.",
        "The client's text is that of a wrong password; pg_authid.rolpassword is null.",
        ["set the password again: pg_dumpall --roles-only carries it, --no-role-passwords does not"];
    NO_LOGIN = "db-28000-nologin" at Target,
        "The role may not log in.",
        "The server says so; the role was created as a group.",
        ["alter role ... login"];
    NO_HBA = "db-28000-no-hba-entry" at Target,
        "pg_hba.conf has no line for this source, role and database.",
        "The server names the source as it sees it; other sources log in.",
        ["add the line to pg_hba.conf, then select pg_reload_conf()", "select * from pg_hba_file_rules shows what the server has read"];
    HBA_REJECT = "db-28000-hba-reject" at Target,
        "A reject line of pg_hba.conf matches first.",
        "The server says \"rejects\" and not \"no entry\".",
        ["take the reject line away, or put the one that allows before it, then select pg_reload_conf()"];
    TLS_REQUIRED = "db-28000-ssl-required" at Source,
        "The server lets this source in over TLS only.",
        "Refused in clear text, while the same login over TLS is answered.",
        ["sslmode=require in the connection string of the application", "or a host line in place of hostssl in pg_hba.conf"];
    TOO_MANY = "db-53300-too-many-clients" at Target,
        "The server has no connection left.",
        "Every slot is taken, whoever asks; the last ones are kept for superusers.",
        ["select usename, count(*) from pg_stat_activity group by 1 shows who holds them", "pool sizes times nodes have to stay below max_connections"];
    ROLE_LIMIT = "db-53300-role-limit" at Target,
        "The role, or the database, has reached its own connection limit.",
        "The server names it; other roles still get in.",
        ["alter role ... connection limit -1", "does the application leak connections?"];
    FROZEN = "db-55000-datallowconn-false" at Target,
        "The database is frozen: it accepts no connections.",
        "The server says so; other databases of it accept.",
        ["alter database ... allow_connections true, from another database of the server"];
    NO_CONNECT = "db-42501-connect" at Target,
        "The role lacks CONNECT on the database.",
        "The password was right: the server refuses only after it.",
        ["grant CONNECT on the database to the role"];
    STARTING = "db-57P03-starting-up" at Target,
        "The server is starting, recovering or stopping: no fault of the configuration.",
        "It answers, and lets nobody in yet.",
        ["wait, and look again: gonogo retest", "the server's log tells how far recovery is; a standby without hot_standby never lets anybody in"];
    SHUTDOWN = "db-57P01-admin-shutdown" at Target,
        "The server ended the session: it was restarted, failed over, or somebody ended the session.",
        "The session was cut in its middle; a new one works.",
        ["does the pool of the application check its connections? It holds sessions that are gone", "run the check again: gonogo retest"];
    READ_ONLY = "db-25006-default-read-only" at Target,
        "The database was left read only.",
        "Reading works, writing fails, and the server is no standby: default_transaction_read_only is on.",
        ["alter database ... reset default_transaction_read_only"];
    STANDBY = "db-25006-standby" at Target,
        "The connection leads to a standby.",
        "pg_is_in_recovery() is true: it may be read and never written.",
        ["lead the application to the primary, or promote this server", "target_session_attrs=read-write in the connection string finds the primary among several hosts"];
    NO_SCHEMA = "db-3F000-schema-missing" at Target,
        "The schema is not in this database.",
        "The catalogs have no schema of the name; a SELECT from it says only that the table does not exist.",
        ["was it moved to the other half of the split?", "create it, or restore it"];
    NO_TABLE = "db-42P01-table-missing" at Target,
        "The table is not in this database.",
        "The catalogs have no relation of the name where the statement looks for it.",
        ["restore the table", "was it moved to the other half of the split?"];
    SEARCH_PATH = "db-42P01-search-path" at Target,
        "The name is there, in a schema that is not in the search path of the role.",
        "The catalogs have it in another schema than those of search_path.",
        ["alter role ... in database ... set search_path = ...", "or write the schema in the statement"];
    SHADOW = "db-search-path-shadow" at Target,
        "An empty table of the same name, in an earlier schema of the search path, hides the real one.",
        "Nothing fails; the search path finds two tables of the name, and the first is empty.",
        ["drop or rename the empty table", "or put its schema later in search_path"];
    NO_USAGE = "db-42P01-no-usage-temp" at Target,
        "The role lacks USAGE on the schema.",
        "The schema is there, and the role may not look into it: bare names are then not found at all.",
        ["grant USAGE on the schema to the role"];
    TABLE = "db-42501-table" at Target,
        "The role lacks SELECT on the table.",
        "The catalogs say that the role has no such right on the table, nor on a column of it.",
        ["gonogo grants diff shows what else is missing"];
    WRITE_ONLY = "db-42501-table-write-only" at Target,
        "The role may not write the table.",
        "Tests that only read do not see it: has_table_privilege says so without writing.",
        ["gonogo grants diff shows what else is missing"];
    COLUMN = "db-42501-column" at Target,
        "The role lacks the right on a column of the table.",
        "The server's message names the table; the catalogs give the role some columns of it and not this one.",
        ["gonogo grants diff shows what else is missing"];
    SEQUENCE = "db-42501-sequence" at Target,
        "The role lacks USAGE on the sequence that fills a column.",
        "The rights on the table are whole; those on sequences are forgotten after a split.",
        ["gonogo grants diff shows what else is missing"];
    FUNCTION = "db-42501-function" at Target,
        "The role may not call the function.",
        "The function is there; the catalogs give the role no EXECUTE on it.",
        ["gonogo grants diff shows what else is missing"];
    VIEW_OWNER = "db-42501-view-owner" at Target,
        "The owner of the view may not read what the view reads.",
        "The role has its right on the view; a view reads with the rights of its owner.",
        ["give the owner the right, or give the view back to its old owner"];
    DEFAULTS = "db-default-privileges-missing" at Target,
        "Default privileges were not carried over: new tables of the schema come without rights for the role.",
        "No right on the table was ever granted, the role has rights on its neighbours, and no default privileges of its owner give them.",
        ["alter default privileges for the role that creates tables"];
    ROWS_HIDDEN = "db-rls-hides-all" at Target,
        "Row level security hides every row from the role.",
        "Nothing fails: security is on and no policy is for the role, so that it sees no row.",
        ["create the policies that the old database had: \\d TABLE there, or gonogo grants diff"];
    WRONG_SIDE = "db-wrong-side-of-split" at Source,
        "The application uses another database than before: the other half of the split.",
        "It answers and is another one: its name, its system identifier or its address differ from the baseline's.",
        ["correct the connection string"];
    STALE_COPY = "db-stale-old-copy" at Source,
        "The application still uses the old copy that the split left behind.",
        "Everything works; only what it holds is old, and its identity differs from the baseline's.",
        ["correct the connection string, and revoke CONNECT on the old copy", "look for what was written there since"];
    TIMEOUT = "db-57014-statement-timeout" at Target,
        "The statement took longer than statement_timeout allows.",
        "The server stopped it after the time that the role or the database has set.",
        ["analyze the tables, which a restore leaves without statistics; is an index missing?", "or allow more time: alter role ... set statement_timeout"];
    LOCKED = "db-55P03-lock-timeout" at Target,
        "Another session, such as a migration, holds a lock on the table.",
        "pg_locks names the session that everybody waits for.",
        ["let it end, or end it: select pg_terminate_backend(PROCESS)"];
    SEQUENCE_BEHIND = "db-23505-sequence-behind" at Target,
        "The sequence was not advanced after the data was copied: it gives values that are taken.",
        "A duplicate key in a column that the statement gives no value: the sequence gave it.",
        ["set every sequence that fills a column to the column's largest value"];
    NO_FUNCTION = "db-42883-function-missing" at Target,
        "The function, or the extension that brings it, is not where the statement looks for it.",
        "The catalogs have no such function for these arguments in the search path.",
        ["create the function or the extension", "is it in a schema that the search path lacks?"];
    LOST_PATH = "db-42704-type-or-role-setting" at Target,
        "The search path of the role names a schema that does not exist.",
        "Setting it is no error: names are then looked for in the schemas that are left.",
        ["alter role ... in database ... set search_path to schemas that are there"];
    NO_POOLED_DATABASE = "pgb-no-such-database" at Proxy,
        "PgBouncer has no entry for the database.",
        "The pooler says so (\"no such database\"); PostgreSQL says \"does not exist\".",
        ["add it under [databases] of pgbouncer.ini, then RELOAD in its console"];
    POOLER_AUTH = "pgb-auth-failed" at Proxy,
        "PgBouncer does not know the role, or has an old password for it.",
        "Through the pooler it is refused; the same login straight to PostgreSQL works.",
        ["update userlist.txt or auth_query, then RELOAD in its console"];
    POOLER_SERVER = "pgb-server-down" at Proxy,
        "PgBouncer cannot reach the PostgreSQL server behind it.",
        "The pooler accepts and asks for the password, then waits; straight to PostgreSQL the login works.",
        ["correct host and port under [databases] of pgbouncer.ini, then RELOAD", "SHOW SERVERS and the pooler's log tell what it tries"];
    POOL_FULL = "pgb-pool-full" at Proxy,
        "The pool of PgBouncer is exhausted: the session waits for a connection in vain.",
        "query_wait_timeout; straight to PostgreSQL the login works.",
        ["SHOW POOLS in its console: cl_waiting above 0", "raise default_pool_size, or find who leaks sessions"];
    NO_MAPPING = "db-fdw-user-mapping" at Target,
        "The role has no user mapping for the server of a foreign table.",
        "Only foreign tables fail; mappings, which hold passwords, are not carried by a plain dump.",
        ["create user mapping for the role on the server"];
    REMOTE_DOWN = "db-fdw-remote-down" at Dependency,
        "The foreign server that the table leads to is not reached.",
        "Local tables work; the server cannot connect to the other one (08001).",
        ["alter server ... options (set host ..., set port ...)", "may the database's host reach the other one?"];
    HOST_UNRESOLVED = "db-host-unresolved" at Source,
        "The host name of the connection string does not resolve: no database server was asked.",
        "It breaks at dns, in the words of libpq: could not translate host name. The rest is as for any other name.",
        ["correct host= in the connection string, or the record"];
    FIREWALL = "db-firewall-drop" at Network,
        "A firewall between the application and the database drops the connection.",
        "It times out here and works from elsewhere: pg_hba.conf would refuse in words.",
        ["open the port of the database for this source"];
    DISK_FULL = "db-53100-disk-full" at Target,
        "The disk of the database server is full.",
        "Writing fails with SQLSTATE 53100, while the login and reading work.",
        ["make space: df -h on the server, old logs, WAL kept by a slot nobody reads", "then run the check again: gonogo retest"];
    NO_LIBRARY = "db-extension-missing" at Target,
        "An extension is not installed on this server.",
        "The database knows the extension or its function, and the server has no file for it: a restore brings the names only.",
        ["install the package of the extension for this version of PostgreSQL", "select * from pg_available_extensions"];
    COLLATION = "db-collation-version" at Target,
        "The collations of the operating system are of another version than the indexes were built with.",
        "The server warns of it at each login; until indexes are rebuilt, they may miss rows.",
        ["rebuild what sorts text: reindex database concurrently ...", "then: alter database ... refresh collation version"];
    AUTH_METHOD = "db-auth-method-unsupported" at Target,
        "The server asks for a way to log in that the client does not speak, or does not accept.",
        "It asks for another one than before, by the line of pg_hba.conf that matches; no password is ever compared.",
        ["compare the method of the line in pg_hba.conf with what the client's driver knows", "a driver that is too old for scram-sha-256 has to be updated"];
    OLD_DSN = "db-dblink-job-old-host" at Target,
        "A connection string inside the database leads to a server that is not reached, such as the old one.",
        "The login here works; dblink says which other server it tried (08001).",
        ["find the connection string: select proname from pg_proc where prosrc like '%host=%', and the jobs of cron.job"];
    STALLED = "db-publication-subscription-stalled" at Target,
        "The subscription that fills the table does not run: what it holds is old.",
        "The catalogs have the table in a subscription that is disabled, or whose worker is not there.",
        ["alter subscription ... enable", "if it is enabled: alter subscription ... connection '...'; is its slot still on the publisher?"];
    PREPARED = "pgb-prepared-statement" at Proxy,
        "Prepared statements are used through a pooler that gives each transaction another session.",
        "26000 or 42P05: a statement is missing in one session, and already there in the next; straight to PostgreSQL it works.",
        ["prepareThreshold=0 (JDBC) or its like in the application's driver", "or pool_mode=session, or PgBouncer 1.21 with max_prepared_statements"];
    IDLE = "db-25P03-idle-in-tx-timeout" at Source,
        "The server ended a session that stood idle in a transaction.",
        "25P03: the application began a transaction and left it open for longer than idle_in_transaction_session_timeout.",
        ["look for a transaction that waits for something else than the database", "or allow more: idle_in_transaction_session_timeout"];
}

pub(super) const RULES: &[Rule] = &[
    reach::port_refused, reach::localhost_only, reach::no_tls, reach::distrusted,
    pooler::no_database, pooler::auth, pooler::pool_full, pooler::server_down,
    login::no_database, login::no_role, login::no_login, login::tls_required, login::hba, login::password,
    login::limits, login::frozen, login::no_connect, login::starting, login::shut_down,
    statement::read_only, statement::standby, statement::timeout, statement::locked, statement::sequence_behind,
    statement::no_mapping, statement::old_dsn, statement::remote_down, statement::prepared, statement::idle,
    by_application, host::disk_full, host::no_library, host::collation, host::auth_method,
    names::no_schema, names::no_usage, names::search_path, names::no_table, names::no_function,
    rights::view_owner, rights::column, rights::table, rights::sequence, rights::function, rights::rows_refused,
    data::rows_hidden, data::shadow, data::stalled, data::another,
];

/// What an application's answer quotes of PostgreSQL: SQLSTATE or text of the server, of libpq, of JDBC and Npgsql.
const QUOTED: &[Words] = &[
    (PREPARED, &[
        &["prepared statement", "already exists"], &["prepared statement", "does not exist"], &["sqlstate 42p05"], &["sqlstate 26000"],
    ]),
    (IDLE, &[&["terminating connection due to idle-in-transaction timeout"], &["sqlstate 25p03"]]),
    (AUTH_METHOD, &[
        &["authentication type 10 is not supported"], &["authentication method 10 not supported"],
        &["scram authentication requires libpq version 10"], &["scram authentication is not supported by this driver"],
    ]),
    (DISK_FULL, &[&["could not extend file", "no space left on device"], &["sqlstate 53100"]]),
];

fn by_application(evidence: &Evidence<'_>) -> Option<Ruling> {
    Quoted::of(evidence)?.find(QUOTED)
}

/// What the server said when it refused the login, or the first question after it, which a pooler lets wait.
fn refused<'a>(evidence: &Evidence<'a>) -> Option<&'a ServerError> {
    let (Fault::LoginRefused(error) | Fault::StatementFailed(error)) = evidence.broken_at(Layer::Auth)? else {
        return None;
    };
    Some(error)
}

/// The same, by PostgreSQL itself, which names the routine that refuses (protocol section 53.8).
fn refused_by_server<'a>(evidence: &Evidence<'a>) -> Option<&'a ServerError> {
    refused(evidence).filter(|error| error.routine.is_some())
}

/// What the server said when it refused the statement.
fn failed<'a>(evidence: &Evidence<'a>) -> Option<&'a ServerError> {
    let Fault::StatementFailed(error) = evidence.broken_at(Layer::Payload)? else { return None };
    Some(error)
}

/// What broke, in words.
fn seen(evidence: &Evidence<'_>) -> String {
    evidence.broken().map_or_else(String::new, |(_, fault)| fault.to_string())
}

/// What the catalogs say of the names in the statement.
fn catalog<'a>(evidence: &Evidence<'a>) -> Option<&'a CatalogFacts> {
    facts(evidence.otherwise("catalog")?)
        .find_map(|fact| if let Fact::Catalog(catalog) = fact { Some(&**catalog) } else { None })
}

/// Which database answered.
fn identity(trace: &Trace) -> Option<&DatabaseIdentity> {
    facts(trace).find_map(|fact| if let Fact::Identified(identity) = fact { Some(&**identity) } else { None })
}

/// Whether a login was let in.
fn admitted(trace: &Trace) -> bool {
    facts(trace).any(|fact| matches!(fact, Fact::Admitted { .. }))
}

/// The SQLSTATE with which a trace broke.
fn sqlstate(trace: &Trace) -> Option<&str> {
    let (_, fault) = trace.broken()?;
    if let Fault::LoginRefused(error) | Fault::StatementFailed(error) = fault {
        return Some(&error.sqlstate);
    }
    None
}

/// What other places saw: who gets the same, and who gets further; sentences.
fn elsewhere(evidence: &Evidence<'_>, layer: Layer) -> String {
    let own = sqlstate(evidence.trace);
    let places: Vec<Place<'_>> = evidence.elsewhere().collect();
    let passes = listed(places.iter().filter(|place| place.passes(layer)).map(Place::name));
    let same = places.iter().filter(|place| own.is_some() && sqlstate(place.trace) == own);
    let same = listed(same.map(Place::name));
    let mut words = Vec::new();
    if !passes.is_empty() {
        words.push(format!("It works from {passes}."));
    }
    if !same.is_empty() {
        words.push(format!("It is the same from {same}."));
    }
    words.join(" ")
}

/// Proved by what the server says of itself where another place says the same; else what speaks for it.
fn stated(ruling: Ruling, said: &str, elsewhere: &str) -> Ruling {
    if elsewhere.is_empty() {
        return ruling.because(said);
    }
    ruling.proved(format!("{said} {elsewhere}"))
}

/// What people who look after databases call the same thing as another family does.
pub(super) fn also(evidence: &Evidence<'_>, cause: &Cause) -> Option<&'static Cause> {
    if !reach::is_database(evidence) {
        return None;
    }
    match (evidence.broken()?.0, cause.family) {
        (Layer::Dns, Family::Dns) => Some(HOST_UNRESOLVED),
        (Layer::Tcp, Family::Route) if cause.id.starts_with("fw-") => Some(FIREWALL),
        _ => None,
    }
}

/// Texts between double quotes, in order; names in the server's messages.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}
