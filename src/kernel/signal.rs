//! Signals: names, blocking, waiting.

use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::error::{Error, Result};

/// Finds a signal by its name, with or without `SIG`.
pub(crate) fn number(name: &str) -> Result<Signal> {
    let full = if name.starts_with("SIG") {
        name.to_owned()
    } else {
        format!("SIG{name}")
    };
    full.parse()
        .map_err(|_| Error::argument("signal", format!("unknown signal `{name}`")))
}

/// A signal's name without `SIG`.
pub(crate) fn name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |s| s.as_str()[3..].to_owned())
}

/// Unblocks all signals, as a new program expects.
pub(crate) fn unblock_all() -> nix::Result<()> {
    SigSet::all().thread_unblock()
}

/// Resets every signal to its default action. That includes ignored signals, such as SIGHUP under `nohup`.
pub(crate) fn reset_all() {
    for number in 1..=libc::SIGRTMAX() {
        // SAFETY: the default action needs no handler. KILL, STOP and the signals of the C library cannot be set, and need not
        // be.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

pub(crate) fn block(signals: &[Signal]) -> Result<()> {
    let set: SigSet = signals.iter().copied().collect();
    set.thread_block()
        .map_err(|errno| Error::os("sigprocmask", errno))
}

/// Waits for one of the blocked signals. `None` if the time runs out.
pub(crate) fn wait(set: &SigSet, until: Option<Instant>) -> Result<Option<Signal>> {
    loop {
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        let result = match wait {
            // SAFETY: set and time live for the call, and the pointer for information is null.
            None => unsafe { libc::sigwaitinfo(set.as_ref(), std::ptr::null_mut()) },
            Some(wait) => {
                let time = libc::timespec {
                    tv_sec: wait.as_secs().cast_signed(),
                    tv_nsec: wait.subsec_nanos().into(),
                };
                // SAFETY: as above.
                unsafe { libc::sigtimedwait(set.as_ref(), std::ptr::null_mut(), &raw const time) }
            }
        };
        match Errno::result(result) {
            Ok(number) => return Ok(Signal::try_from(number).ok()),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("sigtimedwait", errno)),
        }
    }
}

/// Sends a signal to a child, or to its group. No error if the child has just ended.
pub(crate) fn send(pid: i32, group: bool, signal: Signal) {
    let _ = kill(Pid::from_raw(if group { -pid } else { pid }), signal);
}
