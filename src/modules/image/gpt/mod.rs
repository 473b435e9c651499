//! The GUID partition table: UEFI specification 2.10, chapter 5.
//!
//! The crate `gpt` is not used. It accepts a table if one of the two copies is valid; here both have to be. It writes to a
//! device with random access; here a disk is a list of segments. It also depends on a generator of random ids.

use flate2::Crc;
use uuid::Uuid;

use crate::error::{Error, Result};

pub(crate) mod grow;
pub(crate) mod read;
pub(crate) mod write;

pub(crate) const SECTOR: u64 = 512;
pub(crate) const ENTRIES: usize = 128;
pub(crate) const ENTRY: usize = 128;
pub(crate) const HEADER: usize = 92;
/// The number of sectors that the entries take.
pub(crate) const TABLE: u64 = (ENTRIES * ENTRY) as u64 / SECTOR;
/// The bytes that the table takes at the start of the disk: protective MBR, header, entries.
pub(crate) const HEAD: u64 = (2 + TABLE) * SECTOR;
/// The bytes that its copy takes at the end of the disk: entries, header.
pub(crate) const TAIL: u64 = (1 + TABLE) * SECTOR;
/// The longest name of a partition, in UTF-16 units.
pub(crate) const NAME_UNITS: usize = 36;

/// One partition; `start` and `size` in bytes.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) index: usize,
    pub(crate) kind: Uuid,
    pub(crate) guid: Uuid,
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) size: u64,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) disk_guid: Uuid,
    pub(crate) partitions: Vec<Partition>,
}

/// Parses a GUID in its usual form, in upper or lower case.
pub(crate) fn guid(text: &str) -> Result<Uuid> {
    // The crate also accepts other forms, such as one in braces.
    Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or_else(|| Error::argument("guid", format!("`{text}` is not a GUID")))
}

pub(crate) fn crc(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::read::table;
    use super::write::segments;
    use super::{Partition, Table, guid};
    use crate::modules::image::read_at::ReadAt;
    use crate::modules::image::segments::Segments;

    const SIZE: u64 = 4 << 20;

    fn partition(index: usize, start: u64, size: u64) -> Partition {
        Partition {
            index,
            kind: guid("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").expect("parses"),
            guid: Uuid::from_u128(index as u128),
            name: format!("part {index}"),
            start,
            size,
        }
    }

    fn made(partitions: Vec<Partition>) -> Table {
        Table {
            disk_guid: Uuid::from_u128(5),
            partitions,
        }
    }

    #[test]
    fn only_the_usual_text_is_a_guid() {
        let found = guid("C12A7328-F81F-11D2-BA4B-00A0C93EC93B").expect("parses");
        assert_eq!(found.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        let disk = found.to_bytes_le();
        assert_eq!(disk[..8], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
        for text in [
            "",
            "c12a7328",
            "c12a7328f81f11d2ba4b00a0c93ec93b",
            "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93x",
            "c12a7328f-81f-11d2-ba4b-00a0c93ec93b",
            "éééééééééééééééééé",
        ] {
            assert!(guid(text).is_err(), "{text}");
        }
    }

    #[test]
    fn comes_back() {
        let made = made(vec![
            partition(1, 1 << 20, 1 << 20),
            partition(2, 2 << 20, 512),
        ]);
        let disk = Segments::new(segments(&made, SIZE).expect("writes"), SIZE).expect("fits");
        let found = table(&disk).expect("reads").expect("is there");
        assert_eq!(found.disk_guid, made.disk_guid);
        assert_eq!(found.partitions.len(), 2);
        assert_eq!(found.partitions[1].name, "part 2");
        assert_eq!(found.partitions[1].start, 2 << 20);
        assert_eq!(found.partitions[1].size, 512);
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let made = made(vec![partition(1, 1 << 20, 1 << 20)]);
        let disk = Segments::new(segments(&made, SIZE).expect("writes"), SIZE).expect("fits");
        let mut image = vec![0; SIZE as usize];
        ReadAt::read_at(&disk, 0, &mut image).expect("reads");
        let tail = image.len() - 512;
        for at in (512 + 8..512 + 92).chain(1024..1200).chain(tail..tail + 92) {
            image[at] ^= 0x41;
            assert!(table(&image).is_err(), "byte {at}");
            image[at] ^= 0x41;
        }
        assert!(table(&image[..image.len() - 512].to_vec()).is_err());
        assert!(table(&image).expect("reads").is_some());
    }

    #[test]
    fn wrong_layouts_are_refused() {
        for (partitions, part) in [
            (vec![partition(1, 512, 512)], "starts before"),
            (vec![partition(1, 1 << 20, 4 << 20)], "ends after"),
            (vec![partition(1, 1 << 20, u64::MAX - 511)], "ends after"),
            (vec![partition(1, 1 << 20, 100)], "whole sectors"),
            (
                vec![
                    partition(1, 1 << 20, 1024),
                    partition(2, (1 << 20) + 512, 512),
                ],
                "overlaps",
            ),
            (
                vec![partition(1, 1 << 20, 512), partition(1, 2 << 20, 512)],
                "same GUID",
            ),
        ] {
            let error = segments(&made(partitions), SIZE).expect_err("fails");
            assert!(error.message.contains(part), "{error}");
        }
    }
}
