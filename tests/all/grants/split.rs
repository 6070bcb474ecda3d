//! The whole way of a split as README tells it, with the plan and the map of `checks/`, on two real servers.

use std::path::Path;

use serde_json::Value;

use super::{SETTINGS, url};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::{Ended, Program};

const SHOP: &str = include_str!("split.sql");
const BILLING: &str = include_str!("split_billing.sql");

fn checks(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks").join(name);
    std::fs::read_to_string(path).expect("a file of checks/")
}

fn cluster() -> Option<Cluster> {
    let cluster = Cluster::start(&Setup { settings: SETTINGS, ..Setup::default() })?;
    cluster.sql("postgres", "create role dba superuser login password 'dba-secret'");
    Some(cluster)
}

/// Run a script to which every statement is to work.
fn script(cluster: &Cluster, database: &str, text: &str) {
    let errors = cluster.restore(database, text);
    assert!(!errors.contains("ERROR") && !errors.contains("FATAL"), "{errors}");
}

/// What the applications do all day.
fn work(shop: &Cluster) {
    let statements = "select name from v_invoice; insert into invoice (customer, amount) values (1, 10); \
        select id from orders; select code from ref.country; select calc_tax('at', amount) from invoice";
    // The statements are parsed with the settings of the role's own login.
    let own = "set session authorization shop_app; set search_path = billing, shop, public";
    shop.sql("shop", &format!("{own}; {statements}"));
    shop.sql("shop", "set session authorization shop_report; select count(*) from shop.orders");
}

/// The commands of README's section, in order.
fn commands() -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("README");
    let section = readme.split("\n## The split of a database\n").nth(1).expect("the section");
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
    let lines = block.lines().filter(|line| line.starts_with("gonogo "));
    let words = |line: &str| -> Vec<String> {
        let command = line.split('#').next().unwrap_or_default();
        command.split_whitespace().skip(1).map(ToOwned::to_owned).collect()
    };
    lines.map(words).collect()
}

struct Night {
    program: Program,
    shop: Cluster,
    billing: Cluster,
}

impl Night {
    /// A command of README with this night's addresses.
    fn run(&self, command: &[String], more: &[&str]) -> Ended {
        let words: Vec<String> = command
            .iter()
            .map(|word| match word.as_str() {
                "postgres://dba@db/shop" => url(&self.shop, "dba", "shop"),
                "postgres://dba@db/billing" => url(&self.billing, "dba", "billing"),
                word => word.to_owned(),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let mut command = self.program.command(&words);
        Ended::of(&command.current_dir(self.program.path("split")).output().expect("it runs"))
    }

    /// As a team does it: everything is restored, and what does not belong there is dropped.
    fn split(&self) {
        let Self { shop, billing, .. } = self;
        let dump = shop.dump("shop", &[]);
        shop.sql("postgres", "create database orders owner shop_owner");
        script(shop, "orders", &dump);
        script(shop, "orders", "drop schema billing cascade; drop table rates; drop function calc_tax");
        billing
            .sql("postgres", "create role shop_owner; create role billing_app login password 'x'; create role etl login password 'x'");
        billing.sql("postgres", "create database billing owner shop_owner");
        // That shop_report is not there, the server says of each grant to it; nothing is for it there.
        let errors = billing.restore("billing", &dump.replace("shop_app", "billing_app"));
        let meant = errors.lines().filter(|line| line.contains("ERROR"));
        assert!(
            meant.clone().count() > 0 && meant.clone().all(|line| line.contains("\"shop_report\"")),
            "{errors}"
        );
        script(billing, "billing", BILLING);
    }
}

#[test]
fn the_way_of_the_readme_leads_from_no_go_to_go() {
    let (Some(shop), Some(billing)) = (cluster(), cluster()) else { return };
    script(&shop, "postgres", SHOP);
    work(&shop);
    let program = Program::empty().env("PGPASSWORD", "dba-secret").env("DBA_PASSWORD", "dba-secret");
    let at = |cluster: &Cluster| format!("127.0.0.1:{}", cluster.port);
    let plan = checks("grants.yaml")
        .replace("db-billing.example:5432", &at(&billing))
        .replace("db-orders.example:5432", &at(&shop));
    assert!(!plan.contains("example:5432"), "{plan}");
    program.write("grants.yaml", &plan);
    std::fs::create_dir(program.path("split")).expect("a folder");
    let night = Night { program, shop, billing };
    let program = &night.program;

    let commands = commands();
    let [before, propose, map, after, diff, fix, replay, run] = commands.as_slice() else {
        panic!("README shows other commands: {commands:#?}");
    };
    night.run(before, &[]).code(0);
    night.run(propose, &[]).code(0);
    program.write("split/map.yaml", &checks("split/map.yaml"));
    let mapped = night.run(map, &[]);
    assert!(mapped.code(0).stdout.contains("replaced in billing_db"), "{}", mapped.stdout);

    night.split();
    night.run(run, &[]).code(1);
    night.run(after, &[]).code(0);
    let told = night.run(diff, &[]);
    told.code(1);
    let words = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for lost in [
        "SELECT, INSERT, UPDATE on view billing.v_invoice",
        "search_path of billing_app",
        "etl moves to a foreign table, CHG-1234",
    ] {
        assert!(words.contains(lost), "{lost}: {}", told.stdout);
    }
    let told: Value = serde_json::from_str(&night.run(diff, &["--format", "json"]).stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("findings");
    let view =
        findings.iter().find(|finding| finding["subject"] == "view:billing.v_invoice").expect("the view");
    assert_eq!(view["used"]["calls"], 1, "recorded under the role's old name: {view:#}");
    night.run(replay, &[]).code(1);
    night.run(fix, &["--yes"]).code(0);
    let tried = night.run(replay, &["--format", "json"]);
    let tried: Value = serde_json::from_str(&tried.code(0).stdout).expect("JSON");
    let statements = tried["statements"].as_array().expect("statements");
    let of = |role: &str| statements.iter().filter(|tried| tried["role"] == role).collect::<Vec<_>>();
    assert!(of("billing_app").iter().any(|tried| tried["class"] == "permitted"));
    let report = of("shop_report");
    assert!(!report.is_empty());
    for statement in report {
        let is_ours = statement["query"].as_str().expect("a text").starts_with("set session");
        assert!(is_ours || statement["class"] == "elsewhere", "{statement:#}");
    }

    // The other half by the same commands.
    let orders = |command: &[String]| -> Vec<String> {
        let swap = |word: &String| match word.as_str() {
            "billing_db" => "shop_db".to_owned(),
            "postgres://dba@db/billing" => url(&night.shop, "dba", "orders"),
            word => word.to_owned(),
        };
        command.iter().map(swap).collect()
    };
    night.run(&orders(after), &[]).code(0);
    night.run(&orders(fix), &["--yes"]).code(0);
    night.run(&orders(replay), &[]).code(0);
    let went = night.run(run, &["--fresh"]);
    went.code(0);
    assert!(went.stdout.contains("All 3 checks passed"), "{}", went.stdout);
}
