//! Several servers, and with `sslmode` `allow` and `prefer` two ways to each: tried in libpq's order until one lets us in.
//!
//! PostgreSQL 17 documentation, section 34.1.1.3 "Specifying Multiple Hosts", and `PQconnectPoll` in `fe-connect.c`: the
//! next host is tried when one cannot be reached, does not answer within `connect_timeout`, says that it is not ready
//! (57P03) or is not of the kind asked for; never because it refuses the login or is not trusted.

use crate::model::fact::Attempt;
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::postgres::settings::{Server, SessionAttributes, Settings};
use crate::probe::{Recorder, Stop};

use super::identify::{LoggedIn, identify};
use super::reach::{Secured, reach, securities};

/// `ERRCODE_CANNOT_CONNECT_NOW`: starting up, shutting down, or in recovery.
const NOT_READY: &str = "57P03";

/// `ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION`: no entry in `pg_hba.conf`.
const NO_ENTRY: &str = "28000";

/// What becomes of the list after one server.
enum After {
    In(Box<LoggedIn>),
    /// Try the next one.
    Next,
    Stop(Stop),
}

/// Log in to the first server that will do.
pub(super) async fn log_in(settings: &Settings, recorder: &mut Recorder) -> Result<LoggedIn, Stop> {
    let mut search = Search { settings, earlier: Vec::new(), failed: Vec::new(), unsuitable: Vec::new() };
    // `prefer-standby` takes any server once no standby is found.
    let rounds: &[SessionAttributes] = match settings.attributes {
        SessionAttributes::PreferStandby => &[SessionAttributes::Standby, SessionAttributes::Any],
        SessionAttributes::Any
        | SessionAttributes::ReadWrite
        | SessionAttributes::ReadOnly
        | SessionAttributes::Primary
        | SessionAttributes::Standby => &[settings.attributes],
    };
    for &wanted in rounds {
        search.failed.clear();
        search.unsuitable.clear();
        for server in &settings.servers {
            match search.server(server, wanted, recorder).await {
                After::In(session) => return Ok(*session),
                After::Next => {}
                After::Stop(stop) => return Err(stop),
            }
        }
    }
    Err(search.nobody(recorder))
}

struct Search<'a> {
    settings: &'a Settings,
    /// Attempts at servers that could not be reached, told beside the one that could.
    earlier: Vec<Attempt>,
    /// What was seen of each server that would not do.
    failed: Vec<Recorder>,
    /// Servers that let us in and are not of the kind asked for, in words.
    unsuitable: Vec<String>,
}

impl Search<'_> {
    async fn server(
        &mut self,
        server: &Server,
        wanted: SessionAttributes,
        recorder: &mut Recorder,
    ) -> After {
        let mut ways = securities(self.settings.tls.mode, &server.place).into_iter().peekable();
        let mut refusal: Option<Recorder> = None;
        while let Some(secured) = ways.next() {
            let mut trial = recorder.fork();
            let came = self.way(server, &secured, &mut trial).await;
            let fault = trial.fault().cloned();
            let unanswered = matches!(fault, Some(Fault::TimedOut { .. }))
                && self.settings.connect_timeout.is_some()
                && !recorder.remaining().is_zero();
            match came {
                Ok(session) if wanted.accepts(session.identity.in_recovery, session.identity.read_only) => {
                    recorder.adopt(trial);
                    return After::In(Box::new(session));
                }
                Ok(session) => {
                    let state = match (session.identity.in_recovery, session.identity.read_only) {
                        (true, _) => "a standby",
                        (false, true) => "read only",
                        (false, false) => "a primary that may write",
                    };
                    self.unsuitable.push(format!("{} is {state}", server.place));
                    self.failed.push(trial);
                    session.session.close().await;
                    return After::Next;
                }
                Err(Stop::Broke) if ways.peek().is_some() && refused(fault.as_ref()) => refusal = Some(trial),
                Err(Stop::Broke) if unanswered || may_go_on(fault.as_ref()) => {
                    self.earlier.extend(attempts(fault.as_ref()));
                    self.failed.push(trial);
                    return After::Next;
                }
                Err(stop) => {
                    // Of two refusals, the one that got past `pg_hba.conf` is nearer to what is wrong, else what the
                    // server said over TLS.
                    let nearer = matches!(fault, Some(Fault::LoginRefused(_)))
                        && (secured == Secured::Tls || !refused(fault.as_ref()));
                    recorder.adopt(match refusal {
                        Some(refusal) if stop == Stop::Broke && !nearer => refusal,
                        Some(_) | None => trial,
                    });
                    return After::Stop(stop);
                }
            }
        }
        After::Next
    }

    async fn way(
        &self,
        server: &Server,
        secured: &Secured,
        trial: &mut Recorder,
    ) -> Result<LoggedIn, Stop> {
        let reached = reach(self.settings, &server.place, secured, &self.earlier, trial).await?;
        identify(self.settings, server, reached, trial).await
    }

    /// No server will do: what was seen of each is recorded.
    fn nobody(self, recorder: &mut Recorder) -> Stop {
        for trial in self.failed {
            recorder.adopt(trial);
        }
        if self.unsuitable.is_empty() {
            return Stop::Broke;
        }
        let mismatch = Mismatch {
            what: "target_session_attrs".to_owned(),
            expected: self.settings.attributes.name().to_owned(),
            got: self.unsuitable.join("; "),
        };
        let fault = Fault::Mismatch { mismatches: vec![mismatch], excerpt: None };
        recorder.broke(Layer::Auth, std::time::Duration::ZERO, fault)
    }
}

/// The server has no entry for such a connection: `allow` and `prefer` then try the other way. libpq also does after a
/// wrong password, which is no better known on the other way.
fn refused(fault: Option<&Fault>) -> bool {
    matches!(fault, Some(Fault::LoginRefused(error)) if error.sqlstate == NO_ENTRY)
}

/// The list goes on after this fault.
fn may_go_on(fault: Option<&Fault>) -> bool {
    match fault {
        Some(Fault::LoginRefused(error)) => error.sqlstate == NOT_READY,
        Some(fault) => {
            !attempts(Some(fault)).is_empty()
                || matches!(
                    fault,
                    Fault::NameNotFound { .. }
                        | Fault::NoRecord { .. }
                        | Fault::ServerFailure { .. }
                        | Fault::QueryRefused { .. }
                        | Fault::ResolverFailed { .. }
                        | Fault::NoRoute { .. }
                        | Fault::Prohibited { .. }
                        | Fault::SocketFailed { .. }
                )
        }
        None => false,
    }
}

fn attempts(fault: Option<&Fault>) -> Vec<Attempt> {
    if let Some(
        Fault::Refused { attempts }
        | Fault::ConnectTimedOut { attempts }
        | Fault::Unreachable { attempts }
        | Fault::ConnectFailed { attempts },
    ) = fault
    {
        return attempts.clone();
    }
    Vec::new()
}
