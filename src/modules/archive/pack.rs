//! Writes trees as one tar, the same bytes for the same trees.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use mlua::{Function, Lua, LuaString, Table};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::compress::{self, Method, Sink};
use super::gather::{Items, Source, gather};
use super::header::BLOCK;
use super::names::{normalise, shown};
use super::options::Options;
use super::staging::beside;
use super::threads::settled;
use super::walk::{Exclude, Node, Type};
use super::write::{Entry, OCTAL_MAX, header};
use crate::error::{Error, Result};

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

/// A file that goes unless it was renamed.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            drop(std::fs::remove_file(path));
        }
    }
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
    let place = beside(output);
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&place)
        .map_err(|e| Error::io("open", &e).at(output))?;
    let mut temporary = Temporary(Some(place.clone()));
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
    let (sha256, size) = compress::write(&file, method, threads, produce).map_err(at_output)?;
    file.sync_all()
        .map_err(|e| Error::io("fsync", &e).at(output))?;
    std::fs::rename(&place, output).map_err(|e| Error::io("rename", &e).at(output))?;
    temporary.0 = None;
    Ok(Packed {
        sha256,
        size,
        entries,
        bytes,
    })
}

/// Gives the tar, piece by piece; returns how many entries and bytes of content it has.
fn put_all(
    items: &Items,
    sources: &[Source],
    mtime: u64,
    sink: Sink<'_>,
    tell: &dyn Fn(u64) -> Result<()>,
) -> Result<(u64, u64)> {
    let mut tops = Vec::new();
    for source in sources {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        tops.push(
            open(&source.path, flags, Mode::empty())
                .map_err(|e| Error::os("open", e).at(&source.path))?,
        );
    }
    let mut first_names: HashMap<(u64, u64), &[u8]> = HashMap::new();
    let mut content = Content {
        buffer: vec![0; 256 << 10],
        bytes: 0,
        told: 0,
        tell,
    };
    for (name, item) in items {
        let node = &item.node;
        let first = node.shared.and_then(|shared| {
            let first = *first_names.entry(shared).or_insert(name.as_slice());
            (first != name.as_slice()).then_some(first)
        });
        let (kind, link, size) = match (node.kind, first) {
            (Type::Dir, _) => (b'5', b"".as_slice(), 0),
            (Type::Link, _) => (b'2', node.target.as_slice(), 0),
            (Type::File, Some(first)) => (b'1', first, 0),
            (Type::File, None) => (b'0', b"".as_slice(), node.size),
        };
        let slash: &[u8] = if node.kind == Type::Dir { b"/" } else { b"" };
        let mode = if node.kind == Type::Link {
            0o777
        } else {
            node.mode
        };
        let full = [name, slash].concat();
        sink(&header(&Entry {
            name: &full,
            kind,
            mode,
            size,
            mtime,
            link,
        }))?;
        if kind == b'0' {
            content
                .put(&tops[item.source], node, sink)
                .map_err(|error| {
                    if error.path.is_none() && error.op == "read" {
                        error.at(shown(name))
                    } else {
                        error
                    }
                })?;
        }
    }
    sink(&[0; 2 * BLOCK])?;
    (content.tell)(content.bytes)?;
    Ok((items.len() as u64, content.bytes))
}

/// How many bytes are read before anybody is told.
const TELL: u64 = 4 << 20;

struct Content<'t> {
    buffer: Vec<u8>,
    bytes: u64,
    told: u64,
    tell: &'t dyn Fn(u64) -> Result<()>,
}

impl Content<'_> {
    fn put(&mut self, top: &OwnedFd, node: &Node, sink: Sink<'_>) -> Result<()> {
        let fail = |errno: Errno| Error::os("read", errno);
        let opened;
        let fd = if node.path.is_empty() {
            // A source that is one file.
            nix::unistd::lseek(top, 0, nix::unistd::Whence::SeekSet).map_err(fail)?;
            top
        } else {
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            opened = openat(top, node.path.as_slice(), flags, Mode::empty()).map_err(fail)?;
            &opened
        };
        let mut left = node.size;
        while left > 0 {
            let most =
                usize::try_from(left).map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
            let count = match nix::unistd::read(fd, &mut self.buffer[..most]) {
                Ok(0) => {
                    return Err(Error::new(
                        "read",
                        "changed",
                        "the file became shorter while it was packed",
                    ));
                }
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(fail(errno)),
            };
            sink(&self.buffer[..count])?;
            left -= count as u64;
            self.bytes += count as u64;
            if self.bytes - self.told >= TELL {
                self.told = self.bytes;
                (self.tell)(self.bytes)?;
            }
        }
        let rest = node.size.wrapping_neg() % BLOCK as u64;
        sink(&[0; BLOCK][..rest as usize])
    }
}
