//! Handshakes with real servers: every reason of distrust, client certificates, and peers that do not speak TLS.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{BasicConstraints, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::pki::{Pki, authority, params, server_config, tls_server};
use super::*;
use crate::model::fact::Fact;
use crate::model::fault::{Distrust, Fault};
use crate::model::trace::VantageError;
use crate::net::Net;
use crate::net::scripted::serve;
use crate::net::stream::{Plain, Stream};
use crate::probe::Trouble;

async fn handshake(server: std::net::SocketAddr, settings: &TlsSettings) -> Result<(Fact, Stream), Trouble> {
    let stream = TcpStream::connect(server).await.unwrap();
    let net = Net::default();
    let limited = tokio::time::timeout(Duration::from_secs(5), secure(&net, Plain::Tcp(stream), settings));
    limited.await.expect("a handshake ends within its limit")
}

fn trusting(name: &str, roots: PathBuf) -> TlsSettings {
    TlsSettings { trust: Trust::File(roots), ..TlsSettings::new(name) }
}

fn fault(result: Result<(Fact, Stream), Trouble>) -> Fault {
    match result {
        Err(Trouble::Fault(fault)) => fault,
        Err(Trouble::Blind(error)) => panic!("blind: {error}"),
        Ok((fact, _)) => panic!("secured: {fact}"),
    }
}

/// The reasons' identifiers.
fn reasons(fault: &Fault) -> Vec<String> {
    let Fault::Distrusted { reasons, chain, .. } = fault else { panic!("not distrusted: {fault}") };
    assert!(!chain.is_empty());
    let id = |reason: &Distrust| serde_json::to_value(reason).unwrap()["reason"].as_str().unwrap().to_owned();
    reasons.iter().map(id).collect()
}

#[tokio::test]
async fn a_good_chain_is_trusted_and_the_facts_are_kept() {
    let pki = Pki::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (leaf, key) = pki.leaf(&params("app", &["app.example", "*.app.example"]));
        let chain = vec![leaf, pki.intermediate.der().clone()];
        let server = tls_server(server_config(chain, &key, None, version)).await;
        let mut settings = trusting("node1.app.example", pki.root_file());
        settings.alpn = vec!["h2".to_owned(), "http/1.1".to_owned()];
        let (fact, mut stream) = handshake(server, &settings).await.unwrap();
        let Fact::Secured { version, cipher, alpn, chain, client_certificate_asked, .. } = fact else {
            panic!()
        };
        assert!(version == "TLSv1.2" || version == "TLSv1.3", "{version}");
        assert!(cipher.starts_with("TLS_"), "{cipher}");
        assert_eq!(alpn.as_deref(), Some("http/1.1"));
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[0].names, ["app.example", "*.app.example"]);
        assert_eq!(chain[0].not_after, "2090-01-01T00:00:00Z");
        assert_eq!(chain[0].issuer, "CN=Test Intermediate");
        assert!(!client_certificate_asked);
        stream.write_all(b"ping").await.unwrap();
        let mut echo = [0; 4];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"ping");
    }
}

#[tokio::test]
async fn every_reason_is_told() {
    let pki = Pki::new();
    let stranger = Pki::named("Strange");
    let namesake = Pki::new();
    let good = params("app", &["app.example"]);
    let mut expired = params("app", &["app.example"]);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let mut future = params("app", &["app.example"]);
    future.not_before = rcgen::date_time_ymd(2089, 1, 1);
    let mut of_client = params("app", &["app.example"]);
    of_client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let both = |pki: &Pki| Some(pki.intermediate.der().clone());
    for (name, issuer, params, wanted_name, intermediate, wanted) in [
        ("expired", &pki, &expired, "app.example", both(&pki), vec!["expired"]),
        (
            "expired and wrong name",
            &pki,
            &expired,
            "other.example",
            both(&pki),
            vec!["expired", "name_mismatch"],
        ),
        ("not yet valid", &pki, &future, "app.example", both(&pki), vec!["not_yet_valid"]),
        ("wrong name", &pki, &good, "other.example", both(&pki), vec!["name_mismatch"]),
        ("an address", &pki, &good, "127.0.0.1", both(&pki), vec!["name_mismatch"]),
        ("unknown issuer", &stranger, &good, "app.example", both(&stranger), vec!["unknown_issuer"]),
        ("other key", &namesake, &good, "app.example", both(&namesake), vec!["unknown_issuer", "other"]),
        (
            "expired, unknown issuer, wrong name",
            &stranger,
            &expired,
            "other.example",
            both(&stranger),
            vec!["expired", "unknown_issuer", "name_mismatch"],
        ),
        ("of a client", &pki, &of_client, "app.example", both(&pki), vec!["wrong_use"]),
        ("no intermediate", &pki, &good, "app.example", None, vec!["unknown_issuer", "missing_intermediate"]),
    ] {
        let (leaf, key) = issuer.leaf(params);
        let chain = std::iter::once(leaf).chain(intermediate).collect();
        let server = tls_server(server_config(chain, &key, None, &rustls::version::TLS13)).await;
        let found = fault(handshake(server, &trusting(wanted_name, pki.root_file())).await);
        assert_eq!(reasons(&found), wanted, "{name}: {found}");
    }
}

#[tokio::test]
async fn an_expired_intermediate_is_told() {
    let pki = Pki::new();
    let mut old = authority("Old Intermediate");
    old.not_after = rcgen::date_time_ymd(2022, 1, 1);
    let old = CertifiedIssuer::signed_by(old, KeyPair::generate().unwrap(), &pki.root).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = params("app", &["app.example"]).signed_by(&key, &old).unwrap();
    let chain = vec![leaf.der().clone(), old.der().clone()];
    let server = tls_server(server_config(chain, &key, None, &rustls::version::TLS13)).await;
    let found = fault(handshake(server, &trusting("app.example", pki.root_file())).await);
    assert_eq!(reasons(&found), ["expired"], "{found}");
    assert!(found.to_string().contains("2022-01-01"), "{found}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_only_when_it_is_in_the_store() {
    let pki = Pki::new();
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = params("app", &["app.example"]);
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let chain = vec![certificate.der().clone()];
        let server = tls_server(server_config(chain, &key, None, &rustls::version::TLS12)).await;
        let found = fault(handshake(server, &trusting("app.example", pki.root_file())).await);
        assert_eq!(reasons(&found), ["self_signed"]);
        let own = pki.file("own.pem", &certificate.pem());
        assert!(handshake(server, &trusting("app.example", own.clone())).await.is_ok());
        let found = fault(handshake(server, &trusting("other.example", own)).await);
        assert_eq!(reasons(&found), ["name_mismatch"]);
    }
}

#[tokio::test]
async fn verification_can_be_lowered_and_common_names_accepted() {
    let pki = Pki::new();
    let (leaf, key) = pki.leaf(&params("db.example", &[]));
    let chain = vec![leaf, pki.intermediate.der().clone()];
    let server = tls_server(server_config(chain, &key, None, &rustls::version::TLS13)).await;
    let settings = trusting("db.example", pki.root_file());
    assert_eq!(reasons(&fault(handshake(server, &settings).await)), ["name_mismatch"]);
    let accepting = TlsSettings { accept_common_name: true, ..settings.clone() };
    assert!(handshake(server, &accepting).await.is_ok());
    let other = TlsSettings { server_name: "other.example".to_owned(), ..accepting };
    assert_eq!(reasons(&fault(handshake(server, &other).await)), ["name_mismatch"]);
    let chain_only = TlsSettings { verify: Verify::Chain, ..other };
    assert!(handshake(server, &chain_only).await.is_ok());
    let stranger = Pki::new();
    let unverified = TlsSettings { verify: Verify::None, ..trusting("x", stranger.root_file()) };
    assert!(handshake(server, &unverified).await.is_ok());
}

#[tokio::test]
async fn a_client_certificate_that_is_wanted_is_told_and_sent() {
    let pki = Pki::new();
    let stranger = Pki::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (leaf, key) = pki.leaf(&params("app", &["app.example"]));
        let chain = vec![leaf, pki.intermediate.der().clone()];
        let server = tls_server(server_config(chain, &key, Some(&pki), version)).await;
        let settings = trusting("app.example", pki.root_file());
        let found = fault(handshake(server, &settings).await);
        let Fault::ClientCertificateRefused { sent: false, acceptable_issuers, alert, .. } = &found else {
            panic!("{version:?}: {found}")
        };
        assert_eq!(acceptable_issuers, &["CN=Test Root"], "{version:?} {alert}");
        let wrong = TlsSettings { client_certificate: Some(stranger.client()), ..settings.clone() };
        let found = fault(handshake(server, &wrong).await);
        let Fault::ClientCertificateRefused { sent: true, ours: Some(ours), dates, .. } = &found else {
            panic!("{version:?}: {found}")
        };
        assert_eq!((ours.names.as_slice(), dates.as_slice()), (&["client".to_owned()][..], &[][..]));
        let right = TlsSettings { client_certificate: Some(pki.client()), ..settings };
        let (fact, _) = handshake(server, &right).await.unwrap();
        assert!(matches!(fact, Fact::Secured { client_certificate_asked: true, .. }));
    }
}

#[tokio::test]
async fn peers_that_do_not_speak_tls_are_told_apart() {
    for (name, answer, wanted) in [
        ("HTTP", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "not_tls"),
        ("SMTP", b"220 mail \x1b[31mred\r\n", "not_tls"),
        ("noise", b"\0\x01\x02\x03\x04\x05\x06\x07\x08", "not_tls"),
        ("closed", b"", "closed_early"),
        ("alert", b"\x15\x03\x03\0\x02\x02\x28", "alert_received"),
        ("half a record", b"\x16\x03\x03\x01\0\x02", "closed_early"),
    ] {
        let server = serve(move |mut stream: TcpStream| async move {
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let pki = Pki::new();
        let found = fault(handshake(server, &trusting("app.example", pki.root_file())).await);
        assert_eq!(found.id(), wanted, "{name}: {found}");
        assert!(!found.to_string().contains('\x1b'), "{name}");
    }
}

#[tokio::test]
async fn versions_not_in_common_are_a_fault() {
    let pki = Pki::new();
    let (leaf, key) = pki.leaf(&params("app", &["app.example"]));
    let chain = vec![leaf, pki.intermediate.der().clone()];
    let server = tls_server(server_config(chain, &key, None, &rustls::version::TLS13)).await;
    let mut settings = trusting("app.example", pki.root_file());
    settings.versions = Versions { tls12: true, tls13: false };
    let found = fault(handshake(server, &settings).await);
    assert_eq!(found.to_string(), "the server sent TLS alert protocol_version");
}

#[tokio::test]
async fn our_own_troubles_are_never_the_targets_fault() {
    let pki = Pki::new();
    let (leaf, key) = pki.leaf(&params("app", &["app.example"]));
    let server = tls_server(server_config(vec![leaf], &key, None, &rustls::version::TLS13)).await;
    let unencrypted = pki.client();
    for (name, settings) in [
        ("no file", trusting("app.example", pki.folder.path().join("absent.pem"))),
        ("a folder", trusting("app.example", pki.folder.path().to_owned())),
        ("no certificate in it", trusting("app.example", pki.file("empty.pem", "nothing"))),
        ("bad name", trusting("not a name", pki.root_file())),
        (
            "key of another certificate",
            TlsSettings {
                client_certificate: Some(ClientCertificate {
                    key: pki.file("other.key", &KeyPair::generate().unwrap().serialize_pem()),
                    ..unencrypted
                }),
                ..trusting("app.example", pki.root_file())
            },
        ),
    ] {
        match handshake(server, &settings).await {
            Err(Trouble::Blind(error)) => {
                let mismatch = matches!(error, VantageError::KeyMismatch { .. });
                assert_eq!(mismatch, name == "key of another certificate", "{name}: {error}");
            }
            Err(Trouble::Fault(fault)) => panic!("{name}: {fault}"),
            Ok((fact, _)) => panic!("{name}: {fact}"),
        }
    }
}
