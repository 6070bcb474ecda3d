//! `sslmode` against a server with TLS: what is verified, what is not, and what is told.

use gonogo::model::fact::Fact;
use gonogo::model::fault::{Distrust, Fault};
use gonogo::model::layer::Layer;
use serde_json::json;

use super::look;
use crate::support::certificates::Authority;
use crate::support::postgres::{Cluster, Setup};

const SQL: &[&str] = &[
    "create role app1 login password 'secret-one'",
    "create role badge login",
    "create role cleartext login password 'secret-one'",
];

#[tokio::test]
async fn every_sslmode() {
    let authority = Authority::new("Orders CA");
    let files = authority.issue(&["localhost"], "localhost", 100);
    let badge = authority.issue(&["badge"], "badge", 100);
    let Some(cluster) = Cluster::start(&Setup {
        hba: &[
            "hostssl all badge 127.0.0.1/32 cert",
            "hostnossl all cleartext 127.0.0.1/32 scram-sha-256",
            "hostssl all app1 127.0.0.1/32 scram-sha-256",
        ],
        tls: Some(&files),
        client_ca: Some(&authority.ca()),
        sql: SQL,
        ..Setup::default()
    }) else {
        return;
    };
    let at = |host: &str, rest: &str| json!({ "url": format!("postgres://app1:secret-one@{host}:{}/postgres?{rest}", cluster.port) });
    let with_ca = |host: &str, mode: &str| {
        let mut node = at(host, &format!("sslmode={mode}"));
        node["ca"] = json!(authority.ca());
        node
    };

    // Verified in full, and the login is bound to the connection.
    let looked = look(with_ca("localhost", "verify-full")).await;
    assert_eq!(looked.passed().scheme(), "scram-sha-256-plus");
    let verifier = looked.facts().find_map(|fact| {
        if let Fact::Secured { verifier, .. } = fact { Some(verifier.clone()) } else { None }
    });
    assert!(verifier.is_some_and(|verifier| verifier.contains("ca.pem")));
    assert_eq!(looked.layers(), ["dns", "route", "tcp", "tls", "auth"]);
    look(at("localhost", "sslmode=require&channel_binding=require")).await.passed();
    let looked = look(at("localhost", "sslmode=require&channel_binding=disable")).await;
    assert_eq!(looked.passed().scheme(), "scram-sha-256");

    // The wrong name breaks verify-full only.
    let looked = look(with_ca("127.0.0.1", "verify-full")).await;
    let (Layer::Tls, Fault::Distrusted { reasons, .. }) = looked.broke() else {
        panic!("{:?}", looked.broke())
    };
    assert!(matches!(reasons.as_slice(), [Distrust::NameMismatch { .. }]), "{reasons:?}");
    look(with_ca("127.0.0.1", "verify-ca")).await.passed();
    // hostaddr says where, host says who.
    let node = json!({
        "url": format!("host=localhost hostaddr=127.0.0.1 port={} user=app1 dbname=postgres sslmode=verify-full", cluster.port),
        "ca": authority.ca(), "password": "secret-one",
    });
    look(node).await.passed();

    // An authority that is not the server's: every mode that has it uses it, `require` too.
    let stranger = Authority::new("Stranger CA");
    for mode in ["require", "verify-ca", "verify-full", "prefer"] {
        let mut node = at("localhost", &format!("sslmode={mode}"));
        node["ca"] = json!(stranger.ca());
        let looked = look(node).await;
        assert!(matches!(looked.broke(), (Layer::Tls, Fault::Distrusted { .. })), "{mode}");
    }
    // Nothing to verify against: told as not verified, or an error where verification is asked for.
    let looked = look(at("localhost", "sslmode=require")).await;
    assert!(
        looked
            .passed()
            .facts()
            .any(|fact| matches!(fact, Fact::Secured { verifier, .. } if verifier == "not verified"))
    );
    assert!(look(at("localhost", "sslmode=verify-full")).await.blind().contains("root certificate"));

    // Clear text where the server wants TLS.
    let looked = look(at("localhost", "sslmode=disable")).await;
    assert_eq!(looked.refused().sqlstate, "28000");
    assert_eq!(looked.layers(), ["dns", "route", "tcp", "auth"]);
    // `allow` begins in clear text, and goes over to TLS when that is refused.
    let looked = look(at("localhost", "sslmode=allow")).await;
    assert_eq!(looked.passed().clear(), None);
    // `prefer` goes over to clear text when TLS is refused, and says so.
    let url = format!("postgres://cleartext:secret-one@localhost:{}/postgres", cluster.port);
    let looked = look(json!({ "url": url })).await;
    assert!(looked.passed().clear().is_some_and(|why| why.contains("refuses the login over TLS")));
    // A wrong password is the same on both ways.
    let url = format!("postgres://app1:wrong-one@localhost:{}/postgres", cluster.port);
    assert_eq!(look(json!({ "url": url })).await.refused().sqlstate, "28P01");
    // What got past `pg_hba.conf` is nearer to what is wrong.
    let url = format!("postgres://cleartext:wrong-one@localhost:{}/postgres", cluster.port);
    assert_eq!(look(json!({ "url": url })).await.refused().sqlstate, "28P01");
    // Neither way: what was said over TLS is told.
    let url = format!("postgres://nobody@localhost:{}/postgres", cluster.port);
    let looked = look(json!({ "url": url })).await;
    assert!(looked.refused().message.contains("SSL encryption"), "{}", looked.refused().message);

    // A client certificate, and the lack of one.
    let url =
        |rest: &str| format!("postgres://badge@localhost:{}/postgres?sslmode=require{rest}", cluster.port);
    let (certificate, key) = (badge.certificate.display(), badge.key.display());
    look(json!({ "url": url(&format!("&sslcert={certificate}&sslkey={key}")) })).await.passed();
    assert_eq!(look(json!({ "url": url("") })).await.refused().sqlstate, "28000");
}

#[tokio::test]
async fn an_expired_certificate() {
    let authority = Authority::new("Orders CA");
    let files = authority.issue(&["localhost"], "localhost", 1);
    let setup = Setup { tls: Some(&files), sql: SQL, ..Setup::default() };
    let Some(cluster) = Cluster::start(&setup) else { return };
    let url = format!("postgres://app1:secret-one@localhost:{}/postgres?sslmode=verify-full", cluster.port);
    let looked = look(json!({ "url": url, "ca": authority.ca() })).await;
    let (Layer::Tls, Fault::Distrusted { reasons, .. }) = looked.broke() else {
        panic!("{:?}", looked.broke())
    };
    assert!(matches!(reasons.as_slice(), [Distrust::Expired { .. }]), "{reasons:?}");
    looked.never_shows("secret-one");
}
