//! How a program ended, and its time limits.

use std::time::{Duration, Instant};

use mlua::{Lua, Table};
use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

use crate::error::Result;
use crate::kernel::signal;

/// The time that is `seconds` after `from`. `None`, which means never, if the clock cannot represent it.
pub(super) fn after(from: Instant, seconds: f64) -> Option<Instant> {
    from.checked_add(Duration::try_from_secs_f64(seconds.max(0.0)).ok()?)
}

/// The time between TERM and KILL for a child that ran out of time.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How a child ended.
pub(super) struct Ended {
    pub(super) pid: i32,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) timed_out: bool,
    pub(super) seconds: f64,
    pub(super) max_memory: u64,
}

/// `wait4(2)`: the status, and the peak memory in bytes of the child and of the children that it waited for.
pub(super) fn wait(pid: Option<i32>, flags: WaitPidFlag) -> nix::Result<(WaitStatus, u64)> {
    let mut status = 0;
    // SAFETY: a `rusage` consists of numbers, for which zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call.
    let result = unsafe {
        libc::wait4(
            pid.unwrap_or(-1),
            &raw mut status,
            flags.bits(),
            &raw mut usage,
        )
    };
    let status = match Errno::result(result)? {
        0 => WaitStatus::StillAlive,
        pid => WaitStatus::from_raw(Pid::from_raw(pid), status)?,
    };
    // The kernel counts in KiB (getrusage(2)).
    Ok((status, u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024))
}

impl Ended {
    pub(super) fn into_table(self, lua: &Lua) -> Result<Table> {
        let status = lua.create_table()?;
        status.raw_set("pid", self.pid)?;
        status.raw_set("ok", self.code == Some(0))?;
        status.raw_set("code", self.code)?;
        status.raw_set("signal", self.signal.map(signal::name))?;
        let exit_status = self.code.or(self.signal.map(|signal| 128 + signal));
        status.raw_set("exit_status", exit_status)?;
        status.raw_set("timed_out", self.timed_out)?;
        status.raw_set("seconds", self.seconds)?;
        status.raw_set("max_memory", self.max_memory)?;
        Ok(status)
    }

    /// The result of `wait`. `None` if the child was only stopped or continued.
    pub(super) fn from_wait(
        (status, max_memory): (WaitStatus, u64),
        started: Instant,
        timed_out: bool,
    ) -> Option<Self> {
        let (pid, code, signal) = match status {
            WaitStatus::Exited(pid, code) => (pid, Some(code), None),
            WaitStatus::Signaled(pid, signal, _) => (pid, None, Some(signal as i32)),
            _ => return None,
        };
        Some(Self {
            pid: pid.as_raw(),
            code,
            signal,
            timed_out,
            seconds: started.elapsed().as_secs_f64(),
            max_memory,
        })
    }
}
