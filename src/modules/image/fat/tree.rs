//! The files and folders of a new FAT file system: their names, collisions and clusters.

use std::collections::{BTreeMap, HashSet};

use super::name::{self, Short};
use crate::error::{Error, Result};
use crate::modules::image::segments::Data;

/// The cluster of the root folder: the first one.
pub(crate) const ROOT: u32 = 2;
const ENTRY: u64 = 32;
/// The largest possible folder.
const MAX_FOLDER: u64 = 65_536 * ENTRY;

/// The space that can be allocated.
pub(crate) struct Room {
    pub(crate) cluster_size: u64,
    pub(crate) clusters: u64,
    /// Entries of the root folder that are not files.
    pub(crate) labels: u64,
}

/// A file or folder to write.
pub(crate) struct Item {
    pub(crate) name: String,
    path: String,
    /// `None` for a folder.
    pub(crate) data: Option<Data>,
    pub(crate) parent: usize,
    pub(crate) short: Short,
    pub(crate) first: u32,
    pub(crate) clusters: u32,
}

fn refuse(path: &str, code: &str, text: impl Into<String>) -> Error {
    Error::new("fat32", code, text).at(path)
}

/// All files and folders, sorted by their folded names; each follows its folder.
pub(crate) fn build(files: Vec<(String, Option<Data>)>) -> Result<Vec<Item>> {
    let mut found: BTreeMap<Vec<String>, Item> = BTreeMap::new();
    for (path, data) in files {
        let trimmed = path.trim_start_matches('/').trim_end_matches('/');
        if !path.starts_with('/') || trimmed.is_empty() || path.ends_with('/') != data.is_none() {
            return Err(Error::argument(
                "fat32",
                "not an absolute path of a file, or of a folder without content that ends in `/`",
            )
            .at(path));
        }
        let mut data = data;
        let mut key = Vec::new();
        let mut parts = trimmed.split('/').peekable();
        while let Some(name) = parts.next() {
            name::check(name)
                .map_err(|text| refuse(&path, "argument", format!("the name `{name}` {text}")))?;
            key.push(name::fold(name));
            let data = if parts.peek().is_none() {
                data.take()
            } else {
                None
            };
            if let Some(other) = found.get(&key) {
                if other.name != name || other.data.is_some() || data.is_some() {
                    let text = format!("collides with `{}`: FAT ignores case", other.path);
                    return Err(refuse(&path, "collision", text));
                }
                continue;
            }
            let item = Item {
                name: name.to_owned(),
                path: path.clone(),
                data,
                parent: 0,
                short: [b' '; 11],
                first: 0,
                clusters: 0,
            };
            found.insert(key.clone(), item);
        }
    }
    let root = Item {
        name: String::new(),
        path: "/".to_owned(),
        data: None,
        parent: 0,
        short: [b' '; 11],
        first: ROOT,
        clusters: 0,
    };
    let mut items = vec![root];
    let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    places.insert(Vec::new(), 0);
    for (key, mut item) in found {
        item.parent = places.get(&key[..key.len() - 1]).copied().unwrap_or(0);
        places.insert(key, items.len());
        items.push(item);
    }
    Ok(items)
}

/// For each item the indices of its children.
pub(crate) fn children(items: &[Item]) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); items.len()];
    for (index, item) in items.iter().enumerate().skip(1) {
        children[item.parent].push(index);
    }
    children
}

/// Gives each item its short name and a contiguous range of clusters. Returns the first free cluster.
pub(crate) fn allocate(items: &mut [Item], children: &[Vec<usize>], room: &Room) -> Result<u32> {
    let mut next = u64::from(ROOT);
    for index in 0..items.len() {
        let bytes = if let Some(data) = &items[index].data {
            if u32::try_from(data.len()).is_err() {
                let text = format!("{} bytes; FAT holds files of up to 4 GiB - 1", data.len());
                return Err(refuse(&items[index].path, "too_large", text));
            }
            data.len()
        } else {
            let mut taken = HashSet::new();
            let mut entries = if index == 0 { room.labels } else { 2 };
            for &child in &children[index] {
                let name = &items[child].name;
                let Some(short) = name::shorten(name, &mut taken) else {
                    let text = "too many names that begin alike";
                    return Err(refuse(&items[child].path, "too_large", text));
                };
                entries += u64::from(name::entries(name, &short));
                items[child].short = short;
            }
            if entries * ENTRY > MAX_FOLDER {
                let text = "more than FAT's 65536 entries in one folder";
                return Err(refuse(&items[index].path, "too_large", text));
            }
            // The root folder has a cluster even if it is empty.
            (entries * ENTRY).max(1)
        };
        let clusters = bytes.div_ceil(room.cluster_size);
        if next + clusters > room.clusters + u64::from(ROOT) {
            let text = format!(
                "no room left for it in {} clusters of {} bytes",
                room.clusters, room.cluster_size
            );
            return Err(refuse(&items[index].path, "too_large", text));
        }
        items[index].clusters = clusters as u32;
        items[index].first = if clusters == 0 { 0 } else { next as u32 };
        next += clusters;
    }
    Ok(next as u32)
}

#[cfg(test)]
mod tests {
    use super::{Data, Room, allocate, build, children};

    fn file(path: &str) -> (String, Option<Data>) {
        (path.to_owned(), Some(Data::Bytes(vec![1; 600])))
    }

    #[test]
    fn folders_are_implied() {
        let files = vec![file("/b/c/x"), file("/A"), ("/b/".to_owned(), None)];
        let mut items = build(files).expect("builds");
        let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["", "A", "b", "c", "x"]);
        let children = children(&items);
        assert_eq!(children[0], [1, 2]);
        let room = Room {
            cluster_size: 512,
            clusters: 100,
            labels: 0,
        };
        assert_eq!(allocate(&mut items, &children, &room).expect("fits"), 9);
        assert_eq!(items[4].first, 7);
        let room = Room {
            clusters: 6,
            ..room
        };
        let error = allocate(&mut items, &children, &room).expect_err("fails");
        assert_eq!(error.code, "too_large");
    }

    #[test]
    fn collisions_are_refused() {
        for (one, two) in [
            ("/a", "/A"),
            ("/a", "/a"),
            ("/a", "/a/b"),
            ("/a/b", "/A/c"),
            ("/é", "/É"),
        ] {
            for files in [[one, two], [two, one]] {
                let error = build(files.map(file).into()).err().expect("fails");
                assert_eq!(error.code, "collision", "{one} {two}");
            }
        }
        for path in ["a", "/", "/a/", "/a//b", "/../a", "/a/./b"] {
            let error = build(vec![file(path)]).err().expect("fails");
            assert_eq!(error.code, "argument", "{path}");
        }
    }
}
