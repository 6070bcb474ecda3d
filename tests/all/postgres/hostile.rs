//! Peers that are silent, talk something else, close, or never end.

use std::time::{Duration, Instant};

use gonogo::model::fault::Fault;
use gonogo::model::layer::Layer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Looked, look_in};

/// A peer that answers `SSLRequest` with `N`, reads the start-up packet, and then does as told.
async fn after_startup<F>(then: impl FnOnce(TcpStream) -> F + Send + 'static, sslmode: &str) -> Looked
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    let ask_tls = sslmode != "disable";
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut packet = [0; 1024];
        if ask_tls {
            stream.read_exact(&mut packet[..8]).await.expect("SSLRequest");
            stream.write_all(b"N").await.expect("an answer");
        }
        let read = stream.read(&mut packet).await.expect("a start-up packet");
        assert!(read > 8);
        then(stream).await;
    });
    let url = format!("postgres://app1:hunter22@127.0.0.1:{port}/x?sslmode={sslmode}");
    let node = json!({ "url": url, "query": "select 1" });
    let looked = look_in(node, &[], Duration::from_secs(2)).await;
    server.abort();
    looked.never_shows("hunter22");
    looked
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a length");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// Login granted, ready for a statement.
fn welcome() -> Vec<u8> {
    [message(b'R', &0_u32.to_be_bytes()), message(b'Z', b"I")].concat()
}

async fn say(bytes: Vec<u8>) -> Looked {
    after_startup(
        |mut stream| async move {
            stream.write_all(&bytes).await.expect("written");
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        },
        "prefer",
    )
    .await
}

#[tokio::test]
async fn silence() {
    let began = Instant::now();
    let looked = after_startup(
        |stream| async move {
            tokio::time::sleep(Duration::from_mins(1)).await;
            drop(stream);
        },
        "disable",
    )
    .await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::TimedOut { .. })));
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn closed_at_once_or_after_half_a_message() {
    let looked = after_startup(|stream| async move { drop(stream) }, "disable").await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::ClosedEarly { .. } | Fault::Reset { .. })));
    let looked = after_startup(
        |mut stream| async move {
            stream.write_all(b"R\0\0").await.expect("written");
            stream.shutdown().await.expect("closed");
            tokio::time::sleep(Duration::from_secs(5)).await;
        },
        "prefer",
    )
    .await;
    assert!(
        matches!(looked.broke(), (Layer::Auth, Fault::ClosedEarly { received: 3, .. })),
        "{:?}",
        looked.broke()
    );
}

#[tokio::test]
async fn another_protocol() {
    for words in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"220 mail ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"R\0\0\0\0",
        b"R\xff\xff\xff\xff",
        b"R\0\0\0\x08\0\0\0\x63",
        b"R\0\0\0\x06ab",
        b"\0\0\0\0\0\0\0\0",
    ] {
        let looked = say(words.to_vec()).await;
        assert!(
            matches!(looked.broke(), (Layer::Auth, Fault::BadProtocol { .. })),
            "{words:?}: {:?}",
            looked.broke()
        );
    }
}

#[tokio::test]
async fn a_login_that_never_ends() {
    let looked = after_startup(
        |mut stream| async move {
            let notice = message(b'N', &[b"SNOTICE\0M".as_slice(), &[b'x'; 4000], b"\0\0"].concat());
            while stream.write_all(&notice).await.is_ok() {}
        },
        "prefer",
    )
    .await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::TooLarge { .. })), "{:?}", looked.broke());
}

#[tokio::test]
async fn a_server_that_does_not_know_the_password_is_not_believed() {
    // SCRAM is offered, and then the login is granted without proof.
    let offer = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let looked = say([offer, welcome()].concat()).await;
    let (Layer::Auth, Fault::BadProtocol { reason, .. }) = looked.broke() else {
        panic!("{:?}", looked.broke())
    };
    assert!(reason.contains("prove"), "{reason}");
    // A challenge that would have us hash for hours.
    let offer = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let challenge = message(b'R', b"\0\0\0\x0br=abc,s=c2FsdA==,i=4000000000");
    let looked = say([offer, challenge].concat()).await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::BadProtocol { .. })));
}

#[tokio::test]
async fn methods_we_do_not_speak_are_our_trouble() {
    for code in [2_u32, 6, 7, 9] {
        let looked = say(message(b'R', &code.to_be_bytes())).await;
        assert!(looked.blind().contains("does not speak"), "{}", looked.blind());
    }
}

#[tokio::test]
async fn an_error_before_any_greeting_is_told() {
    let body = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let looked = say(message(b'E', body)).await;
    assert_eq!(looked.refused().sqlstate, "57P03");
    // Terminal controls in what a server says do no harm, and its encoding may be anything.
    let looked = say(message(b'E', b"SFATAL\0C28000\0M\xff\x1b[31mno\0\0")).await;
    assert_eq!(looked.refused().sqlstate, "28000");
}

#[tokio::test]
async fn an_identity_that_is_nonsense() {
    let looked = say([welcome(), message(b'C', b"SELECT 0\0"), message(b'Z', b"I")].concat()).await;
    assert_eq!(looked.broke().0, Layer::Auth);
}

#[tokio::test]
async fn rows_without_end() {
    let began = Instant::now();
    let looked = after_startup(
        |mut stream| async move {
            stream.write_all(&welcome()).await.expect("written");
            let rows = message(b'D', b"\0\x01\0\0\0\x04abcd").repeat(1000);
            while stream.write_all(&rows).await.is_ok() {}
        },
        "prefer",
    )
    .await;
    assert!(matches!(looked.broke(), (Layer::Auth, Fault::TooLarge { .. })), "{:?}", looked.broke());
    assert!(began.elapsed() < Duration::from_secs(4));
}
