//! The terminal of `watch`: its modes and its size, given back as they were however the program ends.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::unistd::{getpid, getppid, getsid};
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::termios::{tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

use super::paint::{self, Painter};
use crate::report::screen::Size;

/// The longest that a terminal is waited for to take its main screen back.
const PATIENCE: Duration = Duration::from_millis(500);
/// What there is when a terminal does not say: that of a VT100.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// The terminal while it is ours; it is given back when this is dropped.
pub(super) struct Tty {
    /// How it was; none when the keys are not ours to read.
    before: Option<Termios>,
    pub(super) painter: Arc<Painter>,
    is_ours: bool,
}

impl Tty {
    pub(super) fn take() -> std::io::Result<Self> {
        let before = if std::io::stdin().is_terminal() { tcgetattr(std::io::stdin()).ok() } else { None };
        // A panic is told on the main screen, not on one that goes away.
        let (told, modes) = (std::panic::take_hook(), before.clone());
        std::panic::set_hook(Box::new(move |panic| {
            let _ = paint::write(paint::LEAVE);
            restore(modes.as_ref());
            told(panic);
        }));
        let mut tty = Self { before, painter: Painter::start()?, is_ours: false };
        tty.enter();
        Ok(tty)
    }

    /// Take the terminal: keys come one by one and are not echoed. Ctrl-C and Ctrl-Z stay signals.
    pub(super) fn enter(&mut self) {
        self.painter.enter();
        self.is_ours = true;
        if let Some(before) = &self.before {
            let mut ours = before.clone();
            ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // Whoever hits Ctrl-S would go on looking at what is not so any more.
            ours.input_modes.remove(InputModes::IXON);
            ours.special_codes[SpecialCodeIndex::VMIN] = 1;
            ours.special_codes[SpecialCodeIndex::VTIME] = 0;
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &ours);
        }
    }

    /// Give the terminal back.
    pub(super) fn leave(&mut self) {
        if std::mem::take(&mut self.is_ours) {
            self.painter.leave(PATIENCE);
            restore(self.before.as_ref());
        }
    }

    /// Ctrl-Z: give the terminal back, and stop until somebody says to go on. Where nobody could say so (no shell with job
    /// control has started us), it does nothing, as for any program.
    pub(super) fn stop(&mut self) {
        let ours = getsid(None);
        let has_shell = ours.is_ok() && ours != Ok(getpid()) && getsid(Some(getppid())) == ours;
        if has_shell {
            self.leave();
            let _ = raise(Signal::SIGSTOP);
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.leave();
    }
}

fn restore(modes: Option<&Termios>) {
    if let Some(modes) = modes {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
    }
}

/// How large the terminal is.
pub(super) fn size() -> Size {
    match tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
        }
        Ok(_) | Err(_) => USUAL,
    }
}

/// What is typed; closed when the terminal is gone. Nothing ever comes where there is no keyboard.
pub(super) fn typed() -> mpsc::Receiver<Vec<u8>> {
    let (send, typed) = mpsc::channel(8);
    let read = move || {
        if !std::io::stdin().is_terminal() {
            return std::mem::forget(send);
        }
        let mut bytes = [0; 64];
        loop {
            match rustix::io::read(std::io::stdin(), &mut bytes[..]) {
                Ok(0) => return,
                Ok(read) => {
                    if send.blocking_send(bytes[..read].to_vec()).is_err() {
                        return;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    };
    // Without the thread there are no keys, and that looks like a terminal that is gone.
    let _ = std::thread::Builder::new().name("keys".to_owned()).spawn(read);
    typed
}
