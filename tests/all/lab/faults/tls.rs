//! Certificates, versions and names of TLS.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::fault::Fault;
use super::super::fault::Shows::{Breaks, Errs, Passes};
use super::super::network::Host;
use super::super::pki::{Certificate, leaf, valid};
use super::super::proxies::{Nginx, haproxy, other_nginx, stop_nginx};
use super::super::server::{Server, http, json};

const SECURED: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, expect: { json: { '$.version': '4.2.0' } } }";
/// By a caller that speaks HTTP/1.1 only.
const OLDER: &str =
    "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, http_version: '1.1' }";
const HANDSHAKE: &str = "tls: { address: 'app2.corp.test:8443', ca: LAB/ca.pem }";
/// With the caller's own certificate, which a healthy server does not ask for.
const KNOWN: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, client_certificate: { cert: LAB/client.crt, key: LAB/client.key } }";
const MONTH: &str =
    "tls: { address: 'app2.corp.test:8443', ca: LAB/ca.pem, expect: { days_left: { at_least: 30 } } }";
const SEVERAL: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, repeat: 4 }";
const EACH: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, addresses: all }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("tls-expired", SECURED, Breaks("tls"), |lab| serve(lab, |params| valid(params, -400, -10))),
    Fault::new("tls-not-yet-valid", SECURED, Breaks("tls"), |lab| {
        serve(lab, |params| valid(params, 10, 400));
    }),
    // Before the certificate was issued.
    Fault::new("tls-clock-skew-source", SECURED, Breaks("tls"), |lab| lab.clock(-100 * 24 * 60 * 60)),
    Fault::new("tls-wrong-san", SECURED, Breaks("tls"), |lab| {
        let params = leaf(&["app2-old.corp.test"], "app2-old.corp.test");
        present(lab, &lab.pki.issue("bad", &lab.pki.issuing, &params));
    }),
    Fault::configured(
        "tls-called-by-ip",
        SECURED,
        "http: { url: 'https://203.0.113.20:8443/api/version', ca: LAB/ca.pem }",
        Breaks("tls"),
    ),
    Fault::new("tls-self-signed", SECURED, Breaks("tls"), |lab| present(lab, &lab.pki.self_signed())),
    Fault::new("tls-unknown-issuer", SECURED, Breaks("tls"), |lab| {
        present(lab, &lab.pki.issue("bad", &lab.pki.other, &leaf(&["app2.corp.test"], "app2.corp.test")));
    }),
    Fault::new("tls-missing-intermediate", SECURED, Breaks("tls"), |lab| present(lab, &lab.pki.alone())),
    Fault::configured(
        "tls-trust-store-file-missing",
        SECURED,
        "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/moved.pem }",
        Errs,
    ),
    Fault::new(
        "tls-version-client-too-old",
        "tls: { address: 'app2.corp.test:8443', ca: LAB/ca.pem, versions: ['1.2'] }",
        Breaks("tls"),
        |lab| settings(lab, "ssl_protocols TLSv1.3;"),
    ),
    Fault::new("tls-version-server-too-old", SECURED, Breaks("tls"), |lab| {
        settings(lab, "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;");
    }),
    Fault::new("tls-no-shared-cipher", SECURED, Breaks("tls"), |lab| {
        settings(lab, "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA256;");
    }),
    Fault::new("tls-mtls-cert-missing", SECURED, Breaks("tls"), |lab| demand(lab, "ca.pem")),
    // nginx finishes the handshake, and refuses by a page.
    Fault::new("tls-mtls-cert-missing", SECURED, Breaks("protocol"), |lab| wish(lab, "issuing.crt")),
    Fault::new("tls-mtls-wrong-ca", KNOWN, Breaks("protocol"), |lab| wish(lab, "other-ca.pem")),
    Fault::new("tls-mtls-wrong-ca", KNOWN, Breaks("tls"), |lab| demand(lab, "other-ca.pem")),
    Fault::new("tls-mtls-expired-client", KNOWN, Breaks("tls"), |lab| {
        client(lab, |params| valid(params, -400, -10));
        lab.undo(|lab| client(lab, |_| ()));
        demand(lab, "ca.pem");
    }),
    Fault::configured(
        "tls-mtls-key-mismatch",
        KNOWN,
        "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, client_certificate: { cert: LAB/client.crt, key: LAB/good.key } }",
        Errs,
    ),
    Fault::new("tls-sni-wrong-vhost", SECURED, Breaks("tls"), |lab| {
        let other =
            lab.pki.issue("bad", &lab.pki.issuing, &leaf(&["default.corp.test"], "default.corp.test"));
        let vhost = format!(
            "server {{ listen 8443 ssl default_server; ssl_certificate {}; ssl_certificate_key {}; }}",
            other.chain, other.key
        );
        // The name was forgotten: the first server answers for it.
        other_nginx(lab, &Nginx { more: &vhost, name: "app2.example.test", ..Nginx::default() });
    })
    .or(&["tls-wrong-san"]),
    Fault::new("tls-sni-unrecognized", SECURED, Breaks("tls"), |lab| {
        let vhost = "server { listen 8443 ssl default_server; ssl_reject_handshake on; }";
        other_nginx(lab, &Nginx { more: vhost, name: "app2.example.test", ..Nginx::default() });
    }),
    Fault::configured(
        "tls-plain-http-to-https-port",
        SECURED,
        "http: { url: 'http://app2.corp.test:8443/api/version' }",
        Breaks("protocol"),
    ),
    // A server that says nothing: it only closes.
    Fault::configured_and(
        "tls-plain-http-to-https-port",
        SECURED,
        "http: { url: 'http://app2.corp.test:8443/api/version' }",
        Breaks("protocol"),
        |lab| secured_haproxy(lab, ""),
    ),
    Fault::configured(
        "tls-https-to-plain-port",
        SECURED,
        "http: { url: 'https://app2.corp.test:8081/api/version', ca: LAB/ca.pem }",
        Breaks("tls"),
    ),
    // A server that closes on what is not HTTP.
    Fault::new("tls-https-to-plain-port", SECURED, Breaks("tls"), |lab| {
        let serve = http(|_| json("200 OK", "{}"));
        instead(lab, move |stream| {
            let mut first = [0];
            if stream.peek(&mut first).is_ok_and(|read| read == 1) && first[0].is_ascii_uppercase() {
                serve(stream);
            }
        });
    }),
    Fault::new("tls-starttls-proto-mismatch", SECURED, Breaks("tls"), |lab| {
        instead(lab, |mut stream| {
            use std::io::{Read as _, Write as _};
            let _ = stream.write_all(b"220 mail.corp.test ESMTP\r\n");
            let _ = stream.read(&mut [0; 4096]);
        });
    }),
    Fault::new("tls-alpn-none", OLDER, Breaks("tls"), |lab| {
        stop_nginx(lab);
        let good = lab.pki.good();
        let log = lab.folder.path().join("s_server.log");
        let words = ["openssl", "s_server", "-accept", "8443", "-alpn", "h2", "-quiet", "-cert", &good.chain];
        let more = ["-cert_chain", &good.chain, "-key", &good.key];
        let mut daemon = Daemon::start(lab.at(Host::App2), &log, &[&words[..], &more[..]].concat());
        daemon.wait_for(lab.at(Host::App2), "203.0.113.20:8443");
        lab.keep(daemon);
    }),
    Fault::new("tls-weak-key", SECURED, Breaks("tls"), |lab| {
        let weak = lab.pki.weak();
        let secured = "ssl_ciphers DEFAULT:@SECLEVEL=0;";
        other_nginx(lab, &Nginx { certificate: Some(&weak), secured, ..Nginx::default() });
    }),
    Fault::new("tls-weak-key", SECURED, Breaks("tls"), |lab| {
        let weak = lab.pki.signed_with_sha1();
        let secured = "ssl_ciphers DEFAULT:@SECLEVEL=0;";
        other_nginx(lab, &Nginx { certificate: Some(&weak), secured, ..Nginx::default() });
    }),
    Fault::new("tls-wrong-eku", SECURED, Breaks("tls"), |lab| {
        serve(lab, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    }),
    Fault::new("tls-cn-only", SECURED, Breaks("tls"), |lab| {
        serve(lab, |params| params.subject_alt_names.clear());
    }),
    // The first byte of a TLS record that carries a handshake, on its way to the server.
    Fault::new("tls-handshake-hang-dpi", HANDSHAKE, Breaks("tls"), |lab| {
        lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 8443 @ih,0,8 0x16 drop");
    }),
    Fault::new("tls-revoked", SECURED, Breaks("tls"), |lab| {
        let good = lab.pki.good();
        let secured = format!("ssl_stapling on; ssl_stapling_file {};", lab.pki.revocation(&good));
        other_nginx(lab, &Nginx { certificate: Some(&good), secured: &secured, ..Nginx::default() });
    }),
    Fault::new("tls-ocsp-must-staple", SECURED, Passes, |lab| {
        serve(lab, |params| {
            let feature = rcgen::CustomExtension::from_oid_content(
                &[1, 3, 6, 1, 5, 5, 7, 1, 24],
                vec![0x30, 3, 2, 1, 5],
            );
            params.custom_extensions.push(feature);
        });
    }),
    Fault::new("tls-expiring-soon", SECURED, Passes, |lab| serve(lab, |params| valid(params, -360, 3))),
    Fault::new("tls-expiring-soon", MONTH, Breaks("tls"), |lab| serve(lab, |params| valid(params, -360, 20))),
    // Behind one address: HAProxy hands the connections on as they are.
    Fault::new("tls-one-node-old-cert", SEVERAL, Breaks("tls"), |lab| {
        let mut params = leaf(&["app2.corp.test"], "app2.corp.test");
        valid(&mut params, -400, -10);
        let old = lab.pki.issue("bad", &lab.pki.issuing, &params);
        let good = lab.pki.good();
        let node = |port: u16, Certificate { chain, key, .. }: &Certificate| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key}; location / {{ proxy_pass http://127.0.0.1:8080; }} }}\n"
            )
        };
        let more = node(9441, &old) + &node(9442, &good);
        other_nginx(lab, &Nginx { more: &more, port: 9443, ..Nginx::default() });
        haproxy(
            lab,
            "  mode tcp\n  bind 0.0.0.0:8443",
            "  mode tcp\n  balance roundrobin\n  server old 127.0.0.1:9441\n  server new 127.0.0.1:9442",
        );
        lab.undo(|lab| {
            lab.daemons.borrow_mut().remove("haproxy");
        });
    }),
    Fault::new("tls-one-node-old-cert", EACH, Breaks("tls"), |lab| {
        let mut params = leaf(&["app2.corp.test"], "app2.corp.test");
        valid(&mut params, -400, -10);
        let old = lab.pki.issue("bad", &lab.pki.issuing, &params);
        let node = format!(
            "server {{ listen 203.0.113.21:8443 ssl; server_name app2.corp.test; ssl_certificate {}; ssl_certificate_key {}; location / {{ proxy_pass http://127.0.0.1:8080; }} }}",
            old.chain, old.key
        );
        other_nginx(lab, &Nginx { more: &node, ..Nginx::default() });
        lab.dns("host-record=app2.corp.test,203.0.113.20\nhost-record=app2.corp.test,203.0.113.21\n");
    }),
];

/// What the family needs beside the lab itself.
pub(in super::super) fn prepare(lab: &Lab) {
    super::super::proxies::healthy_nginx(lab);
    client(lab, |_| ());
}

/// The caller's own certificate.
fn client(lab: &Lab, change: impl FnOnce(&mut CertificateParams)) {
    let mut params = leaf(&["app1.corp.test"], "app1.corp.test");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    lab.pki.issue("client", &lab.pki.issuing, &params);
}

/// Serve a good certificate but for this.
fn serve(lab: &Lab, change: impl FnOnce(&mut CertificateParams)) {
    let mut params = leaf(&["app2.corp.test"], "app2.corp.test");
    change(&mut params);
    present(lab, &lab.pki.issue("bad", &lab.pki.issuing, &params));
}

fn present(lab: &Lab, certificate: &Certificate) {
    other_nginx(lab, &Nginx { certificate: Some(certificate), ..Nginx::default() });
}

fn settings(lab: &Lab, secured: &str) {
    other_nginx(lab, &Nginx { secured, ..Nginx::default() });
}

/// nginx that wants a certificate of this authority.
fn wish(lab: &Lab, authority: &str) {
    let authority = lab.folder.path().join(authority);
    settings(
        lab,
        &format!("ssl_client_certificate {}; ssl_verify_client on; ssl_verify_depth 3;", authority.display()),
    );
}

/// A server that refuses clients without a certificate of this authority, in the handshake: nginx would answer 400.
fn demand(lab: &Lab, authority: &str) {
    let authority = lab.folder.path().join(authority);
    secured_haproxy(lab, &format!("ca-file {} verify required", authority.display()));
}

/// HAProxy at nginx's port.
fn secured_haproxy(lab: &Lab, more: &str) {
    stop_nginx(lab);
    let good = lab.pki.good();
    let bind = format!("  bind 0.0.0.0:8443 ssl crt {} {more}", good.both);
    haproxy(lab, &bind, "  server app2 127.0.0.1:8080");
    lab.undo(|lab| {
        lab.daemons.borrow_mut().remove("haproxy");
    });
}

/// Something else at nginx's port.
fn instead(lab: &Lab, serve: impl Fn(std::net::TcpStream) + Send + Sync + 'static) {
    stop_nginx(lab);
    lab.keep(Server::start(lab.at(Host::App2), "0.0.0.0:8443", serve));
}
