//! Extent trees and folders of ext4.

use crate::error::{Error, Result};
use crate::modules::image::bytes::{le16, le32};
use crate::modules::image::read_at::ReadAt;

pub(super) fn bad(text: impl Into<String>) -> Error {
    Error::new("ext4", "format", text)
}

pub(super) fn unsupported(text: impl Into<String>) -> Error {
    Error::new("ext4", "unsupported", text)
}

const MAGIC: u16 = 0xf30a;
const MAX_DEPTH: u16 = 5;
/// The largest number of blocks in a tree: enough for a file of 40 GiB whose extents are all one block long.
const MAX_NODES: u32 = 32_768;
/// A larger length marks an extent that is allocated but not written: it reads as zeros.
const MAX_WRITTEN: u16 = 32_768;
const HEADER: usize = 12;
const ENTRY: usize = 12;

/// A contiguous range of blocks of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Extent {
    /// The number of the first block, in the file.
    pub(super) first: u32,
    pub(super) count: u16,
    /// The number of the first block, in the file system.
    pub(super) at: u64,
}

/// All written extents of a tree. The inode holds the root of the tree.
pub(super) fn extents(disk: &dyn ReadAt, block_size: u64, root: &[u8]) -> Result<Vec<Extent>> {
    let mut out = Vec::new();
    let mut nodes = 0;
    let mut todo = vec![(root.to_vec(), None)];
    while let Some((node, expected)) = todo.pop() {
        let (entries, depth) = (usize::from(le16(&node, 2)), le16(&node, 6));
        let fits = HEADER + entries * ENTRY <= node.len();
        // The depth has to decrease at each level, so a loop is impossible.
        if le16(&node, 0) != MAGIC
            || !fits
            || depth > MAX_DEPTH
            || expected.is_some_and(|e| e != depth)
        {
            return Err(bad("a tree of extents is damaged"));
        }
        for number in 0..entries {
            let entry = &node[HEADER + number * ENTRY..][..ENTRY];
            if depth == 0 {
                let count = le16(entry, 4);
                let at = u64::from(le16(entry, 6)) << 32 | u64::from(le32(entry, 8));
                if count <= MAX_WRITTEN {
                    let first = le32(entry, 0);
                    out.push(Extent { first, count, at });
                }
                continue;
            }
            nodes += 1;
            if nodes > MAX_NODES {
                return Err(bad("a tree of extents is too large"));
            }
            let at = u64::from(le16(entry, 8)) << 32 | u64::from(le32(entry, 4));
            let at = at.checked_mul(block_size);
            let at = at.ok_or_else(|| bad("a tree of extents points outside of the disk"))?;
            let mut child = vec![0; block_size as usize];
            disk.read_at(at, &mut child)?;
            todo.push((child, Some(depth - 1)));
        }
    }
    Ok(out)
}

/// The names in a folder and the numbers of their inodes. The index blocks of a hash tree look like empty blocks, and its
/// leaf blocks like those of any folder.
pub(super) fn names(data: &[u8], block_size: usize) -> Result<Vec<(Vec<u8>, u32)>> {
    let mut out = Vec::new();
    for block in data.chunks(block_size) {
        let mut at = 0;
        while at + 8 <= block.len() {
            let (inode, name_length) = (le32(block, at), usize::from(block[at + 6]));
            let length = match le16(block, at + 4) {
                // The length of a whole block of 64 KiB does not fit into 16 bits.
                0 | 0xffff if block_size == 65_536 => block_size,
                length => usize::from(length),
            };
            let end = at + length;
            if length < 8
                || !length.is_multiple_of(4)
                || end > block.len()
                || 8 + name_length > length
            {
                return Err(bad("a folder is damaged"));
            }
            let name = &block[at + 8..at + 8 + name_length];
            if inode != 0 && name_length > 0 && name != b"." && name != b".." {
                if name.contains(&b'/') || name.contains(&0) {
                    return Err(bad(
                        "a folder is damaged: a name has a slash or a zero in it",
                    ));
                }
                out.push((name.to_vec(), inode));
            }
            at = end;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{extents, names};

    #[test]
    fn damaged_folders_are_errors() {
        let mut block = vec![0; 1024];
        block[..12].copy_from_slice(&[5, 0, 0, 0, 12, 0, 1, 1, b'a', 0, 0, 0]);
        block[16..18].copy_from_slice(&1012_u16.to_le_bytes());
        assert_eq!(names(&block, 1024).expect("reads"), [(b"a".to_vec(), 5)]);
        for (at, value) in [(4, 0), (4, 13), (6, 5), (8, b'/'), (17, 0xff)] {
            let mut block = block.clone();
            block[at] = value;
            assert!(names(&block, 1024).is_err(), "{at}");
        }
    }

    #[test]
    fn a_tree_that_holds_itself_is_an_error() {
        // Depth 1 says that the child is a leaf, and it is not one.
        let mut node = vec![0; 1024];
        node[..8].copy_from_slice(&[0x0a, 0xf3, 1, 0, 4, 0, 1, 0]);
        assert!(extents(&node, 1024, &node[..60]).is_err());
    }
}
