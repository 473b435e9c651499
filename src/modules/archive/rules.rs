//! What is unpacked and how, and how it is said that it is not.

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
    /// Somebody's source code: plain modes, and nothing that points outside.
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

/// What becomes of owners, set-id bits and capabilities, which a user's files cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owners {
    /// Owners are not kept; the rest is refused, but for the bits that `setid` lets through.
    Drop,
    /// They are told.
    Collect,
    /// They are set, which needs the right to.
    Apply,
}

/// The latest time that a plain header can hold.
pub(super) const TIME_MAX: i64 = 0o777_7777_7777;

/// What is unpacked, and how.
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

/// What was unpacked.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) skipped: u64,
    pub(super) top: BTreeSet<Vec<u8>>,
    /// What a policy did not keep, and of how many entries.
    pub(super) dropped: BTreeMap<Vec<u8>, u64>,
    pub(super) attributes: Attributes,
}

impl Summary {
    /// Counts something that is not kept.
    pub(super) fn drop(&mut self, what: &[u8], count: u64) {
        *self.dropped.entry(what.to_vec()).or_default() += count;
    }
}

/// What a folder gets when all is in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder {
    pub(super) mode: u32,
    pub(super) mtime: Option<(i64, u32)>,
    pub(super) owner: Option<(u32, u32)>,
    /// The number of the entry that says so; 0 where none does, and it was made for what lies in it.
    pub(super) order: u64,
}

/// Something that was put in place, for who moves it on; `None` for what is no folder.
pub(super) type Placed = (Vec<u8>, Option<Folder>);

/// Refused by a rule, with the entry's name, by which it can be left out.
pub(super) fn refused(name: &[u8], why: &str) -> Error {
    Error::new("extract", "refused", why)
        .at(shown(name))
        .with("excludable", shown(name))
}

/// A failure of the kernel while something was put in place.
pub(super) fn failed(op: &str, name: &[u8], errno: Errno) -> Error {
    let in_the_way = match errno {
        Errno::ELOOP => "a link is in the way",
        Errno::ENOTDIR => "a file is in the way",
        // Folders are made where there are none, so what is absent is the target of a link.
        Errno::ENOENT => "a link that leads nowhere is in the way",
        _ => return Error::os(op, errno).at(shown(name)),
    };
    refused(name, in_the_way)
}

/// Seconds and nanoseconds as the kernel takes them.
pub(super) fn timespec((seconds, nanos): (i64, u32)) -> TimeSpec {
    TimeSpec::new(seconds, i64::from(nanos))
}

/// Gives something to an owner; without a name, what is open.
pub(super) fn give(at: impl AsFd, name: &[u8], (uid, gid): (u32, u32)) -> nix::Result<()> {
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_EMPTY_PATH;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    fchownat(at, name, Some(uid), Some(gid), flags)
}
