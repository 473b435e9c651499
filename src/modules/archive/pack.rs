//! Writes trees as one tar, the same bytes for the same trees.

use std::path::Path;

use mlua::{Function, Lua, LuaString, Table};

use super::compress::{self, Method, Sink};
use super::gather::{Items, Source, gather};
use super::options::Options;
use super::tarball::put_all;
use super::write::OCTAL_MAX;
use crate::error::{Error, Result};
use crate::kernel::threads::settled;
use crate::tree::inside::normalise;
use crate::tree::replace::Replacement;
use crate::tree::walk::Exclude;

pub(super) fn native(lua: &Lua, table: Table) -> Result<Table> {
    let known = [
        "output",
        "sources",
        "compression",
        "level",
        "threads",
        "mtime",
        "progress",
    ];
    let options = Options::new(lua, "pack", Some(table), &known)?;
    let bad = |what: &str| Error::argument("pack", what);
    let method = match options.word("compression", &[("none", 0), ("gzip", 1), ("zstd", 2)])? {
        Some(0) => Method::None,
        None | Some(1) => match options.count("level")?.unwrap_or(6) {
            level @ 1..=9 => Method::Gzip(level as u32),
            _ => return Err(bad("option `level`: 1 to 9 for gzip")),
        },
        Some(_) => match options.count("level")?.unwrap_or(3) {
            level @ 1..=19 => Method::Zstd(level as i32),
            _ => return Err(bad("option `level`: 1 to 19 for zstd")),
        },
    };
    let mtime = options.count("mtime")?.unwrap_or(0);
    if mtime > OCTAL_MAX {
        return Err(bad("option `mtime`: too large"));
    }
    let mut sources = Vec::new();
    for source in options.get::<Vec<Table>>("sources")?.unwrap_or_default() {
        sources.push(source_of(lua, source)?);
    }
    let progress: Option<Function> = options.get("progress")?;
    let tell = |bytes: u64| match &progress {
        Some(progress) => progress
            .call::<()>(bytes)
            .map_err(|e| Error::new("pack", "progress", e.to_string())),
        None => Ok(()),
    };
    let output = options.path("output")?;
    let threads = options.threads()?;
    let packed = settled(|| pack(&output, &sources, method, threads, mtime, &tell))?;
    let fill = || {
        let table = lua.create_table()?;
        table.raw_set("sha256", packed.sha256)?;
        table.raw_set("size", packed.size)?;
        table.raw_set("entries", packed.entries)?;
        table.raw_set("bytes", packed.bytes)?;
        Ok(table)
    };
    fill().map_err(|e: mlua::Error| super::of_lua("pack", &e))
}

fn source_of(lua: &Lua, table: Table) -> Result<Source> {
    let options = Options::new(
        lua,
        "pack",
        Some(table),
        &["path", "prefix", "exclude", "mode"],
    )?;
    let prefix = match options
        .get::<LuaString>("prefix")?
        .map(|p| p.as_bytes().to_vec())
    {
        None => Vec::new(),
        Some(prefix) if prefix.is_empty() => prefix,
        Some(prefix) => normalise(&prefix)
            .map_err(|why| Error::argument("pack", format!("option `prefix`: {why}")))?,
    };
    let mode = options.count("mode")?;
    if mode.is_some_and(|mode| mode > 0o7777) {
        return Err(Error::argument(
            "pack",
            "option `mode`: more than permission bits",
        ));
    }
    let path = options.path("path")?;
    Ok(Source {
        exclude: Exclude::new(options.strings("exclude")?),
        prefix,
        mode: mode.map(|mode| mode as u32),
        path,
    })
}

/// What was written.
struct Packed {
    sha256: String,
    size: u64,
    entries: u64,
    bytes: u64,
}

fn pack(
    output: &Path,
    sources: &[Source],
    method: Method,
    threads: usize,
    mtime: u64,
    tell: &dyn Fn(u64) -> Result<()>,
) -> Result<Packed> {
    let mut items = Items::new();
    for (number, source) in sources.iter().enumerate() {
        gather(&mut items, source, number)?;
    }
    let new = Replacement::create(output, None)?;
    let (mut entries, mut bytes) = (0, 0);
    let produce = |sink: Sink<'_>| {
        (entries, bytes) = put_all(&items, sources, mtime, sink, tell)?;
        Ok(())
    };
    let at_output = |error: Error| {
        if error.path.is_none() {
            error.at(output)
        } else {
            error
        }
    };
    let (sha256, size) =
        compress::write(new.file(), method, threads, produce).map_err(at_output)?;
    new.commit(true)?;
    Ok(Packed {
        sha256,
        size,
        entries,
        bytes,
    })
}
