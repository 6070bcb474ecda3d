//! Requests that nobody would send, spoiled at random: the served page stays, grows no further, and writes nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::support::program::{Program, count};
use crate::support::server::Server;

const PLAN: &str = "gonogo: 1\nname: night\nchecks:\n  - { id: a, command: { argv: ['true'] } }\n";
const TOKEN: &str = "the-token-of-those-who-speak";
const SENDERS: u64 = 4;

/// Sound requests, of which the others are made; `TOKEN` in one of them is the operator's.
const SOUND: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: gonogo=abc; a=b\r\n\r\n",
    "GET /gate?stage=all HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
    "GET /events?after=20260926-013000-1f0c:3 HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: x:1\r\n\r\n",
    "GET /result.json HTTP/1.1\r\nHost: [::1]\r\nAuthorization: Bearer nonsense\r\n\r\n",
    "POST /gate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{\"name\":\"abc\"}",
    "POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: 9\r\n\r\ntoken=abc",
    "POST /say HTTP/1.1\r\nHost: localhost\r\nContent-Length: 27\r\n\r\nword=note&text=no&by=nobody",
    "POST /say HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 26\r\n\r\nword=vote&stage=x&vote=bad",
    "POST /say HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"word\":\"accept\"\r\n0\r\n\r\n",
    "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\nGET /body HTTP/1.0\r\n\r\n",
];

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

/// A sound request with a few bytes changed, cut, doubled or moved.
fn spoiled(numbers: &mut Numbers) -> Vec<u8> {
    const STRANGE: &[&[u8]] = &[
        b"\0",
        b"\r\n",
        b"\n\n",
        b"%",
        b"%00",
        b"\xff\xfe",
        b": ",
        b"\x1b[2J",
        b"99999999999999999999",
        b"=&&=",
        b"\t",
    ];
    let mut bytes = SOUND[numbers.below(SOUND.len())].replace("TOKEN", TOKEN).into_bytes();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.splice(at..at, STRANGE[numbers.below(STRANGE.len())].iter().copied()).for_each(drop),
            2 => bytes.splice(at..at, std::iter::repeat_n(b'A', numbers.below(40_000))).for_each(drop),
            3 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            4 => {
                let end = (at + numbers.below(40)).min(bytes.len());
                drop(bytes.splice(at..end, []));
            }
            _ => {
                let part = bytes[..at].to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

#[test]
fn spoiled_requests_are_answered_or_dropped_and_nothing_else_happens() {
    let program = Program::with_plan(PLAN);
    program.write("operator", TOKEN);
    program.run(&["run"]).code(0);
    let server = Server::start(&program, &["--operator-token-file", "operator"]);
    server.until("/gate", |got| got.0 == 200);
    let before = program.journal();
    let until = Instant::now() + Duration::from_secs(count(4, 600) as u64);
    let sent: usize = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|seed| {
                let address = server.address;
                scope.spawn(move || {
                    let mut numbers = Numbers(seed);
                    let mut sent = 0;
                    while Instant::now() < until {
                        let mut stream = TcpStream::connect(address).unwrap();
                        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                        let _ = stream.write_all(&spoiled(&mut numbers));
                        let _ = stream.shutdown(Shutdown::Write);
                        let _ = stream.take(1 << 16).read_to_end(&mut Vec::new());
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert!(sent > 20, "{sent}");
    assert_eq!(server.get("/gate", &[]).0, 200, "still there after {sent}");
    assert_eq!(program.journal(), before, "nobody said anything that can be said");
    assert_eq!(program.read("serve.stderr"), "");
    let memory = server.memory();
    assert!(memory < 150, "{memory} MiB after {sent}");
}
