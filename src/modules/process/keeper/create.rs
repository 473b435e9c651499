//! Creates files with set-id bits for a program: `open(2)` would put the bits on the file at once.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fchmod, fstat};

use super::filter::SET_ID;
use super::notes::{Notes, kind};
use super::target::Target;

nix::ioctl_write_ptr!(add_descriptor, b'!', 3, libc::seccomp_notif_addfd);

/// The arguments of a call that creates a file.
pub(super) struct Creation {
    pub(super) folder: i32,
    pub(super) path: Vec<u8>,
    pub(super) flags: OFlag,
    /// With set-id bits, and without those of the umask.
    pub(super) mode: u32,
}

impl Creation {
    pub(super) fn new(
        target: &Target,
        folder: i32,
        path: u64,
        flags: i32,
        mode: u32,
    ) -> nix::Result<Self> {
        let umask = target.status("Umask", 8)? as u32;
        Ok(Self {
            folder,
            path: target.name(path)?,
            flags: OFlag::from_bits_retain(flags),
            mode: mode & 0o7777 & !(umask & 0o777),
        })
    }

    /// Opens the file. If it is new, it gets the mode without set-id bits, and the whole mode is recorded.
    pub(super) fn open(&self, target: &Target, notes: &mut Notes) -> nix::Result<OwnedFd> {
        let plain = Mode::from_bits_truncate(self.mode & !SET_ID);
        let is_unnamed = self.flags.contains(OFlag::O_TMPFILE);
        let mut flags = self.flags | OFlag::O_CLOEXEC;
        if !is_unnamed {
            // Only so can be told that the file is new.
            flags |= OFlag::O_CREAT | OFlag::O_EXCL;
        }
        match target.open(self.folder, &self.path, flags, plain) {
            Ok(file) => {
                fchmod(&file, plain)?;
                if self.mode & SET_ID != 0 {
                    notes.created(&file, self.mode)?;
                }
                Ok(file)
            }
            Err(Errno::EEXIST) if !self.flags.contains(OFlag::O_EXCL) => self.open_existing(target),
            Err(errno) => Err(errno),
        }
    }

    /// Opens a file that exists, whose mode does not change.
    fn open_existing(&self, target: &Target) -> nix::Result<OwnedFd> {
        let look = OFlag::O_PATH | OFlag::O_CLOEXEC | (self.flags & OFlag::O_NOFOLLOW);
        let found = target.open(self.folder, &self.path, look, Mode::empty())?;
        match kind(&fstat(&found)?) {
            SFlag::S_IFREG => {}
            SFlag::S_IFDIR => return Err(Errno::EISDIR),
            SFlag::S_IFLNK => return Err(Errno::ELOOP),
            // To open a FIFO may wait for ever.
            _ => return Err(Errno::EPERM),
        }
        let name = format!("/proc/self/fd/{}", found.as_raw_fd());
        let flags = (self.flags | OFlag::O_CLOEXEC) - (OFlag::O_CREAT | OFlag::O_NOFOLLOW);
        open(name.as_str(), flags, Mode::empty())
    }

    /// Gives an open file to the process that waits for the answer to a call. Returns its number there.
    pub(super) fn hand_over(
        &self,
        listener: &OwnedFd,
        id: u64,
        file: &OwnedFd,
    ) -> nix::Result<RawFd> {
        let given = libc::seccomp_notif_addfd {
            id,
            flags: 0,
            srcfd: file.as_raw_fd().cast_unsigned(),
            newfd: 0,
            newfd_flags: (self.flags & OFlag::O_CLOEXEC).bits().cast_unsigned(),
        };
        // SAFETY: the kernel reads one structure behind the pointer, which is valid for that.
        unsafe { add_descriptor(listener.as_raw_fd(), &raw const given) }
    }
}
