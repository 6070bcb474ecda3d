//! Logging in: the start-up packet, the ways a server may ask who we are, and what it must prove in return.
//!
//! PostgreSQL 17 documentation, sections 53.2.1 "Start-up" and 53.3 "SASL Authentication".
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "any other message of the library's enum, now or later, has no place in a login"
)]

use std::sync::OnceLock;

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncWrite};

use super::wire::{Bounds, Wire, garbage, server_error, told};
use super::{CancelKey, Session, SessionError, UNSPOKEN};
use crate::model::fault::{Fault, Mismatch};
use crate::model::trace::VantageError;
use crate::postgres::settings::{ChannelBinding, RequiredAuth};
use crate::secret::Secret;

/// Warnings kept of one login.
const NOTICES: usize = 8;

const BOUNDS: Bounds = Bounds { message: 64 * 1024, total: 1024 * 1024, what: "the login" };

/// Who logs in, and how.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The role.
    pub user: &'a str,
    /// The database.
    pub database: &'a str,
    /// Its password, when there is one.
    pub password: Option<&'a Secret>,
    /// Settings for the session, such as `application_name`.
    pub session: &'a [(String, String)],
    /// `tls-server-end-point` of the connection (RFC 5929 section 4.1), when it is over TLS.
    pub end_point: Option<&'a [u8]>,
    /// Whether the login has to be bound to it.
    pub channel_binding: ChannelBinding,
    /// The ways to log in that are acceptable; any when absent.
    pub required: Option<&'a RequiredAuth>,
    /// Where it is noted how the server asked for the password: it has then spoken, whatever comes of the login.
    pub asked: &'a OnceLock<&'static str>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Log in on a connection that is made, and secured when it has to be. Also says how the server asked who we are:
    /// `none`, `password`, `md5`, `scram-sha-256` or `scram-sha-256-plus` (bound to the TLS connection).
    ///
    /// # Errors
    /// What the server answers, and what it must not.
    pub async fn log_in(stream: S, login: &Login<'_>) -> Result<(Self, &'static str), SessionError> {
        let mut wire = Wire::new(stream);
        let mut parameters =
            vec![("user", login.user), ("database", login.database), ("client_encoding", "UTF8")];
        parameters.extend(login.session.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        frontend::startup_message(parameters, &mut wire.outbox).map_err(|error| unsendable(&error))?;
        wire.send("the login").await?;
        let scheme = authenticate(&mut wire, login).await?;
        let mut session = Self { wire, key: None, version: None, warnings: Vec::new() };
        loop {
            match session.wire.message("the end of the login", BOUNDS).await? {
                Message::BackendKeyData(body) => {
                    session.key = Some(CancelKey { process: body.process_id(), secret: body.secret_key() });
                }
                Message::ParameterStatus(body) if matches!(body.name(), Ok("server_version")) => {
                    session.version = body.value().ok().map(ToOwned::to_owned);
                }
                Message::NoticeResponse(body) if session.warnings.len() < NOTICES => {
                    session.warnings.push(told(body.fields()));
                }
                Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
                Message::ReadyForQuery(_) => return Ok((session, scheme)),
                Message::ErrorResponse(body) => return Err(server_error(&body)),
                _ => return Err(garbage("a message that has no place in a login", &[])),
            }
        }
    }
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    login: &Login<'_>,
) -> Result<&'static str, SessionError> {
    loop {
        match wire.message("an answer to the login", BOUNDS).await? {
            Message::AuthenticationOk => {
                login.accepts("none", false)?;
                return Ok("none");
            }
            Message::AuthenticationCleartextPassword => {
                login.accepts("password", false)?;
                frontend::password_message(login.password("password")?.as_bytes(), &mut wire.outbox)
                    .map_err(|error| unsendable(&error))?;
                accepted(wire).await?;
                return Ok("password");
            }
            Message::AuthenticationMd5Password(body) => {
                login.accepts("md5", false)?;
                let password = login.password("md5")?;
                let hash = md5_hash(login.user.as_bytes(), password.as_bytes(), body.salt());
                frontend::password_message(hash.as_bytes(), &mut wire.outbox)
                    .map_err(|error| unsendable(&error))?;
                accepted(wire).await?;
                return Ok("md5");
            }
            Message::AuthenticationSasl(body) => return scram(wire, login, &body).await,
            Message::AuthenticationGss => return Err(unspoken("GSSAPI")),
            Message::AuthenticationSspi => return Err(unspoken("SSPI")),
            Message::AuthenticationKerberosV5 => return Err(unspoken("Kerberos 5")),
            Message::AuthenticationScmCredential => return Err(unspoken("SCM credentials")),
            Message::NoticeResponse(_) => {}
            Message::ErrorResponse(body) => return Err(server_error(&body)),
            _ => return Err(garbage("a message that has no place before a login", &[])),
        }
    }
}

async fn accepted<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<(), SessionError> {
    wire.send("an answer to the password").await?;
    loop {
        match wire.message("an answer to the password", BOUNDS).await? {
            Message::AuthenticationOk => return Ok(()),
            Message::NoticeResponse(_) => {}
            Message::ErrorResponse(body) => return Err(server_error(&body)),
            _ => return Err(garbage("a message that has no place after a password", &[])),
        }
    }
}

/// SCRAM-SHA-256 (RFC 5802, RFC 7677): the server proves that it knows the password, or there is no login.
async fn scram<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    login: &Login<'_>,
    offered: &AuthenticationSaslBody,
) -> Result<&'static str, SessionError> {
    let (mut plain, mut plus) = (false, false);
    let mut mechanisms = offered.mechanisms();
    while let Some(mechanism) = mechanisms.next().map_err(|error| garbage(&error.to_string(), &[]))? {
        plain |= mechanism == SCRAM_SHA_256;
        plus |= mechanism == SCRAM_SHA_256_PLUS;
    }
    let end_point = login.end_point.filter(|_| login.channel_binding != ChannelBinding::Disable);
    let (mechanism, scheme, binding) = match end_point {
        Some(end_point) if plus => (
            SCRAM_SHA_256_PLUS,
            "scram-sha-256-plus",
            sasl::ChannelBinding::tls_server_end_point(end_point.to_vec()),
        ),
        // `y`: we could, and the server does not offer it; it notices when somebody between us took the offer away.
        Some(_) => (SCRAM_SHA_256, "scram-sha-256", sasl::ChannelBinding::unrequested()),
        None => (SCRAM_SHA_256, "scram-sha-256", sasl::ChannelBinding::unsupported()),
    };
    if mechanism == SCRAM_SHA_256 && !plain {
        return Err(unspoken("a SASL mechanism other than SCRAM-SHA-256"));
    }
    login.accepts("scram-sha-256", mechanism == SCRAM_SHA_256_PLUS)?;
    let mut scram = ScramSha256::new(login.password("scram-sha-256")?.as_bytes(), binding);
    frontend::sasl_initial_response(mechanism, scram.message(), &mut wire.outbox)
        .map_err(|error| unsendable(&error))?;
    wire.send("an answer to the password").await?;
    let mut proven = false;
    let mut challenged = false;
    loop {
        match wire.message("an answer to the password", BOUNDS).await? {
            Message::AuthenticationSaslContinue(body) if !challenged => {
                challenged = true;
                let challenge = body.data().to_vec();
                // Hashing a password takes milliseconds by design: not on a thread that others wait for.
                let (updated, result) = tokio::task::spawn_blocking(move || {
                    let result = scram.update(&challenge);
                    (scram, result)
                })
                .await
                .map_err(|error| SessionError::Ours(VantageError::Internal { reason: error.to_string() }))?;
                result.map_err(|error| garbage(&error.to_string(), &[]))?;
                scram = updated;
                frontend::sasl_response(scram.message(), &mut wire.outbox)
                    .map_err(|error| unsendable(&error))?;
                wire.send("an answer to the password").await?;
            }
            Message::AuthenticationSaslFinal(body) if challenged && !proven => {
                scram.finish(body.data()).map_err(|error| {
                    garbage(&format!("it does not prove that it knows the password: {error}"), &[])
                })?;
                proven = true;
            }
            Message::AuthenticationOk if proven => return Ok(scheme),
            Message::AuthenticationOk => {
                return Err(garbage("it does not prove that it knows the password", &[]));
            }
            Message::NoticeResponse(_) => {}
            Message::ErrorResponse(body) => return Err(server_error(&body)),
            _ => return Err(garbage("a message that has no place in a SCRAM login", &[])),
        }
    }
}

impl Login<'_> {
    /// Asked before a password is sent: a server must not talk us into a weaker way than the one that is required.
    fn accepts(&self, method: &'static str, bound: bool) -> Result<(), SessionError> {
        if let Some(required) = self.required
            && !required.accepts(method)
        {
            return Err(differs("require_auth", required.to_string(), method));
        }
        if self.channel_binding == ChannelBinding::Require && !bound {
            return Err(differs("channel_binding", "require".to_owned(), method));
        }
        Ok(())
    }

    fn password(&self, method: &'static str) -> Result<&str, SessionError> {
        // Asked once; a server that asks twice is refused by those who read its messages.
        let _ = self.asked.set(method);
        self.password.map(Secret::expose).ok_or(SessionError::PasswordNeeded { method })
    }
}

fn differs(what: &str, expected: String, method: &str) -> SessionError {
    let mismatch = Mismatch { what: what.to_owned(), expected, got: format!("a login by {method}") };
    SessionError::Peer(Fault::Mismatch { mismatches: vec![mismatch], excerpt: None })
}

fn unspoken(method: &str) -> SessionError {
    SessionError::Ours(VantageError::Setting {
        setting: UNSPOKEN.to_owned(),
        reason: format!("the server asks for {method}, which gonogo does not speak"),
    })
}

/// What cannot be put into a message: a NUL byte.
pub(super) fn unsendable(error: &std::io::Error) -> SessionError {
    SessionError::Ours(VantageError::Setting {
        setting: "the statement or login".to_owned(),
        reason: error.to_string(),
    })
}
