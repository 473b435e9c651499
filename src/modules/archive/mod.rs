//! `bq.archive`: tar and `.deb`, read strictly and unpacked safely; tar, written the same for the same tree.

use std::path::PathBuf;

use mlua::{Lua, LuaString, Table};
use nix::sys::stat::{Mode, umask};

mod compress;
#[cfg(test)]
mod crate_reader;
mod deb;
mod decompress;
mod extract;
mod gather;
mod header;
mod input;
mod many;
mod member;
mod number;
mod one;
mod options;
mod pack;
mod pax;
mod reader;
mod rules;
mod staging;
mod stream;
mod tarball;
mod tree;
mod write;

pub(crate) use options::{Options, path_of};

use crate::error::{Error, Result, native};
use crate::kernel::threads::settled;
use crate::tree::names::Patterns;
use member::{Kind, Limits, Member};
use rules::{Devices, Profile, Rules, Summary};

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "extract", extract_one)?;
    native(lua, module, "extract_all", extract_all)?;
    native(lua, module, "list", list)?;
    native(lua, module, "read", read)?;
    native(lua, module, "pack", pack::native)
}

const RULES: [&str; 10] = [
    "profile",
    "strip",
    "include",
    "exclude",
    "setid",
    "devices",
    "mtime",
    "max_bytes",
    "max_entries",
    "max_ratio",
];

fn rules(options: &Options<'_>) -> Result<Rules> {
    let profiles = [("source", Profile::Source), ("rootfs", Profile::Rootfs)];
    let devices = [
        ("refuse", Devices::Refuse),
        ("skip", Devices::Skip),
        ("create", Devices::Create),
    ];
    let usual = Limits::default();
    let patterns = |list: Vec<Vec<u8>>| Patterns::new(list.iter().map(Vec::as_slice));
    Ok(Rules {
        profile: options
            .word("profile", &profiles)?
            .unwrap_or(Profile::Source),
        strip: options.count("strip")?.unwrap_or(0) as usize,
        include: options.strings("include")?.map(patterns),
        exclude: options
            .strings("exclude")?
            .map(patterns)
            .unwrap_or_default(),
        setid: options.flag("setid")?,
        devices: options
            .word("devices", &devices)?
            .unwrap_or(Devices::Refuse),
        mtime: options.get("mtime")?,
        limits: Limits {
            bytes: options.count("max_bytes")?.unwrap_or(usual.bytes),
            entries: options.count("max_entries")?.unwrap_or(usual.entries),
            ratio: options.count("max_ratio")?.unwrap_or(usual.ratio),
        },
    })
}

/// The mask of new files' permissions, which can only be asked for by setting it.
fn current_umask() -> u32 {
    let mask = umask(Mode::from_bits_truncate(0o077));
    umask(mask);
    mask.bits()
}

fn extract_one(lua: &Lua, table: Table) -> Result<Table> {
    let known = [&["path", "target", "sha256", "merge"], RULES.as_slice()].concat();
    let options = Options::new(lua, "extract", Some(table), &known)?;
    let sha256: Option<String> = options.get("sha256")?;
    if sha256
        .as_ref()
        .is_some_and(|s| s.len() != 64 || !s.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Err(Error::argument(
            "extract",
            "option `sha256`: not 64 hexadecimal digits",
        ));
    }
    let (path, target) = (options.path("path")?, options.path("target")?);
    let (rules, merge) = (rules(&options)?, options.flag("merge")?);
    let (threads, umask) = (decoders(), current_umask());
    let summary = settled(|| {
        one::extract(
            &path,
            &target,
            sha256.as_deref(),
            &rules,
            merge,
            threads,
            umask,
        )
    })?;
    summary_table(lua, &summary).map_err(|e| of_lua("extract", &e))
}

/// Threads for reading one archive: the caller's and at least one that decompresses.
fn decoders() -> u32 {
    std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8) as u32)
}

fn extract_all(lua: &Lua, table: Table) -> Result<Table> {
    let known = [&["paths", "target", "threads"], RULES.as_slice()].concat();
    let options = Options::new(lua, "extract_all", Some(table), &known)?;
    let paths: Vec<PathBuf> = options
        .get::<Vec<LuaString>>("paths")?
        .ok_or_else(|| Error::argument("extract_all", "option `paths` is missing"))?
        .iter()
        .map(path_of)
        .collect();
    let (target, rules) = (options.path("target")?, rules(&options)?);
    let (threads, umask) = (options.threads()?, current_umask());
    let summary = settled(|| many::extract_all(&paths, &target, &rules, threads, umask))?;
    summary_table(lua, &summary).map_err(|e| of_lua("extract_all", &e))
}

fn summary_table(lua: &Lua, summary: &Summary) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("entries", summary.entries)?;
    table.raw_set("bytes", summary.bytes)?;
    table.raw_set("skipped", summary.skipped)?;
    let top: mlua::Result<Vec<_>> = summary
        .top
        .iter()
        .map(|name| lua.create_string(name))
        .collect();
    table.raw_set("top", top?)?;
    Ok(table)
}

fn of_lua(op: &str, error: &mlua::Error) -> Error {
    Error::new(op, "lua", error.to_string())
}

fn list(lua: &Lua, path: LuaString) -> Result<Table> {
    let members = settled(|| one::list(&path_of(&path), decoders()))?;
    let fill = || {
        let list = lua.create_table_with_capacity(members.len(), 0)?;
        for member in &members {
            list.raw_push(member_table(lua, member)?)?;
        }
        Ok(list)
    };
    fill().map_err(|e: mlua::Error| of_lua("list", &e))
}

fn member_table(lua: &Lua, member: &Member) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 6)?;
    let name: &[u8] = if member.name.is_empty() {
        b"."
    } else {
        &member.name
    };
    table.raw_set("path", lua.create_string(name)?)?;
    let kind = match member.kind {
        Kind::File => "file",
        Kind::Dir => "dir",
        Kind::Symlink => "link",
        Kind::Hardlink => "hardlink",
        Kind::Char => "char",
        Kind::Block => "block",
        Kind::Fifo => "fifo",
    };
    table.raw_set("type", kind)?;
    table.raw_set("size", member.size)?;
    table.raw_set("mode", member.mode)?;
    table.raw_set("mtime", member.mtime.0)?;
    if matches!(member.kind, Kind::Symlink | Kind::Hardlink) {
        table.raw_set("target", lua.create_string(&member.link)?)?;
    }
    Ok(table)
}

fn read(
    lua: &Lua,
    (path, member, options): (LuaString, LuaString, Option<Table>),
) -> Result<Option<LuaString>> {
    let options = Options::new(lua, "read", options, &["max_bytes"])?;
    let max = options.count("max_bytes")?.unwrap_or(64 << 20);
    let content = settled(|| one::file(&path_of(&path), &member.as_bytes(), max, decoders()))?;
    content
        .map(|content| lua.create_string(content))
        .transpose()
        .map_err(|e| of_lua("read", &e))
}
