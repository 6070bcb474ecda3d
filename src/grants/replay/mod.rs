//! Will the statements that really run be permitted? Each recorded statement is planned on the new database as its role,
//! inside a transaction that only reads, and never executed.
//!
//! EXPLAIN tells most; rules over the catalogs tell what it does not (`rules`), utility statements are judged by the
//! privileges they ask for (`utility`), and normalized texts that do not parse again climb a ladder (`ladder`). What is
//! left is not provable, counted and listed: never dropped. Code of the application is kept from running where it could
//! do more than the application itself (`reach`).

mod before;
mod desk;
mod foretold;
mod ladder;
mod lexer;
mod mentioned;
mod named;
mod outcome;
mod plan;
mod reach;
mod routine;
mod rules;
mod settings;
mod statement;
mod utility;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use foretold::Foretold;
pub use mentioned::{Mentioned, mentioned};
pub use outcome::{Class, Counts, FORMAT, Report, Stats, Tried, Usage, schema};

use super::map::{Resolved, TargetId};
use super::snapshot::{Key, Snapshot, Statement};
use crate::model::fault::{Fault, ServerError};
use crate::model::trace::VantageError;
use crate::postgres::session::{Limits, Session, SessionError};
use desk::{Desk, Standing, standing, within};
use foretold::Search;
use outcome::{Judged, Used};
use reach::{Catalog, Reach};
use statement::Place;

/// What is to be tried.
#[derive(Debug)]
pub struct Request<'r> {
    /// The recorded statements, and the database they were recorded in.
    pub snapshot: &'r Snapshot,
    /// Where a split map sends things; none when the new database is a counterpart.
    pub split: Option<Split<'r>>,
    /// Only statements of this role, by its name in the snapshot.
    pub role: Option<&'r str>,
    /// Let functions of the application run while planning, even where they could do harm.
    pub allow_functions: bool,
    /// The longest to wait for one answer of the server, which has limits of its own: for one that went away.
    pub limit: Duration,
}

impl<'r> Request<'r> {
    /// What a role of the snapshot is called in the new database; none when the map does not send it there.
    fn role_there<'n>(&self, name: &'n str) -> Option<&'n str>
    where
        'r: 'n,
    {
        match &self.split {
            None => Some(name),
            Some(split) => split.roles.get(name).copied(),
        }
    }
}

/// What a split map says of the new database.
#[derive(Debug, Default)]
pub struct Split<'r> {
    /// Names of roles there, by those in the snapshot; a role that is not in it does not go there.
    pub roles: BTreeMap<&'r str, &'r str>,
    /// Objects of the snapshot that are not there.
    pub elsewhere: BTreeSet<&'r Key>,
}

impl<'r> Split<'r> {
    /// What the map says of one target.
    #[must_use]
    pub fn of(map: &Resolved<'r>, target: TargetId) -> Self {
        let (before, to) = (map.before(), map.target(target));
        let names = before.roles.iter().map(|(_, role)| role.name.as_str());
        let roles = names.filter_map(|name| Some((name, to.role(name)?))).collect();
        let elsewhere = before.objects.keys().filter(|key| map.is_held(key, target) == Some(false)).collect();
        Self { roles, elsewhere }
    }
}

/// Sessions with the new database.
#[derive(Debug)]
pub struct Sessions<S> {
    /// For every role that has none of its own: its role has to be a member of them.
    pub main: Session<S>,
    /// For single roles: of the role itself, or what the server said to its login.
    pub own: BTreeMap<String, Result<Session<S>, Box<ServerError>>>,
}

/// Which database a session is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub database: String,
    /// `pg_control_system().system_identifier`; none when it is not readable.
    pub system_identifier: Option<String>,
}

/// Why nothing was judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// The snapshot holds no statements.
    #[error("the snapshot holds no recorded statements")]
    NoWorkload,
    /// No statement of this role.
    #[error("no statement of role {0:?} is recorded")]
    UnknownRole(String),
    /// The server ends it.
    #[error("the server refuses while {doing}: {error}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// Its words.
        error: Box<ServerError>,
    },
    /// The session broke.
    #[error("the session broke while trying the statements: {0}")]
    Broke(Fault),
    /// The trouble is ours.
    #[error("cannot try the statements: {0}")]
    Ours(VantageError),
}

impl ReplayError {
    fn session(error: SessionError) -> Self {
        match error {
            SessionError::Server(error) => Self::Refused { doing: "trying the statements", error },
            SessionError::Peer(fault) => Self::Broke(fault),
            SessionError::Ours(error) => Self::Ours(error),
            SessionError::PasswordNeeded { .. } => Self::Broke(Fault::BadProtocol {
                expected: "PostgreSQL".to_owned(),
                reason: "it asks for a password after the login".to_owned(),
                head: String::new(),
            }),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoWorkload => Some(
                "take it with `gonogo grants snapshot --workload`, from a database with pg_stat_statements and a day of use",
            ),
            Self::UnknownRole(_) => Some("give the role by its name in the snapshot"),
            Self::Refused { .. } | Self::Broke(_) => {
                Some("nothing was judged: try again when the server is up")
            }
            Self::Ours(_) => None,
        }
    }
}

/// Ask which database it is, and wait no longer than this for each answer.
///
/// # Errors
/// When the session breaks.
pub async fn identity<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    limit: Duration,
) -> Result<Identity, ReplayError> {
    const SYSTEM: &str = "select system_identifier from pg_catalog.pg_control_system()";
    let database =
        within(limit, session.run("select pg_catalog.current_database()", Limits::default())).await;
    let database = database.map_err(ReplayError::session)?.value().flatten().unwrap_or_default().to_owned();
    let system_identifier = match within(limit, session.run(SYSTEM, Limits::default())).await {
        Ok(answer) => answer.value().flatten().map(ToOwned::to_owned),
        Err(SessionError::Server(_)) => None,
        Err(error) => return Err(ReplayError::session(error)),
    };
    Ok(Identity { database, system_identifier })
}

/// Try the recorded statements. Every one of them is in the report. Before the first is given to the server, `tell` is
/// called once with the functions that will run then.
///
/// # Errors
/// When nothing is recorded, or a session breaks: what was judged until then is no judgement.
pub async fn replay<S: AsyncRead + AsyncWrite + Unpin>(
    sessions: &mut Sessions<S>,
    request: &Request<'_>,
    tell: impl FnOnce(&Foretold),
) -> Result<Report, ReplayError> {
    let workload = request.snapshot.workload.as_ref().ok_or(ReplayError::NoWorkload)?;
    let by_role = by_role(&workload.statements, request.role)?;
    let catalog =
        within(request.limit, Catalog::read(&mut sessions.main)).await.map_err(ReplayError::session)?;
    let paths = within(request.limit, settings::SearchPaths::read(&mut sessions.main))
        .await
        .map_err(ReplayError::session)?;
    let reaches = Reaches { all: catalog.all_code(), beyond: catalog.beyond_the_transaction() };
    let standings = Standings::ask(sessions, request.limit).await?;
    let mut search = Search::new(&catalog);
    for (name, statements) in &by_role {
        if let Some(role) = request.role_there(name) {
            search
                .add(statements, reaches.forbidden(standings.of(role).is_powerful, request.allow_functions));
        }
    }
    let foretold = search.end();
    tell(&foretold);
    let mut tried = Vec::with_capacity(workload.statements.len());
    let mut used = Used::new();
    for (name, statements) in by_role {
        let role = request.role_there(name);
        let all = |judged: &Judged| {
            let role = role.unwrap_or(name);
            statements
                .iter()
                .map(|statement| statement::tried(role, statement, judged.clone()))
                .collect::<Vec<_>>()
        };
        let elsewhere = Judged { class: Class::Elsewhere, ..Judged::permitted() };
        let Some(role) = role else {
            tried.extend(all(&elsewhere));
            continue;
        };
        let not_let_in =
            |judged| if before::is_elsewhere(request, &statements) { elsewhere.clone() } else { judged };
        let session = match sessions.own.get_mut(role) {
            Some(Ok(session)) => session,
            Some(Err(refusal)) => {
                tried.extend(all(&not_let_in(login_refused(refusal))));
                continue;
            }
            None => &mut sessions.main,
        };
        let standing = standings.of(role);
        let search_path = paths.of(role);
        let mut desk = match Desk::open(session, role, &search_path, request.limit).await? {
            Ok(desk) => desk,
            Err(error) => {
                tried.extend(all(&not_let_in(role_refused(role, &standing.role, &error))));
                continue;
            }
        };
        if let Some(judged) = statement::gate(&mut desk).await? {
            tried.extend(all(&not_let_in(judged)));
            desk.close().await?;
            continue;
        }
        let mut place = Place {
            role,
            search_path: &search_path,
            request,
            catalog: &catalog,
            forbidden: reaches.forbidden(standing.is_powerful, request.allow_functions),
            is_powerful: standing.is_powerful,
            known: rules::Known::default(),
            views: BTreeMap::new(),
        };
        for statement in statements {
            let judged = place.judge(&mut desk, statement, &mut used).await?;
            tried.push(statement::tried(role, statement, judged));
        }
        desk.close().await?;
    }
    tried.sort_by(|one, other| {
        (one.class, std::cmp::Reverse(one.calls), &one.role, &one.query).cmp(&(
            other.class,
            std::cmp::Reverse(other.calls),
            &other.role,
            &other.query,
        ))
    });
    let used = used.into_iter().map(|((role, relation), privileges)| Usage { role, relation, privileges });
    Ok(Report {
        schema: FORMAT,
        counts: Counts::of(&tried),
        stats: Stats::from(workload),
        statements: tried,
        used: used.collect(),
        functions: foretold.all(),
    })
}

/// The statements that are asked for, by the role that ran them: there are some.
fn by_role<'r>(
    statements: &'r [Statement],
    wanted: Option<&str>,
) -> Result<BTreeMap<&'r str, Vec<&'r Statement>>, ReplayError> {
    let mut by_role: BTreeMap<&str, Vec<&Statement>> = BTreeMap::new();
    for statement in statements.iter().filter(|statement| wanted.is_none_or(|role| role == statement.role)) {
        by_role.entry(&statement.role).or_default().push(statement);
    }
    match (by_role.is_empty(), wanted) {
        (false, _) => Ok(by_role),
        (true, Some(role)) => Err(ReplayError::UnknownRole(role.to_owned())),
        (true, None) => Err(ReplayError::NoWorkload),
    }
}

/// Who each session is logged in as.
struct Standings {
    main: Standing,
    own: BTreeMap<String, Standing>,
}

impl Standings {
    async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        sessions: &mut Sessions<S>,
        limit: Duration,
    ) -> Result<Self, ReplayError> {
        let main = standing(&mut sessions.main, limit).await.map_err(ReplayError::session)?;
        let mut own = BTreeMap::new();
        for (role, session) in &mut sessions.own {
            if let Ok(session) = session {
                own.insert(role.clone(), standing(session, limit).await.map_err(ReplayError::session)?);
            }
        }
        Ok(Self { main, own })
    }

    /// Of the session that tries this role's statements.
    fn of(&self, role: &str) -> &Standing {
        self.own.get(role).unwrap_or(&self.main)
    }
}

/// Code that must not run in a session, by how much its role may do.
struct Reaches {
    all: Reach,
    beyond: Reach,
}

impl Reaches {
    const fn forbidden(&self, is_powerful: bool, allowed: bool) -> Option<&Reach> {
        match (allowed, is_powerful) {
            (true, _) => None,
            (false, true) => Some(&self.all),
            (false, false) => Some(&self.beyond),
        }
    }
}

/// The server does not let the role in: it will not let the application in.
fn login_refused(error: &ServerError) -> Judged {
    let is_denied = matches!(error.sqlstate.as_str(), "42501" | "28000" | "28P01");
    let class = if is_denied { Class::Denied } else { Class::NotProvable };
    Judged::new(class, &error.sqlstate, error.message.clone())
        .because("the server refuses the login of this role")
}

fn role_refused(role: &str, reader: &str, error: &ServerError) -> Judged {
    // SET ROLE to what does not exist is an invalid value to the server; a login is told otherwise.
    if error.sqlstate == "22023" {
        return Judged::new(Class::Broken, "28000", format!("role \"{role}\" does not exist"));
    }
    Judged::new(Class::NotProvable, &error.sqlstate, error.message.clone()).because(format!(
        "{reader} may not act as {role}: give --login {role}=URL, or make {reader} a member of {role}"
    ))
}
