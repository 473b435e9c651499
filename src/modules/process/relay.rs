//! Connects the user's terminal with the terminal of a program. Passes on input, output, signals and the window size.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use mlua::{Lua, Table};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{read, write};

use super::ended::Ended;
use super::raw::Raw;
use super::reap;
use super::terminal::{Pair, copy_size, own_terminals};
use crate::error::{Error, Result};
use crate::kernel::signal;

/// The bytes that are read at a time, and the most input that waits to be written.
const PIECE: usize = 4096;

/// Waits for a child, and serves its terminal while it runs. Without a terminal it only waits and forwards signals.
pub(super) fn relay(lua: &Lua, (pid, pair): (i32, Option<Pair>)) -> Result<Table> {
    let ends = pair.map(|pair| -> Result<OwnedFd> {
        // This process closes the program's end, so that it sees when the program has closed it.
        drop(pair.terminal.take("relay"));
        pair.controller.take("relay")
    });
    let controller = ends.transpose()?;
    let started = Instant::now();
    let ended = reap::with_signals(lua, &[Signal::SIGWINCH], |signals| {
        Relay::new(pid, controller)?.run(signals, started)
    })?;
    ended.into_table(lua)
}

struct Relay {
    pid: i32,
    /// `None` after the user's terminal or the program has closed.
    controller: Option<OwnedFd>,
    /// The user's terminal, for input and for output.
    keyboard: Option<BorrowedFd<'static>>,
    screen: Option<BorrowedFd<'static>>,
    /// Input that the program's terminal has not taken yet.
    typed: Vec<u8>,
}

impl Relay {
    fn new(pid: i32, controller: Option<OwnedFd>) -> Result<Self> {
        let is_stdin = |fd: &BorrowedFd<'_>| fd.as_raw_fd() == 0;
        Ok(Self {
            pid,
            controller,
            keyboard: own_terminals().next().filter(is_stdin),
            // Standard output if it is a terminal, else standard error.
            screen: own_terminals()
                .find(|fd| !is_stdin(fd))
                .or_else(|| own_terminals().next()),
            typed: Vec::new(),
        })
    }

    fn run(mut self, signals: &SigSet, started: Instant) -> Result<Ended> {
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let events =
            SignalFd::with_flags(signals, flags).map_err(|errno| Error::os("signalfd", errno))?;
        let keyboard = self.controller.as_ref().and(self.keyboard);
        let raw = keyboard.map(Raw::new).transpose()?;
        let ended = loop {
            // First: it may have ended before its end could be seen. All that ended are reaped: a pid namespace lasts until the last
            // zombie in it is gone.
            if let Some(ended) = reap::ended(self.pid, started)? {
                break ended;
            }
            self.serve(&events)?;
        };
        // Shows the program's last output. Does not wait for background processes. The poll before each read makes the
        // kernel deliver output that is still in its buffers.
        while events_of(self.controller.as_ref()).contains(PollFlags::POLLIN) && self.show() {}
        drop(raw);
        Ok(ended)
    }

    /// Waits for an event, and handles it.
    fn serve(&mut self, events: &SignalFd) -> Result<()> {
        let mut fds = vec![PollFd::new(events.as_fd(), PollFlags::POLLIN)];
        if let Some(controller) = &self.controller {
            let mut want = PollFlags::POLLIN;
            want.set(PollFlags::POLLOUT, !self.typed.is_empty());
            fds.push(PollFd::new(controller.as_fd(), want));
            if let Some(keyboard) = self.keyboard.filter(|_| self.typed.is_empty()) {
                fds.push(PollFd::new(keyboard, PollFlags::POLLIN));
            }
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("poll", errno)),
        }
        let happened = |number: usize, what: PollFlags| {
            let events = fds.get(number).and_then(PollFd::revents);
            events.is_some_and(|events| events.intersects(what))
        };
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR;
        let (shown, room) = (
            happened(1, PollFlags::POLLIN | gone),
            happened(1, PollFlags::POLLOUT),
        );
        let typed = happened(2, PollFlags::POLLIN | gone);
        self.pass_signals_on(events)?;
        if shown && !self.show() && events_of(self.controller.as_ref()).contains(PollFlags::POLLHUP)
        {
            // All processes have closed the program's end.
            self.controller = None;
        }
        if typed {
            self.take_typed();
        }
        if room || typed {
            self.type_it();
        }
        Ok(())
    }

    fn pass_signals_on(&self, events: &SignalFd) -> Result<()> {
        while let Some(event) = events
            .read_signal()
            .map_err(|errno| Error::os("read", errno).at("signalfd"))?
        {
            match Signal::try_from(event.ssi_signo.cast_signed()) {
                Ok(Signal::SIGWINCH) => {
                    if let (Some(screen), Some(controller)) =
                        (own_terminals().next(), &self.controller)
                    {
                        copy_size(screen, controller.as_fd());
                    }
                }
                Ok(Signal::SIGCHLD) | Err(_) => {}
                Ok(other) => signal::send(self.pid, false, other),
            }
        }
        Ok(())
    }

    /// Shows pending output. Returns whether there was any.
    fn show(&mut self) -> bool {
        let mut piece = [0; PIECE];
        let Some(controller) = &self.controller else {
            return false;
        };
        let count = match read(controller, &mut piece) {
            Ok(count) => count,
            Err(Errno::EINTR) => return true,
            Err(_) => 0,
        };
        let mut rest = &piece[..count];
        while let (Some(screen), false) = (self.screen, rest.is_empty()) {
            match write(screen, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::EINTR) => {}
                // The user's terminal is gone, so output is dropped.
                Err(_) => self.screen = None,
            }
        }
        count > 0
    }

    fn take_typed(&mut self) {
        let Some(keyboard) = self.keyboard else {
            return;
        };
        let mut piece = [0; PIECE];
        match read(keyboard, &mut piece) {
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            // The user's terminal is gone. Closing the program's terminal sends SIGHUP to its session.
            Ok(0) | Err(_) => {
                self.keyboard = None;
                self.controller = None;
            }
            Ok(count) => self.typed.extend_from_slice(&piece[..count]),
        }
    }

    fn type_it(&mut self) {
        if let Some(controller) = &self.controller {
            match write(controller, &self.typed) {
                Ok(count) => drop(self.typed.drain(..count)),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(_) => self.typed.clear(),
            }
        }
    }
}

/// The events that are ready now.
fn events_of(controller: Option<&OwnedFd>) -> PollFlags {
    let Some(controller) = controller else {
        return PollFlags::empty();
    };
    let mut fds = [PollFd::new(controller.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::ZERO) {
        Ok(_) => fds[0].revents().unwrap_or(PollFlags::empty()),
        Err(_) => PollFlags::empty(),
    }
}
