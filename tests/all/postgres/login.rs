//! Logins: methods, refusals, passwords from everywhere libpq looks, several hosts, Unix sockets.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use gonogo::model::fault::Fault;
use gonogo::model::layer::Layer;
use serde_json::json;

use super::{look, look_in};
use crate::support::certificates::only_ours;
use crate::support::postgres::{Cluster, Setup};

const SQL: &[&str] = &[
    "create role app1 login password 'p@ss/w0rd'",
    "create role nobody_in login password 'p@ss/w0rd'",
    "create role locked login password 'p@ss/w0rd' connection limit 0",
    "create database orders",
];

fn cluster() -> Option<Cluster> {
    Cluster::start(&Setup {
        hba: &[
            "host all nobody_in 127.0.0.1/32 reject",
            "host postgres app1 127.0.0.1/32 trust",
            "local all all scram-sha-256",
            "host all all 127.0.0.1/32 scram-sha-256",
        ],
        sql: SQL,
        ..Setup::default()
    })
}

#[tokio::test]
async fn logins_and_refusals() {
    let Some(cluster) = cluster() else { return };
    let at = format!("127.0.0.1:{}", cluster.port);
    let url = |rest: &str| json!({ "url": format!("postgres://{rest}") });

    // A login, who answered, and no password in what is written.
    let looked = look(url(&format!("app1:p%40ss%2Fw0rd@{at}/orders?sslmode=disable"))).await;
    assert_eq!(looked.passed().scheme(), "scram-sha-256");
    assert_eq!(looked.layers(), ["dns", "route", "tcp", "auth"]);
    let identity = looked.identity();
    assert_eq!((identity.database.as_str(), identity.user.as_str()), ("orders", "app1"));
    assert_eq!(identity.server_address.as_deref(), Some(at.as_str()));
    assert!(!identity.in_recovery && !identity.read_only);
    let version = cluster.sql("postgres", "show server_version");
    assert_eq!(identity.version, version);
    if let Some(system) = &identity.system_identifier {
        assert_eq!(*system, cluster.sql("postgres", "select system_identifier from pg_control_system()"));
    }
    looked.never_shows("p@ss");

    // A system identifier that may not be read is no fault.
    cluster.sql("orders", "revoke execute on function pg_catalog.pg_control_system() from public");
    let looked = look(url(&format!("app1:p%40ss%2Fw0rd@{at}/orders?sslmode=disable"))).await;
    assert_eq!(looked.passed().identity().system_identifier, None);

    // sslmode=prefer is libpq's default: a server without TLS is used in clear text, and that is told.
    let looked = look(url(&format!("app1:p%40ss%2Fw0rd@{at}/orders"))).await;
    assert!(looked.passed().clear().is_some_and(|why| why.contains("prefer")));
    let looked = look(url(&format!("app1:p%40ss%2Fw0rd@{at}/orders?sslmode=require"))).await;
    assert!(matches!(looked.broke(), (Layer::Tls, Fault::TlsNotOffered { .. })));

    let looked = look(url(&format!("app1:wrong-one@{at}/orders"))).await;
    assert_eq!(looked.refused().sqlstate, "28P01");
    assert!(looked.refused().routine.is_some());
    looked.never_shows("wrong-one");
    assert_eq!(look(url(&format!("app1:p%40ss%2Fw0rd@{at}/order"))).await.refused().sqlstate, "3D000");
    let looked = look(url(&format!("nobody_in:p%40ss%2Fw0rd@{at}/orders"))).await;
    assert_eq!(looked.refused().sqlstate, "28000");
    assert_eq!(look(url(&format!("locked:p%40ss%2Fw0rd@{at}/orders"))).await.refused().sqlstate, "53300");

    // `trust` admits without asking; `require_auth` notices.
    assert_eq!(look(url(&format!("app1@{at}/postgres"))).await.passed().scheme(), "none");
    let looked = look(url(&format!("app1@{at}/postgres?require_auth=scram-sha-256"))).await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::Mismatch { .. })));

    // A password that is asked for and not there is our trouble, not the server's.
    let looked = look(url(&format!("app1@{at}/orders"))).await;
    assert!(looked.blind().contains("password of app1"), "{}", looked.blind());

    // Nothing listens there.
    let looked = look(url("127.0.0.1:1/orders")).await;
    assert!(matches!(looked.broke(), (Layer::Tcp, Fault::Refused { .. })));
    let looked = look(url("/orders?host=/no/such/folder")).await;
    assert!(matches!(looked.broke(), (Layer::Tcp, Fault::SocketFailed { .. })));
}

#[tokio::test]
async fn where_passwords_and_settings_come_from() {
    let Some(cluster) = cluster() else { return };
    let home = tempfile::tempdir().expect("a home");
    let home_text = home.path().display().to_string();
    let port = cluster.port.to_string();
    let url = format!("postgres://app1@127.0.0.1:{port}/orders");
    let limit = Duration::from_secs(10);

    // Unix socket, by URL and keywords.
    let folder = cluster.socket_folder().display();
    let node = json!({ "url": format!("host={folder} port={port} user=app1 dbname=orders"), "password": "p@ss/w0rd" });
    let looked = look(node).await;
    assert_eq!(looked.passed().layers(), ["tcp", "auth"]);
    assert_eq!(looked.identity().server_address, None);

    // Secrets of the plan.
    let secret = home.path().join("secret");
    fs::write(&secret, "p@ss/w0rd\n").expect("a secret");
    for password in [
        json!({ "env": "ORDERS_PASSWORD" }),
        json!({ "file": secret }),
        json!({ "command": ["cat", secret] }),
        json!("p@ss/w0rd"),
    ] {
        let node = json!({ "url": url, "password": password });
        let looked = look_in(node, &[("ORDERS_PASSWORD", "p@ss/w0rd")], limit).await;
        assert_eq!(looked.passed().scheme(), "scram-sha-256");
        looked.never_shows("p@ss");
    }
    for password in
        [json!({ "env": "UNSET" }), json!({ "command": ["false"] }), json!({ "file": "/no/such" })]
    {
        let looked = look(json!({ "url": url, "password": password })).await;
        assert!(looked.blind().contains("secret"), "{}", looked.blind());
    }

    // .pgpass, and one that others may read.
    let passfile = home.path().join(".pgpass");
    fs::write(&passfile, format!("127.0.0.1:{port}:orders:app1:p@ss/w0rd\n")).expect(".pgpass");
    let open = look_in(json!({ "url": url }), &[("HOME", &home_text)], limit).await;
    assert!(open.blind().contains("0600"), "{}", open.blind());
    only_ours(&passfile);
    look_in(json!({ "url": url }), &[("HOME", &home_text)], limit).await.passed().never_shows("p@ss");

    // A service file, and PG* variables for the rest.
    let service = format!("[night]\nhost=127.0.0.1\nport={port}\nuser=app1\npassword=p@ss/w0rd\n");
    fs::write(home.path().join(".pg_service.conf"), service).expect("a service file");
    let environment = [("HOME", home_text.as_str()), ("PGDATABASE", "orders"), ("PGAPPNAME", "the-night")];
    let node = json!({ "url": "service=night", "query": "show application_name", "expect": { "value": "the-night" } });
    let looked = look_in(node, &environment, limit).await;
    looked.passed().never_shows("p@ss");
    let looked = look_in(json!({ "url": "service=day" }), &environment, limit).await;
    assert!(looked.blind().contains("service"), "{}", looked.blind());
    let environment =
        [("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGUSER", "app1"), ("PGPASSWORD", "p@ss/w0rd")];
    look_in(json!({ "url": "postgres:///orders" }), &environment, limit).await.passed().never_shows("p@ss");
}

#[tokio::test]
async fn several_hosts_are_tried_in_order() {
    let Some(first) = cluster() else { return };
    let Some(second) = Cluster::start(&Setup {
        hba: &["host all all 127.0.0.1/32 trust"],
        settings: &["default_transaction_read_only = on"],
        ..Setup::default()
    }) else {
        return;
    };
    let (one, two) = (first.port, second.port);
    let hosts = |list: String, rest: &str| json!({ "url": format!("postgres://app1@{list}/postgres?{rest}"), "password": "p@ss/w0rd" });
    second.sql("postgres", "begin read write; create role app1 login; commit");

    // One that is down is passed over, and told.
    let looked = look(hosts(format!("127.0.0.1:1,127.0.0.1:{one}"), "")).await;
    assert_eq!(looked.passed().identity().server_address, Some(format!("127.0.0.1:{one}")));
    let told = serde_json::to_string(&looked.trace).expect("a trace");
    assert!(told.contains("127.0.0.1:1\""), "{told}");

    // One that is silent is passed over once `connect_timeout` has passed, and never without one.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let silent = format!("{},127.0.0.1:{one}", silent.local_addr().expect("its address"));
    let looked = look(hosts(silent.clone(), "connect_timeout=1&sslmode=disable")).await;
    assert_eq!(looked.passed().identity().server_address, Some(format!("127.0.0.1:{one}")));
    let node = hosts(silent, "sslmode=disable");
    let looked = look_in(node, &[], Duration::from_secs(2)).await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::TimedOut { .. })));

    // The kind that is asked for.
    let both = format!("127.0.0.1:{two},127.0.0.1:{one}");
    let looked = look(hosts(both.clone(), "target_session_attrs=read-write")).await;
    assert_eq!(looked.passed().identity().server_address, Some(format!("127.0.0.1:{one}")));
    let looked = look(hosts(both.clone(), "target_session_attrs=read-only")).await;
    assert!(looked.passed().identity().read_only);
    let looked = look(hosts(both.clone(), "target_session_attrs=prefer-standby")).await;
    assert_eq!(looked.passed().identity().server_address, Some(format!("127.0.0.1:{two}")));
    let looked = look(hosts(both, "target_session_attrs=standby")).await;
    let (layer, fault) = looked.broke();
    assert_eq!(layer, Layer::Auth);
    assert!(fault.to_string().contains("want standby"), "{fault}");

    // A refused login ends the list, as in libpq.
    let list = format!("127.0.0.1:{one},127.0.0.1:{two}");
    let node = json!({ "url": format!("postgres://stranger@{list}/orders"), "password": "p@ss/w0rd" });
    assert_eq!(look(node).await.refused().sqlstate, "28P01");
    // Nobody answers anywhere.
    let looked = look(hosts("127.0.0.1:1,127.0.0.1:2".to_owned(), "")).await;
    assert!(matches!(looked.broke(), (Layer::Tcp, Fault::Refused { .. })));
}

#[tokio::test]
async fn a_standby_is_told_from_a_primary() {
    let hba = &["host all all 127.0.0.1/32 trust"];
    let Some(standby) = Cluster::start(&Setup { hba, standby: true, ..Setup::default() }) else { return };
    let Some(primary) = Cluster::start(&Setup { hba, ..Setup::default() }) else { return };
    let both = format!("127.0.0.1:{},127.0.0.1:{}", standby.port, primary.port);
    let ask = |rest: &str, expect: serde_json::Value| json!({ "url": format!("postgres://admin@{both}/postgres?{rest}"), "expect": { "server": expect } });
    let on_standby = json!({ "in_recovery": true, "read_only": true });
    let on_primary = json!({ "in_recovery": false, "read_only": false });
    look(ask("", on_standby.clone())).await.passed();
    look(ask("target_session_attrs=standby", on_standby.clone())).await.passed();
    look(ask("target_session_attrs=primary", on_primary.clone())).await.passed();
    look(ask("target_session_attrs=read-write", on_primary)).await.passed();
    // Writing to it is refused by the server, whatever the transaction was begun as.
    let url = format!("postgres://admin@127.0.0.1:{}/postgres", standby.port);
    let looked = look(json!({ "url": url, "query": "create table t (id int)", "read_only": false })).await;
    assert_eq!(looked.failed().sqlstate, "25006");
}
