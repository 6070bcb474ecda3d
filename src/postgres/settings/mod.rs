//! Where to connect and how, from a connection string, a service file, the environment and libpq's defaults: what
//! `psql` would do with the same string on the same host.
//!
//! Three differences, all on the strict side: a file that is named and is not there is an error (libpq goes on without
//! verifying), what gonogo cannot honour is an error (`sslcrl`, say), and TLS that is offered and fails is a fault (with
//! `sslmode=prefer` libpq goes on in clear text).

mod keyword;
mod passfile;
mod service;
mod trust;
mod words;
mod written;

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use trust::{ClientCertificate, Roots, SslMode, Tls, Trust};
pub use words::{ChannelBinding, RequiredAuth, SessionAttributes};
pub use written::Written;

use crate::environment::Environment;
use crate::model::trace::VantageError;
use crate::secret::Secret;

/// The port when none is given (libpq's compiled-in default).
pub const DEFAULT_PORT: u16 = 5432;
/// Where local servers listen: what Debian and Red Hat compile in, then PostgreSQL's own default.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Files of settings are a few lines; a larger one is something else.
const LARGEST_FILE: u64 = 1024 * 1024;
/// A list of hosts longer than this is a mistake.
const MOST_HOSTS: usize = 64;

/// Everything that is needed to connect and to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The servers, in the order they are tried; never empty.
    pub servers: Vec<Server>,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// How connections over TCP are secured; Unix sockets never are.
    pub tls: Tls,
    /// Which kind of server will do.
    pub attributes: SessionAttributes,
    /// Parameters sent at login beside user and database, such as `application_name` and `options`.
    pub session: Vec<(String, String)>,
    /// The longest one connection may take; no limit of its own when absent.
    pub connect_timeout: Option<Duration>,
    /// Whether the login is bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// The ways to log in that are acceptable; any when absent.
    pub required_auth: Option<RequiredAuth>,
    /// Why the password file was left out, for when a password turns out to be needed.
    pub passfile_ignored: Option<VantageError>,
}

/// One server of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub place: Place,
    /// The role's password there.
    pub password: Option<Secret>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Over TCP.
    Tcp {
        /// The name to resolve, and to find in the certificate.
        host: String,
        /// `hostaddr`: the address to connect to instead of resolving the name.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
    /// On a Unix socket; a path that begins with `@` is in Linux's abstract namespace.
    Socket {
        /// `FOLDER/.s.PGSQL.PORT`
        path: String,
    },
}

/// What stands beside a connection string in a plan, and wins.
#[derive(Debug, Clone, Default)]
pub struct Beside<'a> {
    /// The role.
    pub user: Option<&'a str>,
    /// Its password.
    pub password: Option<Secret>,
    /// Certificates to trust.
    pub ca: Option<&'a Path>,
}

/// Why settings are unusable. No message shows a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The string cannot be taken apart.
    #[error("{0}")]
    Malformed(&'static str),
    /// libpq has no such keyword.
    #[error("unknown connection parameter `{keyword}`")]
    Unknown {
        /// The keyword as written.
        keyword: String,
        /// What is most likely meant.
        nearest: Option<&'static str>,
    },
    /// libpq has it, gonogo does not, and leaving it out would prove something else.
    #[error("connection parameter `{keyword}` is not supported")]
    Unsupported {
        /// The keyword.
        keyword: &'static str,
    },
    /// A value that the keyword cannot have.
    #[error("`{keyword}` cannot be `{value}`: {reason}")]
    BadValue {
        /// The keyword.
        keyword: &'static str,
        /// The value as written.
        value: String,
        /// What it can be.
        reason: String,
    },
    /// The key beside the connection string says something else.
    #[error("`{keyword}` is also given in the connection string, and differs")]
    Disagreement {
        /// The keyword.
        keyword: &'static str,
    },
    /// Something outside the string cannot be used.
    #[error(transparent)]
    Vantage(#[from] VantageError),
}

impl SettingsError {
    /// What to do about it, when that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } => nearest.map(|nearest| format!("did you mean `{nearest}`?")),
            Self::Unsupported { .. } => {
                Some("leave it out, or look with `psql` and a `command` check".to_owned())
            }
            Self::Disagreement { .. } => Some("leave out one of the two".to_owned()),
            Self::Malformed(_) | Self::BadValue { .. } | Self::Vantage(_) => None,
        }
    }
}

impl From<SettingsError> for VantageError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Vantage(error) => error,
            SettingsError::Malformed(_)
            | SettingsError::Unknown { .. }
            | SettingsError::Unsupported { .. }
            | SettingsError::BadValue { .. }
            | SettingsError::Disagreement { .. } => {
                Self::Setting { setting: "the connection string".to_owned(), reason: error.to_string() }
            }
        }
    }
}

impl Beside<'_> {
    /// Put these keys over the connection string's.
    ///
    /// # Errors
    /// When the string says something else.
    pub fn over(&self, written: &Written) -> Result<Written, SettingsError> {
        let ca = self.ca.map(|path| path.to_string_lossy().into_owned());
        let mut joined = written.clone();
        for (keyword, value) in [
            ("user", self.user),
            ("password", self.password.as_ref().map(Secret::expose)),
            ("sslrootcert", ca.as_deref()),
        ] {
            let Some(value) = value else { continue };
            if written.get(keyword).is_some_and(|other| other != value) {
                return Err(SettingsError::Disagreement { keyword });
            }
            joined.set(keyword, value)?;
        }
        Ok(joined)
    }
}

impl Settings {
    /// Complete a connection string as libpq does: what stands beside it, then its service's section, then the
    /// environment, then the defaults (documentation section 34.1, "Parameter Key Words").
    ///
    /// # Errors
    /// What libpq would refuse, and files that cannot be read.
    pub fn resolve(
        written: &Written,
        beside: &Beside<'_>,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let mut values = beside.over(written)?;
        service::complete(&mut values, environment)?;
        for keyword in keyword::KEYWORDS {
            if let Some(value) = keyword.variable.and_then(|variable| environment.filled(variable)) {
                values.complete(keyword.name, value)?;
            }
        }
        let user = match values.get("user") {
            Some(user) => user.to_owned(),
            None => operating_system_user()?,
        };
        let database = values.get("dbname").unwrap_or(&user).to_owned();
        let places = places(&values)?;
        let mut passfile_ignored = None;
        let mut servers = Vec::with_capacity(places.len());
        let passwords = match values.get("password") {
            Some(_) => None,
            None => passfile::read(&values, environment).unwrap_or_else(|error| {
                passfile_ignored = Some(error);
                None
            }),
        };
        for place in places {
            let password = match &passwords {
                None => values.password(),
                Some(passwords) => passwords.find(&place, &database, &user),
            };
            servers.push(Server { place, password });
        }
        let over_tcp = servers.iter().any(|server| matches!(server.place, Place::Tcp { .. }));
        Ok(Self {
            tls: trust::resolve(&values, environment, over_tcp)?,
            attributes: words::attributes(&values)?,
            session: session(&values, environment),
            connect_timeout: words::connect_timeout(&values)?,
            channel_binding: words::channel_binding(&values)?,
            required_auth: words::required_auth(&values)?,
            servers,
            user,
            database,
            passfile_ignored,
        })
    }

    /// Every password that came out of a file, a variable or the string itself, for the scrubber.
    pub fn passwords(&self) -> impl Iterator<Item = &Secret> {
        self.servers.iter().filter_map(|server| server.password.as_ref())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Socket { path } => f.write_str(path),
        }
    }
}

/// `host`, `hostaddr` and `port` are lists; one port serves all hosts (section 34.1.1.3 "Specifying Multiple Hosts").
fn places(values: &Written) -> Result<Vec<Place>, SettingsError> {
    let list = |name: &str| -> Vec<String> {
        values.get(name).map_or_else(Vec::new, |text| text.split(',').map(ToOwned::to_owned).collect())
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    let differs = |keyword: &'static str, length: usize| SettingsError::BadValue {
        keyword,
        value: values.get(keyword).unwrap_or_default().to_owned(),
        reason: format!("it lists {length} and there are {count} hosts"),
    };
    if count > MOST_HOSTS {
        return Err(SettingsError::Malformed("more than 64 hosts are listed"));
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(differs("hostaddr", addresses.len()));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(differs("port", ports.len()));
    }
    (0..count)
        .map(|index| {
            let port =
                ports.get(index).or_else(|| ports.first()).map_or(Ok(DEFAULT_PORT), |text| port(text))?;
            let filled = |list: &[String]| list.get(index).filter(|text| !text.is_empty()).cloned();
            let address = filled(&addresses).map(|text| address(&text)).transpose()?;
            Ok(match (filled(&hosts), address) {
                (Some(folder), None) if folder.starts_with(['/', '@']) => socket(&folder, port),
                (Some(host), address) => Place::Tcp { host, address, port },
                (None, Some(address)) => {
                    Place::Tcp { host: address.to_string(), address: Some(address), port }
                }
                (None, None) => socket(default_socket_folder(), port),
            })
        })
        .collect()
}

fn port(text: &str) -> Result<u16, SettingsError> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    // Not shown: a raw `/` in a URL's password makes the password's start look like a port.
    text.trim().parse().ok().filter(|&port| port != 0).ok_or(SettingsError::Malformed(
        "the port is not a number from 1 to 65535 (in a password, `/` is written %2F and `@` %40)",
    ))
}

fn address(text: &str) -> Result<IpAddr, SettingsError> {
    text.parse().map_err(|_| SettingsError::BadValue {
        keyword: "hostaddr",
        value: text.to_owned(),
        reason: "it is an IP address, never a name".to_owned(),
    })
}

fn socket(folder: &str, port: u16) -> Place {
    Place::Socket { path: format!("{}/.s.PGSQL.{port}", folder.trim_end_matches('/')) }
}

/// The folder that libpq uses when no host is given.
fn default_socket_folder() -> &'static str {
    let [first, last] = SOCKET_FOLDERS;
    if Path::new(first).is_dir() { first } else { last }
}

fn operating_system_user() -> Result<String, VantageError> {
    let id = nix::unistd::geteuid();
    let found = nix::unistd::User::from_uid(id).ok().flatten();
    found.map(|user| user.name).ok_or_else(|| VantageError::Setting {
        setting: "user".to_owned(),
        reason: format!("no role is given, and user id {id} has no name on this host"),
    })
}

/// What libpq sends at login beside user and database (section 34.15: `PGDATESTYLE`, `PGTZ`, `PGGEQO`).
fn session(values: &Written, environment: &Environment) -> Vec<(String, String)> {
    let name = values.get("application_name").or_else(|| values.get("fallback_application_name"));
    let mut session = vec![("application_name".to_owned(), name.unwrap_or("gonogo").to_owned())];
    if let Some(options) = values.get("options") {
        session.push(("options".to_owned(), options.to_owned()));
    }
    for (variable, setting) in keyword::SESSION_VARIABLES {
        if let Some(value) = environment.filled(variable) {
            session.push((setting.to_owned(), value.to_owned()));
        }
    }
    session
}

/// The user's own folder, as libpq finds it: `HOME`, then the password database.
fn home(environment: &Environment) -> Option<PathBuf> {
    environment
        .home()
        .or_else(|| nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.dir))
}

/// A small text file; none when it is not there.
fn read_if_there(path: &Path) -> Result<Option<String>, VantageError> {
    let unreadable = |reason: String| VantageError::Unreadable { path: path.display().to_string(), reason };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    // Asked before opening: opening a FIFO that nobody writes to would never return.
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_string(&mut text));
    let read = read.map_err(|error| unreadable(error.to_string()))?;
    if read as u64 > LARGEST_FILE {
        return Err(unreadable(format!("it is larger than {LARGEST_FILE} bytes")));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
