//! The story, act by act: each act starts a server, runs the real program, and listens to its verdict.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::DemoError;
use super::night::{self, Content, Database, Deployment, Source};
use crate::environment::Environment;
use crate::verdict::Exit;

/// What the demo runs; written to the output folder for people to copy.
const PLAN: &str = include_str!("plan.yaml");

const ORDERS: Content = Content {
    database: "orders",
    role: "app2_rw",
    statements:
        "create table orders (id int generated always as identity primary key, customer int, article text);
                 insert into orders (customer, article) values (1, 'lamp'), (1, 'table'), (2, 'chair');
                 grant select, insert, update on orders to {role};",
};
const CUSTOMERS: Content = Content {
    database: "customers",
    role: "app1_rw",
    statements: "create table customers (id int primary key, name text);
                 insert into customers values (1, 'Ada'), (2, 'Grace');
                 grant select, insert, update on customers to {role};",
};

/// The longest one `gonogo run` may take here.
const PATIENCE: Duration = Duration::from_mins(1);

/// Play it; true when every verdict was the one of the story.
pub(super) async fn tell(out: &Path, environment: &Environment) -> Result<bool, DemoError> {
    let source = Source::find(environment).await?;
    std::fs::create_dir_all(out).map_err(|source| DemoError::Write { path: out.to_owned(), source })?;
    say(&format!(
        "gonogo demo: a release night in miniature. Two {}, two small\n\
         applications, all on this machine; they are stopped at the end.\n",
        source.describe()
    ));
    let workshop = night::workshop()?;
    let folder = workshop.path();
    let (orders, customers) = tokio::try_join!(
        night::database(&source, folder, &ORDERS),
        night::database(&source, folder, &CUSTOMERS)
    )?;
    // The address of the old release: held, so that nobody answers there.
    let old = night::silent_port()?;
    let mut app2 = Deployment {
        app: "app2",
        version: "4.1.9",
        port: night::silent_port()?.port,
        database: &orders,
        back_end: None,
    };
    let mut app1 = Deployment {
        app: "app1",
        version: "7.0.1",
        port: night::silent_port()?.port,
        database: &customers,
        back_end: Some(loopback(old.port)),
    };
    let properties = app1.properties(folder);
    let stage = Stage { out, environment, databases: [&orders, &customers] };
    write(&out.join("plan.yaml"), PLAN)?;
    stage.servers(&app1, &app2, &properties)?;

    let mut as_told = true;
    say("The DBA team has split the database in two: orders and customers. Go on?\n");
    as_told &= stage.run(&["db-split", "--fresh"], "attempt-1/db-split", Exit::Go).await?;

    say("Go. The back-end team upgrades Application 2. Nothing can exercise all of it until\n\
         Application 1 is up, so one check is owed. Go on?\n");
    let mut back_end = app2.deploy(folder).await?;
    as_told &= stage.run(&["app2"], "attempt-1/app2", Exit::ProvisionalGo).await?;

    say("Provisional: one minor issue, one check owed. The web team upgrades Application 1, and\n\
         the check that was owed comes due.\n");
    let mut web = app1.deploy(folder).await?;
    as_told &= stage.run(&["app1"], "attempt-1/app1", Exit::NoGo).await?;

    say(&format!(
        "No-go, and why: Application 1 itself says that it cannot connect, its properties name\n\
         {}, and there the connection breaks at tcp. The web team corrects the address, the\n\
         back-end team deploys the right version, and the night is tried again.\n",
        loopback(old.port)
    ));
    drop((web, back_end));
    app2.version = "4.2.0";
    app1.back_end = Some(loopback(app2.port));
    back_end = app2.deploy(folder).await?;
    web = app1.deploy(folder).await?;
    stage.servers(&app1, &app2, &properties)?;
    as_told &= stage.run(&["--new-attempt"], "", Exit::Go).await?;
    drop((web, back_end));

    say(&format!("The plan it ran, to copy ({}):\n", out.join("plan.yaml").display()));
    for line in PLAN.lines() {
        say(&format!("  {line}"));
    }
    say(&format!(
        "\nreports: {out}/ (the last run) and {out}/attempt-1/*/: summary.txt, summary.md,\n\
         result.json, junit.xml. Next: gonogo init, or gonogo probe https://example.com/",
        out = out.display()
    ));
    Ok(as_told)
}

/// Where the acts are played.
struct Stage<'a> {
    out: &'a Path,
    environment: &'a Environment,
    databases: [&'a Database; 2],
}

impl Stage<'_> {
    /// Write the variables of the plan: where everything is.
    fn servers(
        &self,
        app1: &Deployment<'_>,
        app2: &Deployment<'_>,
        properties: &Path,
    ) -> Result<(), DemoError> {
        let [orders, customers] = self.databases;
        let text = format!(
            "# Where everything is, in this environment.\n\
             orders: \"{}\"\ncustomers: \"{}\"\napp1: \"{}\"\napp2: \"{}\"\n\
             app1_properties: \"{}\"\n# As app1.properties says:\napp1_calls: \"{}\"\n",
            loopback(orders.port),
            loopback(customers.port),
            loopback(app1.port),
            loopback(app2.port),
            properties.display(),
            app1.back_end.as_deref().unwrap_or_default(),
        );
        write(&self.vars(), &text)
    }

    fn vars(&self) -> PathBuf {
        self.out.join("servers.yaml")
    }

    /// Run ourselves as a person would, and say whether the exit code is the one of the story.
    async fn run(&self, arguments: &[&str], folder: &str, told: Exit) -> Result<bool, DemoError> {
        let plan = self.out.join("plan.yaml");
        let reports = if folder.is_empty() { self.out.to_owned() } else { self.out.join(folder) };
        say(&format!(
            "$ gonogo run {} -f {} --vars {} \\\n      --journal {} --out {}\n",
            arguments.join(" "),
            plan.display(),
            self.vars().display(),
            self.out.join("journal").display(),
            reports.display(),
        ));
        let program = std::env::current_exe()
            .map_err(|error| DemoError::System { what: "our own path", reason: error.to_string() })?;
        let mut run = tokio::process::Command::new(program);
        run.arg("run").args(arguments).arg("--file").arg(&plan).arg("--vars").arg(self.vars());
        run.arg("--journal").arg(self.out.join("journal")).arg("--out").arg(&reports);
        let [orders, customers] = self.databases;
        run.env("ORDERS_PASSWORD", &orders.password).env("CUSTOMERS_PASSWORD", &customers.password);
        // The person's own database settings and CI are not for this play.
        for name in
            self.environment.names().filter(|name| name.starts_with("PG") || name.starts_with("GITHUB_"))
        {
            run.env_remove(name);
        }
        run.stdin(Stdio::null()).kill_on_drop(true);
        let failed = |reason| DemoError::Program { program: "gonogo run".to_owned(), reason };
        let status = match tokio::time::timeout(PATIENCE, run.status()).await {
            Ok(status) => status.map_err(|error| failed(error.to_string()))?,
            Err(_) => return Err(failed(format!("no end after {} s", PATIENCE.as_secs()))),
        };
        say("");
        let code = status.code();
        if code != Some(told.code().into()) {
            say(&format!("This ended with {status}; the story says {}.\n", told.code()));
        }
        Ok(code == Some(told.code().into()))
    }
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Tell a line; one that nobody reads any more is no reason to stop before the servers are.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    std::fs::write(path, text).map_err(|source| DemoError::Write { path: path.to_owned(), source })
}
