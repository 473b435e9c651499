//! The GUID partition table: UEFI specification 2.10, chapter 5.

use flate2::Crc;

use super::bytes::{le32, le64, put};
use super::disk::ReadAt;
use super::guid::Guid;
use super::segments::{Data, Segment};
use crate::error::{Error, Result};

pub(super) const SECTOR: u64 = 512;
const ENTRIES: usize = 128;
const ENTRY: usize = 128;
const HEADER: usize = 92;
/// Sectors of the entries.
const TABLE: u64 = (ENTRIES * ENTRY) as u64 / SECTOR;
/// What the table takes at the start: the protective MBR, the header, the entries.
pub(super) const HEAD: u64 = (2 + TABLE) * SECTOR;
/// What it takes at the end: the entries and the header again.
pub(super) const TAIL: u64 = (1 + TABLE) * SECTOR;
const NAME_UNITS: usize = 36;
/// More than any table that was ever written.
const MAX_TABLE: u64 = 1 << 20;

/// One partition; `start` and `size` in bytes.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) index: usize,
    pub(super) kind: Guid,
    pub(super) guid: Guid,
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) size: u64,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) disk_guid: Guid,
    pub(super) partitions: Vec<Partition>,
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

/// The protective MBR and both copies of the table, for a disk of `size` bytes.
pub(super) fn write(table: &Table, size: u64) -> Result<Vec<Segment>> {
    if !size.is_multiple_of(SECTOR) || size < HEAD + TAIL {
        let text = format!("a disk of {size} bytes cannot hold a partition table");
        return Err(Error::argument("gpt", text));
    }
    let entries = entries(&table.partitions, size)?;
    let last = size / SECTOR - 1;
    let header = |own, other, at| {
        let mut header = [0; HEADER];
        put(&mut header, 0, b"EFI PART");
        put(&mut header, 8, &0x0001_0000_u32.to_le_bytes());
        put(&mut header, 12, &(HEADER as u32).to_le_bytes());
        put(&mut header, 24, &u64::to_le_bytes(own));
        put(&mut header, 32, &u64::to_le_bytes(other));
        put(&mut header, 40, &(HEAD / SECTOR).to_le_bytes());
        put(&mut header, 48, &(last - 1 - TABLE).to_le_bytes());
        put(&mut header, 56, &table.disk_guid.to_disk());
        put(&mut header, 72, &u64::to_le_bytes(at));
        put(&mut header, 80, &(ENTRIES as u32).to_le_bytes());
        put(&mut header, 84, &(ENTRY as u32).to_le_bytes());
        put(&mut header, 88, &crc(&entries).to_le_bytes());
        let sum = crc(&header);
        put(&mut header, 16, &sum.to_le_bytes());
        header
    };
    let mut head = protective_mbr(last);
    head.resize(2 * SECTOR as usize, 0);
    put(&mut head, SECTOR as usize, &header(1, last, 2));
    head.extend_from_slice(&entries);
    let mut tail = entries.clone();
    tail.extend_from_slice(&header(last, 1, last - TABLE));
    tail.resize(TAIL as usize, 0);
    let segment = |offset, data| Segment {
        offset,
        data: Data::Bytes(data),
    };
    Ok(vec![segment(0, head), segment(size - TAIL, tail)])
}

fn protective_mbr(last: u64) -> Vec<u8> {
    let mut mbr = vec![0; SECTOR as usize];
    // Not bootable; from sector 1 (CHS 0/0/2) to the end or as far as 32 bits go; type EE.
    put(&mut mbr, 446, &[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]);
    put(&mut mbr, 454, &1_u32.to_le_bytes());
    let sectors = u32::try_from(last).unwrap_or(u32::MAX);
    put(&mut mbr, 458, &sectors.to_le_bytes());
    put(&mut mbr, 510, &[0x55, 0xaa]);
    mbr
}

fn entries(partitions: &[Partition], size: u64) -> Result<Vec<u8>> {
    if partitions.len() > ENTRIES {
        let text = format!("{} partitions; a table holds {ENTRIES}", partitions.len());
        return Err(Error::argument("gpt", text));
    }
    let mut out = vec![0; ENTRIES * ENTRY];
    for (number, partition) in partitions.iter().enumerate() {
        check(partition, size)
            .and_then(|()| apart(partition, &partitions[..number]))
            .map_err(|text| {
                Error::argument("gpt", format!("partition {} {text}", partition.index))
            })?;
        let entry = &mut out[number * ENTRY..][..ENTRY];
        put(entry, 0, &partition.kind.to_disk());
        put(entry, 16, &partition.guid.to_disk());
        put(entry, 32, &(partition.start / SECTOR).to_le_bytes());
        let end = (partition.start + partition.size) / SECTOR - 1;
        put(entry, 40, &end.to_le_bytes());
        for (unit, value) in partition.name.encode_utf16().enumerate() {
            put(entry, 56 + unit * 2, &value.to_le_bytes());
        }
    }
    Ok(out)
}

type Check = std::result::Result<(), String>;

fn check(partition: &Partition, size: u64) -> Check {
    let (start, length) = (partition.start, partition.size);
    if !start.is_multiple_of(SECTOR) || !length.is_multiple_of(SECTOR) || length == 0 {
        return Err(format!("is not made of whole sectors of {SECTOR} bytes"));
    }
    if start < HEAD {
        return Err(format!("starts before byte {HEAD}, in the partition table"));
    }
    if start
        .checked_add(length)
        .is_none_or(|end| end > size - TAIL)
    {
        return Err(format!(
            "ends after byte {}, the last that a disk of {size} bytes has for it",
            size - TAIL
        ));
    }
    if partition.kind.is_nil() || partition.guid.is_nil() {
        return Err("has an all-zero GUID".to_owned());
    }
    if partition.name.encode_utf16().count() > NAME_UNITS {
        return Err(format!("has a name of more than {NAME_UNITS} characters"));
    }
    Ok(())
}

fn apart(partition: &Partition, others: &[Partition]) -> Check {
    for other in others {
        if partition.guid == other.guid {
            return Err(format!("has the same GUID as partition {}", other.index));
        }
        if partition.start < other.start + other.size
            && other.start < partition.start + partition.size
        {
            return Err(format!("overlaps partition {}", other.index));
        }
    }
    Ok(())
}

/// Reads the table; `None` where there is none. Both copies have to be there and right.
pub(super) fn read(disk: &dyn ReadAt) -> Result<Option<Table>> {
    if disk.size() < HEAD {
        return Ok(None);
    }
    let mut signature = [0; 8];
    disk.read_at(SECTOR, &mut signature)?;
    if &signature != b"EFI PART" {
        return Ok(None);
    }
    let (header, entries) = read_copy(disk, 1)?;
    let (_, backup) = read_copy(disk, le64(&header, 32))?;
    if entries != backup {
        return Err(bad("its two copies differ"));
    }
    let size = le32(&header, 84) as usize;
    let mut table = Table {
        disk_guid: guid(&header, 56),
        partitions: Vec::new(),
    };
    for (number, entry) in entries.chunks_exact(size).enumerate() {
        if guid(entry, 0).is_nil() {
            continue;
        }
        table.partitions.push(read_entry(entry, number + 1, disk)?);
    }
    Ok(Some(table))
}

fn bad(text: impl std::fmt::Display) -> Error {
    Error::new(
        "gpt",
        "format",
        format!("the partition table is damaged: {text}"),
    )
}

fn guid(data: &[u8], at: usize) -> Guid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&data[at..at + 16]);
    Guid::from_disk(bytes)
}

fn read_copy(disk: &dyn ReadAt, sector: u64) -> Result<(Vec<u8>, Vec<u8>)> {
    let outside = || {
        let text = format!(
            "the partition table goes on at sector {sector}, past the end of {} bytes",
            disk.size()
        );
        Error::new("gpt", "truncated", text)
    };
    let at = sector
        .checked_mul(SECTOR)
        .filter(|at| at.checked_add(SECTOR).is_some_and(|end| end <= disk.size()));
    let mut header = vec![0; SECTOR as usize];
    disk.read_at(at.ok_or_else(outside)?, &mut header)?;
    let length = le32(&header, 12) as usize;
    if &header[..8] != b"EFI PART" || !(HEADER..=SECTOR as usize).contains(&length) {
        return Err(bad(format!("no header in sector {sector}")));
    }
    let sum = le32(&header, 16);
    put(&mut header, 16, &[0; 4]);
    if crc(&header[..length]) != sum || le64(&header, 24) != sector {
        return Err(bad(format!(
            "wrong checksum of the header in sector {sector}"
        )));
    }
    let (count, size) = (u64::from(le32(&header, 80)), u64::from(le32(&header, 84)));
    if size < ENTRY as u64 || !size.is_power_of_two() || count * size > MAX_TABLE {
        return Err(bad(format!("{count} entries of {size} bytes")));
    }
    let mut entries = vec![0; (count * size) as usize];
    let at = le64(&header, 72).checked_mul(SECTOR).filter(|at| {
        at.checked_add(count * size)
            .is_some_and(|end| end <= disk.size())
    });
    disk.read_at(at.ok_or_else(outside)?, &mut entries)?;
    if crc(&entries) != le32(&header, 88) {
        return Err(bad("wrong checksum of the entries"));
    }
    Ok((header, entries))
}

fn read_entry(entry: &[u8], index: usize, disk: &dyn ReadAt) -> Result<Partition> {
    let (first, last) = (le64(entry, 32), le64(entry, 40));
    let units: Vec<u16> = entry[56..56 + NAME_UNITS * 2]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&pair| u16::from_le_bytes(pair))
        .take_while(|&unit| unit != 0)
        .collect();
    if first > last || last >= disk.size() / SECTOR {
        return Err(bad(format!("partition {index} is not inside the disk")));
    }
    Ok(Partition {
        index,
        kind: guid(entry, 0),
        guid: guid(entry, 16),
        name: String::from_utf16_lossy(&units),
        start: first * SECTOR,
        size: (last - first + 1) * SECTOR,
    })
}

#[cfg(test)]
mod tests {
    use super::{Guid, Partition, Table, read, write};
    use crate::modules::image::segments::Segments;

    const SIZE: u64 = 4 << 20;

    fn partition(index: usize, start: u64, size: u64) -> Partition {
        Partition {
            index,
            kind: Guid::parse("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").expect("parses"),
            guid: Guid::from_digest(&format!("{index:032x}")).expect("parses"),
            name: format!("part {index}"),
            start,
            size,
        }
    }

    fn table(partitions: Vec<Partition>) -> Table {
        Table {
            disk_guid: Guid::from_digest(&"5".repeat(32)).expect("parses"),
            partitions,
        }
    }

    #[test]
    fn comes_back() {
        let table = table(vec![
            partition(1, 1 << 20, 1 << 20),
            partition(2, 2 << 20, 512),
        ]);
        let disk = Segments::new(write(&table, SIZE).expect("writes"), SIZE).expect("fits");
        let found = read(&disk).expect("reads").expect("is there");
        assert_eq!(found.disk_guid, table.disk_guid);
        assert_eq!(found.partitions.len(), 2);
        assert_eq!(found.partitions[1].name, "part 2");
        assert_eq!(found.partitions[1].start, 2 << 20);
        assert_eq!(found.partitions[1].size, 512);
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let table = table(vec![partition(1, 1 << 20, 1 << 20)]);
        let disk = Segments::new(write(&table, SIZE).expect("writes"), SIZE).expect("fits");
        let mut image = vec![0; SIZE as usize];
        super::ReadAt::read_at(&disk, 0, &mut image).expect("reads");
        let tail = image.len() - 512;
        for at in (512 + 8..512 + 92).chain(1024..1200).chain(tail..tail + 92) {
            image[at] ^= 0x41;
            assert!(read(&image).is_err(), "byte {at}");
            image[at] ^= 0x41;
        }
        assert!(read(&image[..image.len() - 512].to_vec()).is_err());
        assert!(read(&image).expect("reads").is_some());
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
            let error = write(&table(partitions), SIZE).expect_err("fails");
            assert!(error.message.contains(part), "{error}");
        }
    }
}
