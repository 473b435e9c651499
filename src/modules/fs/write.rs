//! Makes folders, and writes files atomically.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use mlua::{Lua, LuaString};

use crate::error::{Error, Result};
use crate::lua::bytes::{Bytes, text};
use crate::tree::replace::Replacement;

pub(super) fn mkdir(_: &Lua, (path, mode): (Bytes, Option<u32>)) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode.unwrap_or(0o755))
        .create(&*path)
        .map_err(|e| Error::io("mkdir", &e).at(&path))
}

pub(super) fn mkdtemp(lua: &Lua, prefix: Bytes) -> Result<LuaString> {
    let template = [prefix.0.as_bytes(), b"XXXXXX"].concat();
    let made = nix::unistd::mkdtemp(Path::new(&OsString::from_vec(template)))
        .map_err(|errno| Error::os("mkdtemp", errno).at(&prefix))?;
    text(lua, made)
}

options! {
    pub(super) struct WriteOptions {
        mode: u32 = 0o644,
        sync: bool = true,
    }
}

pub(super) fn write(
    _: &Lua,
    (path, content, options): (Bytes, LuaString, WriteOptions),
) -> Result<()> {
    let new = Replacement::create(&path, Some(options.mode))?;
    let mut file = new.file();
    file.write_all(&content.as_bytes())
        .map_err(|e| Error::io("write", &e).at(&path))?;
    new.commit(options.sync)
}

pub(super) fn append(_: &Lua, (path, content): (Bytes, LuaString)) -> Result<()> {
    let fail = |e: io::Error| Error::io("append", &e).at(&path);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&*path)
        .map_err(fail)?;
    file.write_all(&content.as_bytes()).map_err(fail)
}

pub(super) fn syncfs(_: &Lua, path: Bytes) -> Result<()> {
    let file = File::open(&*path).map_err(|e| Error::io("open", &e).at(&path))?;
    nix::unistd::syncfs(file.as_fd()).map_err(|e| Error::os("syncfs", e).at(&path))
}

pub(super) fn sync(_: &Lua, path: Bytes) -> Result<()> {
    File::open(&*path)
        .and_then(|file| file.sync_all())
        .map_err(|e| Error::io("fsync", &e).at(&path))
}
