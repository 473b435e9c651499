//! Reads metadata of files, and the content of folders.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use mlua::{Lua, LuaString, Table};
use nix::libc;
use nix::sys::statvfs::FsFlags;
use walkdir::WalkDir;

use crate::error::{Error, Result};
use crate::lua::bytes::{Bytes, text};
use crate::tree::remove::is_absent;
use crate::tree::walk::failed;

pub(super) fn stat(lua: &Lua, path: Bytes) -> Result<Option<Table>> {
    describe(lua, "stat", &path, fs::metadata(&*path))
}

pub(super) fn lstat(lua: &Lua, path: Bytes) -> Result<Option<Table>> {
    describe(lua, "lstat", &path, fs::symlink_metadata(&*path))
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
    let stat = lua.create_table()?;
    stat.raw_set("type", type_name(meta.file_type()))?;
    stat.raw_set("size", meta.size())?;
    stat.raw_set("mode", meta.mode() & 0o7777)?;
    stat.raw_set("uid", meta.uid())?;
    stat.raw_set("gid", meta.gid())?;
    stat.raw_set("mtime", meta.mtime())?;
    let whole =
        |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    stat.raw_set("mtime_ns", whole(meta.mtime(), meta.mtime_nsec()))?;
    stat.raw_set("ctime", whole(meta.ctime(), meta.ctime_nsec()))?;
    stat.raw_set("ino", meta.ino())?;
    stat.raw_set("dev", meta.dev())?;
    stat.raw_set("nlink", meta.nlink())?;
    Ok(Some(stat))
}

pub(super) fn type_name(kind: fs::FileType) -> &'static str {
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

fn sorted(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by(|a, b| a.file_name().as_bytes().cmp(b.file_name().as_bytes()));
    Ok(entries)
}

pub(super) fn list(lua: &Lua, path: Bytes) -> Result<Table> {
    let names = lua.create_table()?;
    for entry in sorted(&path).map_err(|e| Error::io("list", &e).at(&path))? {
        names.raw_push(text(lua, entry.file_name())?)?;
    }
    Ok(names)
}

pub(super) fn walk(lua: &Lua, path: Bytes) -> Result<Table> {
    let out = lua.create_table()?;
    for entry in WalkDir::new(&*path).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|e| failed("walk", &path, e))?;
        let meta = entry.metadata().map_err(|e| failed("walk", &path, e))?;
        let line = lua.create_table()?;
        let relative = entry.path().strip_prefix(&*path);
        line.raw_set("path", text(lua, relative.unwrap_or(entry.path()))?)?;
        line.raw_set("type", type_name(meta.file_type()))?;
        line.raw_set("size", meta.size())?;
        line.raw_set("mode", meta.mode() & 0o7777)?;
        line.raw_set("mtime", meta.mtime())?;
        out.raw_push(line)?;
    }
    Ok(out)
}

pub(super) fn readlink(lua: &Lua, path: Bytes) -> Result<Option<LuaString>> {
    match fs::read_link(&*path) {
        Ok(target) => Ok(Some(text(lua, target)?)),
        // EINVAL: the path exists, and is not a link.
        Err(error) if is_absent(&error) || error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(error) => Err(Error::io("readlink", &error).at(&path)),
    }
}

pub(super) fn realpath(lua: &Lua, path: Bytes) -> Result<LuaString> {
    let real = fs::canonicalize(&*path).map_err(|e| Error::io("realpath", &e).at(&path))?;
    text(lua, real)
}

pub(super) fn space(lua: &Lua, path: Bytes) -> Result<Table> {
    let stat =
        nix::sys::statfs::statfs(&*path).map_err(|errno| Error::os("statfs", errno).at(&path))?;
    let vfs = nix::sys::statvfs::statvfs(&*path)
        .map_err(|errno| Error::os("statvfs", errno).at(&path))?;
    let block = stat.block_size() as u64;
    let flag = |flag| vfs.flags().contains(flag);
    let out = lua.create_table()?;
    out.raw_set("free", stat.blocks_available() * block)?;
    out.raw_set("total", stat.blocks() * block)?;
    out.raw_set("type", stat.filesystem_type().0)?;
    out.raw_set("readonly", flag(FsFlags::ST_RDONLY))?;
    out.raw_set("noexec", flag(FsFlags::ST_NOEXEC))?;
    out.raw_set("nodev", flag(FsFlags::ST_NODEV))?;
    Ok(out)
}

pub(super) fn cwd(lua: &Lua, (): ()) -> Result<LuaString> {
    text(
        lua,
        std::env::current_dir().map_err(|e| Error::io("getcwd", &e))?,
    )
}
