//! The applications of the night, deployed so far and gone when dropped; and what all that is started needs.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};

use super::DemoError;
use super::process::Server;
use super::servers::Login;

/// A database as an application knows it.
pub(super) struct Database {
    /// On the loopback address.
    pub(super) port: u16,
    pub(super) name: &'static str,
    pub(super) login: Login,
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
        let Database { name, login: Login { role, password }, port: database_port } = self.database;
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
