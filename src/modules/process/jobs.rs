//! A GNU make jobserver: tokens in a pipe, shared by all the makes of a build.
//!
//! The format is that of the make manual, "POSIX Jobserver Interaction". The crate of that name can
//! only wait for a token where the reading end was inherited, and a coordinator must not wait.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;

use mlua::{Lua, Table, Value};
use nix::fcntl::OFlag;
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::module::Module;

/// What a pipe holds at least (pipe(7)): more tokens than that would block.
const MAX_TOKENS: usize = 4096;

struct Jobserver {
    /// The ends that makes inherit; they stay open as long as this does.
    read: File,
    write: File,
    /// The reading end once more, on its own, that does not wait.
    poll: File,
    held: Cell<usize>,
}

pub(super) fn jobserver(lua: &Lua, tokens: usize) -> Result<Table> {
    if !(1..=MAX_TOKENS).contains(&tokens) {
        return Err(Error::argument(
            "jobserver",
            format!("{tokens} tokens, expected 1 to {MAX_TOKENS}"),
        ));
    }
    let fail = |e: std::io::Error| Error::io("jobserver", &e);
    let (read, write) =
        nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|errno| Error::os("pipe2", errno))?;
    let (read, mut write) = (File::from(read), File::from(write));
    write.write_all(&vec![b'+'; tokens]).map_err(fail)?;
    let poll = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!("/proc/self/fd/{}", read.as_raw_fd()))
        .map_err(fail)?;
    let server = Rc::new(Jobserver {
        read,
        write,
        poll,
        held: Cell::new(0),
    });
    let fds = [server.read.as_raw_fd(), server.write.as_raw_fd()];
    // A make that finds a jobserver takes its number of jobs from there.
    let makeflags = format!("-j{tokens} --jobserver-auth={},{}", fds[0], fds[1]);
    let client = server.clone();
    let object = Module::new(lua, "jobserver")
        .value("makeflags", makeflags)
        .value("fds", fds)
        .function("try_acquire", move |_, _: Value| client.try_acquire())
        .function("release", move |_, _: Value| server.release());
    Ok(object.build()?)
}

impl Jobserver {
    fn try_acquire(&self) -> Result<bool> {
        match (&self.poll).read(&mut [0]) {
            Ok(1) => {
                self.held.set(self.held.get() + 1);
                Ok(true)
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                Err(Error::io("jobserver", &error))
            }
            _ => Ok(false),
        }
    }

    fn release(&self) -> Result<()> {
        let held = self.held.get();
        if held == 0 {
            return Err(Error::argument("release", "no token is held"));
        }
        self.held.set(held - 1);
        (&self.write)
            .write_all(b"+")
            .map_err(|e| Error::io("jobserver", &e))
    }
}
