//! Writes trees as one archive. The same trees give the same bytes.

use std::path::Path;

use mlua::{Function, Lua, Table, Value};

use super::compress::{self, Method, Sink};
use super::cpio;
use super::gather::{Items, Source, attribute, gather};
use super::tarball::{Format, put_all};
use super::write::OCTAL_MAX;
use crate::error::{Error, Result};
use crate::kernel::threads::{Threads, until_threads_end};
use crate::lua::bytes::{Blob, Bytes};
use crate::lua::value::{Field, Wrong, word};
use crate::tree::attributes::Attributes;
use crate::tree::inside::normalise;
use crate::tree::replace::Replacement;
use crate::tree::walk::Exclude;

#[derive(Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Field for Compression {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        let words = [
            ("none", Self::None),
            ("gzip", Self::Gzip),
            ("zstd", Self::Zstd),
        ];
        word(&value, &words)
    }
}

impl Field for Format {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        word(&value, &[("tar", Self::Tar), ("cpio", Self::Cpio)])
    }
}

options! {
    pub(super) struct PackOptions {
        output: Bytes,
        sources: Vec<SourceOptions> = Vec::new(),
        format: Format = Format::Tar,
        compression: Compression = Compression::Gzip,
        level: Option<u32>,
        threads: Option<Threads>,
        mtime: u64 = 0,
        attributes: Attributes = Attributes::default(),
        progress: Option<Function>,
    }
}

options! {
    struct SourceOptions {
        path: Bytes,
        prefix: Blob = Blob::default(),
        exclude: Vec<Blob> = Vec::new(),
        mode: Option<u32>,
        attributes: Attributes = Attributes::default(),
    }
}

pub(super) fn pack(lua: &Lua, options: PackOptions) -> Result<Table> {
    let bad = |what: &str| Error::argument("pack", what);
    let method = match (options.compression, options.level) {
        (Compression::None, _) => Method::None,
        (Compression::Gzip, None) => Method::Gzip(6),
        (Compression::Gzip, Some(level @ 1..=9)) => Method::Gzip(level),
        (Compression::Gzip, _) => return Err(bad("`level`: 1 to 9 for gzip")),
        (Compression::Zstd, None) => Method::Zstd(3),
        (Compression::Zstd, Some(level @ 1..=19)) => Method::Zstd(level as i32),
        (Compression::Zstd, _) => return Err(bad("`level`: 1 to 19 for zstd")),
    };
    if options.mtime > OCTAL_MAX {
        return Err(bad("`mtime`: too large"));
    }
    let sources = options.sources.into_iter().map(source_of);
    let sources: Vec<Source> = sources.collect::<Result<_>>()?;
    let tell = |bytes: u64| match &options.progress {
        Some(progress) => progress
            .call::<()>(bytes)
            .map_err(|e| Error::new("pack", "progress", e.to_string())),
        None => Ok(()),
    };
    let threads = options.threads.unwrap_or_default().0;
    let mut items = Items::new();
    for (number, source) in sources.iter().enumerate() {
        gather(&mut items, source, number)?;
    }
    attribute(&mut items, &options.attributes)?;
    if options.format == Format::Cpio {
        cpio::check(&items, options.mtime)?;
    }
    let packed = until_threads_end(|| {
        write(
            &options.output,
            &items,
            &sources,
            options.format,
            (method, threads),
            options.mtime,
            &tell,
        )
    })?;
    let table = lua.create_table()?;
    table.raw_set("sha256", packed.sha256)?;
    table.raw_set("size", packed.size)?;
    table.raw_set("entries", packed.entries)?;
    table.raw_set("bytes", packed.bytes)?;
    Ok(table)
}

fn source_of(options: SourceOptions) -> Result<Source> {
    let bad = |why: &str| Error::argument("pack", why);
    let prefix = match options.prefix.0 {
        prefix if prefix.is_empty() => prefix,
        prefix => normalise(&prefix).map_err(|why| bad(&format!("`prefix`: {why}")))?,
    };
    if options.mode.is_some_and(|mode| mode > 0o7777) {
        return Err(bad("`mode`: more than permission bits"));
    }
    let exclude = options.exclude.into_iter().map(|pattern| pattern.0);
    Ok(Source {
        exclude: Exclude::new(Some(exclude.collect())),
        prefix,
        mode: options.mode,
        attributes: options.attributes,
        path: options.path.into(),
    })
}

/// What was written.
struct Packed {
    sha256: String,
    size: u64,
    entries: u64,
    bytes: u64,
}

fn write(
    output: &Path,
    items: &Items,
    sources: &[Source],
    format: Format,
    (method, threads): (Method, usize),
    mtime: u64,
    tell: &dyn Fn(u64) -> Result<()>,
) -> Result<Packed> {
    let new = Replacement::create_large(output)?;
    let (mut entries, mut bytes) = (0, 0);
    let produce = |sink: Sink<'_>| {
        (entries, bytes) = put_all(items, sources, format, mtime, sink, tell)?;
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
