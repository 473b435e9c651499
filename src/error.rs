//! The error type of all native functions. `lua::module` turns it into a Lua error.

use std::fmt;
use std::path::Path;

use nix::errno::Errno;

/// The error of a native function: the failed operation, the file or name, and the message of the system.
#[derive(Debug, Default)]
pub(crate) struct Error {
    /// The call or operation, such as `mount` or `fetch`.
    pub(crate) op: String,
    /// The path, URL or name that the operation failed on.
    pub(crate) path: Option<String>,
    /// A stable word for the kind of failure: an errno's name, or a word such as `hash_mismatch`.
    pub(crate) code: String,
    /// The kernel's error number, if there is one.
    pub(crate) errno: Option<i32>,
    /// The message of the kernel, server or tool.
    pub(crate) message: String,
    /// More fields for Lua, such as `expected` and `actual` of a digest.
    pub(crate) details: Vec<(&'static str, String)>,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a word as its code and no errno.
    pub(crate) fn new(op: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            op: op.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// An error of the kernel.
    pub(crate) fn os(op: &str, errno: Errno) -> Self {
        Self {
            op: op.to_owned(),
            code: format!("{errno:?}"),
            errno: Some(errno as i32),
            message: errno.desc().to_owned(),
            ..Self::default()
        }
    }

    /// An error of `std::io`, with its errno if it has one.
    pub(crate) fn io(op: &str, error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(raw) => Self::os(op, Errno::from_raw(raw)),
            None => Self::new(op, "io", error.to_string()),
        }
    }

    /// Wrong arguments from Lua: a mistake in the script.
    pub(crate) fn argument(op: &str, message: impl Into<String>) -> Self {
        Self::new(op, "argument", message)
    }

    /// Sets the path.
    #[must_use]
    pub(crate) fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_string_lossy().into_owned());
        self
    }

    /// Adds a field for Lua.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.op)?;
        if let Some(path) = &self.path {
            write!(f, " `{path}`")?;
        }
        write!(f, ": {}", self.message)?;
        if self.errno.is_some() {
            write!(f, " ({})", self.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<Error> for mlua::Error {
    fn from(error: Error) -> Self {
        mlua::Error::external(error)
    }
}

impl From<mlua::Error> for Error {
    fn from(error: mlua::Error) -> Self {
        Error::new("lua", "lua", error.to_string())
    }
}
