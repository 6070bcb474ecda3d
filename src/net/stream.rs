//! Connections: what is open between us and a peer, in clear text or secured, with the first bytes that came kept.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// A connection in clear text.
#[derive(Debug)]
pub enum Plain {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

/// A connection, secured or not.
#[derive(Debug)]
pub enum Stream {
    /// In clear text.
    Plain(Plain),
    /// Over TLS, with the certificates judged.
    Tls(Box<TlsStream<Tap<Plain>>>),
}

impl Stream {
    /// The application protocol agreed by ALPN (RFC 7301).
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }
}

/// The first bytes a peer sent, and how many came in all.
#[derive(Debug, Default)]
pub struct Heard {
    head: Vec<u8>,
    received: u64,
}

impl Heard {
    /// Bytes kept from the beginning of what a peer sends.
    const KEPT: usize = 1024;

    /// The first bytes, at most 1 KiB.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes received so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(bytes.len() as u64);
        let room = Self::KEPT.saturating_sub(self.head.len());
        if room > 0 {
            self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }
}

/// A stream that remembers the beginning of what came through it, to show when it was not what we expected.
#[derive(Debug)]
pub struct Tap<S> {
    inner: S,
    heard: Arc<Mutex<Heard>>,
}

impl<S> Tap<S> {
    /// Listen in on `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner, heard: Arc::default() }
    }

    /// What came so far; stays readable when the stream is given away.
    #[must_use]
    pub fn heard(&self) -> Arc<Mutex<Heard>> {
        Arc::clone(&self.heard)
    }

    /// The stream itself, no longer listened to.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Some(new) = buf.filled().get(before..).filter(|new| !new.is_empty()) {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).hear(new);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Whoever ends a connection drops it, which closes it: telling the peer before only costs a system call.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

macro_rules! delegate {
    ($Stream:ident: $($Variant:ident),+) => {
        impl AsyncRead for $Stream {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$Variant(inner) => Pin::new(inner).poll_read(cx, buf),)+ }
            }
        }

        impl AsyncWrite for $Stream {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $(Self::$Variant(inner) => Pin::new(inner).poll_write(cx, buf),)+ }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$Variant(inner) => Pin::new(inner).poll_flush(cx),)+ }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$Variant(inner) => Pin::new(inner).poll_shutdown(cx),)+ }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() { $(Self::$Variant(inner) => Pin::new(inner).poll_write_vectored(cx, bufs),)+ }
            }

            fn is_write_vectored(&self) -> bool {
                match self { $(Self::$Variant(inner) => inner.is_write_vectored(),)+ }
            }
        }
    };
}

delegate!(Plain: Tcp, Unix);
delegate!(Stream: Plain, Tls);

/// What a peer sent, readable on one line: control characters escaped, at most `most` bytes of it.
#[must_use]
pub fn one_line(bytes: &[u8], most: usize) -> String {
    let shown = bytes.get(..most).unwrap_or(bytes);
    let mut line = String::with_capacity(shown.len());
    for character in String::from_utf8_lossy(shown).chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    if shown.len() < bytes.len() {
        line.push_str("...");
    }
    line
}
