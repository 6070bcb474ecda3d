//! Signs of life of a command: bytes that it says, whatever they are.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

/// The longest a way to a vantage may be silent before it is given up. A login by ssh is in it.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

/// When something was last heard of a command.
#[derive(Debug, Clone)]
pub(super) struct Life {
    began: Instant,
    /// Milliseconds after it began; none heard yet is 0.
    heard: Arc<AtomicU64>,
}

/// A pipe whose bytes are signs of life.
#[derive(Debug)]
pub(super) struct Listened<R> {
    pipe: R,
    life: Life,
}

impl Life {
    /// Nothing was heard yet.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), heard: Arc::default() }
    }

    /// The pipe, each byte of which is a sign of life.
    pub(super) fn listen<R>(&self, pipe: R) -> Listened<R> {
        Listened { pipe, life: self.clone() }
    }

    fn sign(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now.max(1), Ordering::Relaxed);
    }

    /// Comes back once nothing was heard for so long, and tells whether there ever was.
    pub(super) async fn silent_for(&self, longest: Duration) -> bool {
        loop {
            let heard = self.heard.load(Ordering::Relaxed);
            let until = self.began + Duration::from_millis(heard) + longest;
            if Instant::now() >= until {
                return heard > 0;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Listened<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.pipe).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.life.sign();
        }
        Poll::Ready(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn each_byte_is_a_sign_of_life() {
        const LONGEST: Duration = Duration::from_millis(300);
        assert!(!Life::new().silent_for(LONGEST).await);

        let (mut far, near) = tokio::io::duplex(16);
        let life = Life::new();
        let mut near = life.listen(near);
        let talking = async {
            for _ in 0..4 {
                tokio::time::sleep(LONGEST / 3).await;
                far.write_all(b".").await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let (began, mut all) = (Instant::now(), Vec::new());
        tokio::select! {
            () = talking => {}
            _ = near.read_to_end(&mut all) => panic!("it does not end"),
            heard = life.silent_for(LONGEST) => assert!(heard),
        }
        assert!(began.elapsed() >= LONGEST / 3 * 4 + LONGEST, "{:?}", began.elapsed());
    }
}
