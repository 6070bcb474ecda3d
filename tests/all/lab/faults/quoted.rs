//! What application 2 quotes of what it needs: the texts of `RabbitMQ` are those that one gave, the others their sources'.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use super::super::Lab;
use super::super::fault::Fault;
use super::super::fault::Shows::Breaks;
use super::super::network::Host;
use super::super::server::{Server, answer, json};
use super::http::says;

const ORDERS: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', expect: { status: 200 } }";
/// The broker's management interface, as the lab's server plays it.
const QUEUE: &str = "http: { url: 'http://app2.corp.test:8080/api/queues/%2F/orders', expect: { json: { '$.consumers': { at_least: 1 } } } }";
const DEAD: &str = "http: { url: 'http://app2.corp.test:8080/api/queues/%2F/orders.dlq', expect: { json: { '$.messages': 0 } } }";
const ALARMS: &str = "http: { url: 'http://app2.corp.test:8080/api/health/checks/alarms' }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("jms-or-mq-queue-missing", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "channel error; protocol method: #method<channel.close>(reply-code=404, reply-text=NOT_FOUND - no queue 'orders' in vhost '/', class-id=50, method-id=10)",
        );
    }),
    Fault::new("jms-or-mq-queue-missing", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "JMSWMQ2008: Failed to open MQ queue 'ORDERS.IN'. JMSCMQ0001: reason '2085' ('MQRC_UNKNOWN_OBJECT_NAME')",
        );
    }),
    Fault::new("mq-vhost-missing", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "connection error; protocol method: #method<connection.close>(reply-code=530, reply-text=NOT_ALLOWED - vhost nosuch not found, class-id=10, method-id=40)",
        );
    }),
    Fault::new("mq-vhost-permission", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "ConnectionClosedByBroker: (530) NOT_ALLOWED - access to vhost 'other' refused for user 'app1'",
        );
    }),
    Fault::new("mq-login-refused", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
        );
    }),
    Fault::new("mq-login-refused", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "org.apache.kafka.common.errors.SaslAuthenticationException: Authentication failed during authentication due to invalid credentials",
        );
    }),
    Fault::new("mq-acl-resource", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "(403, ACCESS_REFUSED - access to queue 'orders' in vhost '/' refused for user 'app1')");
    }),
    Fault::new("mq-precondition-failed", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'orders' in vhost '/': received the value '5' of type 'signedint' but current is none",
        );
    }),
    Fault::new("mq-unroutable", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "basic.return: replyCode=312, replyText=NO_ROUTE, exchange=orders, routingKey=created");
    }),
    Fault::new("mq-message-too-large", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "org.apache.kafka.common.errors.RecordTooLargeException: The message is 1048671 bytes when serialized which is larger than 1048576, which is the value of the max.request.size configuration.",
        );
    }),
    Fault::new("mq-blocked-alarm", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "publishing failed: connection blocked by broker, reason: low on disk");
    }),
    Fault::new("kafka-topic-auth", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [orders]",
        );
    }),
    Fault::new("kafka-topic-auth", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "TimeoutException: Topic orders not present in metadata after 60000 ms.");
    }),
    Fault::new("kafka-advertised-listeners", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "[Producer clientId=app2] Connection to node 1 (kafka-1.internal/10.0.0.7:9092) could not be established. Node may not be available.",
        );
    }),
    Fault::new("ldap-bind", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "javax.naming.AuthenticationException: [LDAP: error code 49 - 80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 775, v3839]",
        );
    }),
    Fault::new("kerberos-spn-clock", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "GSSException: No valid credentials provided (Mechanism level: Server not found in Kerberos database (7) - LOOKING_UP_SERVER)",
        );
    }),
    Fault::new("kerberos-spn-clock", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "KrbException: Clock skew too great (37) - PROCESS_TGS");
    }),
    Fault::new("smtp-relay-denied", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "SMTPSendFailedException: 554 5.7.1 <buyer@example.org>: Relay access denied");
    }),
    Fault::new("sftp-hostkey-changed", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "com.jcraft.jsch.JSchException: HostKey has been changed: files.corp.test");
    }),
    Fault::new("app-license-or-ipcount", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "The license is not valid for host app2-new (198.51.100.60)");
    }),
    Fault::new("pgb-prepared-statement", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "org.postgresql.util.PSQLException: ERROR: prepared statement \\\"S_1\\\" already exists");
    }),
    Fault::new("db-25P03-idle-in-tx-timeout", ORDERS, Breaks("protocol"), |lab| {
        fails(lab, "FATAL: terminating connection due to idle-in-transaction timeout (SQLSTATE 25P03)");
    }),
    Fault::new("db-auth-method-unsupported", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "org.postgresql.util.PSQLException: The authentication type 10 is not supported. Check that you have configured the pg_hba.conf file",
        );
    }),
    Fault::new("tls-crl-unavailable", ORDERS, Breaks("protocol"), |lab| {
        let (ca, good) = (lab.folder.path().join("ca.pem"), lab.pki.good().chain);
        let ca = ca.display().to_string();
        let words = ["verify", "-crl_check", "-CAfile", &ca, "-untrusted", &good, &good];
        fails(lab, library_says(lab, &words, "unable to get certificate CRL"));
    }),
    Fault::new("tls-renegotiation-disabled", ORDERS, Breaks("protocol"), |lab| {
        lab.keep(Server::start(lab.at(Host::App2), "127.0.0.1:9443", without_secure_renegotiation));
        let words = ["s_client", "-connect", "127.0.0.1:9443"];
        fails(lab, library_says(lab, &words, "unsafe legacy renegotiation disabled"));
    }),
    Fault::new("tls-truststore-jvm-not-os", ORDERS, Breaks("protocol"), |lab| {
        fails(
            lab,
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target",
        );
    }),
    Fault::new("mq-blocked-alarm", ALARMS, Breaks("protocol"), |lab| {
        says(lab, |_| {
            let alarms = r#"{"alarms":[{"node":"rabbit@mq","resource":"disk"}],"reason":"There are alarms in effect in the cluster","status":"failed"}"#;
            Some(json("503 Service Unavailable", alarms))
        });
    }),
    Fault::new("mq-no-consumer", QUEUE, Breaks("payload"), |lab| {
        says(lab, |_| Some(json("200 OK", r#"{"name":"orders","vhost":"/","consumers":0,"messages":41}"#)));
    }),
    Fault::new("mq-poison-dlq", DEAD, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(json("200 OK", r#"{"name":"orders.dlq","vhost":"/","consumers":0,"messages":7}"#))
        });
    }),
    Fault::new("envoy-UF-UH-NR", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |_| {
            Some(answer(
                "503 Service Unavailable",
                "x-envoy-response-flags: UH\nContent-Type: text/plain\n",
                "no healthy upstream",
            ))
        });
    }),
];

/// Application 2 fails at orders, and says why.
fn fails(lab: &Lab, why: impl Into<String>) {
    let body = format!(r#"{{"status":500,"error":"{}"}}"#, why.into());
    says(lab, move |request| {
        (request.path == "/api/orders").then(|| json("500 Internal Server Error", &body))
    });
}

/// The line of OpenSSL's own output that has these words, as it fails on the host of application 2.
fn library_says(lab: &Lab, words: &[&str], wanted: &str) -> String {
    let failed =
        lab.at(Host::App2).command("openssl").args(words).stdin(Stdio::null()).output().expect("openssl");
    let text =
        String::from_utf8_lossy(&failed.stderr).into_owned() + &String::from_utf8_lossy(&failed.stdout);
    text.lines().find(|line| line.contains(wanted)).unwrap_or_else(|| panic!("{wanted}: {text}")).to_owned()
}

/// A server of before RFC 5746: its hello of TLS 1.2 has no extension.
fn without_secure_renegotiation(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    // No session, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, no compression.
    hello.extend([0, 0xc0, 0x2f, 0]);
    let length = u8::try_from(hello.len()).expect("it is short");
    let mut record = vec![22, 3, 3, 0, length + 4, 2, 0, 0, length];
    record.extend(hello);
    let _ = stream.write_all(&record);
    let _ = stream.read(&mut [0; 4096]);
}
