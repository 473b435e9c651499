//! FAT32: Microsoft's FAT32 file system specification, version 1.03.
//!
//! The crate `fatfs` is not used. `fsck.fat` rejects the folders that it writes. It writes to a device with random access;
//! here a disk is a list of segments.

mod name;
pub(crate) mod options;
pub(crate) mod read;
mod time;
mod tree;
pub(crate) mod write;

const ATTR_VOLUME: u8 = 0x08;
const ATTR_FOLDER: u8 = 0x10;
const ATTR_ARCHIVE: u8 = 0x20;
