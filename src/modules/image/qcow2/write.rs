//! Writes QCOW2 version 3 with compressed clusters.

use std::collections::BTreeMap;
use std::fs::File;

use super::compress::{self, CLUSTER, Compression, Packed};
use crate::error::{Error, Result};
use crate::modules::image::bytes::put;
use crate::modules::image::output::{Progress, set_size, write_at};
use crate::modules::image::segments::Segments;

const CLUSTER_BITS: u32 = CLUSTER.trailing_zeros();
const CLUSTER_SIZE: u64 = CLUSTER as u64;
/// The number of entries in a second-level table.
const PER_TABLE: u64 = CLUSTER_SIZE / 8;
/// The limit of QEMU for the first-level table: 32 MiB.
const MAX_TABLES: u64 = (32 << 20) / 8;
/// The number of 16-bit reference counts in a block.
const PER_BLOCK: u64 = CLUSTER_SIZE / 2;
/// A flag: the cluster has exactly one reference and may be written in place.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
/// The bit of an entry where the number of sectors of a compressed cluster begins.
const SECTORS_SHIFT: u32 = 62 - (CLUSTER_BITS - 8);
const HEADER_LENGTH: usize = 112;
const COMPRESSION_TYPE: u64 = 1 << 3;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) compression: Compression,
    pub(crate) level: i32,
    pub(crate) threads: usize,
}

/// The layout of the file.
#[derive(Default)]
struct Layout {
    /// The reference count of each cluster of the file.
    counts: Vec<u16>,
    /// The end of the last compressed data: the next may follow there.
    open: u64,
    /// The second-level tables, by their index in the first-level table.
    tables: BTreeMap<u64, Vec<u64>>,
}

impl Layout {
    /// Allocates whole clusters at the end of the file. Returns their offset.
    fn clusters(&mut self, count: u64) -> u64 {
        let at = self.end();
        self.counts.resize(self.counts.len() + count as usize, 1);
        at
    }

    fn end(&self) -> u64 {
        self.counts.len() as u64 * CLUSTER_SIZE
    }

    /// Allocates space for compressed data. Data is packed without gaps and may cross into an adjacent cluster.
    fn compressed(&mut self, length: u64) -> u64 {
        let left = self.open.next_multiple_of(CLUSTER_SIZE) - self.open;
        let is_last = self.open.next_multiple_of(CLUSTER_SIZE) == self.end();
        let at = if left > 0 && (length <= left || is_last) {
            self.open
        } else {
            self.end()
        };
        for cluster in at / CLUSTER_SIZE..=(at + length - 1) / CLUSTER_SIZE {
            match self.counts.get_mut(cluster as usize) {
                // A cluster has at most one reference per byte, so 16 bits are enough.
                Some(count) => *count += 1,
                None => self.counts.push(1),
            }
        }
        self.open = at + length;
        at
    }

    fn set(&mut self, cluster: u64, entry: u64) {
        let table = self.tables.entry(cluster / PER_TABLE);
        let table = table.or_insert_with(|| vec![0; PER_TABLE as usize]);
        table[(cluster % PER_TABLE) as usize] = entry;
    }

    /// Writes the data of a cluster and records its offset.
    fn place(&mut self, file: &File, cluster: u64, packed: &Packed) -> Result<()> {
        let (at, data, entry) = match packed {
            Packed::Plain(data) => {
                let at = self.clusters(1);
                (at, data, at | COPIED)
            }
            Packed::Compressed(data) => {
                let at = self.compressed(data.len() as u64);
                // The entry holds the number of sectors after the first one.
                let sectors = (at + data.len() as u64 - 1) / 512 - at / 512;
                (at, data, at | COMPRESSED | sectors << SECTORS_SHIFT)
            }
        };
        self.set(cluster, entry);
        write_at(file, at, data)
    }
}

fn big_endian(entries: &[u64]) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|entry| entry.to_be_bytes())
        .collect()
}

/// Writes the disk. The bytes do not depend on the number of threads.
pub(crate) fn write(
    file: &File,
    disk: &Segments,
    options: Options,
    progress: Progress<'_>,
) -> Result<()> {
    let entries = disk.size().div_ceil(CLUSTER_SIZE * PER_TABLE);
    if entries > MAX_TABLES {
        let text = format!("a disk of {} bytes is too large for it", disk.size());
        return Err(Error::argument("qcow2", text));
    }
    let runs = disk.runs(CLUSTER_SIZE)?;
    let total = runs.iter().map(|run| run.end - run.start).sum();
    let mut layout = Layout::default();
    // Space for the header. It is written last, so that an incomplete file is not a valid image.
    layout.clusters(1);
    let mut done = 0;
    compress::for_each(
        disk,
        &runs,
        options.compression,
        options.level,
        options.threads,
        |batch| {
            for (cluster, packed) in &batch.clusters {
                layout.place(file, *cluster, packed)?;
            }
            done += batch.length;
            progress(done, total)
        },
    )?;
    let mut l1 = vec![0; entries as usize];
    for (index, table) in std::mem::take(&mut layout.tables) {
        let at = layout.clusters(1);
        l1[index as usize] = at | COPIED;
        write_at(file, at, &big_endian(&table))?;
    }
    let l1 = big_endian(&l1);
    let l1_at = layout.clusters((l1.len() as u64).div_ceil(CLUSTER_SIZE));
    write_at(file, l1_at, &l1)?;
    let (counts_at, counts_clusters) = write_counts(file, &mut layout)?;
    set_size(file, layout.end())?;
    let mut header = [0; HEADER_LENGTH];
    put(&mut header, 0, b"QFI\xfb");
    put(&mut header, 4, &3_u32.to_be_bytes());
    put(&mut header, 20, &CLUSTER_BITS.to_be_bytes());
    put(&mut header, 24, &disk.size().to_be_bytes());
    put(&mut header, 36, &(entries as u32).to_be_bytes());
    put(&mut header, 40, &l1_at.to_be_bytes());
    put(&mut header, 48, &counts_at.to_be_bytes());
    put(&mut header, 56, &(counts_clusters as u32).to_be_bytes());
    // Reference counts of 2^4 bits.
    put(&mut header, 96, &4_u32.to_be_bytes());
    put(&mut header, 100, &(HEADER_LENGTH as u32).to_be_bytes());
    if options.compression == Compression::Zstd {
        put(&mut header, 72, &COMPRESSION_TYPE.to_be_bytes());
        header[104] = 1;
    }
    write_at(file, 0, &header)
}

/// Writes the reference counts, including those of their own clusters. Returns the offset of their table and its number of
/// clusters.
fn write_counts(file: &File, layout: &mut Layout) -> Result<(u64, u64)> {
    let used = layout.counts.len() as u64;
    let (mut blocks, mut table) = (0, 0);
    loop {
        let needed = (used + blocks + table).div_ceil(PER_BLOCK);
        let clusters = needed.div_ceil(PER_TABLE);
        if (needed, clusters) == (blocks, table) {
            break;
        }
        (blocks, table) = (needed, clusters);
    }
    let at = layout.clusters(blocks);
    let table_at = layout.clusters(table);
    for (number, block) in layout.counts.chunks(PER_BLOCK as usize).enumerate() {
        let mut data: Vec<u8> = block.iter().flat_map(|count| count.to_be_bytes()).collect();
        data.resize(CLUSTER, 0);
        write_at(file, at + number as u64 * CLUSTER_SIZE, &data)?;
    }
    let places: Vec<u64> = (0..blocks)
        .map(|number| at + number * CLUSTER_SIZE)
        .collect();
    write_at(file, table_at, &big_endian(&places))?;
    Ok((table_at, table))
}

#[cfg(test)]
mod tests {
    use super::{CLUSTER_SIZE, Compression, Layout, Options, write};
    use crate::modules::image::qcow2::read::Qcow2;
    use crate::modules::image::read_at::ReadAt;
    use crate::modules::image::segments::{Data, Segment, Segments};

    /// Bytes that do not compress, the same every time.
    fn noise(length: usize, mut seed: u64) -> Vec<u8> {
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn sample() -> Segments {
        let text: Vec<u8> = (0..700_000_u32).map(|n| (n % 1000 / 7) as u8).collect();
        let list = vec![
            (0, text.clone()),
            (1 << 20, noise(200_000, 1)),
            ((1 << 20) + 200_000, text),
            (600 << 20, noise(70_000, 2)),
            ((601 << 20) - 512, vec![7; 512]),
        ];
        let list = list.into_iter().map(|(offset, data)| Segment {
            offset,
            data: Data::Bytes(data),
        });
        Segments::new(list.collect(), 601 << 20).expect("fits")
    }

    fn image(compression: Compression, threads: usize) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().expect("creates");
        let options = Options {
            compression,
            level: 6,
            threads,
        };
        write(file.as_file(), &sample(), options, &mut |_, _| Ok(())).expect("writes");
        std::fs::read(file.path()).expect("reads")
    }

    #[test]
    fn comes_back_whatever_the_threads() {
        for compression in [Compression::Zlib, Compression::Zstd] {
            let one = image(compression, 1);
            for threads in [2, 3, 8] {
                assert!(image(compression, threads) == one, "{threads} threads");
            }
            let disk = sample();
            let found = Qcow2::open(one).expect("opens");
            assert_eq!(found.size(), disk.size());
            let (mut a, mut b) = (vec![0; 3 << 20], vec![0; 3 << 20]);
            for at in [0, 598 << 20] {
                found.read_at(at, &mut a).expect("reads");
                ReadAt::read_at(&disk, at, &mut b).expect("reads");
                assert!(a == b, "{at}");
            }
        }
    }

    #[test]
    fn damage_is_an_error_or_other_data() {
        let good = image(Compression::Zlib, 1);
        let mut data = vec![0; 3 << 20];
        for at in (0..112).chain((65536..good.len()).step_by(1009)) {
            let mut image = good.clone();
            image[at] ^= 0xff;
            // The data may be wrong; there must be no panic.
            if let Ok(disk) = Qcow2::open(image) {
                drop(disk.read_at(0, &mut data));
                drop(disk.read_at(598 << 20, &mut data));
            }
        }
        for length in (0..good.len()).step_by(good.len() / 50) {
            assert!(Qcow2::open(good[..length].to_vec()).is_err(), "{length}");
        }
    }

    #[test]
    fn compressed_bytes_share_clusters() {
        let mut layout = Layout::default();
        layout.clusters(1);
        assert_eq!(layout.compressed(60_000), CLUSTER_SIZE);
        assert_eq!(layout.compressed(10_000), CLUSTER_SIZE + 60_000);
        assert_eq!(layout.counts, [1, 2, 1]);
        // A plain cluster follows; data that still fits goes before it.
        assert_eq!(layout.clusters(1), 3 * CLUSTER_SIZE);
        assert_eq!(layout.compressed(50_000), CLUSTER_SIZE + 70_000);
        assert_eq!(layout.compressed(20_000), 4 * CLUSTER_SIZE);
    }
}
