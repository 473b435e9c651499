//! Extended attributes of a path. A link is not followed.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use mlua::{Lua, Table};
use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::bytes::{Bytes, text};

pub(super) fn xattrs(lua: &Lua, path: Bytes) -> Result<Table> {
    let found = lua.create_table()?;
    for (name, value) in all(&path)? {
        found.raw_set(text(lua, name)?, lua.create_string(value)?)?;
    }
    Ok(found)
}

pub(super) fn remove_xattr(_: &Lua, (path, name): (Bytes, Bytes)) -> Result<bool> {
    remove(&path, &name)
}

fn c_path(op: &str, path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::os(op, Errno::EINVAL).at(path))
}

/// Calls `call` once for the size and once for the bytes. Repeats if the size grew in between.
fn whole(mut call: impl FnMut(*mut libc::c_void, usize) -> isize) -> nix::Result<Vec<u8>> {
    loop {
        let size = Errno::result(call(std::ptr::null_mut(), 0))?.unsigned_abs();
        if size == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; size];
        match Errno::result(call(bytes.as_mut_ptr().cast(), size)) {
            Ok(got) => {
                bytes.truncate(got.unsigned_abs());
                return Ok(bytes);
            }
            Err(Errno::ERANGE) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The attributes that the caller may read, with their values. None if the file system has no extended attributes.
fn all(path: &Path) -> Result<Vec<(OsString, Vec<u8>)>> {
    let name = c_path("llistxattr", path)?;
    // SAFETY: the path is a C string, and the buffer has the given length, which may be 0.
    let listed =
        whole(|buffer, size| unsafe { libc::llistxattr(name.as_ptr(), buffer.cast(), size) });
    let names = match listed {
        Ok(names) => names,
        Err(Errno::EOPNOTSUPP) => return Ok(Vec::new()),
        Err(errno) => return Err(Error::os("llistxattr", errno).at(path)),
    };
    let mut found = Vec::new();
    for attribute in names.split(|&byte| byte == 0).filter(|one| !one.is_empty()) {
        let Ok(key) = CString::new(attribute) else {
            continue;
        };
        // SAFETY: as above, with the attribute's name as a second C string.
        let value = whole(|buffer, size| unsafe {
            libc::lgetxattr(name.as_ptr(), key.as_ptr(), buffer, size)
        });
        match value {
            Ok(value) => found.push((OsString::from_vec(attribute.to_vec()), value)),
            // It was removed in the meantime.
            Err(Errno::ENODATA) => {}
            Err(errno) => return Err(Error::os("lgetxattr", errno).at(path)),
        }
    }
    Ok(found)
}

/// Removes an attribute. Returns whether it existed.
fn remove(path: &Path, attribute: &Path) -> Result<bool> {
    let (name, key) = (
        c_path("lremovexattr", path)?,
        c_path("lremovexattr", attribute)?,
    );
    // SAFETY: path and name are C strings.
    match Errno::result(unsafe { libc::lremovexattr(name.as_ptr(), key.as_ptr()) }) {
        Ok(_) => Ok(true),
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(Error::os("lremovexattr", errno).at(path)),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use nix::errno::Errno;
    use nix::libc;

    use super::{all, remove};

    #[test]
    fn attributes_are_listed_and_go() {
        // The folder is beside the program: a file system in memory may have no extended attributes.
        let program = std::env::current_exe().expect("it has a path");
        let here = program.parent().expect("it lies in a folder");
        let folder = tempfile::tempdir_in(here).expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        let path = CString::new(file.as_os_str().as_bytes()).expect("no zero");
        let mine = |found: Vec<(std::ffi::OsString, Vec<u8>)>| -> Vec<_> {
            found
                .into_iter()
                .filter(|(name, _)| name.as_bytes().starts_with(b"user."))
                .collect()
        };
        assert!(mine(all(&file).expect("it is there")).is_empty());
        for (name, value) in [(c"user.one", b"1".as_slice()), (c"user.none", b"")] {
            // SAFETY: path and name are C strings, and the value has the given length.
            let set = unsafe {
                libc::lsetxattr(
                    path.as_ptr(),
                    name.as_ptr(),
                    value.as_ptr().cast(),
                    value.len(),
                    0,
                )
            };
            if Errno::result(set) == Err(Errno::EOPNOTSUPP) {
                return;
            }
            assert_eq!(set, 0);
        }
        let mut found = mine(all(&file).expect("it is there"));
        found.sort();
        assert_eq!(
            found,
            [
                ("user.none".into(), Vec::new()),
                ("user.one".into(), b"1".to_vec())
            ]
        );
        assert!(remove(&file, Path::new("user.one")).expect("it goes"));
        assert!(!remove(&file, Path::new("user.one")).expect("it is gone"));
        assert_eq!(mine(all(&file).expect("it is there")).len(), 1);
        assert!(all(&folder.path().join("absent")).is_err());
    }
}
