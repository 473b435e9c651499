//! `image.grow`: fits the partition table of a raw disk, or of a block device, to its size.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use mlua::{Lua, Table};

use super::gpt::grow::{Grown, grown};
use super::output::write_at;
use super::read_at::View;
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;

pub(super) fn grow(lua: &Lua, path: Bytes) -> Result<Table> {
    let path = path.path();
    let new = change(path).map_err(|error| {
        if error.path.is_none() {
            error.at(path)
        } else {
            error
        }
    })?;
    let out = lua.create_table()?;
    out.raw_set("index", new.index)?;
    out.raw_set("name", new.name)?;
    out.raw_set("start", new.start)?;
    out.raw_set("size", new.size)?;
    out.raw_set("changed", !new.pieces.is_empty())?;
    Ok(out)
}

fn change(path: &Path) -> Result<Grown> {
    let mut file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|e| Error::io("open", &e))?;
    // A block device has no size of a file.
    let size = file
        .seek(SeekFrom::End(0))
        .map_err(|e| Error::io("lseek", &e))?;
    let disk = View {
        disk: &file,
        start: 0,
        size,
    };
    let new = grown(&disk)?.ok_or_else(|| {
        let text = "there is no partition table with a partition";
        Error::new("grow", "not_found", text)
    })?;
    for (at, bytes) in &new.pieces {
        write_at(&file, *at, bytes)?;
        // Each piece is on the disk before the next one is written.
        file.sync_data().map_err(|e| Error::io("fdatasync", &e))?;
    }
    Ok(new)
}
