//! This program's own file.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::libc;

/// The path of this program. Without a /proc, as in a plain chroot, the path that was given to exec.
pub(crate) fn executable() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            std::env::current_exe().ok().or_else(|| {
                // SAFETY: AT_EXECFN is 0, or the address of a string that lives as long as the process.
                let name = unsafe {
                    let address = libc::getauxval(libc::AT_EXECFN) as *const libc::c_char;
                    (!address.is_null()).then(|| CStr::from_ptr(address))
                }?;
                std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
            })
        })
        .as_deref()
}
