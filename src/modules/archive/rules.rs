//! The rules of unpacking, its results, and its errors.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};

use super::member::Limits;
use crate::error::Error;
use crate::tree::attributes::Attributes;
use crate::tree::names::{Patterns, shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// Source code: plain modes, and no links that point outside.
    Source,
    /// A file system that will be used as `/`.
    Rootfs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Devices {
    Refuse,
    Skip,
    Create,
}

/// What to do with owners, set-id bits and capabilities. An ordinary user cannot set them on files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owners {
    /// Owners are dropped. The rest is refused, except set-id bits that `setid` allows.
    Drop,
    /// They are recorded and returned.
    Collect,
    /// They are set, which needs privileges.
    Apply,
}

/// The latest time that fits a plain header.
pub(super) const TIME_MAX: i64 = 0o777_7777_7777;

/// What to unpack, and how.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) profile: Profile,
    pub(super) strip: usize,
    pub(super) include: Option<Patterns>,
    pub(super) exclude: Patterns,
    pub(super) setid: bool,
    pub(super) owners: Owners,
    pub(super) devices: Devices,
    pub(super) mtime: Option<i64>,
    pub(super) limits: Limits,
}

/// The result of unpacking.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) skipped: u64,
    pub(super) top: BTreeSet<Vec<u8>>,
    /// The kinds of metadata that were dropped, with the number of entries of each.
    pub(super) dropped: BTreeMap<Vec<u8>, u64>,
    pub(super) attributes: Attributes,
}

impl Summary {
    /// Counts dropped metadata.
    pub(super) fn drop(&mut self, what: &[u8], count: u64) {
        *self.dropped.entry(what.to_vec()).or_default() += count;
    }
}

/// The attributes that a folder gets at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder {
    pub(super) mode: u32,
    pub(super) mtime: Option<(i64, u32)>,
    pub(super) owner: Option<(u32, u32)>,
    /// The number of the folder's entry. 0 if it has none and was made for its content.
    pub(super) order: u64,
}

/// A name that was unpacked, for moving it later. With the attributes if it is a folder.
pub(super) type Placed = (Vec<u8>, Option<Folder>);

/// The error for an entry that a rule refuses. It has the name to use in `exclude`.
pub(super) fn refused(name: &[u8], why: &str) -> Error {
    Error::new("extract", "refused", why)
        .at(shown(name))
        .with("excludable", shown(name))
}

/// The error for a system call that failed while an entry was unpacked.
pub(super) fn failed(op: &str, name: &[u8], errno: Errno) -> Error {
    let in_the_way = match errno {
        Errno::ELOOP => "a link is in the way",
        Errno::ENOTDIR => "a file is in the way",
        // Missing folders are made, so the absent name is the target of a link.
        Errno::ENOENT => "a link that leads nowhere is in the way",
        _ => return Error::os(op, errno).at(shown(name)),
    };
    refused(name, in_the_way)
}

/// Seconds and nanoseconds as the kernel takes them.
pub(super) fn timespec((seconds, nanos): (i64, u32)) -> TimeSpec {
    TimeSpec::new(seconds, i64::from(nanos))
}

/// Sets the owner of `name` in the folder `at`. With an empty name, sets that of `at` itself.
pub(super) fn set_owner(at: impl AsFd, name: &[u8], (uid, gid): (u32, u32)) -> nix::Result<()> {
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_EMPTY_PATH;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    fchownat(at, name, Some(uid), Some(gid), flags)
}
