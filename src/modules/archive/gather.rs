//! What goes into a tar: the trees of all sources, the later over the earlier.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::tree::walk::{Exclude, Node, Type, walk};

/// A tree, or one file, and where it goes.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) prefix: Vec<u8>,
    pub(super) exclude: Exclude,
    pub(super) mode: Option<u32>,
}

/// Something to be packed, and the source that it is read from.
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) source: usize,
}

pub(super) type Items = BTreeMap<Vec<u8>, Item>;

/// Adds what a source holds; it wins over what is there already, and folders merge.
pub(super) fn gather(items: &mut Items, source: &Source, number: usize) -> Result<()> {
    let stat =
        std::fs::metadata(&source.path).map_err(|e| Error::io("stat", &e).at(&source.path))?;
    let folder = |path: Vec<u8>| Node {
        path,
        kind: Type::Dir,
        mode: 0o755,
        size: 0,
        shared: None,
        target: Vec::new(),
    };
    let (above, nodes) = if stat.is_dir() {
        (
            source.prefix.as_slice(),
            walk("pack", &source.path, &source.exclude)?,
        )
    } else if stat.is_file() {
        let own = source.path.file_name().unwrap_or_default().as_bytes();
        let name = if source.prefix.is_empty() {
            own
        } else {
            &source.prefix
        };
        let node = Node {
            kind: Type::File,
            mode: source.mode.unwrap_or(stat.mode() & 0o7777),
            size: stat.size(),
            ..folder(Vec::new())
        };
        let item = Item {
            node,
            source: number,
        };
        for (at, _) in name.iter().enumerate().filter(|&(_, &b)| b == b'/') {
            implied(items, &name[..at], || Item {
                node: folder(Vec::new()),
                source: number,
            });
        }
        insert(items, name.to_vec(), item);
        return Ok(());
    } else {
        return Err(Error::new("pack", "type", "this is no file or folder").at(&source.path));
    };
    let ends = above
        .iter()
        .enumerate()
        .filter(|&(_, &b)| b == b'/')
        .map(|(at, _)| at);
    for end in ends.chain((!above.is_empty()).then_some(above.len())) {
        implied(items, &above[..end], || Item {
            node: folder(Vec::new()),
            source: number,
        });
    }
    for node in nodes {
        let name = if above.is_empty() {
            node.path.clone()
        } else {
            [above, b"/", &node.path].concat()
        };
        insert(
            items,
            name,
            Item {
                node,
                source: number,
            },
        );
    }
    Ok(())
}

/// A folder that only a prefix names: there if nothing else says how it is.
fn implied(items: &mut Items, name: &[u8], item: impl FnOnce() -> Item) {
    if items
        .get(name)
        .is_none_or(|there| there.node.kind != Type::Dir)
    {
        items.insert(name.to_vec(), item());
    }
}

fn insert(items: &mut Items, name: Vec<u8>, item: Item) {
    let is_dir = item.node.kind == Type::Dir;
    let before = items.insert(name.clone(), item);
    if !is_dir && before.is_some_and(|before| before.node.kind == Type::Dir) {
        let start = [&name, b"/".as_slice()].concat();
        let below: Vec<Vec<u8>> = items
            .range(start.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&start))
            .cloned()
            .collect();
        for path in below {
            items.remove(&path);
        }
    }
}
