//! The superblock of ext4, its inodes and their content.

use uuid::Uuid;

use super::tree::{Extent, bad, extents, unsupported};
use crate::error::{Error, Result};
use crate::modules::image::bytes::{le16, le32};
use crate::modules::image::read_at::ReadAt;

const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_64BIT: u32 = 0x80;
/// `filetype`, `extents`, `64bit`, `mmp`, `flex_bg`, `ea_inode`, `csum_seed`, `largedir`: supported, or without a meaning for reading.
const INCOMPAT_KNOWN: u32 = 0x2 | 0x40 | INCOMPAT_64BIT | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000;
pub(super) const FLAG_EXTENTS: u32 = 0x8_0000;
const FLAG_ENCRYPTED: u32 = 0x800;
const FLAG_INLINE: u32 = 0x1000_0000;

/// An ext4 file system: finds inodes by number and reads their content.
pub(super) struct Inodes<'a> {
    disk: &'a dyn ReadAt,
    pub(super) block_size: u64,
    count: u32,
    per_group: u32,
    inode_size: u64,
    descriptors: u64,
    descriptor_size: u64,
    pub(super) label: String,
    pub(super) uuid: Uuid,
}

pub(super) struct Inode {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) flags: u32,
    pub(super) block: [u8; 60],
    /// The number of the block with extended attributes; 0 if there is none.
    pub(super) attributes: u64,
    /// The whole inode, as it is on the disk.
    data: Vec<u8>,
}

impl Inode {
    pub(super) fn kind(&self) -> &'static str {
        match self.mode & 0o170_000 {
            0o040_000 => "dir",
            0o100_000 => "file",
            0o120_000 => "link",
            0o020_000 => "char",
            0o060_000 => "block",
            0o010_000 => "fifo",
            0o140_000 => "socket",
            _ => "unknown",
        }
    }

    /// The space after the fields. It may hold extended attributes.
    pub(super) fn rest(&self) -> &[u8] {
        let fields = 128 + usize::from(le16(&self.data, 0x80));
        self.data.get(fields..).unwrap_or_default()
    }
}

impl<'a> Inodes<'a> {
    pub(super) fn open(disk: &'a dyn ReadAt) -> Result<Self> {
        let mut block = [0; 1024];
        disk.read_at(1024, &mut block)?;
        let incompat = le32(&block, 0x60);
        if incompat & INCOMPAT_RECOVER != 0 {
            return Err(unsupported(
                "it was not unmounted: its journal has to be replayed first",
            ));
        }
        if incompat & !INCOMPAT_KNOWN != 0 {
            let unknown = incompat & !INCOMPAT_KNOWN;
            return Err(unsupported(format!("incompatible features {unknown:#x}")));
        }
        let is_64bit = incompat & INCOMPAT_64BIT != 0;
        let log_size = le32(&block, 0x18);
        let old = le32(&block, 0x4c) == 0;
        let inode_size = if old {
            128
        } else {
            u64::from(le16(&block, 0x58))
        };
        let descriptor_size = if is_64bit {
            u64::from(le16(&block, 0xfe))
        } else {
            32
        };
        let per_group = le32(&block, 0x28);
        let sane = log_size <= 6
            && inode_size.is_power_of_two()
            && (128..=1024 << log_size).contains(&inode_size)
            && descriptor_size.is_power_of_two()
            && (32..=1024).contains(&descriptor_size)
            && per_group > 0;
        if !sane {
            return Err(bad("its superblock makes no sense"));
        }
        let block_size = 1024 << log_size;
        let high = if is_64bit { le32(&block, 0x150) } else { 0 };
        let blocks = u64::from(high) << 32 | u64::from(le32(&block, 4));
        if blocks
            .checked_mul(block_size)
            .is_none_or(|size| size > disk.size())
        {
            let text = format!(
                "its {blocks} blocks of {block_size} bytes end after {} bytes",
                disk.size()
            );
            return Err(Error::new("ext4", "truncated", text));
        }
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&block[0x68..0x78]);
        let label = &block[0x78..0x88];
        let end = label.iter().position(|&byte| byte == 0);
        Ok(Self {
            disk,
            block_size,
            count: le32(&block, 0),
            per_group,
            inode_size,
            descriptors: (u64::from(le32(&block, 0x14)) + 1) * block_size,
            descriptor_size,
            label: String::from_utf8_lossy(&label[..end.unwrap_or(16)]).into_owned(),
            uuid: Uuid::from_bytes(uuid),
        })
    }

    pub(super) fn inode(&self, number: u32) -> Result<Inode> {
        if number == 0 || number > self.count {
            return Err(bad(format!("there is no inode {number}")));
        }
        let (group, index) = (
            u64::from((number - 1) / self.per_group),
            u64::from((number - 1) % self.per_group),
        );
        let mut descriptor = [0; 64];
        let part = &mut descriptor[..self.descriptor_size.min(64) as usize];
        self.disk
            .read_at(self.descriptors + group * self.descriptor_size, part)?;
        let table = u64::from(le32(&descriptor, 0x28)) << 32 | u64::from(le32(&descriptor, 8));
        let at = table
            .checked_mul(self.block_size)
            .and_then(|at| at.checked_add(index * self.inode_size))
            .ok_or_else(|| bad(format!("the address of inode {number} is out of range")))?;
        let mut data = vec![0; self.inode_size as usize];
        self.disk.read_at(at, &mut data)?;
        let mut block = [0; 60];
        block.copy_from_slice(&data[0x28..0x64]);
        // The lowest two bits of the field for nanoseconds extend the seconds past 2038.
        let epoch = if le16(&data, 0x80) >= 12 {
            le32(&data, 0x88) & 3
        } else {
            0
        };
        Ok(Inode {
            mode: u32::from(le16(&data, 0)),
            uid: u32::from(le16(&data, 0x78)) << 16 | u32::from(le16(&data, 2)),
            gid: u32::from(le16(&data, 0x7a)) << 16 | u32::from(le16(&data, 0x18)),
            size: u64::from(le32(&data, 0x6c)) << 32 | u64::from(le32(&data, 4)),
            mtime: i64::from(le32(&data, 0x10).cast_signed()) + (i64::from(epoch) << 32),
            flags: le32(&data, 0x20),
            block,
            attributes: u64::from(le16(&data, 0x76)) << 32 | u64::from(le32(&data, 0x68)),
            data,
        })
    }

    pub(super) fn block(&self, number: u64) -> Result<Vec<u8>> {
        let at = number.checked_mul(self.block_size);
        let at = at.ok_or_else(|| bad(format!("the address of block {number} is out of range")))?;
        let mut data = vec![0; self.block_size as usize];
        self.disk.read_at(at, &mut data)?;
        Ok(data)
    }

    /// The content of a file. The caller has checked the size.
    pub(super) fn content(&self, inode: &Inode) -> Result<Vec<u8>> {
        if inode.flags & (FLAG_ENCRYPTED | FLAG_INLINE) != 0 {
            return Err(unsupported("a file is encrypted or kept in its inode"));
        }
        if inode.flags & FLAG_EXTENTS == 0 && inode.size > 0 {
            return Err(unsupported("a file has no extents (ext2 or ext3)"));
        }
        let mut out = vec![0; inode.size as usize];
        if inode.size == 0 {
            return Ok(out);
        }
        for Extent { first, count, at } in extents(self.disk, self.block_size, &inode.block)? {
            let from = u64::from(first) * self.block_size;
            let to = (from + u64::from(count) * self.block_size).min(inode.size);
            if let (Some(at), true) = (at.checked_mul(self.block_size), from < to) {
                self.disk
                    .read_at(at, &mut out[from as usize..to as usize])?;
            }
        }
        Ok(out)
    }
}
