//! The full screen: painted when something has changed and once a second for the clock, until somebody quits or the terminal
//! is gone.

use std::time::Duration;

use nix::libc::{SIGCONT, SIGTSTP};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::follow::Follower;
use super::keys::{self, Key};
use super::paint::Frame;
use super::{exit, tty};
use crate::cli::Shared;
use crate::clock;
use crate::report::screen::{Screen, Shown, draw};
use crate::report::{self, Tone};
use crate::verdict::{Exit, assess_live};

/// ESC alone is a key when nothing follows for so long: arrows begin with it.
const ALONE: Duration = Duration::from_millis(100);

/// Bytes of what may be the beginning of a key; no key is as long.
const LONGEST: usize = 256;

/// Signals that we answer.
struct Signals {
    quit: Signal,
    terminate: Signal,
    abort: Signal,
    hangup: Signal,
    resized: Signal,
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            quit: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            abort: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            resized: signal(SignalKind::window_change())?,
            stop: signal(SignalKind::from_raw(SIGTSTP))?,
            go_on: signal(SignalKind::from_raw(SIGCONT))?,
        })
    }
}

pub(super) async fn watch(follower: &Follower, shared: &Shared) -> Exit {
    let taken = Signals::new().and_then(|signals| Ok((signals, tty::Tty::take()?)));
    let (signals, mut tty) = match taken {
        Ok(taken) => taken,
        Err(error) => {
            let help = "plain lines need no terminal: gonogo watch | cat";
            shared.terminal.error(&format!("cannot take the terminal: {error}"), Some(help));
            return Exit::NotWritten;
        }
    };
    let ended = show(follower, shared, signals, &mut tty).await;
    tty.leave();
    let Ended::Quit = ended else { return Exit::Interrupted };
    let known = follower.known();
    let exit = exit(&known);
    let last = match (known.trouble(), known.run()) {
        (None, Some(run)) => {
            let told = assess_live(run, clock::now(), None);
            format!("{}: {}", told.verdict, report::sentence(&told))
        }
        (Some(trouble), _) => format!("the journal could not be read: {}", report::text::line(&trouble)),
        (None, None) => format!("no run is recorded in {}", follower.place()),
    };
    shared.terminal.print(&last);
    exit
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Somebody who watched has quit.
    Quit,
    /// We were told to end, or nobody watches any more.
    Stopped,
}

async fn show(follower: &Follower, shared: &Shared, mut signals: Signals, tty: &mut tty::Tty) -> Ended {
    let mut typed = tty::typed();
    let mut bytes: Vec<u8> = Vec::new();
    let mut scroll = 0_usize;
    let mut page = paint(follower, shared, tty, &mut scroll);
    loop {
        tokio::select! {
            () = follower.changed.notified() => {}
            () = tokio::time::sleep(to_next_second()) => {}
            () = tokio::time::sleep(ALONE), if !bytes.is_empty() => {
                if bytes == [0x1b] {
                    return Ended::Quit;
                }
                bytes.clear();
            }
            more = typed.recv() => {
                let Some(more) = more else { return Ended::Stopped };
                bytes.extend(more);
                if bytes.len() > LONGEST {
                    bytes.clear();
                }
                while let Some(key) = keys::take(&mut bytes) {
                    scroll = match key {
                        Key::Quit => return Ended::Quit,
                        Key::Up => scroll.saturating_sub(1),
                        Key::Down => scroll.saturating_add(1),
                        Key::PageUp => scroll.saturating_sub(page),
                        Key::PageDown => scroll.saturating_add(page),
                        Key::Home => 0,
                        Key::End => usize::MAX,
                        Key::Redraw => {
                            tty.painter.enter();
                            scroll
                        }
                        Key::Other => scroll,
                    };
                }
            }
            _ = signals.quit.recv() => return Ended::Quit,
            _ = signals.terminate.recv() => return Ended::Stopped,
            _ = signals.abort.recv() => return Ended::Stopped,
            _ = signals.hangup.recv() => return Ended::Stopped,
            () = tty.painter.gone.notified() => return Ended::Stopped,
            _ = signals.resized.recv() => tty.painter.enter(),
            _ = signals.stop.recv() => tty.stop(),
            _ = signals.go_on.recv() => tty.enter(),
        }
        page = paint(follower, shared, tty, &mut scroll);
    }
}

/// Paint what is known; how many lines a page scrolls comes back.
fn paint(follower: &Follower, shared: &Shared, tty: &tty::Tty, scroll: &mut usize) -> usize {
    let size = tty::size();
    let known = follower.known();
    let trouble = known.trouble();
    let told = known.run().map(|run| assess_live(run, clock::now(), trouble.as_deref()));
    let place = follower.place();
    let looking = if known.is_begun { None } else { Some("the journal is being read") };
    let shown = Shown {
        told: told.as_ref(),
        place: &place,
        trouble: trouble.as_deref().or(looking),
        timeline: &known.entries,
        now: clock::now(),
    };
    let screen = draw(&shown, size, *scroll);
    *scroll = screen.scroll;
    tty.painter.show(framed(&screen, size.columns, shared.terminal.color_out));
    screen.page
}

fn framed(screen: &Screen, columns: usize, color: bool) -> Frame {
    let styled = |line: &Vec<(Tone, String)>| -> String {
        let part = |(tone, text): &(Tone, String)| {
            if color && *tone != Tone::Plain {
                let style = tone.style();
                format!("{style}{text}{style:#}")
            } else {
                text.clone()
            }
        };
        line.iter().map(part).collect()
    };
    let widths = screen.lines.iter().map(|line| line.iter().map(|(_, text)| text.len()).sum());
    Frame { lines: screen.lines.iter().map(styled).collect(), columns, widths: widths.collect() }
}

/// Until the second hand moves.
fn to_next_second() -> Duration {
    let into = jiff::Timestamp::now().subsec_millisecond().unsigned_abs();
    Duration::from_millis(1000 - u64::from(into % 1000))
}
