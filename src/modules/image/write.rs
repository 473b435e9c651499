//! `image.write`, `image.fat32`: write a disk or a file system that a table of options describes.

use mlua::{Function, Lua, Table, Value};

use super::fat::options::FatOptions;
use super::qcow2::compress::Compression;
use super::segments::{Data, Segment, Segments};
use super::{gpt, output, qcow2};
use crate::error::{Error, Result};
use crate::kernel::threads::Threads;
use crate::lua::bytes::Bytes;
use crate::lua::options::Both;
use crate::lua::value::{Field, Wrong, word};

/// Partitions start at a multiple of this, unless `start` is given.
const ALIGNMENT: u64 = 1 << 20;
/// More threads would need more memory without being faster.
const MAX_THREADS: usize = 32;
/// The default levels: the lowest ones with a smaller output than that of qemu-img. Both are faster than it.
const ZLIB_LEVEL: i32 = 9;
const ZSTD_LEVEL: i32 = 4;

options! {
    struct ContentOptions {
        file: Option<Bytes>,
        fat32: Option<FatOptions>,
    }
}

enum Content {
    File(Bytes),
    Fat32(FatOptions),
}

impl Field for Content {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        let options = ContentOptions::read(value, lua)?;
        match (options.file, options.fat32) {
            (Some(path), None) => Ok(Self::File(path)),
            (None, Some(fat)) => Ok(Self::Fat32(fat)),
            _ => Err(Wrong::says("expected either `file` or `fat32`")),
        }
    }
}

options! {
    struct PartitionOptions {
        r#type: String,
        guid: String,
        name: Option<String>,
        start: Option<u64>,
        size: u64,
        content: Option<Content>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Qcow2,
    Raw,
}

impl Field for Format {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        word(&value, &[("qcow2", Self::Qcow2), ("raw", Self::Raw)])
    }
}

impl Field for Compression {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        word(&value, &[("zlib", Self::Zlib), ("zstd", Self::Zstd)])
    }
}

options! {
    pub(super) struct WriteOptions {
        output: Bytes,
        format: Format,
        compression: Option<Compression>,
        level: Option<i32>,
        threads: Option<Threads>,
        size: Option<u64>,
        disk_guid: String,
        partitions: Vec<PartitionOptions>,
        progress: Option<Function>,
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
        let threads = self.threads.unwrap_or_default().0;
        Ok(qcow2::write::Options {
            compression,
            level,
            threads: threads.min(MAX_THREADS),
        })
    }

    /// The disk as segments: the partition table and the content of the partitions.
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
        // This checks the layout before any content is opened.
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

pub(super) fn write(lua: &Lua, mut options: WriteOptions) -> Result<Table> {
    let progress = options.progress.take();
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

options! {
    /// The output of `fat32`.
    pub(super) struct FatOutput {
        output: Bytes,
        size: u64,
    }
}

/// The result: the size of the disk and the size of the file.
fn result(lua: &Lua, size: u64, file_size: u64) -> Result<Table> {
    let out = lua.create_table()?;
    out.raw_set("size", size)?;
    out.raw_set("file_size", file_size)?;
    Ok(out)
}

pub(super) fn fat32(lua: &Lua, Both(options, to): Both<FatOptions, FatOutput>) -> Result<Table> {
    let FatOutput { output, size } = to;
    let disk = Segments::new(options.segments(size, 0)?, size)?;
    output::replace(output.path(), |file| {
        output::write_raw(file, &disk, &mut |_, _| Ok(()))
    })?;
    result(lua, size, size)
}
