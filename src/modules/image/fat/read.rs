//! Reads FAT32.

use std::cell::RefCell;
use std::collections::HashSet;

use super::name::{LongName, Short, fold, short_text};
use super::{ATTR_FOLDER, ATTR_VOLUME, time};
use crate::error::{Error, Result};
use crate::modules::image::bytes::{le16, le32};
use crate::modules::image::read_at::ReadAt;
use crate::modules::image::volume::{Found, MAX_FILES, Volume, join, limit, names};

const MAX_FOLDER: u64 = 65_536 * 32;
/// The number of bytes of the table that are cached.
const WINDOW: u64 = 32_768;

pub(crate) struct Fat<'a> {
    disk: &'a dyn ReadAt,
    cluster_size: u64,
    table: u64,
    data: u64,
    clusters: u32,
    root: u32,
    id: u32,
    /// The part of the table that was read last, with its offset.
    window: RefCell<(u64, Vec<u8>)>,
}

struct Entry {
    name: String,
    short: Short,
    attributes: u8,
    first: u32,
    size: u32,
    mtime: i64,
}

impl Entry {
    fn is_folder(&self) -> bool {
        self.attributes & ATTR_FOLDER != 0
    }
}

fn bad(text: impl Into<String>) -> Error {
    Error::new("fat32", "format", text)
}

impl<'a> Fat<'a> {
    pub(crate) fn open(disk: &'a dyn ReadAt) -> Result<Self> {
        let mut boot = [0; 512];
        disk.read_at(0, &mut boot)?;
        let sector = u64::from(le16(&boot, 11));
        let per_cluster = u64::from(boot[13]);
        let reserved = u64::from(le16(&boot, 14));
        let tables = u64::from(boot[16]);
        let table_sectors = u64::from(le32(&boot, 36));
        let sectors = u64::from(le32(&boot, 32));
        let first = reserved + tables * table_sectors;
        let sane = sector.is_power_of_two()
            && (512..=4096).contains(&sector)
            && per_cluster.is_power_of_two()
            && tables > 0
            && reserved > 0
            && first < sectors;
        if !sane {
            return Err(bad("its boot sector makes no sense"));
        }
        if sectors * sector > disk.size() {
            let text = format!("its {} bytes end after {}", sectors * sector, disk.size());
            return Err(Error::new("fat32", "truncated", text));
        }
        let clusters = (sectors - first) / per_cluster;
        Ok(Self {
            disk,
            cluster_size: per_cluster * sector,
            table: reserved * sector,
            data: first * sector,
            clusters: clusters.min(table_sectors * sector / 4) as u32,
            root: le32(&boot, 44),
            id: le32(&boot, 67),
            window: RefCell::new((u64::MAX, Vec::new())),
        })
    }

    fn next(&self, cluster: u32) -> Result<u32> {
        let at = u64::from(cluster) * 4;
        let start = at / WINDOW * WINDOW;
        let mut window = self.window.borrow_mut();
        if window.0 != start {
            let end = (u64::from(self.clusters) + 2) * 4;
            let mut data = vec![0; WINDOW.min(end.saturating_sub(start)) as usize];
            self.disk.read_at(self.table + start, &mut data)?;
            *window = (start, data);
        }
        Ok(le32(&window.1, (at - start) as usize) & 0x0fff_ffff)
    }

    /// The content of a chain of clusters, up to `length` bytes.
    fn chain(&self, first: u32, length: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut cluster = first;
        while (out.len() as u64) < length {
            if (0x0fff_fff8..).contains(&cluster) {
                break;
            }
            let number = cluster.wrapping_sub(2);
            // A chain that is longer than the file system contains a loop.
            let turns = out.len() as u64 / self.cluster_size;
            if number >= self.clusters || turns > u64::from(self.clusters) {
                return Err(bad(format!("a chain leads to cluster {cluster}")));
            }
            let from = out.len();
            let part = self.cluster_size.min(length - from as u64);
            out.resize(from + part as usize, 0);
            let at = self.data + u64::from(number) * self.cluster_size;
            self.disk.read_at(at, &mut out[from..])?;
            cluster = self.next(cluster)?;
        }
        Ok(out)
    }

    fn folder(&self, first: u32) -> Result<Vec<Entry>> {
        let data = self.chain(first, MAX_FOLDER)?;
        let mut out = Vec::new();
        let mut long = LongName::default();
        for entry in data.chunks_exact(32) {
            match entry[0] {
                0 => break,
                0xe5 => long = LongName::default(),
                _ if LongName::is_part(entry) => long.add(entry),
                _ => {
                    let mut short = [0; 11];
                    short.copy_from_slice(&entry[..11]);
                    let name = long.take(&short);
                    out.push(Entry {
                        name: name.unwrap_or_else(|| cased(&short, entry[12])),
                        short,
                        attributes: entry[11],
                        first: u32::from(le16(entry, 20)) << 16 | u32::from(le16(entry, 26)),
                        size: le32(entry, 28),
                        mtime: time::decode(le16(entry, 22), le16(entry, 24)),
                    });
                }
            }
        }
        Ok(out)
    }

    /// The files in a folder, without the label, `.` and `..`.
    fn files(&self, first: u32) -> Result<Vec<Entry>> {
        let mut entries = self.folder(first)?;
        entries
            .retain(|entry| entry.attributes & ATTR_VOLUME == 0 && !entry.short.starts_with(b"."));
        Ok(entries)
    }

    fn find(&self, path: &[u8]) -> Result<Option<Entry>> {
        let mut found = Entry {
            name: String::new(),
            short: [b' '; 11],
            attributes: ATTR_FOLDER,
            first: self.root,
            size: 0,
            mtime: 0,
        };
        for name in names(path) {
            let name = fold(&String::from_utf8_lossy(name));
            if !found.is_folder() {
                return Ok(None);
            }
            let mut entries = self.files(found.first)?.into_iter();
            let entry =
                entries.find(|entry| fold(&entry.name) == name || short_text(&entry.short) == name);
            match entry {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// A short name as text, in the case that the flags of Windows NT give.
fn cased(short: &Short, flags: u8) -> String {
    let mut short = *short;
    if flags & 0x08 != 0 {
        short[..8].make_ascii_lowercase();
    }
    if flags & 0x10 != 0 {
        short[8..].make_ascii_lowercase();
    }
    short_text(&short)
}

impl Volume for Fat<'_> {
    fn label(&self) -> Option<String> {
        let entries = self.folder(self.root).ok()?;
        let label = entries.iter().find(|e| e.attributes & ATTR_VOLUME != 0)?;
        let text = String::from_utf8_lossy(&label.short);
        Some(text.trim_end().to_owned())
    }

    fn id(&self) -> String {
        format!("{:04X}-{:04X}", self.id >> 16, self.id & 0xffff)
    }

    fn list(&self, folder: &[u8]) -> Result<Option<Vec<Found>>> {
        let Some(top) = self.find(folder)?.filter(Entry::is_folder) else {
            return Ok(None);
        };
        let prefix = names(folder).fold(Vec::new(), |path, name| join(&path, name));
        let mut seen = HashSet::from([top.first]);
        let mut todo = vec![(prefix, top.first)];
        let mut out = Vec::new();
        while let Some((folder, first)) = todo.pop() {
            for entry in self.files(first)? {
                let path = join(&folder, entry.name.as_bytes());
                if entry.is_folder() {
                    if !seen.insert(entry.first) {
                        return Err(bad("a folder is inside itself, or in two places"));
                    }
                    todo.push((path.clone(), entry.first));
                }
                out.push(Found {
                    path,
                    kind: if entry.is_folder() { "dir" } else { "file" },
                    size: u64::from(entry.size),
                    mtime: entry.mtime,
                    owner: None,
                    target: None,
                });
                if out.len() > MAX_FILES {
                    return Err(bad("too many files"));
                }
            }
        }
        Ok(Some(out))
    }

    fn read(&self, path: &[u8], max: u64) -> Result<Option<Vec<u8>>> {
        let Some(entry) = self.find(path)?.filter(|entry| !entry.is_folder()) else {
            return Ok(None);
        };
        limit("fat32", u64::from(entry.size), max)?;
        let data = self.chain(entry.first, u64::from(entry.size))?;
        if data.len() as u64 != u64::from(entry.size) {
            return Err(bad("a file's chain of clusters ends too early"));
        }
        Ok(Some(data))
    }
}
