//! Writes the partition table.

use super::{ENTRIES, ENTRY, HEAD, HEADER, NAME_UNITS, Partition, SECTOR, TABLE, TAIL, Table, crc};
use crate::error::{Error, Result};
use crate::modules::image::bytes::put;
use crate::modules::image::segments::{Data, Segment};

/// The protective MBR and both copies of the table, for a disk of `size` bytes.
pub(crate) fn segments(table: &Table, size: u64) -> Result<Vec<Segment>> {
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
        put(&mut header, 56, &table.disk_guid.to_bytes_le());
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
    // One partition: not bootable, type 0xee, from sector 1 (CHS 0/0/2) to the end of the disk or the largest 32-bit number.
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
        put(entry, 0, &partition.kind.to_bytes_le());
        put(entry, 16, &partition.guid.to_bytes_le());
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
