//! Statements: what they come to, what they may not do, and what they leave behind.

use std::time::{Duration, Instant};

use gonogo::model::fault::Fault;
use gonogo::model::layer::Layer;
use serde_json::{Value, json};

use super::{look, look_in};
use crate::support::postgres::{Cluster, Setup};

fn cluster() -> Option<Cluster> {
    Cluster::start(&Setup {
        sql: &[
            "create role app1 login password 'secret-one'",
            "create table customer (id int primary key, name text)",
            "insert into customer values (1, 'Ada'), (2, null)",
            "create table hidden (id int)",
            "create table parent (id int primary key)",
            "create table child (parent int references parent deferrable initially deferred)",
            "grant select, insert on customer, parent, child to app1",
        ],
        ..Setup::default()
    })
}

#[tokio::test]
async fn what_a_statement_comes_to() {
    let Some(cluster) = cluster() else { return };
    let url = format!("postgres://app1:secret-one@127.0.0.1:{}/postgres", cluster.port);
    let ask = |query: &str, expect: Value| json!({ "url": url, "query": query, "expect": expect });

    let expect = json!({ "rows": 2, "value": "1", "columns": ["id", "name"] });
    let looked = look(ask("select * from customer order by id", expect)).await;
    assert_eq!(looked.passed().layers(), ["dns", "route", "tcp", "tls", "auth", "payload"]);
    look(ask("select count(*) from customer;", json!({ "value": { "at_least": 1 } }))).await.passed();
    look(ask("select name from customer where id = 2", json!({ "value": null }))).await.passed();
    look(ask("select 1 where false", json!({ "rows": 0 }))).await.passed();
    look(ask("select 1 where false", json!({ "value": { "exists": false } }))).await.passed();
    // A first row that is large is a row all the same.
    let large = "select repeat('x', 2000000)";
    let looked = look(ask(large, json!({ "value": { "exists": false } }))).await;
    assert!(looked.mismatch().starts_with("value: "), "{}", looked.mismatch());
    // Nothing was looked at, so nothing passes.
    for nothing in ["-- select 1", "/* select 1 */;"] {
        let looked = look(json!({ "url": url, "query": nothing })).await;
        assert!(looked.blind().contains("nothing to run"), "{}", looked.blind());
    }

    let looked = look(ask("select count(*) from customer", json!({ "value": { "at_least": 3 } }))).await;
    assert!(looked.mismatch().starts_with("value: "), "{}", looked.mismatch());
    let looked = look(ask("select name from customer", json!({ "rows": { "at_least": 3 } }))).await;
    assert!(looked.mismatch().contains("rows: 2"), "{}", looked.mismatch());
    looked.never_shows("Ada");

    let server = |expect: Value| json!({ "url": url, "expect": { "server": expect } });
    let expect = json!({ "in_recovery": false, "read_only": false, "database": "postgres", "version": { "matches": "^1" } });
    look(server(expect)).await.passed();
    let looked = look(server(json!({ "in_recovery": true }))).await;
    assert!(looked.mismatch().contains("server.in_recovery"), "{}", looked.mismatch());

    // What the server says is kept.
    let looked = look(ask("select * from hidden", json!({ "rows": 0 }))).await;
    assert_eq!(looked.failed().sqlstate, "42501");
    assert_eq!(looked.failed().message, "permission denied for table hidden");
    let looked = look(ask("select * from custommer", json!({ "rows": 0 }))).await;
    assert_eq!(looked.failed().sqlstate, "42P01");
    let looked = look(ask("select idd from customer", json!({ "rows": 0 }))).await;
    assert!(looked.failed().hint.is_some());
    let looked = look(ask("select 1; select 2", json!({ "rows": 1 }))).await;
    assert_eq!(looked.failed().sqlstate, "42601");
    let looked = look(ask("/* so */ copy customer from stdin", json!({ "rows": 0 }))).await;
    assert_eq!(looked.broke().0, Layer::Payload);

    // Many rows are counted and not kept; too many bytes are a fault, in bounded time.
    let many = "select g, repeat('x', 100) from generate_series(1, 300000) g";
    look(ask(many, json!({ "rows": 300_000, "value": 1 }))).await.passed();
    let looked = look(ask("select repeat('x', 20000000)", json!({ "rows": 1 }))).await;
    assert!(matches!(looked.broke(), (Layer::Payload, Fault::TooLarge { .. })));
}

#[tokio::test]
async fn what_a_statement_leaves_behind() {
    let Some(cluster) = cluster() else { return };
    let url = format!("postgres://app1:secret-one@127.0.0.1:{}/postgres", cluster.port);
    let rows = || cluster.sql("postgres", "select count(*) from customer");
    let insert = |id: u32| format!("insert into customer values ({id}, 'new') returning id");

    let looked = look(json!({ "url": url, "query": insert(10) })).await;
    assert_eq!(looked.failed().sqlstate, "25006");
    let node = json!({ "url": url, "query": insert(11), "read_only": false, "expect": { "value": 11 } });
    look(node).await.passed();
    assert_eq!(rows(), "2", "it was not rolled back");
    let node = json!({ "url": url, "query": insert(12), "read_only": false, "commit": true });
    look(node).await.passed();
    assert_eq!(rows(), "3", "it was not committed");
    // What is not as expected is not kept.
    let node = json!({ "url": url, "query": insert(13), "read_only": false, "commit": true, "expect": { "value": 99 } });
    look(node).await.mismatch();
    assert_eq!(rows(), "3", "it was committed all the same");
    // A constraint that is checked at the end breaks the commit.
    let node =
        json!({ "url": url, "query": "insert into child values (7)", "read_only": false, "commit": true });
    let looked = look(node).await;
    assert_eq!(looked.failed().sqlstate, "23503");
    assert!(looked.failed().detail.is_some());
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let Some(cluster) = cluster() else { return };
    let url = format!("postgres://app1:secret-one@127.0.0.1:{}/postgres", cluster.port);
    let node = json!({ "url": url, "query": "select pg_sleep(30)", "statement_timeout": "200ms" });
    assert_eq!(look(node).await.failed().sqlstate, "57014");

    // A limit beyond our own would leave it running when nobody waits any more.
    let query = "select extract(epoch from current_setting('statement_timeout')::interval)";
    let node = json!({ "url": url, "query": query, "statement_timeout": "1h", "expect": { "value": { "at_most": 11 } } });
    look(node).await.passed();

    let began = Instant::now();
    let node = json!({ "url": url, "query": "select pg_sleep(30)" });
    let looked = look_in(node, &[], Duration::from_millis(800)).await;
    assert!(matches!(looked.broke(), (Layer::Payload, Fault::TimedOut { .. })));
    assert!(began.elapsed() < Duration::from_secs(3));
    // It no longer runs on the server either: it was asked to stop, before its own limit would have stopped it.
    let running =
        "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
    let stopped = async {
        while cluster.sql("postgres", running) != "0" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stopped).await.expect("the statement still runs");
    assert!(cluster.log().contains("canceling statement due to user request"), "{}", cluster.log());
}
