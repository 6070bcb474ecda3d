//! `gonogo serve` beside a test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::program::Program;

/// A server of the newest run; it ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// One that listens on a port of its own; what it tells goes to `serve.stderr`.
    pub(crate) fn start(program: &Program, more: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
        let told = std::fs::File::create(program.path("serve.stderr")).unwrap();
        let mut child = program.command(&arguments).stdout(Stdio::piped()).stderr(told).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.split_once("//").and_then(|(_, rest)| rest.split_once('/')).unwrap().0.parse().unwrap();
        Self { child, address }
    }

    /// What curl gets: the status and the body.
    pub(crate) fn get(&self, path: &str, more: &[&str]) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let output = Command::new("curl")
            .args(["-s", "-m", "20", "-w", "\n%{http_code}"])
            .args(more)
            .arg(url)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// The same, asked again until it is so: what a run writes is served a moment later.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&(u16, String)) -> bool) -> (u16, String) {
        self.until_as("", path, wanted)
    }

    /// The same with a token.
    pub(crate) fn until_as(
        &self,
        token: &str,
        path: &str,
        wanted: impl Fn(&(u16, String)) -> bool,
    ) -> (u16, String) {
        let began = Instant::now();
        let bearer = format!("Authorization: Bearer {token}");
        loop {
            let got = self.get(path, &["-H", &bearer]);
            if wanted(&got) {
                return got;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{path}: {got:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Resident memory in MiB (proc(5), `VmRSS`).
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// A connection on which this was sent.
    pub(crate) fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// The numbers of the events that come until number `last`.
    pub(crate) fn numbers(&self, query: &str, last: u64) -> Vec<u64> {
        let request = format!("GET /events{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let lines = BufReader::new(self.send(request.as_bytes())).lines();
        let mut numbers = Vec::new();
        for line in lines {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("id: ").and_then(|id| id.rsplit_once(':')) {
                numbers.push(number.1.parse().unwrap());
                if numbers.last() == Some(&last) {
                    break;
                }
            }
        }
        numbers
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered, as JSON.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
