//! The work of process 1 of a pid namespace, or of the process that represents it outside: forwards signals, and reaps.

use std::time::Instant;

use mlua::{Lua, Table};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

use super::ended::{Ended, wait};
use crate::error::{Error, Result};
use crate::kernel::signal;
use crate::modules::progress;

const PASSED_ON: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// The signals that `fork` has blocked and `reap` unblocks.
#[derive(Default)]
struct Blocked(Vec<Signal>);

/// Blocks the signals to forward before the child exists. Otherwise such a signal would end this process, and the child
/// would keep running.
pub(super) fn block_signals(lua: &Lua) -> Result<()> {
    let before = SigSet::thread_get_mask().map_err(|errno| Error::os("sigprocmask", errno))?;
    let mut signals: Vec<Signal> = PASSED_ON
        .into_iter()
        .filter(|signal| !before.contains(*signal))
        .collect();
    signal::block(&signals)?;
    if let Some(earlier) = lua.remove_app_data::<Blocked>() {
        signals.extend(earlier.0);
    }
    lua.set_app_data(Blocked(signals));
    Ok(())
}

/// In a forked process: unblocks all signals, as a new program expects. Process 1 of a namespace keeps the signals to forward
/// blocked until `reap`: the kernel does not deliver signals to it that it neither handles nor blocks.
pub(super) fn unblock_signals(lua: &Lua) -> Result<()> {
    lua.remove_app_data::<Blocked>();
    let mut through = SigSet::all();
    if nix::unistd::getpid().as_raw() == 1 {
        for signal in PASSED_ON {
            through.remove(signal);
        }
    }
    through
        .thread_unblock()
        .map_err(|errno| Error::os("sigprocmask", errno))
}

/// Waits for a child, forwards signals to it, and reaps all others. Process 1 receives the signals because they are blocked;
/// the kernel would drop signals that it does not handle.
pub(super) fn reap(lua: &Lua, pid: i32) -> Result<Table> {
    let started = Instant::now();
    let ended = with_signals(lua, &[], |set| reap_blocked(pid, started, set))?;
    ended.into_table(lua)
}

/// Calls `body` while SIGCHLD, the signals to forward and `others` are blocked. Then unblocks the signals that `fork` has
/// blocked.
pub(super) fn with_signals<T>(
    lua: &Lua,
    others: &[Signal],
    body: impl FnOnce(&SigSet) -> Result<T>,
) -> Result<T> {
    let blocked = lua.remove_app_data::<Blocked>().unwrap_or_default();
    let mut set: SigSet = PASSED_ON.into_iter().collect();
    set.add(Signal::SIGCHLD);
    set.extend(others.iter().copied());
    let mut before = set
        .thread_swap_mask(SigmaskHow::SIG_BLOCK)
        .map_err(|errno| Error::os("sigprocmask", errno))?;
    let result = body(&set);
    for signal in blocked.0 {
        before.remove(signal);
    }
    before
        .thread_set_mask()
        .map_err(|errno| Error::os("sigprocmask", errno))?;
    result
}

fn reap_blocked(pid: i32, started: Instant, set: &SigSet) -> Result<Ended> {
    loop {
        if let Some(ended) = ended(pid, started)? {
            return Ok(ended);
        }
        // What is shown of the wait goes on meanwhile.
        let until = progress::is_shown().then(|| Instant::now() + progress::TICK);
        match signal::wait(set, until)? {
            Some(Signal::SIGCHLD) => {}
            None => progress::tick(),
            Some(signal) => signal::send(pid, false, signal),
        }
    }
}

/// Reaps all children that have ended. Returns how `pid` ended, if it has.
pub(super) fn ended(pid: i32, started: Instant) -> Result<Option<Ended>> {
    loop {
        match wait(None, WaitPidFlag::WNOHANG) {
            Ok((WaitStatus::StillAlive, _)) => return Ok(None),
            Ok(status) if status.0.pid() == Some(Pid::from_raw(pid)) => {
                if let Some(ended) = Ended::from_wait(status, started, false) {
                    return Ok(Some(ended));
                }
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("wait4", errno).at(pid.to_string())),
        }
    }
}
