//! Fits a partition table to a disk that became larger: its copy goes to the new end, and the last partition takes the room.
//! Everything else in the table stays, whoever wrote it.

use super::read::{copy, table};
use super::{HEADER, SECTOR, crc};
use crate::error::{Error, Result};
use crate::modules::image::bytes::{le32, le64, put};
use crate::modules::image::read_at::ReadAt;

/// Partitions end at a multiple of this, in sectors: a MiB.
const ALIGNMENT: u64 = 2048;

/// The new table, and its last partition. Sizes are in bytes.
#[derive(Debug)]
pub(crate) struct Grown {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) size: u64,
    /// What to write, and where, in this order. Empty if the table fits already.
    pub(crate) pieces: Vec<(u64, Vec<u8>)>,
}

/// The table for a disk; `None` if it has no table or no partition.
pub(crate) fn grown(disk: &dyn ReadAt) -> Result<Option<Grown>> {
    let Some(found) = table(disk)? else {
        return Ok(None);
    };
    let Some(partition) = found.partitions.iter().max_by_key(|one| one.start) else {
        return Ok(None);
    };
    let (mut header, mut entries) = copy(disk, 1)?;
    let last = disk.size() / SECTOR - 1;
    let sectors = (entries.len() as u64).div_ceil(SECTOR);
    let mut grown = Grown {
        index: partition.index,
        name: partition.name.clone(),
        start: partition.start,
        size: partition.size,
        pieces: Vec::new(),
    };
    if le64(&header, 32) == last {
        return Ok(Some(grown));
    }
    let usable = last - 1 - sectors;
    let end = (usable + 1) / ALIGNMENT * ALIGNMENT;
    if end * SECTOR > partition.start + partition.size {
        grown.size = end * SECTOR - partition.start;
    }
    let at = (partition.index - 1) * le32(&header, 84) as usize + 40;
    let end = (grown.start + grown.size) / SECTOR - 1;
    put(&mut entries, at, &end.to_le_bytes());
    put(&mut header, 48, &usable.to_le_bytes());
    put(&mut header, 88, &crc(&entries).to_le_bytes());
    let length = le32(&header, 12) as usize;
    let mut sealed = |own: u64, other: u64, at: u64| {
        put(&mut header, 24, &own.to_le_bytes());
        put(&mut header, 32, &other.to_le_bytes());
        put(&mut header, 72, &at.to_le_bytes());
        let mut sealed = header.clone();
        let sum = crc(&sealed[..length.max(HEADER)]);
        put(&mut sealed, 16, &sum.to_le_bytes());
        sealed
    };
    let at = entries_at(disk)?;
    let mut mbr = vec![0; SECTOR as usize];
    disk.read_at(0, &mut mbr)?;
    // The protective partition covers the disk, as far as its 32 bits reach.
    if mbr[450] == 0xee {
        let count = u32::try_from(last).unwrap_or(u32::MAX);
        put(&mut mbr, 458, &count.to_le_bytes());
    }
    // Until the first header is written, the old table is valid, with its own copy.
    let (backup, first) = (sealed(last, 1, last - sectors), sealed(1, last, at));
    grown.pieces = vec![
        (
            (last - sectors) * SECTOR,
            [entries.clone(), backup].concat(),
        ),
        (at * SECTOR, entries),
        (SECTOR, first),
        (0, mbr),
    ];
    Ok(Some(grown))
}

/// The sector in which the first copy's entries begin.
fn entries_at(disk: &dyn ReadAt) -> Result<u64> {
    let (header, _) = copy(disk, 1)?;
    match le64(&header, 72) {
        0 | 1 => Err(Error::new(
            "gpt",
            "format",
            "the partition table lies over its header",
        )),
        at => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::grown;
    use crate::modules::image::gpt::read::table;
    use crate::modules::image::gpt::write::segments;
    use crate::modules::image::gpt::{Partition, Table, guid};
    use crate::modules::image::read_at::ReadAt;
    use crate::modules::image::segments::Segments;

    const MIB: u64 = 1 << 20;

    fn disk() -> Vec<u8> {
        let partition = |index: usize, start, size| Partition {
            index,
            kind: guid("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").expect("parses"),
            guid: Uuid::from_u128(index as u128),
            name: format!("part {index}"),
            start,
            size,
        };
        let made = Table {
            disk_guid: Uuid::from_u128(5),
            // The last on the disk is not the last in the table.
            partitions: vec![partition(1, 2 * MIB, MIB), partition(2, MIB, MIB)],
        };
        let size = 4 * MIB;
        let disk = Segments::new(segments(&made, size).expect("writes"), size).expect("fits");
        let mut image = vec![0; size as usize];
        ReadAt::read_at(&disk, 0, &mut image).expect("reads");
        image
    }

    fn write(image: &mut [u8], pieces: &[(u64, Vec<u8>)]) {
        for (at, bytes) in pieces {
            image[*at as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }

    #[test]
    fn the_last_partition_takes_the_room() {
        let mut image = disk();
        assert!(
            grown(&image)
                .expect("reads")
                .expect("is there")
                .pieces
                .is_empty()
        );
        image.resize(9 * MIB as usize + 512, 0);
        let new = grown(&image).expect("reads").expect("is there");
        assert_eq!((new.index, new.start, new.size), (1, 2 * MIB, 6 * MIB));
        write(&mut image, &new.pieces);
        let found = table(&image).expect("reads").expect("is there");
        let sizes: Vec<u64> = found.partitions.iter().map(|one| one.size).collect();
        assert_eq!(sizes, [6 * MIB, MIB]);
        assert_eq!(found.disk_guid, Uuid::from_u128(5));
        assert!(
            grown(&image)
                .expect("reads")
                .expect("is there")
                .pieces
                .is_empty()
        );
    }

    /// If the writing is cut off before the first header, the old table counts.
    #[test]
    fn the_copy_comes_first() {
        let mut image = disk();
        image.resize(9 * MIB as usize, 0);
        let new = grown(&image).expect("reads").expect("is there");
        write(&mut image, &new.pieces[..1]);
        let found = table(&image).expect("reads").expect("is there");
        assert_eq!(found.partitions[0].size, MIB);
    }

    #[test]
    fn a_disk_without_a_table_or_without_a_partition_has_nothing_to_grow() {
        assert!(grown(&vec![0; 4 * MIB as usize]).expect("reads").is_none());
    }
}
