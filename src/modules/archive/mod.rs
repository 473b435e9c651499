//! `bq.archive`: reads archives strictly and unpacks them safely. Writes tar, with the same bytes for the same tree.

use std::path::PathBuf;

use mlua::{Lua, LuaString, Table, Value};
use nix::sys::stat::{Mode, umask};

mod compress;
mod cpio;
#[cfg(test)]
mod crate_reader;
mod deb;
mod decompress;
mod extract;
mod gather;
mod header;
mod input;
mod many;
mod map;
mod member;
mod number;
mod one;
mod owners;
mod pack;
mod pax;
mod reader;
mod records;
mod rules;
mod select;
mod sparse;
mod staging;
mod stream;
mod tarball;
mod tree;
mod write;
mod zipped;

use crate::error::{Error, Result};
use crate::kernel::threads::{Threads, until_threads_end};
use crate::lua::attributes::table_of_attributes;
use crate::lua::bytes::{Blob, Bytes, Sha256Digits};
use crate::lua::module::Module;
use crate::lua::options::Both;
use crate::lua::value::{Field, Wrong, word};
use crate::modules::progress::during;
use crate::tree::names::Patterns;
use member::{Kind, Limits, Member};
use rules::{Devices, Owners, Profile, Rules, Summary};

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "archive")
        .function("extract", extract)
        .function("extract_all", extract_all)
        .function("list", list)
        .function("read", read)
        .function("decompress", decompress)
        .function("compress", compress)
        .function("pack", pack::pack)
        .build()
}

impl Field for Profile {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        let words = [("source", Self::Source), ("rootfs", Self::Rootfs)];
        word(&value, &words)
    }
}

impl Field for Devices {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        let words = [
            ("refuse", Self::Refuse),
            ("skip", Self::Skip),
            ("create", Self::Create),
        ];
        word(&value, &words)
    }
}

impl Field for Owners {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        let words = [("collect", Self::Collect), ("apply", Self::Apply)];
        word(&value, &words)
    }
}

options! {
    /// The options that `extract` and `extract_all` share.
    struct RuleOptions {
        profile: Profile = Profile::Source,
        strip: usize = 0,
        include: Option<Vec<Blob>>,
        exclude: Vec<Blob> = Vec::new(),
        setid: bool = false,
        attributes: Owners = Owners::Drop,
        devices: Devices = Devices::Refuse,
        mtime: Option<i64>,
        max_bytes: u64 = Limits::default().bytes,
        max_entries: u64 = Limits::default().entries,
        max_ratio: u64 = Limits::default().ratio,
    }
}

options! {
    struct ExtractOptions {
        path: Bytes,
        target: Bytes,
        sha256: Option<Sha256Digits>,
        merge: bool = false,
    }
}

options! {
    struct ExtractAllOptions {
        paths: Vec<Bytes>,
        target: Bytes,
        threads: Option<Threads>,
        label: Option<LuaString>,
    }
}

options! {
    struct ReadOptions {
        max_bytes: u64 = 64 << 20,
    }
}

impl TryFrom<RuleOptions> for Rules {
    type Error = Error;

    fn try_from(options: RuleOptions) -> Result<Self> {
        if options.attributes != Owners::Drop && options.profile == Profile::Source {
            let why = "`attributes`: sources have none; use profile `rootfs`";
            return Err(Error::argument("extract", why));
        }
        let patterns =
            |list: Vec<Blob>| Patterns::new(list.iter().map(|pattern| pattern.0.as_slice()));
        Ok(Self {
            profile: options.profile,
            strip: options.strip,
            include: options.include.map(patterns),
            exclude: patterns(options.exclude),
            setid: options.setid,
            owners: options.attributes,
            devices: options.devices,
            mtime: options.mtime,
            limits: Limits {
                bytes: options.max_bytes,
                entries: options.max_entries,
                ratio: options.max_ratio,
            },
        })
    }
}

/// The umask. The kernel returns it only when it is set.
fn current_umask() -> u32 {
    let mask = umask(Mode::from_bits_truncate(0o077));
    umask(mask);
    mask.bits()
}

fn extract(lua: &Lua, Both(options, rules): Both<ExtractOptions, RuleOptions>) -> Result<Table> {
    let sha256 = options.sha256.map(|digest| digest.0);
    let (rules, umask) = (Rules::try_from(rules)?, current_umask());
    let summary = during(|| {
        until_threads_end(|| {
            one::extract(
                &options.path,
                &options.target,
                sha256.as_deref(),
                &rules,
                options.merge,
                decoders(),
                umask,
            )
        })
    })?;
    summary_table(lua, &rules, &summary)
}

/// The number of threads for reading one archive: the caller's, and at least one that decompresses.
fn decoders() -> u32 {
    std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8) as u32)
}

fn extract_all(
    lua: &Lua,
    Both(options, rules): Both<ExtractAllOptions, RuleOptions>,
) -> Result<Table> {
    let paths: Vec<PathBuf> = options.paths.into_iter().map(PathBuf::from).collect();
    let (rules, umask) = (Rules::try_from(rules)?, current_umask());
    let threads = options.threads.unwrap_or_default().0;
    let label = options.label.map(|label| label.to_string_lossy());
    let bar = label.map(|label| many::bar(&label, &paths));
    let summary = during(|| {
        until_threads_end(|| {
            many::extract_all(
                &paths,
                &options.target,
                &rules,
                threads,
                umask,
                bar.as_ref(),
            )
        })
    })?;
    summary_table(lua, &rules, &summary)
}

fn summary_table(lua: &Lua, rules: &Rules, summary: &Summary) -> Result<Table> {
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
    let dropped = lua.create_table()?;
    for (what, count) in &summary.dropped {
        dropped.raw_set(lua.create_string(what)?, *count)?;
    }
    table.raw_set("dropped", dropped)?;
    if rules.owners == Owners::Collect {
        table.raw_set("attributes", table_of_attributes(lua, &summary.attributes)?)?;
    }
    Ok(table)
}

fn list(lua: &Lua, path: Bytes) -> Result<Table> {
    let members = until_threads_end(|| one::list(&path, decoders()))?;
    let list = lua.create_table_with_capacity(members.len(), 0)?;
    for member in &members {
        list.raw_push(member_table(lua, member)?)?;
    }
    Ok(list)
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
    (path, member, options): (Bytes, LuaString, ReadOptions),
) -> Result<Option<LuaString>> {
    let max = options.max_bytes;
    let content = until_threads_end(|| one::file(&path, &member.as_bytes(), max, decoders()))?;
    let content = content.map(|content| lua.create_string(content));
    Ok(content.transpose()?)
}

fn decompress(lua: &Lua, (path, options): (Bytes, ReadOptions)) -> Result<LuaString> {
    let max = options.max_bytes;
    let content = until_threads_end(|| one::decompress(&path, max, decoders()))?;
    Ok(lua.create_string(content)?)
}

/// The default level of zstd.
fn compress(lua: &Lua, content: LuaString) -> Result<LuaString> {
    let packed = zstd::encode_all(&*content.as_bytes(), zstd::DEFAULT_COMPRESSION_LEVEL);
    let packed = packed.map_err(|e| Error::io("archive.compress", &e))?;
    Ok(lua.create_string(packed)?)
}
