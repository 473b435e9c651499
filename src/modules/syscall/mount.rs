//! System calls for mounts.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mlua::Lua;
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags};

use super::names::flags;
use super::outcome::{at, check};
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;
use crate::lua::descriptor::Descriptor;

const MOUNT_FLAGS: &[(&str, u64)] = &[
    ("bind", libc::MS_BIND),
    ("move", libc::MS_MOVE),
    ("noatime", libc::MS_NOATIME),
    ("nodev", libc::MS_NODEV),
    ("noexec", libc::MS_NOEXEC),
    ("nosuid", libc::MS_NOSUID),
    // linux/mount.h: MS_NOSYMFOLLOW, since Linux 5.10.
    ("nosymfollow", 256),
    ("private", libc::MS_PRIVATE),
    ("rdonly", libc::MS_RDONLY),
    ("rec", libc::MS_REC),
    ("relatime", libc::MS_RELATIME),
    ("remount", libc::MS_REMOUNT),
    ("shared", libc::MS_SHARED),
    ("slave", libc::MS_SLAVE),
    ("strictatime", libc::MS_STRICTATIME),
    ("unbindable", libc::MS_UNBINDABLE),
];

const UMOUNT_FLAGS: &[(&str, u64)] = &[
    ("detach", libc::MNT_DETACH as u64),
    ("expire", libc::MNT_EXPIRE as u64),
    ("force", libc::MNT_FORCE as u64),
    ("nofollow", libc::UMOUNT_NOFOLLOW as u64),
];

const ATTRIBUTES: &[(&str, u64)] = &[
    ("nodev", libc::MOUNT_ATTR_NODEV),
    ("noexec", libc::MOUNT_ATTR_NOEXEC),
    ("nosuid", libc::MOUNT_ATTR_NOSUID),
    ("nosymfollow", libc::MOUNT_ATTR_NOSYMFOLLOW),
    ("rdonly", libc::MOUNT_ATTR_RDONLY),
];

options! {
    pub(super) struct Mount {
        source: Option<Bytes>,
        target: Bytes,
        r#type: Option<Bytes>,
        flags: Vec<String> = Vec::new(),
        data: Option<Bytes>,
    }
}

pub(super) fn mount(_: &Lua, m: Mount) -> Result<()> {
    let set = flags("mount", MOUNT_FLAGS, &m.flags)?;
    nix::mount::mount(
        m.source.as_deref(),
        &*m.target,
        m.r#type.as_deref(),
        MsFlags::from_bits_retain(set),
        m.data.as_deref(),
    )
    .map_err(|errno| {
        let what: Vec<String> = m
            .r#type
            .iter()
            .chain(&m.source)
            .map(|w| w.0.to_string_lossy().into_owned())
            .collect();
        let mut error = Error::os("mount", errno).at(&*m.target);
        if !what.is_empty() {
            error = error.with("source", what.join(" "));
        }
        error
    })
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::argument("path", "a path cannot hold a zero byte"))
}

options! {
    pub(super) struct Recursive {
        recursive: bool = false,
    }
}

pub(super) fn umount(_: &Lua, (target, names): (Bytes, Option<Vec<String>>)) -> Result<()> {
    let set = flags("umount", UMOUNT_FLAGS, &names.unwrap_or_default())?;
    let set = MntFlags::from_bits_truncate(set as i32);
    at("umount", &target, nix::mount::umount2(&*target, set))
}

pub(super) fn pivot_root(_: &Lua, (new, old): (Bytes, Bytes)) -> Result<()> {
    at("pivot_root", &new, nix::unistd::pivot_root(&*new, &*old))
}

pub(super) fn chroot(_: &Lua, path: Bytes) -> Result<()> {
    at("chroot", &path, nix::unistd::chroot(&*path))
}

pub(super) fn open_tree(lua: &Lua, (path, how): (Bytes, Recursive)) -> Result<Descriptor> {
    let mut set = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    if how.recursive {
        set |= libc::AT_RECURSIVE as libc::c_uint;
    }
    let name = c_path(&path)?;
    // SAFETY: the name is a C string that lives for the call. The kernel keeps no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, name.as_ptr(), set) };
    check("open_tree", fd).map_err(|error| error.at(&path))?;
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
    Ok(Descriptor::new(lua, fd))
}

/// Closes the descriptor in any case.
pub(super) fn move_mount(_: &Lua, (tree, target): (Descriptor, Bytes)) -> Result<()> {
    let fd = tree.take("move_mount")?;
    let name = c_path(&target)?;
    // Without MOVE_MOUNT_T_SYMLINKS the kernel does not follow a link as the last component.
    // SAFETY: both names are C strings that live for the call. The kernel keeps no pointer.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            fd.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            name.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    check("move_mount", result).map_err(|error| error.at(&target))
}

pub(super) fn mount_setattr(
    _: &Lua,
    (path, names, how): (Bytes, Vec<String>, Recursive),
) -> Result<()> {
    // SAFETY: a mount_attr consists of numbers, for which zero is valid.
    let mut attributes: libc::mount_attr = unsafe { std::mem::zeroed() };
    attributes.attr_set = flags("mount_setattr", ATTRIBUTES, &names)?;
    let name = c_path(&path)?;
    let depth = if how.recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: name and attributes live for the call, and the size is that of the attributes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            name.as_ptr(),
            depth,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result < 0 {
        return Err(Error::os("mount_setattr", Errno::last()).at(&path));
    }
    Ok(())
}
