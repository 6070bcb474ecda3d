//! Where the acts are played: commands of the real program, shown, run, and their verdicts compared with the story.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::DemoError;
use super::night::{Database, Night, write_private};
use super::servers::DatabaseServer;
use crate::environment::Environment;
use crate::report::text;
use crate::verdict::Exit;

/// The longest one command may take here.
const PATIENCE: Duration = Duration::from_mins(1);

/// Columns of what is told.
const WIDTH: usize = 80;

/// The link of the plan.
const LINK: &str = "app1-to-app2";

/// What the commands need to find everything.
pub(super) struct Stage<'a> {
    pub(super) out: &'a Path,
    environment: &'a Environment,
    orders: &'a Database,
    customers: &'a Database,
    /// What Application 1 shows to Application 2.
    app2_password: String,
    /// The DBA's passwords.
    passwords: PathBuf,
    pub(super) as_told: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn set(
        out: &'a Path,
        environment: &'a Environment,
        workshop: &Path,
        servers: [&DatabaseServer; 2],
        databases: [&'a Database; 2],
        app2_password: String,
    ) -> Result<Self, DemoError> {
        let passwords = workshop.join("pgpass");
        let line = |server: &&DatabaseServer| {
            format!("127.0.0.1:{}:*:{}:{}\n", server.port, server.dba.role, server.dba.password)
        };
        write_private(&passwords, &servers.iter().map(line).collect::<String>())?;
        let [orders, customers] = databases;
        Ok(Self { out, environment, orders, customers, app2_password, passwords, as_told: true })
    }

    /// Write the variables of the plan: where everything is.
    pub(super) fn servers(&self, night: &Night<'_>, workshop: &Path) -> Result<(), DemoError> {
        let host = workshop.join("app1-host");
        write(&host, &format!("exec {} \"$@\"\n", night.ground.on_app1().join(" ")))?;
        let text = format!(
            "# Where everything is, in this environment.\n\
             orders: \"{}\"\ncustomers: \"{}\"\napp1: \"http://{}:{}\"\napp2: \"{}\"\n\
             ca: \"{}\"\napp1_host: \"{}\"\napp1_properties: \"{}\"\n",
            loopback(self.orders.port),
            loopback(self.customers.port),
            night.ground.app1(),
            night.app1.port,
            night.app2_url(),
            night.trusted().display(),
            host.display(),
            night.app1.properties(workshop).display(),
        );
        write(&self.out.join("servers.yaml"), &text)
    }

    /// `gonogo baseline`.
    pub(super) async fn baseline(&mut self) -> Result<(), DemoError> {
        let (plan, vars, journal) = (self.file("plan.yaml"), self.file("servers.yaml"), self.file("journal"));
        self.play(&["baseline", "-f", &plan, "--vars", &vars, "--journal", &journal], Exit::Go).await
    }

    /// Hold the cause that the reports in this folder tell against the one that was injected.
    pub(super) fn told(&mut self, folder: &str, cause: &str) -> Result<(), DemoError> {
        let path = self.out.join(folder).join("result.json");
        let unreadable = |source| DemoError::Read { path: path.clone(), source };
        let text = std::fs::read(&path).map_err(unreadable)?;
        let result: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
        let rows = result["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_link = |row: &&serde_json::Value| row["id"].as_str().is_some_and(|id| id.starts_with(LINK));
        let first = rows.iter().filter(of_link).find_map(|row| row["findings"][0]["id"].as_str());
        match first {
            Some(first) if first == cause => tell(&format!(
                "Injected: {cause}. Found: {cause}. What it means, and what to try: gonogo explain {cause}"
            )),
            Some(_) | None => {
                tell(&format!("Injected: {cause}. Found: {}.", first.unwrap_or("nothing")));
                self.as_told = false;
            }
        }
        Ok(())
    }

    /// `gonogo run` with these arguments, its reports in this folder of the output.
    pub(super) async fn run(
        &mut self,
        arguments: &[&str],
        folder: &str,
        told: Exit,
    ) -> Result<(), DemoError> {
        let reports = if folder.is_empty() { self.out.to_owned() } else { self.out.join(folder) };
        let (plan, vars, journal) = (self.file("plan.yaml"), self.file("servers.yaml"), self.file("journal"));
        let reports = reports.display().to_string();
        let places = ["-f", &plan, "--vars", &vars, "--journal", &journal, "--out", &reports];
        self.play(&[&["run"], arguments, &places].concat(), told).await
    }

    /// The path of a file in the output folder, as an argument.
    pub(super) fn file(&self, name: &str) -> String {
        self.out.join(name).display().to_string()
    }

    /// Run ourselves as a person would, and hold the exit code against the one of the story.
    pub(super) async fn play(&mut self, arguments: &[&str], told: Exit) -> Result<(), DemoError> {
        say(&format!("{}\n", shown(arguments)));
        let program = std::env::current_exe()
            .map_err(|error| DemoError::System { what: "our own path", reason: error.to_string() })?;
        let mut command = tokio::process::Command::new(program);
        command.args(arguments);
        // The person's own database settings and CI are not for this play.
        for name in
            self.environment.names().filter(|name| name.starts_with("PG") || name.starts_with("GITHUB_"))
        {
            command.env_remove(name);
        }
        command.env("ORDERS_PASSWORD", &self.orders.login.password);
        command.env("CUSTOMERS_PASSWORD", &self.customers.login.password);
        command.env("APP2_PASSWORD", &self.app2_password);
        command.env("PGPASSFILE", &self.passwords);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let name = format!("gonogo {}", arguments.first().unwrap_or(&""));
        let failed = |reason| DemoError::Program { program: name.clone(), reason };
        let status = match tokio::time::timeout(PATIENCE, command.status()).await {
            Ok(status) => status.map_err(|error| failed(error.to_string()))?,
            Err(_) => return Err(failed(format!("no end after {} s", PATIENCE.as_secs()))),
        };
        say("");
        if status.code() != Some(told.code().into()) {
            tell(&format!("This ended with {status}; the story says {}.", told.code()));
            self.as_told = false;
        }
        Ok(())
    }
}

/// A command as a person types it, an option and its value on one line.
fn shown(arguments: &[&str]) -> String {
    let mut words: Vec<String> = Vec::new();
    for argument in arguments {
        match words.last_mut() {
            Some(option)
                if option.starts_with('-') && !option.contains(' ') && !argument.starts_with('-') =>
            {
                option.push(' ');
                option.push_str(argument);
            }
            Some(_) | None => words.push((*argument).to_owned()),
        }
    }
    let mut text = String::from("$ gonogo");
    let mut used = text.len();
    for word in words {
        // Room for the ` \` that ends a line.
        if used + 1 + word.len() + 2 > WIDTH {
            text.push_str(" \\\n     ");
            used = 5;
        }
        text.push(' ');
        text.push_str(&word);
        used += 1 + word.len();
    }
    text
}

pub(super) fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Tell a paragraph, and leave a line free after it.
pub(super) fn tell(paragraph: &str) {
    say(&text::wrap(paragraph, WIDTH).join("\n"));
    say("");
}

/// Tell a line; one that nobody reads any more is no reason to stop before the servers are.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    std::fs::write(path, text).map_err(|source| DemoError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_long_command_is_broken_between_options() {
        let out = "x".repeat(40);
        let told = shown(&["run", "db-split", "--fresh", "-f", "plan.yaml", "--out", &out, "--journal", "j"]);
        let expected =
            format!("$ gonogo run db-split --fresh -f plan.yaml \\\n      --out {out} --journal j");
        assert_eq!(told, expected);
    }
}
