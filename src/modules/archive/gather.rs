//! Collects what goes into a tar: the trees of all sources. Later sources replace earlier ones.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::tree::attributes::{Attribute, Attributes, belong, check, not_there};
use crate::tree::names::shown;
use crate::tree::walk::{Exclude, Node, Type, walk};

/// A tree or one file, and the path in the archive where it goes.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) prefix: Vec<u8>,
    pub(super) exclude: Exclude,
    pub(super) mode: Option<u32>,
    /// Attributes by path below `path`. The empty path is the source itself.
    pub(super) attributes: Attributes,
}

/// A file, folder or link to pack, and the source that it is read from.
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) source: usize,
    pub(super) attribute: Attribute,
}

impl Item {
    /// A folder that does not exist on disk.
    fn folder(source: usize) -> Self {
        Self {
            node: Node::folder(0o755),
            source,
            attribute: Attribute::default(),
        }
    }
}

pub(super) type Items = BTreeMap<Vec<u8>, Item>;

/// Adds the content of a source. It replaces earlier items of the same path; folders are merged.
pub(super) fn gather(items: &mut Items, source: &Source, number: usize) -> Result<()> {
    let stat =
        std::fs::metadata(&source.path).map_err(|e| Error::io("stat", &e).at(&source.path))?;
    let attribute_of = |path: &[u8]| source.attributes.get(path).cloned().unwrap_or_default();
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
            ..Node::folder(0)
        };
        let item = Item {
            node,
            source: number,
            attribute: attribute_of(b""),
        };
        belong("pack", &source.attributes, <[u8]>::is_empty)?;
        for (at, _) in name.iter().enumerate().filter(|&(_, &b)| b == b'/') {
            implied(items, &name[..at], || Item::folder(number));
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
        implied(items, &above[..end], || Item::folder(number));
    }
    let has = |path: &[u8]| {
        nodes
            .binary_search_by(|node| node.path.as_slice().cmp(path))
            .is_ok()
    };
    belong("pack", &source.attributes, |path| {
        path.is_empty() || has(path) || source.exclude.covers(path)
    })?;
    if source.attributes.contains_key(b"".as_slice()) {
        let attribute = attribute_of(b"");
        let item = Item {
            attribute,
            ..Item::folder(number)
        };
        insert(items, above.to_vec(), item);
    }
    for node in nodes {
        let name = if above.is_empty() {
            node.path.clone()
        } else {
            [above, b"/", &node.path].concat()
        };
        let item = Item {
            attribute: attribute_of(&node.path),
            node,
            source: number,
        };
        insert(items, name, item);
    }
    Ok(())
}

/// Identifies a file that has several names: the source, and the device and inode.
type Shared = (usize, (u64, u64));

/// Sets the attributes of paths in the archive. They override those of the sources. All names of one file must have the
/// same attributes.
pub(super) fn attribute(items: &mut Items, attributes: &Attributes) -> Result<()> {
    for (path, attribute) in attributes {
        if path.is_empty() {
            items.entry(Vec::new()).or_insert_with(|| Item::folder(0));
        }
        let item = items.get_mut(path).ok_or_else(|| not_there("pack", path))?;
        item.attribute = attribute.clone();
    }
    let mut files: HashMap<Shared, (Vec<u8>, Attribute)> = HashMap::new();
    for (path, item) in &*items {
        check("pack", path, item.node.kind, &item.attribute)?;
        let Some(shared) = item.node.shared else {
            continue;
        };
        if item.attribute == Attribute::default() {
            continue;
        }
        let told = (path.clone(), item.attribute.clone());
        if let Some((other, before)) = files.insert((item.source, shared), told)
            && before != item.attribute
        {
            let why = format!(
                "it is the same file as `{}`, but has other attributes",
                shown(&other)
            );
            return Err(Error::argument("pack", why).at(shown(path)));
        }
    }
    for item in items.values_mut() {
        if let Some(shared) = item.node.shared
            && let Some((_, attribute)) = files.get(&(item.source, shared))
        {
            item.attribute.clone_from(attribute);
        }
    }
    Ok(())
}

/// Adds a folder that is part of a prefix, unless the folder exists already.
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
