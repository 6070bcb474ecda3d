//! The `dns` probe against a small name server of our own.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, MX};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use serde_json::json;
use tokio::net::UdpSocket;

use crate::model::layer::Layer;
use crate::probe::rehearsal::{fault, outcome, problems, run, run_within, said};

/// Answers by the first label of the name asked for; `silent` gets no answer.
async fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
            let Ok(mut message) = Message::from_vec(&packet[..length]) else { continue };
            let query = message.queries[0].clone();
            let name = query.name().clone();
            let (code, records) = match (name.iter().next().unwrap(), query.query_type()) {
                (b"silent", _) => continue,
                (b"absent", _) => (ResponseCode::NXDomain, vec![]),
                (b"broken", _) => (ResponseCode::ServFail, vec![]),
                (b"closed", _) => (ResponseCode::Refused, vec![]),
                (_, RecordType::A) => {
                    let address = |last| Record::from_rdata(name.clone(), 60 + u32::from(last), RData::A(A::new(192, 0, 2, last)));
                    (ResponseCode::NoError, vec![address(1), address(2)])
                }
                (_, RecordType::MX) => {
                    let data = RData::MX(MX::new(10, Name::from_ascii("mail.example.").unwrap()));
                    (ResponseCode::NoError, vec![Record::from_rdata(name.clone(), 300, data)])
                }
                _ => (ResponseCode::NoError, vec![]),
            };
            message.metadata.message_type = MessageType::Response;
            message.metadata.response_code = code;
            message.metadata.recursion_available = true;
            message.edns = None;
            message.answers = records;
            let _ = socket.send_to(&message.to_vec().unwrap(), peer).await;
        }
    });
    address
}

#[tokio::test]
async fn answers_and_rcodes_are_told_apart() {
    let server = name_server().await;
    for (name, record_type, expect, wanted) in [
        ("app.example.", "A", json!({ "answers": ["192.0.2.2", "192.0.2.1"] }), "passed"),
        ("app.example.", "A", json!({ "answers": ["192.0.2.1"] }), "dns mismatch"),
        ("app.example.", "A", json!({ "count": 2, "ttl": { "at_most": 61 } }), "passed"),
        ("app.example.", "A", json!({ "ttl": { "at_least": 300 } }), "dns mismatch"),
        ("app.example.", "mx", json!({ "answers": { "contains": "10 mail.example." } }), "passed"),
        ("app.example.", "AAAA", json!(null), "dns no_record"),
        ("app", "A", json!({ "count": 2 }), "passed"),
        // Names a library may want to answer by itself (RFC 6761).
        ("localhost", "A", json!({ "answers": ["192.0.2.1", "192.0.2.2"] }), "passed"),
        ("app.invalid", "A", json!({ "count": 2 }), "passed"),
        ("absent.example.", "A", json!(null), "dns name_not_found"),
        ("broken.example.", "A", json!(null), "dns server_failure"),
        ("closed.example.", "A", json!(null), "dns query_refused"),
    ] {
        let fields = json!({ "name": name, "type": record_type, "server": server.to_string(), "expect": expect });
        let trace = run("dns", fields.clone()).await;
        assert_eq!(outcome(&trace), wanted, "{fields}: {}", fault(&trace));
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let server = name_server().await;
    let fields = json!({ "name": "silent.example.", "server": server.to_string() });
    let trace = run_within(Duration::from_secs(6), &[], "dns", fields).await;
    assert_eq!(outcome(&trace), "dns timed_out", "{}", fault(&trace));
    assert!(fault(&trace).contains(&server.to_string()), "{}", fault(&trace));
}

#[tokio::test]
async fn without_a_type_the_hosts_own_answer_counts() {
    let fields = json!({ "name": "localhost", "expect": { "answers": { "contains": "127.0.0.1" } } });
    let trace = run("dns", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));
    assert!(said(&trace, Layer::Dns).ends_with("(by getaddrinfo)"));
}

#[test]
fn mistakes_are_found_without_a_network() {
    for (fields, wanted) in [
        (json!({ "name": "" }), "is empty"),
        (json!({ "name": "x", "type": "AAA" }), "is not a record type"),
        (json!({ "name": "x", "server": "ns.example" }), "is not the address"),
        (json!({ "name": "x", "expect": {} }), "asserts nothing"),
    ] {
        let found = problems("dns", fields.clone());
        assert!(found.iter().any(|problem| problem.message.contains(wanted)), "{fields}: {found:?}");
    }
}
