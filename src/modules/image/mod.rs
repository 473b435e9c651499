//! `bq.image`: disk images, written and read without root, loop devices or mounts. See `lua-lib/meta/image.lua`.

use std::thread;

use mlua::{Function, Lua, Table, Value};
use serde::Deserialize;

use super::arguments::{Bytes, required};
use crate::error::{Error, Result, native};

mod bytes;
mod detect;
mod disk;
mod ext4;
mod fat;
mod gpt;
mod inspect;
mod options;
mod output;
mod qcow2;
mod read_at;
mod segments;
mod volume;

use options::{Blob, split};
use qcow2::compress::Compression;
use segments::{Data, Segment, Segments};

/// Where partitions begin unless they say otherwise.
const ALIGNMENT: u64 = 1 << 20;
/// More threads than this only take memory.
const MAX_THREADS: usize = 32;
/// The lowest levels that are smaller than what qemu-img writes; both take less time than it.
const ZLIB_LEVEL: i32 = 9;
const ZSTD_LEVEL: i32 = 4;

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "write", write)?;
    native(lua, module, "fat32", fat32)?;
    native(lua, module, "info", inspect::info)?;
    native(lua, module, "list", inspect::list)?;
    native(lua, module, "read", inspect::read)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FatFile {
    path: String,
    source: Option<Bytes>,
    data: Option<Blob>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FatOptions {
    files: Vec<FatFile>,
    volume_id: u32,
    label: Option<String>,
    mtime: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    File(Bytes),
    Fat32(FatOptions),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartitionOptions {
    r#type: String,
    guid: String,
    name: Option<String>,
    start: Option<u64>,
    size: u64,
    content: Option<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Qcow2,
    Raw,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteOptions {
    output: Bytes,
    format: Format,
    compression: Option<Compression>,
    level: Option<i32>,
    threads: Option<usize>,
    size: Option<u64>,
    disk_guid: String,
    partitions: Vec<PartitionOptions>,
}

impl FatOptions {
    fn segments(self, size: u64, start: u64) -> Result<Vec<Segment>> {
        let mut files = Vec::new();
        for file in self.files {
            let data = match (file.source, file.data) {
                (Some(source), None) => Some(Data::open(source.path())?),
                (None, Some(data)) => Some(Data::Bytes(data.0)),
                (None, None) => None,
                (Some(_), Some(_)) => {
                    let text = "has both `source` and `data`";
                    return Err(Error::argument("fat32", text).at(file.path));
                }
            };
            files.push((file.path, data));
        }
        fat::write::segments(fat::write::Options {
            size,
            // What is too far for the field is not told: no reader needs it.
            hidden: u32::try_from(start / gpt::SECTOR).unwrap_or(0),
            volume_id: self.volume_id,
            label: self.label,
            mtime: self.mtime,
            files,
        })
    }
}

impl Content {
    fn segments(self, size: u64, start: u64) -> Result<Vec<Segment>> {
        match self {
            Self::Fat32(options) => options.segments(size, start),
            Self::File(path) => {
                let data = Data::open(path.path())?;
                if data.len() > size {
                    let text = format!(
                        "its {} bytes do not fit into a partition of {size}",
                        data.len()
                    );
                    return Err(Error::new("write", "too_large", text).at(path.path()));
                }
                Ok(vec![Segment { offset: 0, data }])
            }
        }
    }
}

impl WriteOptions {
    fn compressor(&self) -> Result<qcow2::write::Options> {
        let bad = |text: String| Err(Error::argument("write", text));
        if self.format == Format::Raw && (self.compression.is_some() || self.level.is_some()) {
            return bad("a raw image has no `compression` and no `level`".to_owned());
        }
        let compression = self.compression.unwrap_or(Compression::Zlib);
        let (usual, most) = match compression {
            Compression::Zlib => (ZLIB_LEVEL, 9),
            Compression::Zstd => (ZSTD_LEVEL, 22),
        };
        let level = self.level.unwrap_or(usual);
        if !(1..=most).contains(&level) {
            return bad(format!("`level` is {level}, not 1 to {most}"));
        }
        if self.threads == Some(0) {
            return bad("`threads` is 0".to_owned());
        }
        let threads = self
            .threads
            .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        Ok(qcow2::write::Options {
            compression,
            level,
            threads: threads.min(MAX_THREADS),
        })
    }

    /// The disk as segments: the table and what the partitions hold.
    fn disk(self) -> Result<Segments> {
        let large = || Error::argument("write", "the disk would be too large");
        let mut table = gpt::Table {
            disk_guid: gpt::guid(&self.disk_guid)?,
            partitions: Vec::new(),
        };
        let mut end = gpt::HEAD;
        let mut contents = Vec::new();
        for (number, options) in self.partitions.into_iter().enumerate() {
            let start = match options.start {
                Some(start) => start,
                None => end.checked_next_multiple_of(ALIGNMENT).ok_or_else(large)?,
            };
            end = start.checked_add(options.size).ok_or_else(large)?;
            table.partitions.push(gpt::Partition {
                index: number + 1,
                kind: gpt::guid(&options.r#type)?,
                guid: gpt::guid(&options.guid)?,
                name: options.name.unwrap_or_default(),
                start,
                size: options.size,
            });
            contents.push(options.content);
        }
        let end = table.partitions.iter().map(|p| p.start + p.size).max();
        let least = end
            .unwrap_or(gpt::HEAD)
            .checked_add(gpt::TAIL)
            .and_then(|end| end.checked_next_multiple_of(ALIGNMENT))
            .ok_or_else(large)?;
        let size = self.size.unwrap_or(least);
        // Checks the whole layout, before any content is opened.
        let mut segments = gpt::write::segments(&table, size)?;
        for (partition, content) in table.partitions.iter().zip(contents) {
            let Some(content) = content else { continue };
            for mut segment in content.segments(partition.size, partition.start)? {
                segment.offset += partition.start;
                segments.push(segment);
            }
        }
        Segments::new(segments, size)
    }
}

fn write(lua: &Lua, options: Table) -> Result<Table> {
    let (options, progress) = split::<Function>(lua, "write", &options, "progress")?;
    let options: WriteOptions = required(lua, "write", Value::Table(options))?;
    let compressor = options.compressor()?;
    let format = options.format;
    let path = options.output.path().to_owned();
    let disk = options.disk()?;
    let mut tell = |done: u64, total: u64| match &progress {
        Some(progress) => progress
            .call::<()>((done, total))
            .map_err(|e| Error::new("progress", "lua", e.to_string())),
        None => Ok(()),
    };
    let written = output::replace(&path, |file| {
        match format {
            Format::Qcow2 => qcow2::write::write(file, &disk, compressor, &mut tell)?,
            Format::Raw => output::write_raw(file, &disk, &mut tell)?,
        }
        let metadata = file.metadata();
        Ok(metadata.map_err(|e| Error::io("stat", &e))?.len())
    })?;
    result(lua, disk.size(), written)
}

fn fat32(lua: &Lua, options: Table) -> Result<Table> {
    let (options, output) = split::<Bytes>(lua, "fat32", &options, "output")?;
    let (options, size) = split::<u64>(lua, "fat32", &options, "size")?;
    let (Some(output), Some(size)) = (output, size) else {
        return Err(Error::argument("fat32", "`output` or `size` is missing"));
    };
    let options: FatOptions = required(lua, "fat32", Value::Table(options))?;
    let disk = Segments::new(options.segments(size, 0)?, size)?;
    output::replace(output.path(), |file| {
        output::write_raw(file, &disk, &mut |_, _| Ok(()))
    })?;
    result(lua, size, size)
}

/// The virtual size, and that of the file.
fn result(lua: &Lua, size: u64, file_size: u64) -> Result<Table> {
    let out = lua.create_table()?;
    out.raw_set("size", size)?;
    out.raw_set("file_size", file_size)?;
    Ok(out)
}
