//! `image.info`, `image.list`, `image.read`: what an image holds, without mounting it.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use mlua::{Lua, Table, Value};

use super::detect::{Content, detect};
use super::disk::Disk;
use super::gpt::{self, Partition};
use super::qcow2::compress::Compression;
use super::read_at::{ReadAt, View};
use super::volume::{Found, Volume};
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;
use crate::lua::value::{Field, Wrong};
use crate::tree::digest::hex;

const MAX_BYTES: u64 = 64 << 20;

/// An index, from 1, or a name.
#[derive(Debug)]
enum Which {
    Index(usize),
    Name(String),
}

impl Field for Which {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        match value {
            Value::String(_) => String::read(value, lua).map(Self::Name),
            _ => usize::read(value, lua).map(Self::Index),
        }
    }
}

options! {
    pub(super) struct List {
        path: Bytes,
        partition: Option<Which>,
        folder: Option<Bytes>,
    }
}

options! {
    pub(super) struct Read {
        path: Bytes,
        partition: Option<Which>,
        file: Bytes,
        max_bytes: u64 = MAX_BYTES,
    }
}

/// Adds the path of the image to an error that has no path.
fn about<T>(path: &Path, result: Result<T>) -> Result<T> {
    result.map_err(|error| {
        if error.path.is_none() {
            error.at(path)
        } else {
            error
        }
    })
}

pub(super) fn info(lua: &Lua, path: Bytes) -> Result<Table> {
    let path = path.path();
    about(path, Disk::open(path).and_then(|disk| show(lua, &disk)))
}

fn show(lua: &Lua, disk: &Disk) -> Result<Table> {
    let out = lua.create_table()?;
    let partitions = lua.create_table()?;
    if let Some(table) = gpt::read::table(disk)? {
        for partition in &table.partitions {
            let entry = lua.create_table()?;
            entry.raw_set("index", partition.index)?;
            entry.raw_set("type", partition.kind.to_string())?;
            entry.raw_set("guid", partition.guid.to_string())?;
            entry.raw_set("name", partition.name.as_str())?;
            entry.raw_set("start", partition.start)?;
            entry.raw_set("size", partition.size)?;
            show_content(&entry, &view(disk, partition))?;
            partitions.raw_push(entry)?;
        }
        out.raw_set("disk_guid", table.disk_guid.to_string())?;
    } else {
        show_content(&out, disk)?;
    }
    out.raw_set("partitions", partitions)?;
    out.raw_set("size", disk.size())?;
    match disk {
        Disk::Raw(_) => out.raw_set("format", "raw")?,
        Disk::Qcow2(qcow2) => {
            out.raw_set("format", "qcow2")?;
            let word = match qcow2.compression {
                Compression::Zlib => "zlib",
                Compression::Zstd => "zstd",
            };
            out.raw_set("compression", word)?;
        }
    }
    Ok(out)
}

fn show_content(out: &Table, disk: &dyn ReadAt) -> Result<()> {
    match detect(disk)? {
        Content::Volume(name, volume) => {
            out.raw_set("filesystem", name)?;
            match volume {
                Ok(volume) => {
                    out.raw_set("label", volume.label())?;
                    out.raw_set("id", volume.id())?;
                }
                Err(error) => out.raw_set("problem", error.message)?,
            }
        }
        Content::Other(name) => out.raw_set("filesystem", name)?,
        Content::Unknown => {}
    }
    Ok(())
}

fn view<'a>(disk: &'a dyn ReadAt, partition: &Partition) -> View<'a> {
    View {
        disk,
        start: partition.start,
        size: partition.size,
    }
}

/// Calls `body` with the file system of a partition. If no partition is named, the disk has to have exactly one.
fn with_volume<T>(
    path: &Path,
    which: Option<&Which>,
    body: impl FnOnce(&dyn Volume) -> Result<T>,
) -> Result<T> {
    let disk = Disk::open(path)?;
    let Some(table) = gpt::read::table(&disk)? else {
        if which.is_some() {
            let text = "it has no partition table";
            return Err(Error::new("partition", "not_found", text));
        }
        return with_content(&disk, body);
    };
    let mut found = table.partitions.iter().filter(|partition| match which {
        None => true,
        Some(Which::Index(index)) => partition.index == *index,
        Some(Which::Name(name)) => partition.name == *name,
    });
    match (found.next(), found.next()) {
        (Some(partition), None) => with_content(&view(&disk, partition), body),
        (None, _) => Err(Error::new(
            "partition",
            "not_found",
            "there is no such partition",
        )),
        (Some(_), Some(_)) => {
            let text = "there is more than one partition: say which by number or name";
            Err(Error::argument("partition", text))
        }
    }
}

fn with_content<T>(disk: &dyn ReadAt, body: impl FnOnce(&dyn Volume) -> Result<T>) -> Result<T> {
    match detect(disk)? {
        Content::Volume(_, volume) => body(volume?.as_ref()),
        Content::Other(name) => {
            let text = format!("files in {name} cannot be read");
            Err(Error::new("image", "unsupported", text))
        }
        Content::Unknown => {
            let text = "neither a partition table nor a file system that is known";
            Err(Error::new("image", "format", text))
        }
    }
}

pub(super) fn list(lua: &Lua, options: List) -> Result<Table> {
    let path = options.path.path();
    let folder = options
        .folder
        .map_or_else(|| b"/".to_vec(), |folder| folder.0.into_vec());
    let found = with_volume(path, options.partition.as_ref(), |volume| {
        volume.list(&folder)?.ok_or_else(|| {
            let text = format!("there is no folder `{}`", String::from_utf8_lossy(&folder));
            Error::new("list", "not_found", text)
        })
    });
    let mut found = about(path, found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let out = lua.create_table()?;
    for file in found {
        out.raw_push(show_file(lua, &file)?)?;
    }
    Ok(out)
}

fn show_file(lua: &Lua, file: &Found) -> Result<Table> {
    let out = lua.create_table()?;
    out.raw_set("path", lua.create_string(&file.path)?)?;
    out.raw_set("type", file.kind)?;
    out.raw_set("size", file.size)?;
    out.raw_set("mtime", file.mtime)?;
    if let Some(owner) = &file.owner {
        out.raw_set("mode", owner.mode)?;
        out.raw_set("uid", owner.uid)?;
        out.raw_set("gid", owner.gid)?;
        out.raw_set("capabilities", owner.capabilities.as_deref().map(hex))?;
    }
    if let Some(target) = &file.target {
        out.raw_set("target", lua.create_string(target)?)?;
    }
    Ok(out)
}

pub(super) fn read(lua: &Lua, options: Read) -> Result<Value> {
    let path = options.path.path();
    let max = options.max_bytes;
    let content = with_volume(path, options.partition.as_ref(), |volume| {
        volume.read(options.file.path().as_os_str().as_bytes(), max)
    });
    match about(path, content)? {
        Some(content) => Ok(Value::String(lua.create_string(content)?)),
        None => Ok(Value::Nil),
    }
}
