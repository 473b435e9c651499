//! The options of a FAT32 file system.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use super::write::{self, Options};
use crate::error::{Error, Result};
use crate::lua::bytes::{Blob, Bytes};
use crate::modules::image::segments::{Data, Segment};
use crate::tree::names::shown;

options! {
    struct FatFile {
        path: Bytes,
        source: Option<Bytes>,
        data: Option<Blob>,
    }
}

options! {
    /// Attributes of a file. FAT cannot store them.
    struct Attribute {
        uid: Option<u32>,
        gid: Option<u32>,
        mode: Option<u32>,
        capabilities: Option<String>,
    }
}

options! {
    pub(crate) struct FatOptions {
        files: Vec<FatFile>,
        attributes: Option<BTreeMap<String, Attribute>>,
        volume_id: u32,
        label: Option<String>,
        mtime: i64,
    }
}

impl Attribute {
    /// The first field that would be lost; `None` if none would. On FAT all files belong to root, with one mode for all.
    fn lost(&self) -> Option<&'static str> {
        if self.uid.is_some_and(|uid| uid != 0) {
            Some("uid")
        } else if self.gid.is_some_and(|gid| gid != 0) {
            Some("gid")
        } else if self.mode.is_some_and(|mode| mode & 0o7000 != 0) {
            Some("mode")
        } else {
            self.capabilities.as_ref().map(|_| "capabilities")
        }
    }
}

impl FatOptions {
    /// The segments of the file system, for a partition that starts at byte `start`.
    pub(crate) fn segments(self, size: u64, start: u64) -> Result<Vec<Segment>> {
        let mut files = Vec::new();
        for file in self.files {
            let bytes = file.path.as_os_str().as_bytes();
            let refuse = |text: &str| Error::argument("fat32", text).at(shown(bytes));
            let path = str::from_utf8(bytes)
                .map_err(|_| refuse("is not UTF-8, and FAT keeps names in Unicode"))?;
            let data = match (file.source, file.data) {
                (Some(source), None) => Some(Data::open(source.path())?),
                (None, Some(data)) => Some(Data::Bytes(data.0)),
                (None, None) => None,
                (Some(_), Some(_)) => return Err(refuse("has both `source` and `data`")),
            };
            files.push((path.to_owned(), data));
        }
        for (path, attribute) in self.attributes.unwrap_or_default() {
            let name = path.trim_matches('/');
            if !files.iter().any(|file| file.0.trim_matches('/') == name) {
                let text = "has attributes, and is not among the files";
                return Err(Error::new("fat32", "missing", text).at(path));
            }
            if let Some(field) = attribute.lost() {
                let text = format!("FAT cannot keep its `{field}`");
                return Err(Error::new("fat32", "unsupported", text).at(path));
            }
        }
        write::segments(Options {
            size,
            // A larger number does not fit into the field; no reader needs it.
            hidden: u32::try_from(start / 512).unwrap_or(0),
            volume_id: self.volume_id,
            label: self.label,
            mtime: self.mtime,
            files,
        })
    }
}
