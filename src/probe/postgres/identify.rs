//! The auth layer: the login, and then, before anything else, who has let us in.

use std::sync::OnceLock;
use std::time::Duration;

use crate::model::fact::{DatabaseIdentity, Fact};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::stream::Stream;
use crate::postgres::session::{Answer, Limits, Login, Session, SessionError};
use crate::postgres::settings::{Server, Settings};
use crate::probe::{Recorder, Stop, Trouble};

use super::reach::{Peer, Reached};

/// The longest a login may take.
const LOGIN_LIMIT: Duration = Duration::from_secs(10);
/// Who answers: the server's own address, the database, the role, and whether it may be written to.
pub(super) const IDENTITY: &str = "select pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.inet_server_port(), \
     pg_catalog.current_database(), session_user, pg_catalog.pg_is_in_recovery(), \
     pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('server_version')";
/// The same for a cluster and all its standbys, different for every other (`pg_control_system`, section 9.28).
const SYSTEM_IDENTIFIER: &str = "select system_identifier from pg_catalog.pg_control_system()";
const SMALL: Limits = Limits { rows: 1, kept: 64 * 1024, row: 64 * 1024, total: 256 * 1024 };

/// A session, and whose it is.
#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) session: Session<Stream>,
    pub(super) identity: DatabaseIdentity,
    pub(super) peer: Peer,
}

/// Log in, then ask who it is.
pub(super) async fn identify(
    settings: &Settings,
    server: &Server,
    reached: Reached,
    recorder: &mut Recorder,
) -> Result<LoggedIn, Stop> {
    let limit = settings.connect_timeout.map_or(LOGIN_LIMIT, |limit| limit.min(LOGIN_LIMIT));
    let end_point = reached.end_point();
    let asked = OnceLock::new();
    let login = Login {
        user: &settings.user,
        database: &settings.database,
        password: server.password.as_ref(),
        session: &settings.session,
        end_point: end_point.as_deref(),
        channel_binding: settings.channel_binding,
        required: settings.required_auth.as_ref(),
        asked: &asked,
    };
    let Reached { stream, peer } = reached;
    let logged_in = recorder
        .layer(Layer::Auth, limit, "answer to the login", async {
            let (session, scheme) = Session::log_in(stream, &login)
                .await
                .map_err(|error| trouble(error, Fault::LoginRefused, settings))?;
            let user = Some(settings.user.clone());
            Ok((Fact::Admitted { scheme: scheme.to_owned(), user }, session))
        })
        .await;
    // A server that asked for the password and then says nothing is not one that hangs: it waits for something else.
    if let (Err(Stop::Broke), Some(method)) = (&logged_in, asked.get())
        && !matches!(recorder.fault(), Some(Fault::LoginRefused(_)))
    {
        let said = format!("it asks for the password ({method})");
        recorder.worked_before(Layer::Protocol, Fact::Greeted { protocol: "postgres".to_owned(), said });
    }
    let mut session = logged_in?;
    let identity = recorder
        .layer(Layer::Auth, limit, "answer to who it is", async {
            let identity = ask(&mut session)
                .await
                .map_err(|error| trouble(error, Fault::StatementFailed, settings))?;
            Ok((Fact::Identified(Box::new(identity.clone())), identity))
        })
        .await?;
    Ok(LoggedIn { session, identity, peer })
}

async fn ask(session: &mut Session<Stream>) -> Result<DatabaseIdentity, SessionError> {
    let answer = session.run(IDENTITY, SMALL).await?;
    let system_identifier = match session.run(SYSTEM_IDENTIFIER, SMALL).await {
        Ok(answer) => answer.value().flatten().map(ToOwned::to_owned),
        // Not everybody may ask; a statement of its own outside any transaction, so nothing is broken by it.
        Err(SessionError::Server(_)) => None,
        Err(error) => return Err(error),
    };
    let identity = identity(&answer, system_identifier);
    let warned = |own| DatabaseIdentity { warnings: session.warnings().to_vec(), ..own };
    identity.map(warned).ok_or_else(|| {
        SessionError::Peer(Fault::BadProtocol {
            expected: "PostgreSQL".to_owned(),
            reason: "the answer to who it is does not have its seven columns".to_owned(),
            head: String::new(),
        })
    })
}

fn identity(answer: &Answer, system_identifier: Option<String>) -> Option<DatabaseIdentity> {
    let [row] = answer.rows.as_slice() else { return None };
    let [address, port, database, user, in_recovery, read_only, version] = row.as_slice() else { return None };
    let server_address = address.as_ref().zip(port.as_ref()).map(|(address, port)| {
        if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    });
    let in_recovery = truth(in_recovery.as_deref())?;
    Some(DatabaseIdentity {
        server_address,
        system_identifier,
        database: database.clone()?,
        user: user.clone()?,
        in_recovery,
        read_only: in_recovery || truth(read_only.as_deref())?,
        version: version.clone()?,
        warnings: Vec::new(),
    })
}

fn truth(text: Option<&str>) -> Option<bool> {
    match text? {
        "t" | "on" => Some(true),
        "f" | "off" => Some(false),
        _ => None,
    }
}

/// What a session's error means, when the server's own are `refusal`s.
pub(super) fn trouble(
    error: SessionError,
    refusal: fn(Box<crate::model::fault::ServerError>) -> Fault,
    settings: &Settings,
) -> Trouble {
    match error {
        SessionError::Server(error) => refusal(error).into(),
        SessionError::Peer(fault) => fault.into(),
        SessionError::Ours(error) => error.into(),
        SessionError::PasswordNeeded { method } => {
            let given = "no `password`, PGPASSWORD or password file gives one";
            let ignored = settings.passfile_ignored.as_ref().map(|error| format!(" ({error})"));
            VantageError::Setting {
                setting: format!("the password of {}", settings.user),
                reason: format!("the server asks for it ({method}) and {given}{}", ignored.unwrap_or_default()),
            }
            .into()
        }
    }
}
