//! FAT32: Microsoft's FAT32 file system specification, version 1.03.
//!
//! The crate `fatfs` is not used: the folders that it writes are refused by `fsck.fat`, and it writes to a device that it can
//! seek in, where here a disk is a list of pieces.

mod name;
pub(crate) mod options;
pub(crate) mod read;
mod time;
mod tree;
pub(crate) mod write;

const ATTR_VOLUME: u8 = 0x08;
const ATTR_FOLDER: u8 = 0x10;
const ATTR_ARCHIVE: u8 = 0x20;
