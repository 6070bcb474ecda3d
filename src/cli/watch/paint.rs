//! Writes to the terminal from a thread of its own, only the lines that have changed. A terminal that takes nothing (Ctrl-S, a
//! connection that hangs) keeps that thread, and nobody else: it gets the latest frame when it goes on.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// The main screen is kept, the cursor is hidden, and a full line does not wrap (ctlseqs of xterm: DECSET 1049, 25, 7).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Nothing is left of what was there.
const CLEAR: &str = "\x1b[0m\x1b[2J";
/// The other way round.
pub(super) const LEAVE: &str = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What is on the screen, line by line, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) lines: Vec<String>,
    /// Characters of a line that reaches the edge.
    pub(super) columns: usize,
    /// How many of each line are seen.
    pub(super) widths: Vec<usize>,
}

/// What the thread is asked for.
#[derive(Debug, Default)]
struct Wanted {
    frame: Option<Frame>,
    /// Whatever is on the screen is painted over.
    anew: bool,
    leave: bool,
    /// The main screen is back, or the terminal is gone.
    has_left: bool,
}

/// The thread's end of it.
struct Painting(Arc<Painter>);

impl Drop for Painting {
    fn drop(&mut self) {
        self.0.wanted().has_left = true;
        self.0.left.notify_all();
        self.0.gone.notify_one();
    }
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Painter {
    wanted: Mutex<Wanted>,
    asked: Condvar,
    left: Condvar,
    /// The terminal takes nothing any more.
    pub(super) gone: Notify,
}

impl Painter {
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let wanted = Wanted { anew: true, ..Wanted::default() };
        let painter = Arc::new(Self {
            wanted: Mutex::new(wanted),
            asked: Condvar::new(),
            left: Condvar::new(),
            gone: Notify::new(),
        });
        let painting = Arc::clone(&painter);
        std::thread::Builder::new().name("paint".to_owned()).spawn(move || {
            let painting = Painting(painting);
            // Whatever ends it is told when it is dropped.
            let _ = painting.0.paint();
        })?;
        Ok(painter)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Show this, as soon as the terminal takes it.
    pub(super) fn show(&self, frame: Frame) {
        self.wanted().frame = Some(frame);
        self.asked.notify_one();
    }

    /// Take the screen again, and paint all of it next time.
    pub(super) fn enter(&self) {
        let mut wanted = self.wanted();
        (wanted.anew, wanted.leave, wanted.has_left) = (true, false, false);
    }

    /// Give the main screen back; whether that was done within `limit`.
    pub(super) fn leave(&self, limit: Duration) -> bool {
        let mut wanted = self.wanted();
        wanted.leave = true;
        self.asked.notify_one();
        let left = self.left.wait_timeout_while(wanted, limit, |wanted| !wanted.has_left);
        left.unwrap_or_else(PoisonError::into_inner).0.has_left
    }

    fn paint(&self) -> io::Result<()> {
        let (mut shown, mut is_ours) = (None, false);
        loop {
            let wanted = self.wanted();
            let idle = |wanted: &mut Wanted| wanted.has_left || (wanted.frame.is_none() && !wanted.leave);
            let mut wanted = self.asked.wait_while(wanted, idle).unwrap_or_else(PoisonError::into_inner);
            if wanted.leave {
                drop(wanted);
                if std::mem::take(&mut is_ours) {
                    write(LEAVE)?;
                }
                self.wanted().has_left = true;
                self.left.notify_all();
                continue;
            }
            if std::mem::take(&mut wanted.anew) {
                shown = None;
            }
            let Some(frame) = wanted.frame.take() else { continue };
            drop(wanted);
            if !std::mem::replace(&mut is_ours, true) {
                // Once: to enter it again would forget where the cursor was on the main screen.
                write(ENTER)?;
            }
            write(&difference(shown.as_ref(), &frame))?;
            shown = Some(frame);
        }
    }
}

/// What makes one frame of the other.
fn difference(before: Option<&Frame>, now: &Frame) -> String {
    let mut text = String::new();
    if before.is_none() {
        text.push_str(CLEAR);
    }
    let before =
        before.filter(|before| before.columns == now.columns && before.lines.len() == now.lines.len());
    for (index, line) in now.lines.iter().enumerate() {
        if before.is_some_and(|before| before.lines[index] == *line) {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "\x1b[{};1H{line}", index + 1);
        // Where a line is full, the cursor is still on its last character: that must stay.
        if now.widths[index] < now.columns {
            text.push_str("\x1b[K");
        }
    }
    text
}

/// Write all of it, past the buffers: nothing is held back, and nothing is written twice.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(std::io::stdout(), rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Frame, difference};

    fn frame(lines: &[&str]) -> Frame {
        let widths = lines.iter().map(|line| line.len()).collect();
        Frame { lines: lines.iter().map(|&line| line.to_owned()).collect(), columns: 4, widths }
    }

    #[test]
    fn only_lines_that_changed_are_written() {
        let (one, other) = (frame(&["GO", "full", "x"]), frame(&["GO", "FULL", "y"]));
        assert_eq!(difference(Some(&one), &one), "");
        assert_eq!(difference(Some(&one), &other), "\x1b[2;1HFULL\x1b[3;1Hy\x1b[K");
        assert!(difference(None, &one).contains("\x1b[1;1HGO\x1b[K"));
    }
}
