//! Extended attributes of ext4. They are in the inode, after its fields, or in a separate block.

use super::inode::{Inode, Inodes};
use super::tree::{bad, unsupported};
use crate::error::Result;
use crate::modules::image::bytes::{le16, le32};

const MAGIC: u32 = 0xea02_0000;
/// The offset of the first entry: in an inode after the magic number, in a block after the header.
const IN_INODE: usize = 4;
const IN_BLOCK: usize = 32;
const ENTRY: usize = 16;
/// The number that stands for the prefix `security.`.
const SECURITY: u8 = 6;

/// The value of `security.capability`, if a file has it.
pub(super) fn capabilities(files: &Inodes<'_>, inode: &Inode) -> Result<Option<Vec<u8>>> {
    let rest = inode.rest();
    if le32(rest, 0) == MAGIC {
        let entries = rest.get(IN_INODE..).unwrap_or_default();
        // The offset of a value counts from the first entry in an inode, from the start of the block in a block.
        if let Some(found) = find(entries, entries, b"capability")? {
            return Ok(Some(found));
        }
    }
    if inode.attributes == 0 {
        return Ok(None);
    }
    let block = files.block(inode.attributes)?;
    if le32(&block, 0) != MAGIC {
        return Err(bad("a block of extended attributes is damaged"));
    }
    find(&block[IN_BLOCK..], &block, b"capability")
}

/// The value of an attribute with the prefix `security.`; `wanted` is the name without the prefix.
fn find(entries: &[u8], values: &[u8], wanted: &[u8]) -> Result<Option<Vec<u8>>> {
    let damaged = || bad("a list of extended attributes is damaged");
    let mut at = 0;
    // The list ends with four zero bytes, or at the end of its space.
    while at + 4 <= entries.len() && le32(entries, at) != 0 {
        let length = usize::from(entries[at]);
        let name = entries.get(at + ENTRY..at + ENTRY + length);
        let name = name.ok_or_else(damaged)?;
        if entries[at + 1] == SECURITY && name == wanted {
            if le32(entries, at + 4) != 0 {
                return Err(unsupported(
                    "a capability is stored in a separate inode (`ea_inode`)",
                ));
            }
            let start = usize::from(le16(entries, at + 2));
            let size = le32(entries, at + 8) as usize;
            let value = values.get(start..start.saturating_add(size));
            return value.map(<[u8]>::to_vec).map(Some).ok_or_else(damaged);
        }
        at += (ENTRY + length).next_multiple_of(4);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::find;

    /// An entry: the number of its prefix, its name, and the offset and size of its value.
    fn entry(index: u8, name: &[u8], start: u16, size: u32) -> Vec<u8> {
        let mut out = vec![name.len() as u8, index];
        out.extend(start.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(name);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn finds_by_number_and_name() {
        let mut list = entry(1, b"capability", 90, 3);
        list.extend(entry(6, b"selinux", 90, 3));
        list.extend(entry(6, b"capability", 96, 4));
        list.extend([0; 4]);
        list.resize(96, 0);
        list.extend(b"okay");
        let found = find(&list, &list, b"capability").expect("reads");
        assert_eq!(found.as_deref(), Some(b"okay".as_slice()));
        assert_eq!(find(&list, &list, b"none").expect("reads"), None);
    }

    #[test]
    fn damage_is_an_error() {
        // A value past the end; a size past the end; a name past the end; a value in a separate inode.
        let list = entry(6, b"capability", 96, 4);
        assert!(find(&list, &list, b"capability").is_err());
        let list = entry(6, b"capability", 0, u32::MAX);
        assert!(find(&list, &list, b"capability").is_err());
        let mut list = entry(6, b"x", 0, 0);
        list[0] = 200;
        assert!(find(&list, &list, b"capability").is_err());
        let mut list = entry(6, b"capability", 0, 0);
        list[4] = 9;
        assert!(find(&list, &list, b"capability").is_err());
        assert_eq!(find(&[1, 6, 0], &[], b"capability").expect("ends"), None);
    }
}
