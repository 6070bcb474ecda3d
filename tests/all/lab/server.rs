//! Small servers of our own inside a namespace: the application of the lab, and its misbehaving kin.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::namespace::{Namespace, enter};

/// The longest a server waits for a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listening server, ended on drop with all its connections.
pub(super) struct Server {
    stopped: Arc<AtomicBool>,
    open: Arc<Mutex<BTreeMap<usize, TcpStream>>>,
    listener: Socket,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listen at an address of the namespace; each connection has a thread of its own.
    pub(super) fn start(
        namespace: &Namespace,
        address: &str,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let address: SocketAddr = address.parse().expect("an address");
        let name = namespace.name.clone();
        let stopped = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(BTreeMap::new()));
        let (ready, is_ready) = mpsc::channel();
        let (stopped_there, open_there) = (Arc::clone(&stopped), Arc::clone(&open));
        let accepting = std::thread::spawn(move || {
            enter(&name);
            let listener = listen(address, 128);
            ready.send(listener.try_clone().expect("a handle")).expect("somebody waits");
            let listener = TcpListener::from(listener);
            let serve = Arc::new(serve);
            for number in 0_usize.. {
                let Ok((stream, _)) = listener.accept() else { break };
                if stopped_there.load(Ordering::SeqCst) {
                    break;
                }
                let _ = stream.set_read_timeout(Some(PATIENCE));
                open_there
                    .lock()
                    .expect("not poisoned")
                    .extend(stream.try_clone().map(|same| (number, same)));
                let (serve, open) = (Arc::clone(&serve), Arc::clone(&open_there));
                std::thread::spawn(move || {
                    serve(stream);
                    // Only now is it closed for the peer: a second handle of ours would keep it open.
                    open.lock().expect("not poisoned").remove(&number);
                });
            }
        });
        let listener = is_ready.recv().expect("it listens");
        Self { stopped, open, listener, accepting: Some(accepting) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // On Linux this wakes accept(2), with an error.
        let _ = nix::sys::socket::shutdown(self.listener.as_raw_fd(), nix::sys::socket::Shutdown::Both);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in self.open.lock().expect("not poisoned").values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A listener inside a namespace that nobody accepts from.
pub(super) fn unattended(namespace: &Namespace, address: &str, backlog: i32) -> Socket {
    let address: SocketAddr = address.parse().expect("an address");
    namespace.inside(move || listen(address, backlog))
}

fn listen(address: SocketAddr, backlog: i32) -> Socket {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    if address.is_ipv6() {
        socket.set_only_v6(true).expect("an option");
    }
    let wanted = SockAddr::from(address);
    super::namespace::wait_until(&format!("{address} is free"), || socket.bind(&wanted).is_ok());
    socket.listen(backlog).expect("it listens");
    socket
}

/// A request, as far as the lab's servers look at it.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Read one; none at the end of the connection, or when it is no HTTP.
    pub(super) fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
                None => break,
            }
        }
        let mut request = Self { method, path, headers, body: Vec::new() };
        let length: usize = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        request.body = vec![0; length.min(1 << 20)];
        stream.read_exact(&mut request.body).ok()?;
        Some(request)
    }
}

/// What serves HTTP: one answer, as bytes, to one request, then the connection is closed.
pub(super) fn http(
    answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    move |stream| {
        let Ok(reading) = stream.try_clone() else { return };
        let mut reading = BufReader::new(reading);
        if let Some(request) = Request::read(&mut reading) {
            let mut stream = stream;
            let _ = stream.write_all(&answer(&request));
            let _ = stream.shutdown(Shutdown::Write);
            // What is still on its way here would turn our close into a reset, and the answer would be lost.
            let _ = std::io::copy(&mut reading.take(1 << 20), &mut std::io::sink());
        }
    }
}

/// An answer with these header lines, each ended by a line feed, and a right `Content-Length`.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let headers = headers.replace('\n', "\r\n");
    let date = if headers.contains("Date:") { String::new() } else { format!("Date: {date}\r\n") };
    format!(
        "HTTP/1.1 {status}\r\n{date}Server: app2\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An answer whose body is JSON.
pub(super) fn json(status: &str, body: &str) -> Vec<u8> {
    answer(status, "Content-Type: application/json\n", body)
}

/// Application 2 of the lab, in a version, an environment and a node of its own.
pub(super) fn app2(
    version: &str,
    environment: &str,
    node: &str,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    let identity = identity(version, environment, node);
    http(move |request| healthy(request, &identity))
}

/// What the application says of itself.
pub(super) fn identity(version: &str, environment: &str, node: &str) -> String {
    format!(r#"{{"application":"app2","version":"{version}","environment":"{environment}","node":"{node}"}}"#)
}

/// What a healthy application answers.
pub(super) fn healthy(request: &Request, identity: &str) -> Vec<u8> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/version") => json("200 OK", identity),
        ("GET", "/api/city") => {
            answer("200 OK", "Content-Type: application/json;charset=UTF-8\n", "{\"city\":\"Z\u{fc}rich\"}")
        }
        ("GET", "/health") => json("200 OK", r#"{"status":"up"}"#),
        ("GET", "/api/orders") => json("200 OK", r#"{"orders":[{"id":1},{"id":2},{"id":3}]}"#),
        ("GET", "/api/large") => json("200 OK", &format!(r#"{{"filler":"{}"}}"#, "x".repeat(60_000))),
        ("POST", "/api/orders") => json("201 Created", r#"{"id":4}"#),
        ("GET", "/ws") if request.header("upgrade") == Some("websocket") => {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec()
        }
        ("GET", "/api/queues/%2F/orders") => {
            json("200 OK", r#"{"name":"orders","vhost":"/","consumers":2,"messages":0}"#)
        }
        ("GET", "/api/queues/%2F/orders.dlq") => {
            json("200 OK", r#"{"name":"orders.dlq","vhost":"/","consumers":0,"messages":0}"#)
        }
        ("GET", "/api/health/checks/alarms") => json("200 OK", r#"{"status":"ok"}"#),
        ("GET", "/services/orders?wsdl") => wsdl("http://app2.corp.test:8080/services/orders"),
        _ => json("404 Not Found", r#"{"error":"no such path"}"#),
    }
}

/// The description of a service at this address.
pub(super) fn wsdl(address: &str) -> Vec<u8> {
    let service = format!(
        "<wsdl:service name=\"orders\"><wsdl:port name=\"orders\"><soap:address location=\"{address}\"/></wsdl:port></wsdl:service>"
    );
    let text = format!(
        "<?xml version=\"1.0\"?><wsdl:definitions xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\">{service}</wsdl:definitions>"
    );
    answer("200 OK", "Content-Type: text/xml\n", &text)
}
