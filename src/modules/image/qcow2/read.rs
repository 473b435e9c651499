//! Reads QCOW2, versions 2 and 3.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, Operation};

use super::compress::Compression;
use crate::error::{Error, Result};
use crate::modules::image::bytes::{be32, be64};
use crate::modules::image::read_at::{ReadAt, within};

const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;
/// The incompatible features of version 3 that this reader supports.
const DIRTY: u64 = 1;
const COMPRESSION_TYPE: u64 = 1 << 3;
/// The limit of QEMU: 32 MiB.
const MAX_L1: u64 = 32 << 20;
/// The size of each of the two caches, in bytes: of tables and of clusters.
const CACHE: usize = 8 << 20;

/// A cache by number. When it is full, the oldest item is dropped.
struct Cache<T> {
    limit: usize,
    order: VecDeque<u64>,
    items: HashMap<u64, Rc<T>>,
}

impl<T> Cache<T> {
    fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            order: VecDeque::new(),
            items: HashMap::new(),
        }
    }

    fn insert(&mut self, key: u64, value: Rc<T>) {
        while self.order.len() >= self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.items.remove(&oldest);
            }
        }
        self.order.push_back(key);
        self.items.insert(key, value);
    }
}

pub(crate) struct Qcow2<F> {
    file: F,
    file_size: u64,
    size: u64,
    cluster_bits: u32,
    pub(crate) compression: Compression,
    l1: Vec<u8>,
    l2: RefCell<Cache<Vec<u8>>>,
    clusters: RefCell<Cache<Vec<u8>>>,
}

fn bad(text: impl Into<String>) -> Error {
    Error::new("qcow2", "format", text)
}

fn unsupported(text: impl Into<String>) -> Error {
    Error::new("qcow2", "unsupported", text)
}

impl<F: ReadAt> Qcow2<F> {
    pub(crate) fn open(file: F) -> Result<Self> {
        let file_size = file.size();
        let mut header = [0; 112];
        let length = header.len().min(file_size as usize);
        file.read_at(0, &mut header[..length])?;
        within(0, 72, file_size)?;
        let version = be32(&header, 4);
        let cluster_bits = be32(&header, 20);
        if !matches!(version, 2 | 3) {
            return Err(unsupported(format!("version {version}")));
        }
        if !(9..=21).contains(&cluster_bits) {
            return Err(bad(format!("clusters of 2^{cluster_bits} bytes")));
        }
        if be64(&header, 8) != 0 {
            return Err(unsupported("it depends on another image (a backing file)"));
        }
        if be32(&header, 32) != 0 {
            return Err(unsupported("it is encrypted"));
        }
        let compression = compression(&header, version)?;
        let size = be64(&header, 24);
        let entries = u64::from(be32(&header, 36));
        let needed = size.div_ceil(1 << (2 * cluster_bits - 3));
        if entries * 8 > MAX_L1 || entries < needed {
            return Err(bad(format!("a first table of {entries} entries")));
        }
        // Reading does not need the reference counts. They are usually at the end of the file, so this detects a truncated file.
        let counts = u64::from(be32(&header, 56)) << cluster_bits;
        within(be64(&header, 48), counts as usize, file_size)?;
        let mut l1 = vec![0; entries as usize * 8];
        file.read_at(be64(&header, 40), &mut l1)?;
        let cached = CACHE >> cluster_bits;
        Ok(Self {
            file,
            file_size,
            size,
            cluster_bits,
            compression,
            l1,
            l2: RefCell::new(Cache::new(cached)),
            clusters: RefCell::new(Cache::new(cached)),
        })
    }

    fn cluster_size(&self) -> usize {
        1 << self.cluster_bits
    }

    /// The second table at an offset of the file.
    fn table(&self, at: u64) -> Result<Rc<Vec<u8>>> {
        if let Some(table) = self.l2.borrow().items.get(&at) {
            return Ok(Rc::clone(table));
        }
        if !at.is_multiple_of(self.cluster_size() as u64) {
            return Err(bad(format!("a second table at byte {at}")));
        }
        let mut table = vec![0; self.cluster_size()];
        self.file.read_at(at, &mut table)?;
        let table = Rc::new(table);
        self.l2.borrow_mut().insert(at, Rc::clone(&table));
        Ok(table)
    }

    /// Reads within one cluster.
    fn read_part(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        let cluster = at >> self.cluster_bits;
        let inside = at & (self.cluster_size() as u64 - 1);
        let per_table = self.cluster_size() as u64 / 8;
        let l1 = be64(&self.l1, (cluster / per_table) as usize * 8) & OFFSET_MASK;
        let entry = if l1 == 0 {
            0
        } else {
            be64(&self.table(l1)?, (cluster % per_table) as usize * 8)
        };
        if entry & COMPRESSED != 0 {
            let data = self.decompressed(entry)?;
            buffer.copy_from_slice(&data[inside as usize..][..buffer.len()]);
            return Ok(());
        }
        let offset = entry & OFFSET_MASK;
        if offset == 0 || entry & ZERO != 0 {
            buffer.fill(0);
            return Ok(());
        }
        if !offset.is_multiple_of(self.cluster_size() as u64) {
            return Err(bad(format!("a cluster at byte {offset}")));
        }
        self.file.read_at(offset + inside, buffer)
    }

    fn decompressed(&self, entry: u64) -> Result<Rc<Vec<u8>>> {
        if let Some(data) = self.clusters.borrow().items.get(&entry) {
            return Ok(Rc::clone(data));
        }
        let split = 62 - (self.cluster_bits - 8);
        let at = entry & ((1 << split) - 1);
        let sectors = (entry & (COMPRESSED - 1)) >> split;
        let length = (sectors + 1) * 512 - at % 512;
        // The last sector may be incomplete.
        let length = length.min(self.file_size.saturating_sub(at));
        within(at, length.max(1) as usize, self.file_size)?;
        let mut packed = vec![0; length as usize];
        self.file.read_at(at, &mut packed)?;
        let mut data = vec![0; self.cluster_size()];
        let complete = match self.compression {
            Compression::Zlib => inflate(&packed, &mut data),
            Compression::Zstd => unzstd(&packed, &mut data),
        };
        if !complete {
            return Err(bad(format!(
                "the compressed cluster at byte {at} is damaged"
            )));
        }
        let data = Rc::new(data);
        self.clusters.borrow_mut().insert(entry, Rc::clone(&data));
        Ok(data)
    }
}

fn compression(header: &[u8], version: u32) -> Result<Compression> {
    if version == 2 {
        return Ok(Compression::Zlib);
    }
    let incompatible = be64(header, 72);
    let unknown = incompatible & !(DIRTY | COMPRESSION_TYPE);
    if unknown != 0 {
        return Err(unsupported(format!("incompatible features {unknown:#x}")));
    }
    let has_type = incompatible & COMPRESSION_TYPE != 0 && be32(header, 100) > 104;
    match if has_type { header[104] } else { 0 } {
        0 => Ok(Compression::Zlib),
        1 => Ok(Compression::Zstd),
        other => Err(unsupported(format!("compression type {other}"))),
    }
}

/// Whether the data fills the cluster exactly.
fn inflate(packed: &[u8], data: &mut [u8]) -> bool {
    let mut state = Decompress::new(false);
    let status = state.decompress(packed, data, FlushDecompress::Finish);
    matches!(
        status,
        Ok(Status::StreamEnd | Status::Ok | Status::BufError)
    ) && state.total_out() == data.len() as u64
}

fn unzstd(packed: &[u8], data: &mut [u8]) -> bool {
    let Ok(mut decoder) = Decoder::new() else {
        return false;
    };
    let (mut from, mut to) = (0, 0);
    while to < data.len() {
        match decoder.run_on_buffers(&packed[from..], &mut data[to..]) {
            Ok(status) if status.bytes_read + status.bytes_written > 0 => {
                from += status.bytes_read;
                to += status.bytes_written;
            }
            _ => return false,
        }
    }
    true
}

impl<F: ReadAt> ReadAt for Qcow2<F> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, mut at: u64, mut buffer: &mut [u8]) -> Result<()> {
        within(at, buffer.len(), self.size)?;
        while !buffer.is_empty() {
            let left = self.cluster_size() - (at as usize & (self.cluster_size() - 1));
            let (part, rest) = buffer.split_at_mut(left.min(buffer.len()));
            self.read_part(at, part)?;
            at += part.len() as u64;
            buffer = rest;
        }
        Ok(())
    }
}
