//! The story, act by act: each act starts a server, runs the real program, and listens to its verdict.

use std::path::Path;

use super::DemoError;
use super::night::{self, Deployment};
use super::servers::{DBA, DatabaseServer, Source};
use super::split::{self, Shop};
use super::stage::{Stage, loopback, say, tell, write};
use crate::environment::Environment;
use crate::verdict::Exit;

/// What the demo runs; written to the output folder for people to copy.
const PLAN: &str = include_str!("plan.yaml");

/// Play it; true when every verdict was the one of the story.
pub(super) async fn play(out: &Path, environment: &Environment) -> Result<bool, DemoError> {
    let source = Source::find(environment).await?;
    std::fs::create_dir_all(out).map_err(|source| DemoError::Write { path: out.to_owned(), source })?;
    tell(&format!(
        "gonogo demo: a release night in miniature, on this machine. Two {} and two small applications \
         are started, and stopped at the end.",
        source.describe()
    ));
    let workshop = night::workshop()?;
    let folder = workshop.path();
    let (old, new) = tokio::try_join!(
        DatabaseServer::start(&source, folder, "old"),
        DatabaseServer::start(&source, folder, "new")
    )?;
    let shop = Shop::open(&old, &new, source.records_statements()).await?;
    let (orders, customers) = (shop.orders(), shop.customers());
    // The address of the old release: held, so that nobody answers there.
    let silent = night::silent_port()?;
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
        back_end: Some(loopback(silent.port)),
    };
    let properties = app1.properties(folder);
    let mut stage = Stage::set(out, environment, folder, [&old, &new], [&orders, &customers])?;
    write(&out.join("plan.yaml"), PLAN)?;
    write(&out.join("split.yaml"), split::MAP)?;
    stage.servers(&app1, &app2, &properties)?;

    before_the_night(&mut stage, &shop, old.port).await?;
    the_split(&mut stage, &shop).await?;
    the_repair(&mut stage, &shop, [old.port, new.port]).await?;

    tell(
        "The back-end team upgrades Application 2. Nothing can exercise all of it until Application 1 is up, \
         so one check is owed. Go on?",
    );
    let mut back_end = app2.deploy(folder).await?;
    stage.run(&["app2"], "attempt-1/app2", Exit::ProvisionalGo).await?;

    tell(
        "Provisional: one minor issue, one check owed. The web team upgrades Application 1, and the check \
         that was owed comes due.",
    );
    let mut web = app1.deploy(folder).await?;
    stage.run(&["app1"], "attempt-1/app1", Exit::NoGo).await?;

    tell(&format!(
        "No-go, and why: Application 1 itself says that it cannot connect, its properties name {}, and there \
         the connection breaks at tcp. The web team corrects the address, the back-end team deploys the right \
         version, and the night is tried again.",
        loopback(silent.port)
    ));
    drop((web, back_end));
    app2.version = "4.2.0";
    app1.back_end = Some(loopback(app2.port));
    back_end = app2.deploy(folder).await?;
    web = app1.deploy(folder).await?;
    stage.servers(&app1, &app2, &properties)?;
    stage.run(&["--new-attempt"], "", Exit::Go).await?;
    drop((web, back_end));

    tell(&format!("The plan it ran, to copy ({}; its split map is beside it):", stage.file("plan.yaml")));
    for line in PLAN.lines() {
        say(format!("  {line}").trim_end());
    }
    say("");
    tell(&format!(
        "reports: {out}/ (the last run) and {out}/attempt-1/*/: summary.txt, summary.md, result.json, junit.xml; \
         snapshots and SQL of the split: {out}/*.json and {out}/*.sql. Next: gonogo init, or gonogo probe \
         https://example.com/",
        out = out.display()
    ));
    Ok(stage.as_told)
}

async fn before_the_night(stage: &mut Stage<'_>, shop: &Shop<'_>, port: u16) -> Result<(), DemoError> {
    tell(
        "One database, shop, serves two applications. Before the night the DBA team writes down who may do \
         what in it, and says where each object is to go:",
    );
    let (before, map) = (stage.file("before.json"), stage.file("split.yaml"));
    let recorded: &[&str] = if shop.recorded { &["--workload"] } else { &[] };
    let place = url("shop", port);
    stage.play(&[&["grants", "snapshot", &place, "-o", &before], recorded].concat(), Exit::Go).await?;
    stage.play(&["grants", "map", &map, &before], Exit::Go).await
}

async fn the_split(stage: &mut Stage<'_>, shop: &Shop<'_>) -> Result<(), DemoError> {
    shop.split().await?;
    tell(
        "The night. The DBA team splits shop in two. The orders stay on their server, in a database of their \
         own. The customers move to a new server, where roles are made by hand, and privileges granted as \
         far as people remember them:",
    );
    say("  $ pg_dump --schema=orders shop | psql orders\n\
         \x20 $ pg_dump --schema=customers --no-privileges shop | psql customers\n\
         \x20 $ psql customers -c \"grant usage on schema customers to app1_rw\" ...\n");
    tell("Every table is there, and what people try works. Go on?");
    stage.run(&["db-split", "--fresh"], "attempt-1/db-split", Exit::NoGo).await
}

async fn the_repair(stage: &mut Stage<'_>, shop: &Shop<'_>, ports: [u16; 2]) -> Result<(), DemoError> {
    tell(
        "No-go: all that was tried by hand passes, and yet the morning would have shown addresses that \
         Application 1 may not read, a function that deletes customers, open to everybody, and orders that \
         Application 2 does not find. That one more closely:",
    );
    let (before, map) = (stage.file("before.json"), stage.file("split.yaml"));
    let databases = [("orders", "orders_db", ports[0]), ("customers", "customers_db", ports[1])];
    for (name, target, port) in databases {
        let (after, sql, place) =
            (stage.file(&format!("{name}.json")), stage.file(&format!("{name}.sql")), url(name, port));
        let sides = [before.as_str(), &after, "--map", &map, "--target", target];
        stage.play(&["grants", "snapshot", &place, "-o", &after], Exit::Go).await?;
        if name == "orders" {
            stage.play(&[&["grants", "diff"], &sides[..]].concat(), Exit::NoGo).await?;
            tell(
                "The SQL that repairs it is for people to read first. A DBA runs it in one transaction; the \
                 database is then read again and compared. Then the customers, in the same way:",
            );
        }
        let apply = ["-o", &sql, "--apply", &place, "--yes"];
        stage.play(&[&["grants", "fix"], &sides[..], &apply].concat(), Exit::Go).await?;
    }
    stage.run(&["db-split"], "attempt-1/db-split-repaired", Exit::Go).await?;
    if shop.recorded {
        tell(
            "Go. And the statements that Application 1 really ran in shop, will they be permitted? They are \
             planned as its role, and none is executed:",
        );
        let place = url("customers", ports[1]);
        let split = ["--map", &map, "--target", "customers_db", "--role", "app1_rw"];
        stage.play(&[&["grants", "replay", &before, &place], &split[..]].concat(), Exit::Go).await?;
    }
    Ok(())
}

/// Without a password: that is in a file of its own.
fn url(database: &str, port: u16) -> String {
    format!("postgres://{DBA}@127.0.0.1:{port}/{database}")
}
