//! The machines of the night: two database servers and the applications deployed so far, all gone when dropped.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio_postgres::NoTls;

use super::DemoError;
use super::cluster::Programs;
use super::container::{Container, Engine};
use super::process::Server;
use crate::environment::Environment;

/// What PostgreSQL runs on.
pub(super) enum Source {
    /// Programs of this machine.
    Local(Programs),
    /// A container engine.
    Engine(Engine),
}

impl Source {
    /// Local programs, else an engine that answers and has, or can fetch, the image.
    pub(super) async fn find(environment: &Environment) -> Result<Self, DemoError> {
        if let Some(programs) = Programs::find(environment) {
            return Ok(Self::Local(programs));
        }
        let engine = Engine::find().await.ok_or(DemoError::NoPostgres)?;
        engine.fetch().await?;
        Ok(Self::Engine(engine))
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Local(_) => "PostgreSQL servers of this machine".to_owned(),
            Self::Engine(engine) => format!("PostgreSQL servers in {} containers", engine.program()),
        }
    }
}

enum Postgres {
    Local(Server),
    Contained(Container),
}

impl Postgres {
    fn server(&mut self) -> &mut Server {
        match self {
            Self::Local(server) => server,
            Self::Contained(container) => &mut container.client,
        }
    }
}

/// One database server with one database, and the role of the application that uses it.
pub(super) struct Database {
    /// Keeps the server running.
    _server: Postgres,
    pub(super) port: u16,
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) password: String,
}

/// What is in a database: the statements name the role as `{role}`.
pub(super) struct Content {
    pub(super) database: &'static str,
    pub(super) role: &'static str,
    pub(super) statements: &'static str,
}

/// A folder for everything that is started; other accounts may pass through it, and read nothing.
pub(super) fn workshop() -> Result<TempDir, DemoError> {
    let folder = tempfile::Builder::new().prefix("gonogo-demo-").tempdir();
    let folder = folder.map_err(|source| DemoError::Write { path: std::env::temp_dir(), source })?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))
        .map_err(|source| DemoError::Write { path: folder.path().to_owned(), source })?;
    Ok(folder)
}

/// A port of the loopback address on which nobody listens: refused as long as the socket is held.
pub(super) struct Silent {
    _socket: TcpSocket,
    pub(super) port: u16,
}

/// Take such a port. Drop it to give it to a server.
pub(super) fn silent_port() -> Result<Silent, DemoError> {
    let refused = |error: std::io::Error| DemoError::System { what: "a port", reason: error.to_string() };
    let socket = TcpSocket::new_v4().map_err(refused)?;
    socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).map_err(refused)?;
    let port = socket.local_addr().map_err(refused)?.port();
    Ok(Silent { _socket: socket, port })
}

/// A password nobody has to know.
fn password() -> Result<String, DemoError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| DemoError::System { what: "random bytes", reason: error.to_string() })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Start a server and fill its one database.
pub(super) async fn database(
    source: &Source,
    folder: &Path,
    content: &Content,
) -> Result<Database, DemoError> {
    let superuser_password = password()?;
    let port = silent_port()?.port;
    let folder = folder.join(content.database);
    let mut server = match source {
        Source::Local(programs) => {
            Postgres::Local(programs.start(content.database, &folder, port, &superuser_password).await?)
        }
        Source::Engine(engine) => {
            Postgres::Contained(engine.start(content.database, &folder, port, &superuser_password)?)
        }
    };
    let mut superuser = tokio_postgres::Config::new();
    superuser.host("127.0.0.1").port(port).user("postgres").password(&superuser_password);
    superuser.dbname("postgres");
    let login = async || superuser.connect(NoTls).await.map(drop).map_err(|error| chain(&error));
    server.server().up(30, login).await?;

    let password = password()?;
    let failed = |error: tokio_postgres::Error| DemoError::Database {
        database: content.database.to_owned(),
        reason: chain(&error),
    };
    // Hexadecimal, so it needs no quoting; names are ours.
    let role = format!("create role {} login password '{password}'", content.role);
    let database = format!("create database {}", content.database);
    execute(&superuser, &[&role, &database]).await.map_err(failed)?;
    superuser.dbname(content.database);
    let statements = content.statements.replace("{role}", content.role);
    execute(&superuser, &[&statements]).await.map_err(failed)?;
    Ok(Database { _server: server, port, name: content.database, role: content.role, password })
}

async fn execute(config: &tokio_postgres::Config, batches: &[&str]) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    let background = tokio::spawn(connection);
    for batch in batches {
        client.batch_execute(batch).await?;
    }
    drop(client);
    let _ = background.await;
    Ok(())
}

/// An error with its causes: `tokio_postgres` keeps the server's words in the cause.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An application to deploy.
pub(super) struct Deployment<'a> {
    pub(super) app: &'static str,
    pub(super) version: &'static str,
    pub(super) port: u16,
    pub(super) database: &'a Database,
    /// `HOST:PORT` it is told to find Application 2 at.
    pub(super) back_end: Option<String>,
}

impl Deployment<'_> {
    /// Where its properties are.
    pub(super) fn properties(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.properties", self.app))
    }

    /// Write its properties, start it, and wait until it listens.
    pub(super) async fn deploy(&self, folder: &Path) -> Result<Server, DemoError> {
        let Database { name, role, password, port: database_port, .. } = self.database;
        let back_end =
            self.back_end.as_ref().map_or(String::new(), |address| format!("app2.url=http://{address}\n"));
        let text = format!(
            "listen=127.0.0.1:{}\nversion={}\ndatabase.url=postgres://{role}@127.0.0.1:{database_port}/{name}\n\
             database.password={password}\n{back_end}",
            self.port, self.version
        );
        let properties = self.properties(folder);
        write_private(&properties, &text)?;
        let program = std::env::current_exe()
            .map_err(|error| DemoError::System { what: "our own path", reason: error.to_string() })?;
        let mut command = std::process::Command::new(program);
        command.args(["__app", self.app]).arg(&properties);
        let log = folder.join(format!("{}.log", self.app));
        let mut server = Server::start(self.app, command, nix::sys::signal::Signal::SIGTERM, &log)?;
        let port = self.port;
        server.up(10, async || TcpStream::connect(("127.0.0.1", port)).await.map(drop)).await?;
        Ok(server)
    }
}

/// Write a file that holds a password: readable by us alone.
fn write_private(path: &Path, text: &str) -> Result<(), DemoError> {
    use std::io::Write as _;
    let options = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    options
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| DemoError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: Content = Content {
        database: "orders",
        role: "app2_rw",
        statements: "create table orders (id int); grant select on orders to {role};",
    };

    #[tokio::test]
    async fn a_database_lives_as_long_as_its_value() {
        let environment = Environment::of_process();
        let source = match Source::find(&environment).await {
            Ok(source) => source,
            Err(error) => {
                assert_ne!(environment.get("GONOGO_REQUIRE"), Some("all"), "{error}");
                eprintln!("skipped: {error}");
                return;
            }
        };
        let workshop = workshop().unwrap();
        let database = database(&source, workshop.path(), &CONTENT).await.unwrap();
        let mut role = tokio_postgres::Config::new();
        role.host("127.0.0.1").port(database.port).dbname(database.name).user(database.role);
        role.password("not this one");
        let refused = execute(&role, &["select"]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD), "{refused}");
        role.password(&database.password);
        execute(&role, &["select * from orders"]).await.unwrap();
        let denied = execute(&role, &["delete from orders"]).await.unwrap_err();
        assert_eq!(denied.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));

        let port = database.port;
        drop(database);
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "the server is still there");
    }

    #[tokio::test]
    async fn a_silent_port_refuses() {
        let silent = silent_port().unwrap();
        let refused = TcpStream::connect(("127.0.0.1", silent.port)).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
