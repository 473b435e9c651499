//! Reads ext4: names, content, owners, modes and capabilities. The format: the kernel's Documentation/filesystems/ext4.
//!
//! The crate `ext4-view` is not used. It reads no extended attributes, and it gives no inode numbers, which reading them
//! separately would need. Capabilities are extended attributes. The tests compare this reader with the crate.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::modules::image::read_at::ReadAt;
use crate::modules::image::volume::{Found, MAX_FILES, Owner, Volume, join, limit, names};

mod attributes;
mod inode;
mod tree;

use inode::{FLAG_EXTENTS, Inode, Inodes};
use tree::bad;

const ROOT: u32 = 2;
/// The largest folder that is read. Folders of real roots are smaller.
const MAX_FOLDER: u64 = 256 << 20;
const MAX_LINKS: u32 = 40;
const MAX_TARGET: u64 = 4096;

pub(super) struct Ext4<'a>(Inodes<'a>);

impl<'a> Ext4<'a> {
    pub(super) fn open(disk: &'a dyn ReadAt) -> Result<Self> {
        Inodes::open(disk).map(Self)
    }

    fn folder(&self, inode: &Inode) -> Result<Vec<(Vec<u8>, u32)>> {
        limit("ext4", inode.size, MAX_FOLDER)?;
        tree::names(&self.0.content(inode)?, self.0.block_size as usize)
    }

    fn target(&self, inode: &Inode) -> Result<Vec<u8>> {
        limit("ext4", inode.size, MAX_TARGET)?;
        if inode.flags & FLAG_EXTENTS == 0 && inode.size < 60 {
            return Ok(inode.block[..inode.size as usize].to_vec());
        }
        self.0.content(inode)
    }

    /// The inode of a path. Links are followed inside this file system.
    fn find(&self, path: &[u8]) -> Result<Option<(u32, Inode)>> {
        // `todo`: the names that are left, in reverse order. `way`: the folders so far, for `..`.
        let mut todo: Vec<Vec<u8>> = names(path).rev().map(<[u8]>::to_vec).collect();
        let mut way = vec![(ROOT, self.0.inode(ROOT)?)];
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
            let inode = self.0.inode(number)?;
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
                capabilities: if kind == "file" {
                    attributes::capabilities(&self.0, inode)?
                } else {
                    None
                },
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
        Some(self.0.label.clone()).filter(|label| !label.is_empty())
    }

    fn id(&self) -> String {
        self.0.uuid.to_string()
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
                let inode = self.0.inode(number)?;
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
        self.0.content(&inode).map(Some)
    }
}
