//! The kernel's flags by their lowercase names.

use std::ops::BitOr;

use nix::sched::CloneFlags;

use crate::error::{Error, Result};

pub(super) const NAMESPACES: &[(&str, CloneFlags)] = &[
    ("user", CloneFlags::CLONE_NEWUSER),
    ("mount", CloneFlags::CLONE_NEWNS),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("net", CloneFlags::CLONE_NEWNET),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
];

/// The union of the flags with these names. For an unknown name, the error lists the known ones.
pub(super) fn flags<T>(op: &str, known: &[(&str, T)], names: &[String]) -> Result<T>
where
    T: Copy + BitOr<Output = T> + FlagSet,
{
    let mut all = T::none();
    for name in names {
        let Some((_, flag)) = known.iter().find(|(known, _)| known == name) else {
            let list: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            return Err(Error::argument(
                op,
                format!("unknown flag `{name}`, expected one of {}", list.join(", ")),
            ));
        };
        all = all | *flag;
    }
    Ok(all)
}

/// A flag type with an empty value.
pub(super) trait FlagSet {
    fn none() -> Self;
}

impl FlagSet for CloneFlags {
    fn none() -> Self {
        Self::empty()
    }
}

impl FlagSet for u64 {
    fn none() -> Self {
        0
    }
}
