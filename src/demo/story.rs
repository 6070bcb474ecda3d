//! The story, act by act: each act starts a server, runs the real program, and listens to its verdict.

use clap::ValueEnum as _;

use super::fault::Fault;
use super::ground::{self, Ground, Network};
use super::night::{self, Night};
use super::servers::{DBA, DatabaseServer, Source};
use super::split::{self, Shop};
use super::stage::{Stage, say, tell, write};
use super::{DemoError, Play};
use crate::environment::Environment;
use crate::verdict::Exit;

/// What the demo runs; written to the output folder for people to copy.
const PLAN: &str = include_str!("plan.yaml");

/// Play it; true when every verdict and every cause was the one of the story.
pub(super) async fn play(play: &Play<'_>, environment: &Environment) -> Result<bool, DemoError> {
    let out = play.out;
    let source = Source::find(environment).await?;
    // Before there is anything to clean up: our own process may begin again.
    let alone = if play.inside { None } else { Some(ground::enter(&source, environment).await) };
    let workshop = night::workshop()?;
    let folder = workshop.path();
    let ground = match alone {
        Some(why) => Ground::Loopback { why },
        None => Ground::Namespaces(Network::build(folder).await?),
    };
    let usual = [Fault::usual(&ground)];
    let faults = if play.faults.is_empty() { &usual } else { play.faults };
    for fault in faults {
        fault.possible(&ground)?;
    }
    std::fs::create_dir_all(out).map_err(|source| DemoError::Write { path: out.to_owned(), source })?;
    tell(&format!(
        "gonogo demo: a release night in miniature, on this machine. Two {} and two small applications \
         are started, and stopped at the end. {}",
        source.describe(),
        ground.describe()
    ));
    let (old, new) = tokio::try_join!(
        DatabaseServer::start(&source, folder, "old", &ground),
        DatabaseServer::start(&source, folder, "new", &ground)
    )?;
    let shop = Shop::open(&old, &new, source.records_statements()).await?;
    let (whole, orders, customers) = (shop.whole(), shop.orders(), shop.customers());
    let mut night = Night::new(&ground, folder, [&whole, &customers])?;
    let password = night.password.clone();
    let mut stage = Stage::set(out, environment, folder, [&old, &new], [&orders, &customers], password)?;
    write(&out.join("plan.yaml"), PLAN)?;
    write(&out.join("split.yaml"), split::MAP)?;
    stage.servers(&night, folder)?;

    before_the_night(&mut stage, &shop, old.port).await?;
    the_link_before(&mut stage, &mut night).await?;
    the_split(&mut stage, &shop).await?;
    the_repair(&mut stage, &shop, [old.port, new.port]).await?;
    night.app2.database = &orders;
    the_back_end(&mut stage, &mut night, faults).await?;
    the_web(&mut stage, &mut night).await?;
    drop(night);

    tell(&format!("The plan it ran, to copy ({}; its split map is beside it):", stage.file("plan.yaml")));
    for line in PLAN.lines() {
        say(format!("  {line}").trim_end());
    }
    say("");
    tell(&format!(
        "reports: {out}/ (the last run) and {out}/attempt-1/*/: summary.txt, summary.md, result.json, junit.xml; \
         snapshots and SQL of the split: {out}/*.json and {out}/*.sql. Next: gonogo demo --help names {count} faults \
         to break the link with, gonogo init, or gonogo probe https://example.com/",
        out = out.display(),
        count = Fault::value_variants().len(),
    ));
    Ok(stage.as_told)
}

async fn the_link_before(stage: &mut Stage<'_>, night: &mut Night<'_>) -> Result<(), DemoError> {
    night.deploy_app2().await?;
    tell(
        "Application 2 still runs in its old release. What every check shows now is recorded, to compare with; \
         what is red is of databases that are not there yet:",
    );
    stage.baseline().await
}

async fn the_back_end(
    stage: &mut Stage<'_>,
    night: &mut Night<'_>,
    faults: &[Fault],
) -> Result<(), DemoError> {
    tell(
        "The back-end team deploys Application 2. Application 1 is not up yet, but its host is there: the way \
         from it to Application 2 is tried now, an hour before anybody would miss it. Go on?",
    );
    for (index, fault) in faults.iter().enumerate() {
        if index > 0 {
            night.restore().await?;
        }
        night.deploy_app2().await?;
        fault.inject(night).await?;
        let folder = format!("attempt-1/{}", fault.id());
        stage.run(&["app2"], &folder, Exit::NoGo).await?;
        stage.told(&folder, &fault.id())?;
        tell(&format!("It was so: {}.", fault.describe()));
    }
    tell(
        "That is repaired, and the stage is looked at again. Nothing can exercise all of Application 2 until \
         Application 1 is up, so one check is owed. Go on?",
    );
    night.restore().await?;
    stage.run(&["app2"], "attempt-1/app2", Exit::ProvisionalGo).await
}

async fn the_web(stage: &mut Stage<'_>, night: &mut Night<'_>) -> Result<(), DemoError> {
    tell(
        "Provisional: one minor issue, one check owed. The web team deploys Application 1, and the check that \
         was owed comes due:",
    );
    night.deploy_app1().await?;
    stage.run(&["app1"], "attempt-1/app1", Exit::Go).await?;
    tell("The back-end team deploys the version that was meant, and the whole night is tried again:");
    night.app2.version = "4.2.0";
    night.deploy_app2().await?;
    stage.run(&["--new-attempt"], "", Exit::Go).await
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
