//! Children that run at the same time, the signals that wake their parent, and reaping as process 1.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mlua::{Lua, Table, Value};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::unistd::Pid;
use serde::Deserialize;

use super::command::Command;
use crate::error::{Error, Result, native};
use crate::kernel::signal;
use crate::modules::arguments::{options, required, table};

/// The time some seconds after another; `None`, which is never, where that is beyond all clocks.
pub(super) fn after(from: Instant, seconds: f64) -> Option<Instant> {
    from.checked_add(Duration::try_from_secs_f64(seconds.max(0.0)).ok()?)
}

/// How long a child that ran out of time has between TERM and KILL.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What `spawn` started and nobody has waited for; it lives as long as the Lua state.
#[derive(Default)]
struct Children {
    running: HashMap<i32, Child>,
    caught: Vec<Signal>,
    /// What `fork` has blocked, and `reap` lets through again.
    held: Vec<Signal>,
}

struct Child {
    started: Instant,
    deadline: Option<Instant>,
    timed_out: bool,
    has_group: bool,
}

/// How a child ended.
pub(super) struct Ended {
    pub(super) pid: i32,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) timed_out: bool,
    pub(super) seconds: f64,
    pub(super) max_memory: u64,
}

/// `wait4(2)`: the status, and the most memory in bytes that the child or one that it has waited for had in RAM.
pub(super) fn wait(pid: Option<i32>, flags: WaitPidFlag) -> nix::Result<(WaitStatus, u64)> {
    let mut status = 0;
    // SAFETY: a `rusage` of zeros is a valid one.
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
    // KiB, by getrusage(2).
    Ok((status, u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024))
}

impl Ended {
    pub(super) fn into_table(self, lua: &Lua) -> Result<Table> {
        let status = table(lua)?;
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

    /// From `wait`; `None` while it only stopped or goes on.
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

pub(super) fn add(lua: &Lua, module: &Table) -> mlua::Result<()> {
    lua.set_app_data(Children::default());
    native(lua, module, "spawn", |lua, value: Value| {
        spawn(lua, required(lua, "spawn", value)?)
    })?;
    native(lua, module, "wait_any", wait_any)?;
    native(lua, module, "catch_signals", catch_signals)?;
    native(lua, module, "reap", reap)
}

/// A copy of this process has no children yet, and signals as a new program expects them: none blocked. To process 1 of a
/// namespace the kernel delivers none that it neither handles nor blocks, so there they wait for `reap`.
pub(super) fn forget(lua: &Lua) -> Result<()> {
    lua.set_app_data(Children::default());
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

/// What is to be passed on to a child waits from before there is one: it would end this process, and leave the child alone.
pub(super) fn hold(lua: &Lua) -> Result<()> {
    let blocked = SigSet::thread_get_mask().map_err(|errno| Error::os("sigprocmask", errno))?;
    let signals: Vec<Signal> = PASSED_ON
        .into_iter()
        .filter(|signal| !blocked.contains(*signal))
        .collect();
    signal::block(&signals)?;
    children(lua)?.held.extend(signals);
    Ok(())
}

fn spawn(lua: &Lua, command: Command) -> Result<i32> {
    // From here on the end of a child waits for `wait_any`.
    signal::block(&[Signal::SIGCHLD])?;
    let mut prepared = command.prepare("spawn")?;
    if prepared.capture_stdout || prepared.capture_stderr || command.input.is_some() {
        return Err(Error::argument(
            "spawn",
            "only `run` takes `input` and captures output",
        ));
    }
    let started = Instant::now();
    let child = prepared
        .command
        .spawn()
        .map_err(|e| command.not_started("spawn", &e))?;
    let pid = child.id().cast_signed();
    let mut children = children(lua)?;
    children.running.insert(
        pid,
        Child {
            started,
            deadline: command.timeout.and_then(|seconds| after(started, seconds)),
            timed_out: false,
            has_group: prepared.has_group,
        },
    );
    Ok(pid)
}

fn children(lua: &Lua) -> Result<mlua::AppDataRefMut<'_, Children>> {
    lua.app_data_mut()
        .ok_or_else(|| Error::new("process", "lua", "the module is not loaded"))
}

fn catch_signals(lua: &Lua, names: Vec<String>) -> Result<()> {
    let signals: Vec<Signal> = names
        .iter()
        .map(|name| signal::number(name))
        .collect::<Result<_>>()?;
    signal::block(&signals)?;
    children(lua)?.caught.extend(signals);
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WaitOptions {
    timeout: Option<f64>,
}

fn wait_any(lua: &Lua, value: Value) -> Result<Option<Table>> {
    let how: WaitOptions = options(lua, "wait_any", value)?;
    let until = how
        .timeout
        .and_then(|seconds| after(Instant::now(), seconds));
    signal::block(&[Signal::SIGCHLD])?;
    let mut children = children(lua)?;
    let caught: SigSet = children.caught.iter().copied().collect();
    let mut set = caught;
    set.add(Signal::SIGCHLD);
    loop {
        // First: among children that end faster than they are waited for, it would never come.
        if let Some(signal) = signal::wait(&caught, Some(Instant::now()))? {
            return woken(lua, signal).map(Some);
        }
        if let Some(ended) = children.ended()? {
            return ended.into_table(lua).map(Some);
        }
        let next = children.stop_overdue();
        let wake = [until, next].into_iter().flatten().min();
        match signal::wait(&set, wake)? {
            Some(Signal::SIGCHLD) => {}
            Some(signal) => return woken(lua, signal).map(Some),
            None if until.is_some_and(|until| until <= Instant::now()) => return Ok(None),
            None => {}
        }
    }
}

fn woken(lua: &Lua, signal: Signal) -> Result<Table> {
    let out = table(lua)?;
    out.raw_set("caught", signal::name(signal as i32))?;
    Ok(out)
}

impl Children {
    /// A child that has ended, if any has.
    fn ended(&mut self) -> Result<Option<Ended>> {
        let pids: Vec<i32> = self.running.keys().copied().collect();
        for pid in pids {
            let status = match wait(Some(pid), WaitPidFlag::WNOHANG) {
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Error::os("wait4", errno).at(pid.to_string())),
            };
            let Some(child) = self.running.get(&pid) else {
                continue;
            };
            if let Some(ended) = Ended::from_wait(status, child.started, child.timed_out) {
                self.running.remove(&pid);
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Ends children whose time is over; says when to look again.
    fn stop_overdue(&mut self) -> Option<Instant> {
        let now = Instant::now();
        for (pid, child) in &mut self.running {
            if child.deadline.is_some_and(|deadline| deadline <= now) {
                let what = if child.timed_out {
                    Signal::SIGKILL
                } else {
                    Signal::SIGTERM
                };
                signal::send(*pid, child.has_group, what);
                child.timed_out = true;
                child.deadline = Some(now + GRACE);
            }
        }
        self.running
            .values()
            .filter_map(|child| child.deadline)
            .min()
    }
}

const PASSED_ON: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// Signals that process 1 has blocked reach it, though the kernel drops those that it would not handle.
fn reap(lua: &Lua, pid: i32) -> Result<Table> {
    let started = Instant::now();
    let held = std::mem::take(&mut children(lua)?.held);
    let mut set: SigSet = PASSED_ON.into_iter().collect();
    set.add(Signal::SIGCHLD);
    let mut before = set
        .thread_swap_mask(SigmaskHow::SIG_BLOCK)
        .map_err(|errno| Error::os("sigprocmask", errno))?;
    let ended = reap_blocked(pid, started, &set);
    for signal in held {
        before.remove(signal);
    }
    before
        .thread_set_mask()
        .map_err(|errno| Error::os("sigprocmask", errno))?;
    ended?.into_table(lua)
}

fn reap_blocked(pid: i32, started: Instant, set: &SigSet) -> Result<Ended> {
    loop {
        loop {
            match wait(None, WaitPidFlag::WNOHANG) {
                Ok((WaitStatus::StillAlive, _)) => break,
                Ok(status) if status.0.pid() == Some(Pid::from_raw(pid)) => {
                    if let Some(ended) = Ended::from_wait(status, started, false) {
                        return Ok(ended);
                    }
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::os("wait4", errno).at(pid.to_string())),
            }
        }
        match signal::wait(set, None)? {
            Some(Signal::SIGCHLD) | None => {}
            Some(signal) => signal::send(pid, false, signal),
        }
    }
}
