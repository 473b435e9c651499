//! The one owner of the terminal: the lines of a script's view, a line per bar below them, and messages above.
//!
//! What was drawn is replaced by one write, so nothing flickers. The cursor stays on the line below: after a kill, the shell's
//! prompt is there.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use console::{measure_text_width, truncate_str};

use super::events;
use super::row::Row;
use crate::kernel::threads::until_threads_end;
use crate::modules::log::{set_around, size};

/// How often what is shown is drawn again during a wait.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// Between two drawings that show only a new position.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two lines about the same bar where there is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Between two events about the same bar.
const EVENT: Duration = Duration::from_secs(1);

/// Where progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lines that are drawn again.
    Terminal,
    /// A line now and then.
    Plain,
    /// Only errors are shown.
    Hidden,
}

pub(super) struct Screen {
    rows: Vec<Row>,
    view: Vec<String>,
    /// The widths of the lines that are on the terminal.
    drawn: Vec<usize>,
    painted: Option<Instant>,
    last: u64,
    pub(super) has_events: bool,
}

static SCREEN: Mutex<Screen> = Mutex::new(Screen {
    rows: Vec::new(),
    view: Vec::new(),
    drawn: Vec::new(),
    painted: None,
    last: 0,
    has_events: false,
});

/// How this process shows progress, and its id. A forked child may have another standard error; it shows none.
static OWNER: OnceLock<(Kind, u32)> = OnceLock::new();

fn owner() -> (Kind, u32) {
    *OWNER.get_or_init(|| {
        set_around(Box::new(|write| screen().around(write)));
        let kind = if log::max_level() < log::LevelFilter::Info {
            Kind::Hidden
        } else if stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb") {
            Kind::Terminal
        } else {
            Kind::Plain
        };
        (kind, std::process::id())
    })
}

fn is_ours() -> bool {
    owner().1 == std::process::id()
}

pub(super) fn kind() -> Kind {
    if is_ours() { owner().0 } else { Kind::Hidden }
}

pub(super) fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Draws again what changes with time: called by whatever waits for long.
pub(crate) fn tick() {
    if OWNER.get().is_some() {
        screen().tick(Instant::now());
    }
}

/// Whether there is anything that changes with time.
pub(crate) fn is_shown() -> bool {
    OWNER.get().is_some() && !screen().rows.is_empty()
}

/// Calls a function that may take long, and draws what is shown again every second meanwhile. The thread that does so has ended
/// when it returns.
pub(crate) fn during<T>(work: impl FnOnce() -> T) -> T {
    if !is_shown() {
        return work();
    }
    let (end, ended) = channel::<()>();
    let draw = move || {
        while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            tick();
        }
    };
    until_threads_end(|| {
        std::thread::scope(|scope| {
            // Without it, what is shown stands still.
            drop(std::thread::Builder::new().spawn_scoped(scope, draw));
            // Also if the work panics, the thread ends with this.
            let _end = end;
            work()
        })
    })
}

/// Takes away all that is drawn.
pub(crate) fn clear() {
    if OWNER.get().is_some() {
        let mut screen = screen();
        screen.rows.clear();
        screen.view.clear();
        screen.paint(Instant::now());
    }
}

impl Screen {
    pub(super) fn add(&mut self, mut row: Row) -> u64 {
        self.last += 1;
        row.id = self.last;
        if self.has_events && is_ours() {
            self.say(&events::start(&row));
        }
        self.rows.push(row);
        self.paint(Instant::now());
        self.last
    }

    /// Changes a row. `draw` says whether it is drawn at once.
    pub(super) fn change(&mut self, id: u64, draw: bool, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.id == id) {
            change(row);
            let now = Instant::now();
            if draw {
                self.paint(now);
            }
            self.tick(now);
        }
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(index) = self.rows.iter().position(|row| row.id == id) {
            let row = self.rows.remove(index);
            if self.has_events && is_ours() {
                self.say(&events::end(&row, row.started.elapsed()));
            }
            self.paint(Instant::now());
        }
    }

    pub(super) fn show(&mut self, view: Vec<String>) {
        self.view = view;
        self.paint(Instant::now());
    }

    fn tick(&mut self, now: Instant) {
        if self
            .painted
            .is_none_or(|at| now.duration_since(at) >= PAUSE)
        {
            self.paint(now);
        }
        self.tell(now);
    }

    /// Tells those who see no drawing.
    fn tell(&mut self, now: Instant) {
        let is_plain = kind() == Kind::Plain && !self.has_events;
        let pause = if self.has_events { EVENT } else { HEARTBEAT };
        if !is_plain && !self.has_events || !is_ours() {
            return;
        }
        let mut texts = Vec::new();
        for row in &mut self.rows {
            if now.saturating_duration_since(row.told) >= pause {
                row.told = now;
                texts.push(if self.has_events {
                    events::progress(row)
                } else {
                    row.plain(now.duration_since(row.started))
                });
            }
        }
        for text in texts {
            if is_plain {
                write(format!("{text}\n").as_bytes());
            } else {
                self.say(&text);
            }
        }
    }

    /// Writes an event to standard output.
    fn say(&mut self, event: &str) {
        self.around(&mut |before, after| {
            if stdout().is_terminal() {
                write(before);
            }
            let mut out = stdout().lock();
            // If the reader is gone, the next line of the script ends the program.
            drop(out.write_all(event.as_bytes()).and_then(|()| out.flush()));
            if stdout().is_terminal() {
                write(after);
            }
        });
    }

    /// The lines to draw: those of the script, then the bars. They never fill the whole window.
    fn lines(&self, (rows, columns): (usize, usize), now: Instant) -> Vec<String> {
        let bars = self.rows.iter();
        let bars = bars.map(|row| row.line(now.saturating_duration_since(row.started), columns));
        let lines = self.view.iter().cloned().chain(bars);
        lines
            .take(rows.saturating_sub(1))
            // In the last column, some terminals would erase the last letter with the rest of the line.
            .map(|line| truncate_str(&line, columns.saturating_sub(1), "…").into_owned())
            .collect()
    }

    /// Moves to the first line that is drawn. Lines that are wider than a window that was made smaller take several rows.
    fn back(&self, columns: usize) -> String {
        let rows: usize = self
            .drawn
            .iter()
            .map(|width| width.div_ceil(columns).max(1))
            .sum();
        if rows == 0 {
            String::new()
        } else {
            format!("\r\x1b[{rows}A")
        }
    }

    /// Draws the lines from the cursor on, and erases what is below.
    fn draw(&mut self, size: (usize, usize), now: Instant) -> String {
        let lines = self.lines(size, now);
        let had = !self.drawn.is_empty();
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        self.painted = Some(now);
        let mut out = String::new();
        for line in &lines {
            out.push_str(line);
            out.push_str("\x1b[K\n");
        }
        out.push_str(if had { "\x1b[J" } else { "" });
        out
    }

    fn paint(&mut self, now: Instant) {
        if kind() != Kind::Terminal {
            return;
        }
        let size = size();
        let back = self.back(size.1);
        let lines = self.draw(size, now);
        write((back + &lines).as_bytes());
    }

    /// Lets a message be written above what is drawn.
    fn around(&mut self, write: &mut dyn FnMut(&[u8], &[u8])) {
        if kind() != Kind::Terminal
            || self.drawn.is_empty() && self.rows.is_empty() && self.view.is_empty()
        {
            write(b"", b"");
            return;
        }
        let size = size();
        let mut back = self.back(size.1);
        back.push_str(if back.is_empty() { "" } else { "\x1b[J" });
        self.drawn.clear();
        let lines = self.draw(size, Instant::now());
        write(back.as_bytes(), lines.as_bytes());
    }
}

/// Writes to standard error. If it is gone, that cannot be reported.
fn write(bytes: &[u8]) {
    drop(stderr().lock().write_all(bytes));
}

#[cfg(test)]
mod tests {
    use super::{Row, Screen};
    use crate::modules::progress::Unit;
    use std::time::{Duration, Instant};

    fn screen() -> Screen {
        let now = Instant::now();
        Screen {
            rows: vec![Row {
                id: 1,
                label: "zlib".into(),
                length: Some(10),
                position: 5,
                first: None,
                unit: Unit::Items,
                message: String::new(),
                started: now,
                told: now,
            }],
            view: vec![
                "first".into(),
                "\x1b[32m".to_owned() + &"é".repeat(90) + "\x1b[0m",
            ],
            drawn: Vec::new(),
            painted: None,
            last: 1,
            has_events: false,
        }
    }

    #[test]
    fn lines_are_cut_and_leave_a_row() {
        let screen = screen();
        let now = screen.rows[0].started + Duration::from_secs(7);
        let lines = screen.lines((24, 40), now);
        assert_eq!(lines[0], "first");
        assert_eq!(lines[1], format!("\x1b[32m{}…\x1b[0m", "é".repeat(38)));
        assert_eq!(lines[2], "zlib                     [====>   ]  5…");
        assert_eq!(screen.lines((2, 40), now).len(), 1);
        assert!(screen.lines((0, 0), now).is_empty());
    }

    /// A terminal breaks lines anew when it gets narrower.
    #[test]
    fn a_smaller_window_has_more_rows() {
        let mut screen = screen();
        assert_eq!(screen.back(80), "");
        screen.drawn = vec![70, 0, 20];
        assert_eq!(screen.back(80), "\r\x1b[3A");
        assert_eq!(screen.back(20), "\r\x1b[6A");
    }
}
