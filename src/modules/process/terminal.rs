//! Gives programs a terminal of their own. What they do to it, such as inserting input, does not affect the user's.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use mlua::{Lua, Table};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::pty::{PtyMaster, grantpt, posix_openpt, unlockpt};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

use crate::error::{Error, Result};
use crate::lua::descriptor::Descriptor;

nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);
nix::ioctl_write_ptr_bad!(set_window_size, libc::TIOCSWINSZ, libc::winsize);
nix::ioctl_write_int_bad!(set_controlling, libc::TIOCSCTTY);

options! {
    /// The two ends of a terminal.
    pub(super) struct Pair {
        /// The user's side: writing to it is input, reading from it is output.
        pub(super) controller: Descriptor,
        /// The program's side, for its standard streams.
        pub(super) terminal: Descriptor,
    }
}

/// The standard streams of this process that are terminals.
pub(super) fn own_terminals() -> impl DoubleEndedIterator<Item = BorrowedFd<'static>> {
    // SAFETY: isatty takes any number. 1 means that it is open and a terminal.
    let terminals = (0..3).filter(|number| unsafe { libc::isatty(*number) } == 1);
    // SAFETY: the descriptor is open, and this program never closes its standard streams.
    terminals.map(|number| unsafe { BorrowedFd::borrow_raw(number) })
}

/// A new terminal with the settings of the user's. `None` if no standard stream is a terminal.
pub(super) fn open_terminal(lua: &Lua, (): ()) -> Result<Option<Table>> {
    let Some(user) = own_terminals().next() else {
        return Ok(None);
    };
    let controller = open_controller()?;
    let terminal = open_peer(&controller)?;
    if let Ok(settings) = tcgetattr(user) {
        apply(&terminal, &settings)?;
    }
    copy_size(user, controller.as_fd());
    let out = lua.create_table()?;
    out.raw_set("controller", Descriptor::new(lua, controller))?;
    out.raw_set("terminal", Descriptor::new(lua, terminal))?;
    Ok(Some(out))
}

fn open_controller() -> Result<PtyMaster> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let fail = |errno| Error::os("open", errno).at("/dev/ptmx");
    let controller = posix_openpt(flags).map_err(fail)?;
    grantpt(&controller).map_err(fail)?;
    unlockpt(&controller).map_err(fail)?;
    // Reads return at once: `relay` polls, and never blocks here.
    fcntl(&controller, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
        .map_err(|errno| Error::os("fcntl", errno))?;
    Ok(controller)
}

/// Opens the other end without a path: the current root may have no `/dev/pts`.
fn open_peer(controller: &PtyMaster) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes plain flags and makes a new descriptor or fails.
    let fd = unsafe {
        libc::ioctl(
            controller.as_raw_fd(),
            libc::TIOCGPTPEER as libc::Ioctl,
            flags,
        )
    };
    let fd = Errno::result(fd).map_err(|errno| Error::os("ioctl", errno).at("/dev/ptmx"))?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn apply(terminal: impl AsFd, settings: &Termios) -> Result<()> {
    loop {
        match tcsetattr(&terminal, SetArg::TCSANOW, settings) {
            Ok(()) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("tcsetattr", errno)),
        }
    }
}

/// Copies the window size of a terminal to another. If it has none, as on a serial line, nothing changes.
pub(super) fn copy_size(from: BorrowedFd<'_>, to: BorrowedFd<'_>) {
    // SAFETY: a winsize is plain numbers, for which zero is a value.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: both calls get a pointer to one winsize that lives for the call, and open descriptors.
    unsafe {
        if window_size(from.as_raw_fd(), &raw mut size).is_ok() && size.ws_col > 0 {
            let _ = set_window_size(to.as_raw_fd(), &raw const size);
        }
    }
}

/// Starts a new session, with the terminal as its controlling terminal. The terminal replaces each standard stream that is a
/// terminal, so that none of the user's terminal is left. Without a terminal it only starts the session.
pub(super) fn use_terminal(_: &Lua, pair: Option<Pair>) -> Result<()> {
    nix::unistd::setsid().map_err(|errno| Error::os("setsid", errno))?;
    let Some(pair) = pair else { return Ok(()) };
    drop(pair.controller.take("use_terminal"));
    let terminal = pair.terminal.take("use_terminal")?;
    // SAFETY: TIOCSCTTY takes a number; the descriptor is open.
    unsafe { set_controlling(terminal.as_raw_fd(), 0) }
        .map_err(|errno| Error::os("ioctl", errno).at("the new terminal"))?;
    let streams: Vec<RawFd> = own_terminals().map(|fd| fd.as_raw_fd()).collect();
    for stream in streams {
        // SAFETY: both are open descriptors. A standard stream stays open: dup2 only replaces it.
        Errno::result(unsafe { libc::dup2(terminal.as_raw_fd(), stream) })
            .map_err(|errno| Error::os("dup2", errno))?;
    }
    Ok(())
}
