//! A server that keeps what it is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What somebody was sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A server that keeps what it is sent, and answers as it is told: by the path and how often that was asked before.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    /// One whose answers are a status, any headers, and after an empty line a body; one that says itself how long its body is
    /// never ends it.
    pub(crate) fn start(answer: impl Fn(&str, usize) -> &'static str + Send + Sync + 'static) -> Self {
        Self::at(0, answer)
    }

    /// The same at this port.
    pub(crate) fn at(
        port: u16,
        answer: impl Fn(&str, usize) -> &'static str + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                std::thread::spawn(move || converse(stream, &*answer, &kept));
            }
        });
        Self { port, requests }
    }

    /// One that takes everything, after so long.
    pub(crate) fn slow(pause: Duration) -> Self {
        Self::start(move |_, _| {
            std::thread::sleep(pause);
            "200 OK"
        })
    }

    pub(crate) fn fine() -> Self {
        Self::start(|_, _| "200 OK")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What came to a path.
    pub(crate) fn got(&self, path: &str) -> Vec<Request> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.path == path).cloned().collect()
    }
}

fn converse(
    mut stream: TcpStream,
    answer: &impl Fn(&str, usize) -> &'static str,
    kept: &Mutex<Vec<Request>>,
) {
    let Some(request) = read(&stream) else { return };
    let path = request.path.clone();
    let before = {
        let mut kept = kept.lock().unwrap();
        kept.push(request);
        kept.iter().filter(|known| known.path == path).count() - 1
    };
    let answered = answer(&path, before);
    let (head, body) = answered.split_once("\n\n").unwrap_or((answered, ""));
    let is_endless = head.contains("Content-Length");
    let length = if is_endless { String::new() } else { format!("\r\nContent-Length: {}", body.len()) };
    let _ = write!(stream, "HTTP/1.1 {head}{length}\r\nConnection: close\r\n\r\n{body}");
    if is_endless {
        // Until whoever asked has had enough.
        let _ = stream.set_read_timeout(None);
        let _ = stream.read(&mut [0]);
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { path, headers, body: String::from_utf8(body).ok()?, at: Instant::now() })
}
