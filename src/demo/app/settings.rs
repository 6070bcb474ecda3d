//! The properties file of an application, as such files are: listen, version, database, the other application.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::NoTls;

use super::AppError;

/// How long an application waits for its database.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an application is configured with.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    pub(super) version: String,
    /// Host and port of the back end; only the web front has one.
    pub(super) back_end: Option<String>,
    database: tokio_postgres::Config,
}

impl Settings {
    pub(super) fn read(file: &Path) -> Result<Self, AppError> {
        let wrong = |reason: String| AppError::Settings { file: file.display().to_string(), reason };
        let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let values: HashMap<String, String> =
            java_properties::read(bytes.as_slice()).map_err(|error| wrong(error.to_string()))?;
        let value = |key: &str| values.get(key).cloned().ok_or_else(|| wrong(format!("`{key}` is missing")));
        let mut database: tokio_postgres::Config =
            value("database.url")?.parse().map_err(|error| wrong(format!("database.url: {error}")))?;
        database.password(value("database.password")?).connect_timeout(PATIENCE);
        let back_end = match values.get("app2.url") {
            Some(url) => Some(
                url.strip_prefix("http://")
                    .ok_or_else(|| wrong("app2.url has to be http://HOST:PORT".to_owned()))?
                    .trim_end_matches('/')
                    .to_owned(),
            ),
            None => None,
        };
        Ok(Self {
            listen: value("listen")?.parse().map_err(|error| wrong(format!("listen: {error}")))?,
            version: value("version")?,
            back_end,
            database,
        })
    }

    /// The number a query gives, on a connection of its own; the server's words when it does not.
    pub(super) async fn number(&self, query: &str) -> Result<i64, String> {
        let asked = async {
            let (client, connection) = self.database.connect(NoTls).await?;
            let background = tokio::spawn(connection);
            let row = client.query_one(query, &[]).await;
            drop(client);
            let _ = background.await;
            row?.try_get::<_, i64>(0)
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(number)) => Ok(number),
            Ok(Err(error)) => Err(error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)),
            Err(_) => Err("the database does not answer".to_owned()),
        }
    }
}
