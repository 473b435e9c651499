//! The standard streams of a program.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::process::Stdio;

use mlua::{Lua, Value};
use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;
use crate::lua::descriptor::Inherited;
use crate::lua::value::{Field, Wrong, word};

/// A stream as a command gives it: a word, a descriptor, or a table with one path.
#[derive(Clone)]
pub(super) enum Stream {
    Inherit,
    Null,
    Capture,
    /// The same place as standard output.
    Stdout,
    Fd(Inherited),
    File(Bytes),
}

impl Field for Stream {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        match value {
            Value::String(_) => word(
                &value,
                &[("inherit", 0), ("null", 1), ("capture", 2), ("stdout", 3)],
            )
            .map(|number| match number {
                0 => Self::Inherit,
                1 => Self::Null,
                2 => Self::Capture,
                _ => Self::Stdout,
            }),
            Value::Table(_) => match <[Bytes; 1]>::try_from(Vec::<Bytes>::read(value, lua)?) {
                Ok([path]) => Ok(Self::File(path)),
                Err(list) => {
                    let text = format!("expected one path, got {}", list.len());
                    Err(Wrong::says(text))
                }
            },
            _ => Inherited::read(value, lua).map(Self::Fd),
        }
    }
}

/// An open stream.
pub(super) enum Target {
    Inherit,
    Null,
    Pipe,
    Fd(OwnedFd),
}

impl Target {
    pub(super) fn into_stdio(self) -> Stdio {
        match self {
            Self::Inherit => Stdio::inherit(),
            Self::Null => Stdio::null(),
            Self::Pipe => Stdio::piped(),
            Self::Fd(fd) => Stdio::from(fd),
        }
    }

    /// A duplicate, for sending standard error to the same place as standard output.
    pub(super) fn duplicate(&self, op: &str) -> Result<Self> {
        match self {
            Self::Inherit => duplicate(op, libc::STDOUT_FILENO),
            Self::Null => Ok(Self::Null),
            Self::Pipe => Err(Error::argument(
                op,
                "`stderr` cannot join a captured `stdout`; capture both",
            )),
            Self::Fd(fd) => duplicate(op, fd.as_raw_fd()),
        }
    }

    /// Opens a file for appending.
    pub(super) fn append(op: &str, path: &Bytes) -> Result<OwnedFd> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path.path());
        file.map(OwnedFd::from)
            .map_err(|e| Error::io(op, &e).at(path))
    }

    pub(super) fn input(op: &str, stream: &Stream) -> Result<Self> {
        match stream {
            Stream::Inherit => Ok(Self::Inherit),
            Stream::Null => Ok(Self::Null),
            Stream::Fd(fd) => duplicate(op, open_number(op, fd)?),
            Stream::File(path) => File::open(path.path())
                .map(|file| Self::Fd(file.into()))
                .map_err(|e| Error::io(op, &e).at(path)),
            Stream::Capture | Stream::Stdout => Err(Error::argument(
                op,
                "`stdin`: expected one of inherit, null, a descriptor or a file",
            )),
        }
    }

    pub(super) fn output(op: &str, stream: &Stream) -> Result<Self> {
        match stream {
            Stream::Inherit => Ok(Self::Inherit),
            Stream::Null => Ok(Self::Null),
            Stream::Capture => Ok(Self::Pipe),
            Stream::Stdout => Err(Error::argument(op, "only `stderr` can be `stdout`")),
            Stream::Fd(fd) => duplicate(op, open_number(op, fd)?),
            Stream::File(path) => File::create(path.path())
                .map(|file| Self::Fd(file.into()))
                .map_err(|e| Error::io(op, &e).at(path)),
        }
    }
}

/// The number of a descriptor. It must be open.
pub(super) fn open_number(op: &str, fd: &Inherited) -> Result<RawFd> {
    let closed = |number: &str| Error::os(op, Errno::EBADF).at(number);
    let number = fd.number().ok_or_else(|| closed("a closed descriptor"))?;
    // SAFETY: F_GETFD takes any number and changes nothing. It fails if the number is not open.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(closed(&number.to_string()));
    }
    Ok(number)
}

fn duplicate(op: &str, fd: RawFd) -> Result<Target> {
    // SAFETY: F_DUPFD_CLOEXEC makes a new descriptor or fails; it touches no memory.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(Error::os(op, Errno::last()).at(fd.to_string()));
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(Target::Fd(unsafe { OwnedFd::from_raw_fd(copy) }))
}
