//! Reads ext4 as far as files and their content: the kernel's Documentation/filesystems/ext4.

use std::collections::HashSet;

use super::bytes::{le16, le32};
use super::disk::ReadAt;
use super::ext4_tree::{self, Extent};
use super::guid::Guid;
use super::volume::{Found, MAX_FILES, Owner, Volume, join, limit, names};
use crate::error::{Error, Result};

const ROOT: u32 = 2;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_64BIT: u32 = 0x80;
/// `filetype`, `extents`, `64bit`, `mmp`, `flex_bg`, `ea_inode`, `csum_seed`, `largedir`: known, or nothing to us.
const INCOMPAT_KNOWN: u32 = 0x2 | 0x40 | INCOMPAT_64BIT | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000;
const FLAG_EXTENTS: u32 = 0x8_0000;
const FLAG_ENCRYPTED: u32 = 0x800;
const FLAG_INLINE: u32 = 0x1000_0000;
/// More than any folder that a root has.
const MAX_FOLDER: u64 = 256 << 20;
const MAX_LINKS: u32 = 40;
const MAX_TARGET: u64 = 4096;

pub(super) struct Ext4<'a> {
    disk: &'a dyn ReadAt,
    block_size: u64,
    inodes: u32,
    per_group: u32,
    inode_size: u64,
    descriptors: u64,
    descriptor_size: u64,
    label: String,
    uuid: Guid,
}

struct Inode {
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    mtime: i64,
    flags: u32,
    block: [u8; 60],
}

impl Inode {
    fn kind(&self) -> &'static str {
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
}

pub(super) fn bad(text: impl Into<String>) -> Error {
    Error::new("ext4", "format", text)
}

fn unsupported(text: impl Into<String>) -> Error {
    Error::new("ext4", "unsupported", text)
}

impl<'a> Ext4<'a> {
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
            inodes: le32(&block, 0),
            per_group,
            inode_size,
            descriptors: (u64::from(le32(&block, 0x14)) + 1) * block_size,
            descriptor_size,
            label: String::from_utf8_lossy(&label[..end.unwrap_or(16)]).into_owned(),
            uuid: Guid::from_text_order(uuid),
        })
    }

    fn inode(&self, number: u32) -> Result<Inode> {
        if number == 0 || number > self.inodes {
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
            .ok_or_else(|| bad(format!("inode {number} lies nowhere")))?;
        let mut data = [0; 256];
        let part = &mut data[..self.inode_size.min(256) as usize];
        self.disk.read_at(at, part)?;
        let mut block = [0; 60];
        block.copy_from_slice(&data[0x28..0x64]);
        // Two bits of the nanoseconds' field carry the time past 2038.
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
        })
    }

    /// All of a file's bytes; the caller has bounded the size.
    fn content(&self, inode: &Inode) -> Result<Vec<u8>> {
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
        for Extent { first, count, at } in
            ext4_tree::extents(self.disk, self.block_size, &inode.block)?
        {
            let from = u64::from(first) * self.block_size;
            let to = (from + u64::from(count) * self.block_size).min(inode.size);
            if let (Some(at), true) = (at.checked_mul(self.block_size), from < to) {
                self.disk
                    .read_at(at, &mut out[from as usize..to as usize])?;
            }
        }
        Ok(out)
    }

    fn folder(&self, inode: &Inode) -> Result<Vec<(Vec<u8>, u32)>> {
        limit("ext4", inode.size, MAX_FOLDER)?;
        ext4_tree::names(&self.content(inode)?, self.block_size as usize)
    }

    fn target(&self, inode: &Inode) -> Result<Vec<u8>> {
        limit("ext4", inode.size, MAX_TARGET)?;
        if inode.flags & FLAG_EXTENTS == 0 && inode.size < 60 {
            return Ok(inode.block[..inode.size as usize].to_vec());
        }
        self.content(inode)
    }

    /// The inode at a path, its links followed inside this file system.
    fn find(&self, path: &[u8]) -> Result<Option<(u32, Inode)>> {
        // Names still to go, the next one last; the folders on the way, for `..`.
        let mut todo: Vec<Vec<u8>> = names(path).rev().map(<[u8]>::to_vec).collect();
        let mut way = vec![(ROOT, self.inode(ROOT)?)];
        let mut links = 0;
        while let Some(name) = todo.pop() {
            if name == b".." {
                if way.len() > 1 {
                    way.pop();
                }
                continue;
            }
            let Some((_, folder)) = way.last().filter(|(_, inode)| inode.kind() == "dir") else {
                return Ok(None);
            };
            let entry = self.folder(folder)?.into_iter().find(|e| e.0 == name);
            let Some((_, number)) = entry else {
                return Ok(None);
            };
            let inode = self.inode(number)?;
            if inode.kind() != "link" {
                way.push((number, inode));
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                let text = format!("more than {MAX_LINKS} links on the way");
                return Err(Error::new("ext4", "ELOOP", text));
            }
            let target = self.target(&inode)?;
            if target.starts_with(b"/") {
                way.truncate(1);
            }
            todo.extend(names(&target).rev().map(<[u8]>::to_vec));
        }
        Ok(way.pop())
    }

    fn found(&self, path: Vec<u8>, inode: &Inode) -> Result<Found> {
        let kind = inode.kind();
        Ok(Found {
            path,
            kind,
            size: if kind == "file" { inode.size } else { 0 },
            mtime: inode.mtime,
            owner: Some(Owner {
                mode: inode.mode & 0o7777,
                uid: inode.uid,
                gid: inode.gid,
            }),
            target: if kind == "link" {
                Some(self.target(inode)?)
            } else {
                None
            },
        })
    }
}

impl Volume for Ext4<'_> {
    fn label(&self) -> Option<String> {
        Some(self.label.clone()).filter(|label| !label.is_empty())
    }

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn list(&self, folder: &[u8]) -> Result<Option<Vec<Found>>> {
        let Some((number, top)) = self.find(folder)?.filter(|(_, i)| i.kind() == "dir") else {
            return Ok(None);
        };
        let prefix = names(folder).fold(Vec::new(), |path, name| join(&path, name));
        let mut seen = HashSet::from([number]);
        let mut todo = vec![(prefix, top)];
        let mut out = Vec::new();
        while let Some((folder, inode)) = todo.pop() {
            for (name, number) in self.folder(&inode)? {
                let path = join(&folder, &name);
                let inode = self.inode(number)?;
                out.push(self.found(path.clone(), &inode)?);
                if out.len() > MAX_FILES {
                    return Err(bad("too many files"));
                }
                if inode.kind() == "dir" {
                    if !seen.insert(number) {
                        return Err(bad("a folder is inside itself, or in two places"));
                    }
                    todo.push((path, inode));
                }
            }
        }
        Ok(Some(out))
    }

    fn read(&self, path: &[u8], max: u64) -> Result<Option<Vec<u8>>> {
        let Some((_, inode)) = self.find(path)?.filter(|(_, i)| i.kind() == "file") else {
            return Ok(None);
        };
        limit("ext4", inode.size, max)?;
        self.content(&inode).map(Some)
    }
}
