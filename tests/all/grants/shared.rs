//! Both halves of a split on one server, and a publication that is cut in two.

use serde_json::Value;

use super::{snapshot_of, take, url};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::Program;

const MAP: &str = "split:
  format: gonogo.splitmap/1
  source: shop
  targets:
    billing_db:
      database: billing
      objects: [{ schema: billing }]
      copy: [{ publication: halves }]
    shop_db: { database: shop, objects: [rest] }
";

fn findings(program: &Program) -> Vec<(String, String, String)> {
    let diff =
        ["grants", "diff", "before.json", "snapshot.json", "--map", "map.yaml", "--target", "billing_db"];
    let ended = program.run(&[&diff[..], &["--format", "json"]].concat());
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr));
    let word = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let all = report["findings"].as_array().expect("findings").iter();
    all.map(|finding| (word(finding, "id"), word(finding, "subject"), word(finding, "severity"))).collect()
}

#[test]
fn what_is_there_for_the_other_half_does_not_alarm() {
    let Some(cluster) = Cluster::start(&Setup { settings: &["wal_level = logical"], ..Setup::default() })
    else {
        return;
    };
    cluster.sql("postgres", "create database shop");
    cluster.sql(
        "shop",
        "create role billing_app login; create role shop_team createdb; create role loader login createrole in role shop_team; \
         alter role loader set work_mem = '64MB'; \
         create schema billing; create table billing.invoice (id int primary key, amount int); \
         create table public.orders (id int primary key); \
         grant usage on schema billing to billing_app; grant select on billing.invoice to billing_app; \
         grant select on public.orders to shop_team; \
         create publication halves for table billing.invoice, public.orders",
    );
    let program = Program::empty();
    program.write("map.yaml", MAP);
    take(&program, &url(&cluster, "admin", "shop"), &[]).code(0);
    std::fs::rename(program.path("snapshot.json"), program.path("before.json")).expect("a name");
    assert!(snapshot_of(&cluster, "shop").facts.server.system_identifier.is_some());

    cluster.sql("postgres", "create database billing");
    let errors = cluster.restore("billing", &cluster.dump("shop", &["-n", "billing"]));
    assert!(!errors.contains("ERROR"), "{errors}");
    cluster.sql("billing", "create publication halves for table billing.invoice");
    take(&program, &url(&cluster, "admin", "billing"), &[]).code(0);
    let open = |program: &Program| {
        let all = findings(program).into_iter();
        all.filter(|(id, _, severity)| id != "crosses_the_cut" && severity != "info").collect::<Vec<_>>()
    };
    assert_eq!(open(&program), [], "roles of the other half, or the narrower publication, are told");
    let roles = findings(&program).iter().filter(|(_, subject, _)| subject.contains("loader")).count();
    assert_eq!(roles, 0, "not even as news");

    // What is new is told as ever: a role, a membership in what matters here, a table that left the publication.
    cluster.sql(
        "billing",
        "create role late login superuser; grant billing_app to loader; alter publication halves drop table billing.invoice",
    );
    take(&program, &url(&cluster, "admin", "billing"), &[]).code(0);
    let told = findings(&program);
    for wanted in ["role:late", "membership:billing_app.loader", "publication:halves"] {
        assert!(told.iter().any(|(_, subject, _)| subject == wanted), "{wanted}: {told:#?}");
    }
}
