//! The applications of the night, gone when dropped; and what all that is started needs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};

use super::DemoError;
use super::certificates::{Authorities, Wrong};
use super::ground::{Ground, Network};
use super::process::Server;
use super::servers::Login;

/// A database as an application knows it.
pub(super) struct Database {
    /// On the loopback address.
    pub(super) port: u16,
    pub(super) name: &'static str,
    pub(super) login: Login,
}

/// A folder for everything that is started, removed when dropped.
pub(super) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // On a busy machine the processes of a server that was killed write for a moment longer than it runs.
        for _ in 0..20 {
            match std::fs::remove_dir_all(self.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                Ok(()) | Err(_) => break,
            }
        }
    }
}

/// Make it; other accounts may pass through it, and read nothing.
pub(super) fn workshop() -> Result<Workshop, DemoError> {
    let folder = tempfile::Builder::new().prefix("gonogo-demo-").tempdir();
    let folder = folder.map_err(|source| DemoError::Write { path: std::env::temp_dir(), source })?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))
        .map_err(|source| DemoError::Write { path: folder.path().to_owned(), source })?;
    Ok(Workshop { folder })
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
pub(super) fn password() -> Result<String, DemoError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| DemoError::System { what: "random bytes", reason: error.to_string() })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// An application to deploy.
pub(super) struct Deployment<'a> {
    pub(super) app: &'static str,
    pub(super) version: &'static str,
    /// The words before its command.
    on: Vec<String>,
    /// The address it listens at.
    pub(super) listen: &'static str,
    /// The address at which we see that it is up.
    seen_at: &'static str,
    pub(super) port: u16,
    pub(super) database: &'a Database,
    database_host: &'static str,
    /// Another port than the database's own.
    pub(super) database_port: Option<u16>,
    /// What else is in its properties.
    pub(super) settings: BTreeMap<&'static str, String>,
}

impl Deployment<'_> {
    /// Where its properties are.
    pub(super) fn properties(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.properties", self.app))
    }

    /// Write its properties.
    fn configure(&self, folder: &Path) -> Result<PathBuf, DemoError> {
        let Database { name, login: Login { role, password }, port } = self.database;
        let port = self.database_port.unwrap_or(*port);
        let mut text = format!(
            "listen={}:{}\nversion={}\ndatabase.url=postgres://{role}@{}:{port}/{name}\n\
             database.password={password}\n",
            self.listen, self.port, self.version, self.database_host
        );
        for (key, value) in &self.settings {
            let _ = writeln!(text, "{key}={value}");
        }
        let properties = self.properties(folder);
        write_private(&properties, &text)?;
        Ok(properties)
    }

    /// Write its properties, start it, and wait until it listens.
    async fn deploy(&self, folder: &Path) -> Result<Server, DemoError> {
        let properties = self.configure(folder)?;
        let program = std::env::current_exe()
            .map_err(|error| DemoError::System { what: "our own path", reason: error.to_string() })?;
        let (first, rest) = self.on.split_first().ok_or(DemoError::System {
            what: "a host for an application",
            reason: "no words lead there".to_owned(),
        })?;
        let mut command = std::process::Command::new(first);
        command.args(rest).arg(program).args(["__app", self.app]).arg(&properties);
        let log = folder.join(format!("{}.log", self.app));
        let mut server = Server::start(self.app, command, nix::sys::signal::Signal::SIGTERM, &log)?;
        let (address, port) = (self.seen_at, self.port);
        server.up(10, async || TcpStream::connect((address, port)).await.map(drop)).await?;
        Ok(server)
    }
}

/// Both applications, on their hosts.
pub(super) struct Night<'a> {
    pub(super) ground: &'a Ground,
    folder: &'a Path,
    authorities: Authorities,
    /// The files of Application 2's certificate and its key.
    certificate: [PathBuf; 2],
    /// What Application 1 shows to Application 2.
    pub(super) password: String,
    /// Nobody answers there.
    pub(super) silent: Silent,
    pub(super) app1: Deployment<'a>,
    pub(super) app2: Deployment<'a>,
    web: Option<Server>,
    back: Option<Server>,
}

impl<'a> Night<'a> {
    /// Nothing is deployed yet; Application 1's host has its properties already.
    pub(super) fn new(
        ground: &'a Ground,
        folder: &'a Path,
        [orders, customers]: [&'a Database; 2],
    ) -> Result<Self, DemoError> {
        let authorities = Authorities::new(folder)?;
        let here = vec!["env".to_owned()];
        let deployment = |app, version, on, listen, seen_at, database| {
            Ok(Deployment {
                app,
                version,
                on,
                listen,
                seen_at,
                port: silent_port()?.port,
                database,
                database_host: ground.databases(),
                database_port: None,
                settings: BTreeMap::new(),
            })
        };
        let mut night = Self {
            ground,
            folder,
            certificate: authorities.issue("app2", ground.app2(), None)?,
            authorities,
            password: password()?,
            silent: silent_port()?,
            app1: deployment("app1", "7.0.1", ground.on_app1(), ground.app1(), ground.app1(), customers)?,
            app2: deployment("app2", "4.1.9", here, ground.app2_listens(), "127.0.0.1", orders)?,
            web: None,
            back: None,
        };
        night.as_meant()?;
        Ok(night)
    }

    /// Where Application 2 is called.
    pub(super) fn app2_url(&self) -> String {
        format!("https://{}:{}", self.ground.app2(), self.app2.port)
    }

    /// What callers trust.
    pub(super) fn trusted(&self) -> PathBuf {
        self.authorities.root()
    }

    /// Properties without a fault in them.
    fn as_meant(&mut self) -> Result<(), DemoError> {
        self.app2.listen = self.ground.app2_listens();
        self.app2.database_port = None;
        self.app2.settings = BTreeMap::from([
            ("environment", "production".to_owned()),
            ("caller.password", self.password.clone()),
        ]);
        self.app2_has(&self.certificate.clone());
        self.app1.settings = BTreeMap::from([
            ("app2.password", self.password.clone()),
            ("app2.ca", self.trusted().display().to_string()),
        ]);
        self.configure_app1(&self.app2_url())
    }

    /// Take back what was broken.
    pub(super) async fn restore(&mut self) -> Result<(), DemoError> {
        self.ground.restore().await?;
        self.as_meant()?;
        self.deploy_app2().await
    }

    pub(super) fn stop_app2(&mut self) {
        self.back = None;
    }

    pub(super) async fn deploy_app2(&mut self) -> Result<(), DemoError> {
        self.stop_app2();
        self.back = Some(self.app2.deploy(self.folder).await?);
        Ok(())
    }

    pub(super) async fn deploy_app1(&mut self) -> Result<(), DemoError> {
        self.web = None;
        self.web = Some(self.app1.deploy(self.folder).await?);
        Ok(())
    }

    // ---- what a fault can change ----

    /// Application 2 with this in its properties.
    pub(super) async fn release(&mut self, key: &'static str, value: &str) -> Result<(), DemoError> {
        self.app2.settings.insert(key, value.to_owned());
        self.deploy_app2().await
    }

    /// Application 2 with a certificate that is wrong.
    pub(super) async fn certificate(&mut self, wrong: Wrong) -> Result<(), DemoError> {
        let files = self.authorities.issue("wrong", self.ground.app2(), Some(wrong))?;
        self.app2_has(&files);
        self.deploy_app2().await
    }

    fn app2_has(&mut self, [certificate, key]: &[PathBuf; 2]) {
        self.app2.settings.insert("tls.certificate", certificate.display().to_string());
        self.app2.settings.insert("tls.key", key.display().to_string());
    }

    /// What Application 1 is told of Application 2, before it is started.
    pub(super) fn configure_app1(&mut self, url: &str) -> Result<(), DemoError> {
        self.app1.settings.insert("app2.url", url.to_owned());
        self.app1.configure(self.folder).map(drop)
    }

    /// The network between the two, which a fault that needs it has.
    pub(super) fn network(&self) -> Result<&'a Network, DemoError> {
        match self.ground {
            Ground::Namespaces(network) => Ok(network),
            Ground::Loopback { why } => {
                Err(DemoError::System { what: "a network namespace", reason: why.clone() })
            }
        }
    }
}

/// Write a file that holds a password: readable by us alone.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), DemoError> {
    use std::io::Write as _;
    let options = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    options
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| DemoError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_port_refuses() {
        let silent = silent_port().unwrap();
        let refused = TcpStream::connect(("127.0.0.1", silent.port)).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
