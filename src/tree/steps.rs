//! Resolves names component by component: by opening folders, for kernels without openat2, and as text.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::inside::split;
use super::names::components;

/// The most links in the resolution of one name, as in the kernel.
const LINKS_MAX: usize = 40;

/// The file type.
pub(crate) fn type_of(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// How links on the way are handled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// A link is an error: ELOOP.
    None,
    /// Links are followed, and the folder is their `/`.
    Inside,
    /// Links are followed. A link that leads outside is an error: EXDEV. The last component may be a file.
    Beneath,
}

/// Does the work of openat2, component by component. No step leaves the folder, and `..` goes back to the folder before.
pub(crate) fn walk(top: &OwnedFd, name: &[u8], links: Links) -> nix::Result<OwnedFd> {
    let mut way: Vec<OwnedFd> = Vec::new();
    let mut rest: VecDeque<Vec<u8>> = components(name).map(<[u8]>::to_vec).collect();
    let mut followed = 0;
    while let Some(component) = rest.pop_front() {
        if component == b".." {
            if way.pop().is_none() && links == Links::Beneath {
                return Err(Errno::EXDEV);
            }
            continue;
        }
        let here = way.last().unwrap_or(top);
        let step = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(here, component.as_slice(), step, Mode::empty())?;
        let stat = fstatat(&fd, c"", AtFlags::AT_EMPTY_PATH)?;
        match type_of(&stat) {
            SFlag::S_IFDIR => way.push(fd),
            SFlag::S_IFLNK if links != Links::None => {
                followed += 1;
                if followed > LINKS_MAX {
                    return Err(Errno::ELOOP);
                }
                let text = readlinkat(&fd, c"")?;
                let text = text.as_bytes();
                if text.starts_with(b"/") {
                    if links == Links::Beneath {
                        return Err(Errno::EXDEV);
                    }
                    way.clear();
                }
                for component in components(text).collect::<Vec<_>>().into_iter().rev() {
                    rest.push_front(component.to_vec());
                }
            }
            SFlag::S_IFLNK => return Err(Errno::ELOOP),
            _ if links == Links::Beneath && rest.is_empty() => return Ok(fd),
            _ => return Err(Errno::ENOTDIR),
        }
    }
    match way.pop() {
        Some(fd) => Ok(fd),
        None => top.as_fd().try_clone_to_owned().map_err(|_| Errno::EMFILE),
    }
}

/// The name of a folder with all links resolved. The top folder is `/`.
pub(crate) fn without_links(top: &OwnedFd, folder: &[u8]) -> nix::Result<Vec<u8>> {
    let mut real: Vec<u8> = Vec::new();
    let mut rest: VecDeque<Vec<u8>> = components(folder).map(<[u8]>::to_vec).collect();
    let mut followed = 0;
    while let Some(component) = rest.pop_front() {
        if component == b".." {
            real.truncate(split(&real).0.len());
            continue;
        }
        let start = real.len();
        if start > 0 {
            real.push(b'/');
        }
        real.extend_from_slice(&component);
        match readlinkat(top, real.as_slice()) {
            Err(Errno::EINVAL) => {}
            Err(errno) => return Err(errno),
            Ok(text) => {
                followed += 1;
                if followed > LINKS_MAX {
                    return Err(Errno::ELOOP);
                }
                let text = text.as_bytes();
                real.truncate(if text.starts_with(b"/") { 0 } else { start });
                for component in components(text).collect::<Vec<_>>().into_iter().rev() {
                    rest.push_front(component.to_vec());
                }
            }
        }
    }
    Ok(real)
}
