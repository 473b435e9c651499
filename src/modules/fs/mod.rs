//! `bq.fs`: files and folders.

mod attributes;
mod change;
mod copy;
mod lock;
mod look;
mod read;
mod write;
mod xattr;

use mlua::{Lua, Table};

use crate::lua::module::Module;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "fs")
        .function("stat", look::stat)
        .function("lstat", look::lstat)
        .function("list", look::list)
        .function("walk", look::walk)
        .function("readlink", look::readlink)
        .function("realpath", look::realpath)
        .function("space", look::space)
        .function("cwd", look::cwd)
        .function("read", read::read)
        .function("mkdir", write::mkdir)
        .function("mkdtemp", write::mkdtemp)
        .function("write", write::write)
        .function("append", write::append)
        .function("sync", write::sync)
        .function("syncfs", write::syncfs)
        .function("copy", copy::copy)
        .function("rename", change::rename)
        .function("remove", change::remove)
        .function("remove_all", change::remove_all)
        .function("symlink", change::symlink)
        .function("link", change::link)
        .function("chmod", change::chmod)
        .function("chown", change::chown)
        .function("utime", change::utime)
        .function("xattrs", xattr::xattrs)
        .function("remove_xattr", xattr::remove_xattr)
        .function("lock", lock::lock)
        .function("unlock", lock::unlock)
        .build()
}
