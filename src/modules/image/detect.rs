//! Tells which file system a partition holds.

use super::ext4::Ext4;
use super::fat::read::Fat;
use super::read_at::ReadAt;
use super::volume::Volume;
use crate::error::Result;

/// The content of a partition.
pub(super) enum Content<'a> {
    /// A format that can be read, and the file system; an error if this one cannot be.
    Volume(&'static str, Result<Box<dyn Volume + 'a>>),
    /// A format that is recognised but cannot be read.
    Other(&'static str),
    Unknown,
}

fn boxed<'a>(volume: Result<impl Volume + 'a>) -> Result<Box<dyn Volume + 'a>> {
    Ok(Box::new(volume?))
}

pub(super) fn detect(disk: &dyn ReadAt) -> Result<Content<'_>> {
    let mut head = [0; 2048];
    if disk.size() < head.len() as u64 {
        return Ok(Content::Unknown);
    }
    disk.read_at(0, &mut head)?;
    let has = |at: usize, magic: &[u8]| head[at..].starts_with(magic);
    Ok(if has(1024 + 56, &[0x53, 0xef]) {
        Content::Volume("ext4", boxed(Ext4::open(disk)))
    } else if has(510, &[0x55, 0xaa]) && has(82, b"FAT32   ") {
        Content::Volume("fat32", boxed(Fat::open(disk)))
    } else if has(510, &[0x55, 0xaa]) && has(54, b"FAT") {
        Content::Other("fat")
    } else if has(0, b"hsqs") {
        Content::Other("squashfs")
    } else if has(1024, &[0xe2, 0xe1, 0xf5, 0xe0]) {
        Content::Other("erofs")
    } else {
        Content::Unknown
    })
}
