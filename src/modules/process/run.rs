//! Runs one program to its end, with input, captured output and a time limit.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use mlua::{Lua, Table};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitPidFlag;

use super::command::Command;
use super::ended::{Ended, GRACE, after, wait};
use crate::error::{Error, Result};
use crate::kernel::{descriptor, signal};
use crate::modules::progress;

/// One of the child's streams, and its captured output or remaining input.
struct Pipe {
    file: Option<File>,
    data: Vec<u8>,
}

impl Pipe {
    fn new(fd: Option<OwnedFd>, data: Vec<u8>) -> Result<Self> {
        if let Some(fd) = &fd {
            fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
                .map_err(|errno| Error::os("fcntl", errno))?;
        }
        Ok(Self {
            file: fd.map(File::from),
            data,
        })
    }

    /// Reads what is available. Closes the stream at its end.
    fn read(&mut self) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        match file.read_to_end(&mut self.data) {
            Ok(_) => self.file = None,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(Error::io("read", &error)),
        }
        Ok(())
    }

    /// Writes as much as the pipe takes. Closes it when everything is written or the reader is gone.
    fn write(&mut self) -> Result<()> {
        while let Some(file) = &mut self.file {
            match file.write(&self.data) {
                _ if self.data.is_empty() => self.file = None,
                Ok(count) => drop(self.data.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.file = None,
                Err(error) => return Err(Error::io("write", &error)),
            }
        }
        Ok(())
    }
}

/// A descriptor that tells when the child has ended. If the kernel refuses one, the child cannot be waited for and is killed.
fn watch_or_end(child: &mut Child, has_group: bool) -> Result<OwnedFd> {
    let pid = child.id().cast_signed();
    descriptor::of_process(pid).inspect_err(|_| {
        signal::send(pid, has_group, Signal::SIGKILL);
        drop(child.wait());
    })
}

pub(super) fn run(lua: &Lua, command: Command) -> Result<Table> {
    let mut prepared = command.prepare("run")?;
    let started = Instant::now();
    let mut child = prepared
        .command
        .spawn()
        .map_err(|e| command.not_started("run", &e))?;
    let pid = child.id().cast_signed();
    let watch = watch_or_end(&mut child, prepared.has_group)?;
    let input = command.input.map(|input| input.0).unwrap_or_default();
    let mut stdin = Pipe::new(child.stdin.take().map(Into::into), input)?;
    let mut stdout = Pipe::new(child.stdout.take().map(Into::into), Vec::new())?;
    let mut stderr = Pipe::new(child.stderr.take().map(Into::into), Vec::new())?;
    let mut deadline = command.timeout.and_then(|seconds| after(started, seconds));
    let mut timed_out = false;
    let mut alive = true;
    // Ends with the program, even if a grandchild still has a stream open.
    while alive {
        let mut fds = vec![PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        for (pipe, events) in [
            (&stdin, PollFlags::POLLOUT),
            (&stdout, PollFlags::POLLIN),
            (&stderr, PollFlags::POLLIN),
        ] {
            if let Some(file) = &pipe.file {
                fds.push(PollFd::new(file.as_fd(), events));
            }
        }
        let wait = deadline.map(|d| d.saturating_duration_since(Instant::now()));
        // What is shown of the wait goes on meanwhile.
        let wait = if progress::is_shown() {
            Some(wait.unwrap_or(progress::TICK).min(progress::TICK))
        } else {
            wait
        };
        let wait = wait.map_or(PollTimeout::NONE, |d| {
            PollTimeout::try_from(d + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut fds, wait) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("poll", errno)),
        }
        progress::tick();
        alive = !fds[0].any().unwrap_or(false);
        stdin.write()?;
        stdout.read()?;
        stderr.read()?;
        if alive && deadline.is_some_and(|d| d <= Instant::now()) {
            signal::send(
                pid,
                prepared.has_group,
                if timed_out {
                    Signal::SIGKILL
                } else {
                    Signal::SIGTERM
                },
            );
            timed_out = true;
            deadline = Some(Instant::now() + GRACE);
        }
    }
    let status = loop {
        match wait(Some(pid), WaitPidFlag::empty()) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("wait4", errno)),
            Ok(status) => {
                if let Some(ended) = Ended::from_wait(status, started, timed_out) {
                    break ended;
                }
            }
        }
    };
    if timed_out {
        // The program has ended. This kills the rest of its process group.
        signal::send(pid, prepared.has_group, Signal::SIGKILL);
    }
    let table = status.into_table(lua)?;
    if prepared.capture_stdout {
        table.raw_set("stdout", lua.create_string(&stdout.data)?)?;
    }
    if prepared.capture_stderr {
        table.raw_set("stderr", lua.create_string(&stderr.data)?)?;
    }
    Ok(table)
}
