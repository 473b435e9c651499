//! Reads the partition table.

use uuid::Uuid;

use super::{ENTRY, HEAD, HEADER, NAME_UNITS, Partition, SECTOR, Table, crc};
use crate::error::{Error, Result};
use crate::modules::image::bytes::{le32, le64, put};
use crate::modules::image::read_at::ReadAt;

/// The largest table that is read. Real tables are smaller.
const MAX_TABLE: u64 = 1 << 20;

/// Reads the table; `None` if there is none. Both copies have to be valid and equal.
pub(crate) fn table(disk: &dyn ReadAt) -> Result<Option<Table>> {
    if disk.size() < HEAD {
        return Ok(None);
    }
    let mut signature = [0; 8];
    disk.read_at(SECTOR, &mut signature)?;
    if &signature != b"EFI PART" {
        return Ok(None);
    }
    let (header, entries) = copy(disk, 1)?;
    let (_, backup) = copy(disk, le64(&header, 32))?;
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

fn guid(data: &[u8], at: usize) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&data[at..at + 16]);
    Uuid::from_bytes_le(bytes)
}

/// A copy of the table: its header, with a checksum of zero, and its entries.
pub(crate) fn copy(disk: &dyn ReadAt, sector: u64) -> Result<(Vec<u8>, Vec<u8>)> {
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
