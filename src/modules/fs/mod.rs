//! `bq.fs`: files and folders.

mod attributes;
mod copy;
mod write;

use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use mlua::{Lua, LuaString, Table, Value};
use nix::errno::Errno;
use nix::libc;
use serde::Deserialize;
use walkdir::WalkDir;

use super::arguments::{Bytes, options, table, text};
use crate::error::{Error, Result, native};
use crate::tree::remove::{self, is_absent};
use crate::tree::walk::failed;
use attributes::set_times;

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "stat", |lua, path: Bytes| {
        describe(lua, "stat", &path, fs::metadata(&*path))
    })?;
    native(lua, module, "lstat", |lua, path: Bytes| {
        describe(lua, "lstat", &path, fs::symlink_metadata(&*path))
    })?;
    native(lua, module, "list", list)?;
    native(lua, module, "walk", walk)?;
    native(
        lua,
        module,
        "mkdir",
        |_, (path, mode): (Bytes, Option<u32>)| write::mkdir(&path, mode.unwrap_or(0o755)),
    )?;
    native(lua, module, "mkdtemp", |lua, prefix: Bytes| {
        text(lua, write::mkdtemp(&prefix)?)
    })?;
    native(lua, module, "read", |lua, path: Bytes| {
        let bytes = fs::read(&*path).map_err(|e| Error::io("read", &e).at(&path))?;
        Ok(lua.create_string(bytes)?)
    })?;
    native(
        lua,
        module,
        "write",
        |lua, (path, content, value): (Bytes, LuaString, Value)| {
            write::write(&path, &content.as_bytes(), &options(lua, "write", value)?)
        },
    )?;
    native(
        lua,
        module,
        "append",
        |_, (path, content): (Bytes, LuaString)| write::append(&path, &content.as_bytes()),
    )?;
    native(lua, module, "rename", |_, (from, to): (Bytes, Bytes)| {
        at(&to, "rename", fs::rename(&*from, &*to))
    })?;
    native(lua, module, "remove", |_, path: Bytes| remove::one(&path))?;
    native(lua, module, "remove_all", |_, path: Bytes| {
        remove::all(&path)
    })?;
    native(
        lua,
        module,
        "symlink",
        |_, (target, path): (Bytes, Bytes)| {
            at(
                &path,
                "symlink",
                std::os::unix::fs::symlink(&*target, &*path),
            )
        },
    )?;
    native(lua, module, "link", |_, (old, new): (Bytes, Bytes)| {
        at(&new, "link", fs::hard_link(&*old, &*new))
    })?;
    native(lua, module, "readlink", readlink)?;
    native(lua, module, "realpath", |lua, path: Bytes| {
        text(lua, at(&path, "realpath", fs::canonicalize(&*path))?)
    })?;
    native(
        lua,
        module,
        "copy",
        |lua, (from, to, value): (Bytes, Bytes, Value)| {
            copy::copy(&from, &to, &options(lua, "copy", value)?)
        },
    )?;
    native(lua, module, "chmod", |_, (path, mode): (Bytes, u32)| {
        at(
            &path,
            "chmod",
            fs::set_permissions(&*path, fs::Permissions::from_mode(mode)),
        )
    })?;
    native(lua, module, "utime", |_, (path, seconds): (Bytes, i64)| {
        set_times(&path, seconds)
    })?;
    native(lua, module, "sync", |_, path: Bytes| {
        at(
            &path,
            "fsync",
            fs::File::open(&*path).and_then(|f| f.sync_all()),
        )
    })?;
    native(lua, module, "space", space)?;
    native(lua, module, "lock", lock)?;
    native(lua, module, "unlock", |_, fd: RawFd| {
        // SAFETY: the descriptor came from `lock`, which gave up its ownership to the script.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(())
    })?;
    native(lua, module, "cwd", |lua, ()| {
        text(
            lua,
            std::env::current_dir().map_err(|e| Error::io("getcwd", &e))?,
        )
    })
}

fn at<T>(path: &Bytes, op: &str, result: io::Result<T>) -> Result<T> {
    result.map_err(|error| Error::io(op, &error).at(path))
}

fn type_name(kind: fs::FileType) -> &'static str {
    if kind.is_file() {
        "file"
    } else if kind.is_dir() {
        "dir"
    } else if kind.is_symlink() {
        "link"
    } else if kind.is_char_device() {
        "char"
    } else if kind.is_block_device() {
        "block"
    } else if kind.is_fifo() {
        "fifo"
    } else {
        "socket"
    }
}

fn describe(
    lua: &Lua,
    op: &str,
    path: &Bytes,
    found: io::Result<Metadata>,
) -> Result<Option<Table>> {
    let meta = match found {
        Ok(meta) => meta,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io(op, &error).at(path)),
    };
    let stat = table(lua)?;
    stat.raw_set("type", type_name(meta.file_type()))?;
    stat.raw_set("size", meta.size())?;
    stat.raw_set("mode", meta.mode() & 0o7777)?;
    stat.raw_set("uid", meta.uid())?;
    stat.raw_set("gid", meta.gid())?;
    stat.raw_set("mtime", meta.mtime())?;
    stat.raw_set("ino", meta.ino())?;
    stat.raw_set("dev", meta.dev())?;
    stat.raw_set("nlink", meta.nlink())?;
    Ok(Some(stat))
}

fn sorted(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by(|a, b| a.file_name().as_bytes().cmp(b.file_name().as_bytes()));
    Ok(entries)
}

fn list(lua: &Lua, path: Bytes) -> Result<Table> {
    let names = table(lua)?;
    for entry in at(&path, "list", sorted(&path))? {
        names.raw_push(text(lua, entry.file_name())?)?;
    }
    Ok(names)
}

fn walk(lua: &Lua, path: Bytes) -> Result<Table> {
    let out = table(lua)?;
    for entry in WalkDir::new(&*path).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|e| failed("walk", &path, e))?;
        let meta = entry.metadata().map_err(|e| failed("walk", &path, e))?;
        let line = table(lua)?;
        let relative = entry.path().strip_prefix(&*path);
        line.raw_set("path", text(lua, relative.unwrap_or(entry.path()))?)?;
        line.raw_set("type", type_name(meta.file_type()))?;
        line.raw_set("size", meta.size())?;
        line.raw_set("mode", meta.mode() & 0o7777)?;
        out.raw_push(line)?;
    }
    Ok(out)
}

fn readlink(lua: &Lua, path: Bytes) -> Result<Option<LuaString>> {
    match fs::read_link(&*path) {
        Ok(target) => Ok(Some(text(lua, target)?)),
        // EINVAL: there is something, and it is not a link.
        Err(error) if is_absent(&error) || error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(error) => Err(Error::io("readlink", &error).at(&path)),
    }
}

fn space(lua: &Lua, path: Bytes) -> Result<Table> {
    let stat =
        nix::sys::statfs::statfs(&*path).map_err(|errno| Error::os("statfs", errno).at(&path))?;
    let vfs = nix::sys::statvfs::statvfs(&*path)
        .map_err(|errno| Error::os("statvfs", errno).at(&path))?;
    let block = stat.block_size() as u64;
    let flag = |flag| vfs.flags().contains(flag);
    let out = table(lua)?;
    out.raw_set("free", stat.blocks_available() * block)?;
    out.raw_set("total", stat.blocks() * block)?;
    out.raw_set("type", stat.filesystem_type().0)?;
    out.raw_set("readonly", flag(nix::sys::statvfs::FsFlags::ST_RDONLY))?;
    out.raw_set("noexec", flag(nix::sys::statvfs::FsFlags::ST_NOEXEC))?;
    out.raw_set("nodev", flag(nix::sys::statvfs::FsFlags::ST_NODEV))?;
    Ok(out)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LockOptions {
    shared: bool,
    inherit: bool,
}

fn lock(lua: &Lua, (path, value): (Bytes, Value)) -> Result<Option<RawFd>> {
    let how: LockOptions = options(lua, "lock", value)?;
    let mut open = fs::OpenOptions::new();
    open.read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(libc::O_CLOEXEC);
    let file = at(&path, "open", open.open(&*path))?;
    let result = if how.shared {
        file.try_lock_shared()
    } else {
        file.try_lock()
    };
    match result {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(None),
        Err(fs::TryLockError::Error(error)) => return Err(Error::io("flock", &error).at(&path)),
    }
    if how.inherit {
        nix::fcntl::fcntl(
            &file,
            nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
        )
        .map_err(|errno: Errno| Error::os("fcntl", errno).at(&path))?;
    }
    Ok(Some(file.into_raw_fd()))
}
