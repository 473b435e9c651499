//! Writes FAT32.

use super::name::{self, Short};
use super::tree::{self, Item, ROOT, Room};
use super::{ATTR_ARCHIVE, ATTR_FOLDER, ATTR_VOLUME, time};
use crate::error::{Error, Result};
use crate::modules::image::bytes::put;
use crate::modules::image::segments::{Data, Segment};

const SECTOR: u64 = 512;
const RESERVED: u64 = 32;
const FATS: u64 = 2;
/// With fewer clusters every reader would take it for FAT16.
const MIN_CLUSTERS: u64 = 65_525;
const END_OF_CHAIN: u32 = 0x0fff_ffff;

/// The options of a new file system.
pub(crate) struct Options {
    pub(crate) size: u64,
    /// The number of sectors before it on the disk.
    pub(crate) hidden: u32,
    pub(crate) volume_id: u32,
    pub(crate) label: Option<String>,
    pub(crate) mtime: i64,
    /// Absolute paths. A path that ends in `/` is a folder, which has no data.
    pub(crate) files: Vec<(String, Option<Data>)>,
}

/// Sectors per cluster, by the table of the specification.
fn cluster_sectors(sectors: u64) -> u64 {
    match sectors {
        0..=532_480 => 1,
        532_481..=16_777_216 => 8,
        16_777_217..=33_554_432 => 16,
        33_554_433..=67_108_864 => 32,
        _ => 64,
    }
}

struct Geometry {
    sectors: u32,
    per_cluster: u64,
    fat_sectors: u64,
    clusters: u64,
}

impl Geometry {
    fn new(size: u64) -> Result<Self> {
        let sectors = u32::try_from(size / SECTOR)
            .ok()
            .filter(|_| size.is_multiple_of(SECTOR))
            .ok_or_else(|| Error::argument("fat32", format!("cannot be {size} bytes large")))?;
        let per_cluster = cluster_sectors(u64::from(sectors));
        // The smallest tables that have an entry for each cluster that is left.
        let mut fat_sectors = 0;
        loop {
            let left = u64::from(sectors).saturating_sub(RESERVED + FATS * fat_sectors);
            let clusters = left / per_cluster;
            let needed = ((clusters + 2) * 4).div_ceil(SECTOR);
            if needed <= fat_sectors {
                if clusters < MIN_CLUSTERS {
                    let text = format!(
                        "{size} bytes are too few: it needs {MIN_CLUSTERS} clusters, 33 MiB at least"
                    );
                    return Err(Error::argument("fat32", text));
                }
                return Ok(Self {
                    sectors,
                    per_cluster,
                    fat_sectors,
                    clusters,
                });
            }
            fat_sectors += (needed - fat_sectors).div_ceil(2);
        }
    }

    fn cluster_size(&self) -> u64 {
        self.per_cluster * SECTOR
    }

    fn offset(&self, cluster: u32) -> u64 {
        let start = (RESERVED + FATS * self.fat_sectors) * SECTOR;
        start + u64::from(cluster - ROOT) * self.cluster_size()
    }
}

fn label(text: Option<&str>) -> Result<Option<Short>> {
    let Some(text) = text else { return Ok(None) };
    let mut label = [b' '; 11];
    let fits = !text.is_empty()
        && text.len() <= label.len()
        && !text.starts_with(' ')
        && text.bytes().all(|byte| {
            byte.is_ascii_uppercase()
                || byte.is_ascii_digit()
                || b" $%'-_@~`!(){}^#&".contains(&byte)
        });
    if !fits {
        let text = format!("`{text}` is no label: up to 11 upper case letters, digits, `-`, `_`");
        return Err(Error::argument("fat32", text));
    }
    put(&mut label, 0, text.as_bytes());
    Ok(Some(label))
}

fn entry(short: &Short, attributes: u8, first: u32, size: u32, mtime: i64) -> [u8; 32] {
    let (time, date) = time::encode(mtime);
    let mut entry = [0; 32];
    put(&mut entry, 0, short);
    entry[11] = attributes;
    for (place, value) in [(14, time), (16, date), (18, date), (22, time), (24, date)] {
        put(&mut entry, place, &value.to_le_bytes());
    }
    put(&mut entry, 20, &((first >> 16) as u16).to_le_bytes());
    put(&mut entry, 26, &(first as u16).to_le_bytes());
    put(&mut entry, 28, &size.to_le_bytes());
    entry
}

fn folder(
    items: &[Item],
    children: &[usize],
    index: usize,
    options: &Options,
    label: Option<&Short>,
) -> Vec<u8> {
    let mtime = options.mtime;
    let mut out = Vec::new();
    if index == 0 {
        out.extend(label.map(|label| entry(label, ATTR_VOLUME, 0, 0, mtime)));
    } else {
        let item = &items[index];
        // `..` of a folder in the root has number 0, wherever the root is.
        let up = if item.parent == 0 {
            0
        } else {
            items[item.parent].first
        };
        out.push(entry(b".          ", ATTR_FOLDER, item.first, 0, mtime));
        out.push(entry(b"..         ", ATTR_FOLDER, up, 0, mtime));
    }
    for &child in children {
        let item = &items[child];
        if name::needs_long(&item.name, &item.short) {
            out.extend(name::long_entries(&item.name, &item.short));
        }
        let (attributes, size) = match &item.data {
            Some(data) => (ATTR_ARCHIVE, data.len() as u32),
            None => (ATTR_FOLDER, 0),
        };
        out.push(entry(&item.short, attributes, item.first, size, mtime));
    }
    out.concat()
}

fn boot_sectors(
    geometry: &Geometry,
    options: &Options,
    label: Option<&Short>,
    next: u32,
) -> Vec<u8> {
    let mut boot = vec![0; 8 * SECTOR as usize];
    // The boot code: a jump over the parameters to an endless loop. The disk boots by EFI only.
    put(&mut boot, 0, &[0xeb, 0x58, 0x90]);
    put(&mut boot, 3, b"MSWIN4.1");
    put(&mut boot, 11, &(SECTOR as u16).to_le_bytes());
    boot[13] = geometry.per_cluster as u8;
    put(&mut boot, 14, &(RESERVED as u16).to_le_bytes());
    boot[16] = FATS as u8;
    boot[21] = 0xf8;
    put(&mut boot, 24, &63_u16.to_le_bytes());
    put(&mut boot, 26, &255_u16.to_le_bytes());
    put(&mut boot, 28, &options.hidden.to_le_bytes());
    put(&mut boot, 32, &geometry.sectors.to_le_bytes());
    put(&mut boot, 36, &(geometry.fat_sectors as u32).to_le_bytes());
    put(&mut boot, 44, &ROOT.to_le_bytes());
    put(&mut boot, 48, &1_u16.to_le_bytes());
    put(&mut boot, 50, &6_u16.to_le_bytes());
    put(&mut boot, 64, &[0x80, 0, 0x29]);
    put(&mut boot, 67, &options.volume_id.to_le_bytes());
    put(&mut boot, 71, label.unwrap_or(b"NO NAME    "));
    put(&mut boot, 82, b"FAT32   ");
    put(&mut boot, 90, &[0xeb, 0xfe]);
    put(&mut boot, 510, &[0x55, 0xaa]);
    let free = geometry.clusters as u32 + ROOT - next;
    put(&mut boot, 512, b"RRaA");
    put(&mut boot, 512 + 484, b"rrAa");
    put(&mut boot, 512 + 488, &free.to_le_bytes());
    put(&mut boot, 512 + 492, &next.to_le_bytes());
    put(&mut boot, 512 + 510, &[0x55, 0xaa]);
    put(&mut boot, 1024 + 510, &[0x55, 0xaa]);
    // Backup copies for the case that sector 0 is damaged.
    boot.copy_within(..2 * SECTOR as usize, 6 * SECTOR as usize);
    boot
}

fn fat(items: &[Item], next: u32) -> Vec<u8> {
    let mut fat = vec![0; next as usize];
    fat[0] = 0x0fff_fff8;
    fat[1] = END_OF_CHAIN;
    for item in items.iter().filter(|item| item.clusters > 0) {
        let last = item.first + item.clusters - 1;
        for cluster in item.first..last {
            fat[cluster as usize] = cluster + 1;
        }
        fat[last as usize] = END_OF_CHAIN;
    }
    fat.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// The segments of the file system; offsets count from its start.
pub(crate) fn segments(mut options: Options) -> Result<Vec<Segment>> {
    let geometry = Geometry::new(options.size)?;
    let label = label(options.label.as_deref())?;
    let mut items = tree::build(std::mem::take(&mut options.files))?;
    let children = tree::children(&items);
    let room = Room {
        cluster_size: geometry.cluster_size(),
        clusters: geometry.clusters,
        labels: u64::from(label.is_some()),
    };
    let next = tree::allocate(&mut items, &children, &room)?;
    let bytes = |offset, bytes| Segment {
        offset,
        data: Data::Bytes(bytes),
    };
    let fat = fat(&items, next);
    let mut out = vec![
        bytes(0, boot_sectors(&geometry, &options, label.as_ref(), next)),
        bytes(RESERVED * SECTOR, fat.clone()),
        bytes((RESERVED + geometry.fat_sectors) * SECTOR, fat),
    ];
    for (index, children) in children.iter().enumerate() {
        if items[index].data.is_none() {
            let data = folder(&items, children, index, &options, label.as_ref());
            out.push(bytes(geometry.offset(items[index].first), data));
        }
    }
    for item in items {
        if let Some(data) = item.data.filter(|data| data.len() > 0) {
            let offset = geometry.offset(item.first);
            out.push(Segment { offset, data });
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{Geometry, cluster_sectors, label};

    #[test]
    fn tables_describe_all_clusters() {
        for size in [
            33 << 20,
            64 << 20,
            260 << 20,
            261 << 20,
            1 << 30,
            9 << 30,
            1 << 40,
        ] {
            let geometry = Geometry::new(size).expect("fits");
            let used = 32 + 2 * geometry.fat_sectors + geometry.clusters * geometry.per_cluster;
            assert!(used <= size / 512, "{size}");
            assert!(geometry.clusters >= 65_525, "{size}");
            assert!((geometry.clusters + 2) * 4 <= geometry.fat_sectors * 512);
            assert_eq!(geometry.per_cluster, cluster_sectors(size / 512));
        }
        assert!(Geometry::new(32 << 20).is_err());
        assert!(Geometry::new((64 << 20) + 1).is_err());
        assert!(Geometry::new(1 << 42).is_err());
    }

    #[test]
    fn labels() {
        assert!(label(Some("EFI SYSTEM")).is_ok());
        for text in ["", "lower", "TWELVE CHARS", " X", "A.B"] {
            assert!(label(Some(text)).is_err(), "{text}");
        }
    }
}
