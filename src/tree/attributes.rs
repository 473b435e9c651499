//! Attributes that an ordinary user cannot set on files: owners, set-id bits, capabilities. They are kept in a table by path.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use super::names::shown;
use super::walk::Type;
use crate::error::{Error, Result};

/// The attributes of one path. If one is absent, the default counts: owner 0, the mode of the file, no capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Attribute {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) mode: Option<u32>,
    /// The value of the extended attribute `security.capability`.
    pub(crate) capabilities: Option<Vec<u8>>,
}

/// Attributes by plain path. The empty path is the top folder.
pub(crate) type Attributes = BTreeMap<Vec<u8>, Attribute>;

/// Checks that every path with attributes exists.
pub(crate) fn belong(
    op: &str,
    attributes: &Attributes,
    known: impl Fn(&[u8]) -> bool,
) -> Result<()> {
    match attributes.keys().find(|path| !known(path)) {
        None => Ok(()),
        Some(path) => Err(not_there(op, path)),
    }
}

pub(crate) fn not_there(op: &str, path: &[u8]) -> Error {
    let why = "it has attributes, but does not exist";
    let path = if path.is_empty() { b"." } else { path };
    Error::new(op, "missing", why).at(shown(path))
}

/// Checks that this kind of file can have these attributes.
pub(crate) fn check(op: &str, path: &[u8], kind: Type, attribute: &Attribute) -> Result<()> {
    let why = if attribute.mode.is_some() && kind == Type::Link {
        "a mode of a symbolic link"
    } else if attribute.capabilities.is_some() && kind != Type::File {
        "capabilities of an entry that is not a file"
    } else {
        return Ok(());
    };
    Err(Error::new(op, "type", why).at(shown(path)))
}

/// Whether the kernel accepts the value: revision 2, or revision 3 with the id of a namespace's root.
pub(crate) fn is_capability(value: &[u8]) -> bool {
    match value {
        [_, 0, 0, 2, rest @ ..] => rest.len() == 16,
        [_, 0, 0, 3, rest @ ..] => rest.len() == 20,
        _ => false,
    }
}

/// The extended attribute with the capabilities.
const NAME: &std::ffi::CStr = c"security.capability";

/// Sets the capabilities of an open file.
pub(crate) fn set_capabilities(file: &OwnedFd, value: &[u8]) -> nix::Result<()> {
    // SAFETY: the name is a C string, the value has the given length, and the descriptor is open.
    let status = unsafe {
        let (start, length) = (value.as_ptr().cast(), value.len());
        libc::fsetxattr(file.as_raw_fd(), NAME.as_ptr(), start, length, 0)
    };
    Errno::result(status).map(drop)
}

/// Whether an open file has capabilities.
pub(crate) fn has_capabilities(file: &impl AsRawFd) -> bool {
    // SAFETY: the name is a C string. With a size of 0 the kernel writes nothing.
    let size = unsafe { libc::fgetxattr(file.as_raw_fd(), NAME.as_ptr(), std::ptr::null_mut(), 0) };
    size > 0
}
