//! The pipe of a GNU make jobserver (make manual, "POSIX Jobserver Interaction"). Each byte in it is a token.
//!
//! The programs at the other end may write anything, take all tokens and never return them, or resize the pipe. So nothing
//! here ever waits, and the caller counts the tokens.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

use mlua::{Lua, Table, Value};
use nix::fcntl::OFlag;
use nix::libc::{self, c_int};

use crate::error::{Error, Result};
use crate::lua::module::Module;

nix::ioctl_read_bad!(bytes_in_pipe, libc::FIONREAD, c_int);

/// The most tokens that one system call moves.
const AT_ONCE: usize = 256;

struct Pipe {
    /// The ends that `make` processes inherit. They stay open as long as this value exists.
    ends: [File; 2],
    /// The same pipe, opened separately: flags of the inherited ends do not affect these.
    take: File,
    put: File,
}

impl Pipe {
    fn create() -> std::io::Result<Self> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        let again = |fd: c_int, write: bool| {
            OpenOptions::new()
                .read(!write)
                .write(write)
                .custom_flags(libc::O_NONBLOCK)
                .open(Path::new("/proc/self/fd").join(fd.to_string()))
        };
        Ok(Self {
            take: again(read.as_raw_fd(), false)?,
            put: again(write.as_raw_fd(), true)?,
            ends: [File::from(read), File::from(write)],
        })
    }

    fn available(&self) -> nix::Result<usize> {
        let mut count = 0;
        // SAFETY: FIONREAD writes one int behind the pointer, which is valid for that.
        unsafe { bytes_in_pipe(self.take.as_raw_fd(), &raw mut count) }?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

/// Moves tokens until all are moved or the pipe would block. Returns the number of moved tokens.
fn transfer(
    count: usize,
    mut step: impl FnMut(usize) -> std::io::Result<usize>,
) -> std::io::Result<usize> {
    let mut done = 0;
    while done < count {
        match step((count - done).min(AT_ONCE)) {
            Ok(0) => break,
            Ok(moved) => done += moved,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

type Shared = Rc<RefCell<Option<Pipe>>>;

fn with(
    op: &str,
    shared: &Shared,
    body: impl FnOnce(&Pipe) -> std::io::Result<usize>,
) -> Result<usize> {
    let pipe = shared.borrow();
    let pipe = pipe
        .as_ref()
        .ok_or_else(|| Error::argument(op, "it is closed"))?;
    body(pipe).map_err(|error| Error::io(op, &error))
}

fn put(shared: &Shared, count: usize) -> Result<usize> {
    let tokens = [b'+'; AT_ONCE];
    with("put", shared, |pipe| {
        transfer(count, |some| (&pipe.put).write(&tokens[..some]))
    })
}

fn take(shared: &Shared, count: usize) -> Result<usize> {
    let mut tokens = [0; AT_ONCE];
    with("take", shared, |pipe| {
        transfer(count, |some| (&pipe.take).read(&mut tokens[..some]))
    })
}

fn available(shared: &Shared) -> Result<usize> {
    with("available", shared, |pipe| Ok(pipe.available()?))
}

pub(super) fn jobserver(lua: &Lua, (): ()) -> Result<Table> {
    let pipe = Pipe::create().map_err(|error| Error::io("jobserver", &error))?;
    let fds = [pipe.ends[0].as_raw_fd(), pipe.ends[1].as_raw_fd()];
    let shared: Shared = Rc::new(RefCell::new(Some(pipe)));
    let [one, two, three, four] = [&shared; 4].map(Rc::clone);
    let object = Module::new(lua, "jobserver")
        .value("fds", fds)
        .function("put", move |_, (_, count): (Value, usize)| put(&one, count))
        .function("take", move |_, (_, count): (Value, usize)| {
            take(&two, count)
        })
        .function("available", move |_, _: Value| available(&three))
        .function("close", move |_, _: Value| {
            four.take();
            Ok(())
        });
    Ok(object.build()?)
}
