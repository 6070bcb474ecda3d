//! TLS: certificates and who trusts them, versions and suites, names, our own certificate, and what is no TLS at all.

mod certificate;
mod client;
mod dates;
mod handshake;
mod name;
mod quoted;
mod revoked;
mod speech;

use super::evidence::{Evidence, Place, facts, listed, passes, tried};
use super::registry::{Rule, causes};
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::Trace;

causes! { Tls:
    EXPIRED = "tls-expired" at Target,
        "The certificate of the target has expired.",
        "Its last day is over by the clocks of other places too.",
        ["install the renewed certificate and reload the server: often it is on disk and not loaded"];
    NOT_YET_VALID = "tls-not-yet-valid" at Target,
        "The certificate of the target is not valid yet.",
        "Its first day has not come, by the clocks of other places too.",
        ["use the certificate before it until then", "correct the clock of the authority that issued it"];
    CLOCK = "tls-clock-skew-source" at Source,
        "The clock of the source is wrong, not the certificate of the target.",
        "The same certificate is in date for other places; the clock of the source is far from theirs.",
        ["set the clock of the source: chronyc makestep", "leave the certificate as it is"];
    WRONG_NAME = "tls-wrong-san" at Target,
        "The certificate of the target is for another name.",
        "The name called is not among the names in the certificate.",
        ["issue it again with the name called", "or call a name that is in it"];
    BY_ADDRESS = "tls-called-by-ip" at Source,
        "The target is called by its address, and its certificate has names only.",
        "By its name, at the same address, it is trusted.",
        ["write the name instead of the address into the configuration of the source"];
    SELF_SIGNED = "tls-self-signed" at Target,
        "The target presents a self-signed certificate, such as a server makes for itself when none is configured.",
        "Subject and issuer are the same, and it is in no trust store.",
        ["deploy the real certificate"];
    UNKNOWN_ISSUER = "tls-unknown-issuer" at Source,
        "The authority that issued the certificate is not in the trust store of the source.",
        "The chain is whole, and ends at an authority that is not trusted.",
        ["put the authority into the trust store of the source", "or issue the certificate by the authority of before"];
    NO_INTERMEDIATE = "tls-missing-intermediate" at Target,
        "The target does not send the intermediate certificate.",
        "The words are those of an unknown authority; but the chain has one certificate only, and browsers often know the next.",
        ["configure the whole chain on the target: its own certificate first, then the intermediate"];
    TRUST_FILE = "tls-trust-store-file-missing" at Source,
        "The file of trusted authorities is missing, or cannot be read.",
        "It fails before anything is sent; the server answers a handshake all the same.",
        ["correct the path, or the permissions of the file"];
    CLIENT_TOO_OLD = "tls-version-client-too-old" at Source,
        "The target does not accept the TLS version that the source offers.",
        "The server sends the alert; offered another version, it agrees.",
        ["let the source offer newer versions: upgrade its runtime", "or allow its version on the target"];
    SERVER_TOO_OLD = "tls-version-server-too-old" at Target,
        "The target speaks only TLS versions that are given up.",
        "It agrees to TLS 1.1 or 1.0, and to nothing newer.",
        ["allow TLS 1.2 and 1.3 on the target"];
    NO_CIPHER = "tls-no-shared-cipher" at Target,
        "The target and the source have no cipher suite in common.",
        "The alert comes right after the client hello; one that offers old suites too is answered.",
        ["allow on the target ECDHE suites with AES-GCM or ChaCha20-Poly1305, which fit its key"];
    NO_CLIENT_CERTIFICATE = "tls-mtls-cert-missing" at Source,
        "The target wants a client certificate, and the source sends none.",
        "The server asked for one in the handshake; in TLS 1.3 it refuses only after it.",
        ["give the source its certificate and key"];
    CLIENT_ISSUER = "tls-mtls-wrong-ca" at Source,
        "The target does not trust the client certificate of the source.",
        "The alert comes from the server: it is about our certificate, not about its own.",
        ["issue the client certificate by an authority that the target accepts", "or put its authority into the trust store of the target"];
    CLIENT_EXPIRED = "tls-mtls-expired-client" at Source,
        "The client certificate of the source has expired.",
        "The alert comes from the server; the dates of our certificate are over by our own clock too.",
        ["renew the client certificate of the source"];
    KEY_MISMATCH = "tls-mtls-key-mismatch" at Source,
        "The private key of the source does not belong to its client certificate.",
        "It fails before anything is sent; the server answers a handshake all the same.",
        ["deploy the certificate and the key that were made together"];
    DEFAULT_VHOST = "tls-sni-wrong-vhost" at Target,
        "The target does not know the name called, and answers with the certificate of its default host.",
        "The certificate is the one that is sent without a name (SNI), and for other names.",
        ["add the name to the virtual host or ingress on the target", "or let the client send the right name"];
    NAME_UNKNOWN = "tls-sni-unrecognized" at Target,
        "The target refuses the name called (SNI).",
        "The alert is unrecognized_name, or comes with this name only.",
        ["add the name to the load balancer or ingress of the target: it was there before, or never"];
    PLAIN_TO_TLS = "tls-plain-http-to-https-port" at Source,
        "The source speaks plain HTTP to a port that speaks TLS.",
        "Some servers say so, most close; a client hello on the port is answered.",
        ["write https:// into the configuration of the source"];
    TLS_TO_PLAIN = "tls-https-to-plain-port" at Source,
        "The source speaks TLS to a port that speaks plain HTTP.",
        "\"Wrong version number\" means that the bytes are not TLS; a plain request is answered.",
        ["write http:// or the port of TLS into the configuration of the source", "does TLS end at the load balancer now?"];
    OTHER_PROTOCOL = "tls-starttls-proto-mismatch" at Source,
        "The port belongs to another protocol, which does not begin with TLS.",
        "The server speaks first, and neither TLS nor HTTP.",
        ["correct the port in the configuration of the source", "or ask for TLS as that protocol does (STARTTLS)"];
    ONLY_H2 = "tls-alpn-none" at Source,
        "The target speaks only HTTP/2, which the source does not offer.",
        "The alert is no_application_protocol; offered h2, the server agrees.",
        ["let the source speak HTTP/2", "or call the port of HTTP/1.1: is this the one of gRPC?"];
    WEAK_KEY = "tls-weak-key" at Target,
        "The key or the signature of the certificate is too weak for clients of today.",
        "The certificate is in date and for the name; an RSA key below 2048 bits, or a signature with SHA-1 or MD5.",
        ["issue it again with an RSA key of 2048 bits or an EC key, signed with SHA-256"];
    WRONG_USE = "tls-wrong-eku" at Target,
        "The target presents a certificate that is not made for a server.",
        "The extended key usage has no server authentication in it.",
        ["issue it again for server authentication"];
    COMMON_NAME = "tls-cn-only" at Target,
        "The certificate has the name as common name only, which most clients no longer look at.",
        "There is no subject alternative name; curl with old OpenSSL passes, Java, Go and Python do not.",
        ["issue it again with the name as subject alternative name"];
    SWALLOWED = "tls-handshake-hang-dpi" at Network,
        "Something on the way swallows the client hello.",
        "The connection is made; a small client hello is not even acknowledged, other bytes are, and other places are answered.",
        ["ask network security for the inspection of this source, target and port"];
    ENDS_SOON = "tls-expiring-soon" at Target,
        "The certificate of the target ends soon.",
        "All is well today; it may be over before the next attempt.",
        ["renew it now", "is the automatic renewal broken?"];
    ONE_OLD_NODE = "tls-one-node-old-cert" at Target,
        "One of the nodes still sends another certificate.",
        "The addresses, or calls in a row, send different certificates; clients do not try the next address after a handshake.",
        ["install the certificate on the node that is named, and reload it"];
    REVOKED = "tls-revoked" at Target,
        "The certificate of the target was revoked.",
        "It is in date and for the name; the OCSP answer that the server itself sends along says so.",
        ["issue a new one, with a new key", "ask the authority why it was revoked"];
    NOT_STAPLED = "tls-ocsp-must-staple" at Target,
        "The certificate requires an OCSP answer that the server does not send along.",
        "It has the TLS feature extension (RFC 7633); clients that keep to it refuse the connection.",
        ["turn stapling on (ssl_stapling in nginx, SSLUseStapling in Apache), and let the server reach the responder", "or issue it again without the extension"];
    NO_CRL = "tls-crl-unavailable" at Source,
        "The caller checks revocation, and has no current list or answer to check with.",
        "The certificate itself is good: the words are about the revocation list (CRL) or the responder (OCSP), not about the chain.",
        ["let the caller's host reach the CRL or OCSP address in the certificate: often the firewall knows no such way", "or install the current list where the caller reads it"];
    RENEGOTIATION = "tls-renegotiation-disabled" at Target,
        "The server does not know secure renegotiation (RFC 5746), which OpenSSL 3 insists on.",
        "A client of OpenSSL 1.1 connects, and so does openssl s_client -legacy_renegotiation.",
        ["update the server, or the box in front of it that ends TLS", "until then: Options = UnsafeLegacyServerConnect in the caller's openssl.cnf"];
    JVM_STORE = "tls-truststore-jvm-not-os" at Source,
        "The caller's Java does not know the authority: it has a trust store of its own (cacerts), apart from the system's.",
        "curl and our probe on the same host trust the certificate; Java says PKIX path building failed.",
        ["keytool -importcert into the store that the caller runs with (javax.net.ssl.trustStore, or cacerts of its Java)", "was the application moved to another Java, or its container built anew?"];
}

pub(super) const RULES: &[Rule] = &[
    quoted::of_library,
    quoted::of_java,
    client::trust_file,
    client::key_mismatch,
    certificate::one_old_node,
    revoked::revoked,
    revoked::not_stapled,
    dates::wrong_clock,
    dates::not_yet_valid,
    dates::expired,
    certificate::self_signed,
    certificate::no_intermediate,
    certificate::unknown_issuer,
    certificate::wrong_use,
    certificate::weak,
    name::by_address,
    name::common_name,
    name::wrong_name,
    dates::ends_soon,
    dates::too_few_days,
    client::missing,
    client::expired,
    client::issuer,
    client::refused_by_page,
    handshake::name_unknown,
    handshake::client_too_old,
    handshake::server_too_old,
    handshake::no_cipher,
    handshake::only_h2,
    handshake::swallowed,
    speech::plain_to_tls,
    speech::tls_to_plain,
    speech::other_protocol,
];

/// The chain that a server sent: the one that was refused, when there is one.
fn chain(trace: &Trace) -> Option<&[Certificate]> {
    let refused = trace.broken().and_then(|(_, fault)| {
        if let Fault::Distrusted { chain, .. } | Fault::HandshakeFailed { chain, .. } = fault {
            Some(chain)
        } else {
            None
        }
    });
    let taken = || {
        facts(trace).find_map(|fact| {
            if let Fact::Secured { chain, .. } | Fact::Chosen { chain, .. } = fact {
                Some(chain)
            } else {
                None
            }
        })
    };
    refused.or_else(taken).map(Vec::as_slice).filter(|chain| !chain.is_empty())
}

/// The server's own certificate.
pub(super) fn leaf(trace: &Trace) -> Option<&Certificate> {
    chain(trace)?.first()
}

/// Whether two certificates are the same one.
fn same(one: &Certificate, other: &Certificate) -> bool {
    one.sha256 == other.sha256
}

fn connected(trace: &Trace) -> Option<std::net::SocketAddr> {
    facts(trace)
        .find_map(|fact| if let Fact::Connected { address, .. } = fact { Some(*address) } else { None })
}

/// Places that trust what the same address sends them, which is of another issuer, while here it is this one each time.
pub(super) fn issuer_here_and_there<'a>(evidence: &Evidence<'a>) -> Option<(Vec<Place<'a>>, &'a str)> {
    let own = leaf(evidence.trace)?;
    let address = connected(evidence.trace)?;
    let each_time = evidence.again().all(|trace| leaf(trace).is_some_and(|again| again.issuer == own.issuer));
    let other = |place: &Place<'a>| {
        place.passes(Layer::Tls)
            && connected(place.trace) == Some(address)
            && leaf(place.trace).is_some_and(|there| there.issuer != own.issuer)
    };
    let places: Vec<Place<'a>> = evidence.elsewhere().filter(other).collect();
    let there = leaf(places.first()?.trace)?;
    each_time.then_some((places, there.issuer.as_str()))
}

/// What others see of the same certificate, and what it was before; none when there is nothing to compare with.
fn compared(evidence: &Evidence<'_>) -> Option<String> {
    let own = leaf(evidence.trace)?;
    let mut told = Vec::new();
    let alike: Vec<Place<'_>> = evidence
        .elsewhere()
        .filter(|place| leaf(place.trace).is_some_and(|there| same(own, there)))
        .collect();
    if !alike.is_empty() {
        told.push(format!("It sends the same to {}.", listed(alike.iter().map(Place::name))));
    }
    match evidence.before.and_then(leaf) {
        Some(was) if !same(own, was) => told.push(format!(
            "In the baseline it sent {}, issued by {}, until {}.",
            was.subject, was.issuer, was.not_after
        )),
        Some(_) => told.push("It is the certificate of the baseline.".to_owned()),
        None => {}
    }
    (!told.is_empty()).then(|| told.join(" "))
}

/// Whether a server went on with the handshake: a chain that is not trusted is still an answer.
fn speaks_tls(trace: &Trace) -> bool {
    passes(trace, Layer::Tls)
        && facts(trace).any(|fact| matches!(fact, Fact::Secured { .. } | Fact::Chosen { .. }))
        || trace.broken().is_some_and(|(_, fault)| {
            matches!(
                fault,
                Fault::Distrusted { .. }
                    | Fault::AlertReceived { .. }
                    | Fault::ClientCertificateRefused { .. }
            )
        })
}

/// What the server chose of a hello.
fn chosen(trace: &Trace) -> Option<(&str, &str)> {
    facts(trace).find_map(|fact| {
        if let Fact::Chosen { version, cipher, .. } = fact {
            Some((version.as_str(), cipher.as_str()))
        } else {
            None
        }
    })
}

/// Whether any other place finishes the handshake.
fn finished_elsewhere<'a>(evidence: &Evidence<'a>) -> Vec<Place<'a>> {
    let finishes = |place: &Place<'a>| {
        place.passes(Layer::Tls) && facts(place.trace).any(|fact| matches!(fact, Fact::Secured { .. }))
    };
    evidence.elsewhere().filter(finishes).collect()
}

/// The address that was called, for people.
fn address(trace: &Trace) -> String {
    let found = connected(trace).or_else(|| tried(trace).next().map(|attempt| attempt.address));
    found.map_or_else(|| "the server".to_owned(), |address| address.to_string())
}
