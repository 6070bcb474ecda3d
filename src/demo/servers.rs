//! The two database servers of the night, and PostgreSQL's own programs at work on them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio_postgres::NoTls;

use super::DemoError;
use super::cluster::Programs;
use super::container::{Container, Engine};
use super::ground::Ground;
use super::night::{password, silent_port};
use super::process::Server;
use crate::environment::Environment;

/// Who sets up the servers: a superuser.
pub(super) const DBA: &str = "dba";

/// The longest one of PostgreSQL's programs may take.
const PATIENCE: Duration = Duration::from_mins(1);

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

    /// Whether its servers can record the statements that run: `pg_stat_statements` is part of PostgreSQL, but a package
    /// of its own in some distributions.
    pub(super) const fn records_statements(&self) -> bool {
        match self {
            Self::Local(programs) => programs.records_statements(),
            Self::Engine(_) => true,
        }
    }
}

enum Postgres {
    Local { server: Server, programs: Programs },
    Contained(Container),
}

/// A role that may log in.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) role: &'static str,
    pub(super) password: String,
}

impl Login {
    /// With a password nobody has to know.
    pub(super) fn new(role: &'static str) -> Result<Self, DemoError> {
        Ok(Self { role, password: password()? })
    }
}

/// A database server that runs as long as this value lives.
pub(super) struct DatabaseServer {
    postgres: Postgres,
    /// On the loopback address.
    pub(super) port: u16,
    pub(super) dba: Login,
}

impl DatabaseServer {
    /// Start one and wait until it lets the DBA in; applications on other hosts come by this network, where there is one.
    pub(super) async fn start(
        source: &Source,
        folder: &Path,
        name: &str,
        ground: &Ground,
    ) -> Result<Self, DemoError> {
        let dba = Login::new(DBA)?;
        let port = silent_port()?.port;
        let folder = folder.join(name);
        let mut postgres = match source {
            Source::Local(programs) => Postgres::Local {
                server: programs.start(name, &folder, port, &dba, ground).await?,
                programs: programs.clone(),
            },
            Source::Engine(engine) => Postgres::Contained(engine.start(name, &folder, port, &dba)?),
        };
        let mut login = tokio_postgres::Config::new();
        login.host("127.0.0.1").port(port).user(DBA).password(&dba.password).dbname("postgres");
        let server = match &mut postgres {
            Postgres::Local { server, .. } => server,
            Postgres::Contained(container) => &mut container.client,
        };
        server.up(30, async || login.connect(NoTls).await.map(drop).map_err(|error| chain(&error))).await?;
        Ok(Self { postgres, port, dba })
    }

    /// Run a script as the DBA; it ends at the first error.
    pub(super) async fn psql(&self, database: &str, script: &str) -> Result<(), DemoError> {
        self.psql_as(&self.dba, database, script.as_bytes()).await
    }

    /// Run a script as this role; it ends at the first error.
    pub(super) async fn psql_as(
        &self,
        login: &Login,
        database: &str,
        script: &[u8],
    ) -> Result<(), DemoError> {
        let arguments =
            ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-", "--dbname"];
        let mut psql = self.client("psql", login);
        psql.args(arguments).arg(database);
        run("psql", psql, script).await.map(drop)
    }

    /// What `pg_dump` writes of a database.
    pub(super) async fn dump(&self, database: &str, options: &[&str]) -> Result<Vec<u8>, DemoError> {
        let mut dump = self.client("pg_dump", &self.dba);
        dump.args(options).arg(database);
        run("pg_dump", dump, &[]).await
    }

    /// One of PostgreSQL's programs, talking to this server as this role.
    fn client(&self, program: &'static str, login: &Login) -> Command {
        let mut command = match &self.postgres {
            Postgres::Local { programs, .. } => programs.client(program, self.port),
            Postgres::Contained(container) => container.client(program),
        };
        command.args(["--host=127.0.0.1", "--username", login.role]);
        command.env("PGPASSWORD", &login.password);
        command
    }
}

/// Run a program to its end, and give it this to read; what it wrote.
pub(super) async fn run(name: &str, mut command: Command, input: &[u8]) -> Result<Vec<u8>, DemoError> {
    let failed = |reason: String| DemoError::Program { program: name.to_owned(), reason };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let worked = async {
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = input.to_owned();
            // A program that ends early says why; that it did not read all is no more than that.
            tokio::spawn(async move { stdin.write_all(&input).await });
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(PATIENCE, worked).await {
        Ok(Ok(output)) if output.status.success() => Ok(output.stdout),
        Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no end after {} s", PATIENCE.as_secs()))),
    }
}

/// An error with its causes: `tokio_postgres` keeps the server's words in the cause.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::super::night::workshop;
    use super::*;

    #[tokio::test]
    async fn a_server_lives_as_long_as_its_value() {
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
        let server =
            DatabaseServer::start(&source, workshop.path(), "one", &Ground::Loopback { why: String::new() })
                .await
                .unwrap();
        let app = Login::new("app").unwrap();
        let roles = format!("create role app login password '{}';", app.password);
        server
            .psql("postgres", &format!("{roles} create table t (a int); grant select on t to app;"))
            .await
            .unwrap();
        server.psql_as(&app, "postgres", b"select * from t").await.unwrap();
        let denied = server.psql_as(&app, "postgres", b"delete from t").await.unwrap_err();
        assert!(denied.to_string().contains("permission denied for table t"), "{denied}");
        let stranger = Login { password: "not this one".to_owned(), ..app };
        let refused = server.psql_as(&stranger, "postgres", b"select").await.unwrap_err();
        assert!(refused.to_string().contains("password authentication failed"), "{refused}");
        let dump = server.dump("postgres", &["--schema-only"]).await.unwrap();
        assert!(String::from_utf8_lossy(&dump).contains("GRANT SELECT ON TABLE public.t TO app"));

        let port = server.port;
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "the server is still there");
    }
}
