//! Children that run at the same time, and the signals that wake their parent.

use std::collections::HashMap;
use std::time::Instant;

use mlua::{AppDataRefMut, Lua, LuaString, Table};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

use super::command::Command;
use super::ended::{Ended, GRACE, after, wait};
use crate::error::{Error, Result};
use crate::kernel::signal;

/// The children that `spawn` started and that were not waited for yet. They are kept in the Lua state.
#[derive(Default)]
struct Children {
    running: HashMap<i32, Child>,
    caught: Vec<Signal>,
}

struct Child {
    started: Instant,
    deadline: Option<Instant>,
    timed_out: bool,
    has_group: bool,
}

/// Clears the list in a forked process: it has no children yet.
pub(super) fn forget(lua: &Lua) {
    lua.remove_app_data::<Children>();
}

fn children(lua: &Lua) -> Result<AppDataRefMut<'_, Children>> {
    if lua.app_data_ref::<Children>().is_none() {
        lua.set_app_data(Children::default());
    }
    lua.app_data_mut()
        .ok_or_else(|| Error::new("process", "lua", "there is no list of children"))
}

pub(super) fn spawn(lua: &Lua, command: Command) -> Result<i32> {
    // From here on SIGCHLD stays pending until `wait_any` takes it.
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

pub(super) fn catch_signals(lua: &Lua, names: Vec<String>) -> Result<()> {
    let signals: Vec<Signal> = names
        .iter()
        .map(|name| signal::number(name))
        .collect::<Result<_>>()?;
    signal::block(&signals)?;
    children(lua)?.caught.extend(signals);
    Ok(())
}

pub(super) fn on_interrupt(_: &Lua, text: LuaString) -> Result<()> {
    signal::say_on_interrupt(&text.as_bytes())
}

options! {
    pub(super) struct WaitOptions {
        timeout: Option<f64>,
    }
}

pub(super) fn wait_any(lua: &Lua, how: WaitOptions) -> Result<Option<Table>> {
    let until = how
        .timeout
        .and_then(|seconds| after(Instant::now(), seconds));
    signal::block(&[Signal::SIGCHLD])?;
    let mut children = children(lua)?;
    let caught: SigSet = children.caught.iter().copied().collect();
    let mut set = caught;
    set.add(Signal::SIGCHLD);
    loop {
        // Caught signals come first. Otherwise, if children end all the time, they would never be reported.
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

pub(super) fn kill(_: &Lua, (pid, name): (i32, String)) -> Result<bool> {
    let signal = if name == "0" {
        None
    } else {
        Some(signal::number(&name)?)
    };
    match nix::sys::signal::kill(Pid::from_raw(pid), signal) {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(errno) => Err(Error::os("kill", errno).at(pid.to_string())),
    }
}

fn woken(lua: &Lua, signal: Signal) -> Result<Table> {
    let out = lua.create_table()?;
    out.raw_set("caught", signal::name(signal as i32))?;
    Ok(out)
}

impl Children {
    /// Reaps one child that has ended, if there is one.
    fn ended(&mut self) -> Result<Option<Ended>> {
        let pids: Vec<i32> = self.running.keys().copied().collect();
        for pid in pids {
            let status = match wait(Some(pid), WaitPidFlag::WNOHANG) {
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                // It ended while `reap` waited for another one, which takes all.
                Err(Errno::ECHILD) => {
                    self.running.remove(&pid);
                    continue;
                }
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

    /// Ends children that have run out of time. Returns the next deadline.
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
