//! Renames, removes and links files, and changes modes and times.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;

use mlua::Lua;

use super::attributes::set_times;
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;
use crate::modules::progress::during;
use crate::tree;

fn at<T>(path: &Bytes, op: &str, result: io::Result<T>) -> Result<T> {
    result.map_err(|error| Error::io(op, &error).at(path))
}

pub(super) fn rename(_: &Lua, (from, to): (Bytes, Bytes)) -> Result<()> {
    at(&to, "rename", fs::rename(&*from, &*to))
}

pub(super) fn remove(_: &Lua, path: Bytes) -> Result<bool> {
    tree::remove::one(&path)
}

pub(super) fn remove_all(_: &Lua, path: Bytes) -> Result<bool> {
    during(|| tree::remove::all(&path))
}

pub(super) fn symlink(_: &Lua, (target, path): (Bytes, Bytes)) -> Result<()> {
    let made = std::os::unix::fs::symlink(&*target, &*path);
    at(&path, "symlink", made)
}

pub(super) fn link(_: &Lua, (old, new): (Bytes, Bytes)) -> Result<()> {
    at(&new, "link", fs::hard_link(&*old, &*new))
}

pub(super) fn chmod(_: &Lua, (path, mode): (Bytes, u32)) -> Result<()> {
    let set = fs::set_permissions(&*path, Permissions::from_mode(mode));
    at(&path, "chmod", set)
}

pub(super) fn chown(_: &Lua, (path, uid, gid): (Bytes, u32, u32)) -> Result<()> {
    let set = std::os::unix::fs::lchown(&*path, Some(uid), Some(gid));
    at(&path, "lchown", set)
}

pub(super) fn utime(_: &Lua, (path, seconds): (Bytes, i64)) -> Result<()> {
    set_times(&path, seconds)
}
