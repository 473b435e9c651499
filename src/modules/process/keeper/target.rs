//! The process that made a call: reads its memory, and opens the files that its arguments name.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::libc;
use nix::sys::stat::Mode;

/// The longest path that the kernel accepts, with the final zero.
const PATH_MAX: usize = 4096;
const PAGE: usize = 4096;

pub(super) struct Target {
    proc: PathBuf,
}

impl Target {
    pub(super) fn new(pid: u32) -> Self {
        Self {
            proc: PathBuf::from(format!("/proc/{pid}")),
        }
    }

    /// Reads bytes of its memory.
    pub(super) fn bytes(&self, address: u64, length: usize) -> nix::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.memory()?
            .read_exact_at(&mut bytes, address)
            .map_err(|_| Errno::EFAULT)?;
        Ok(bytes)
    }

    /// Writes bytes to its memory.
    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> nix::Result<()> {
        let memory = File::options().write(true).open(self.proc.join("mem"));
        memory
            .and_then(|memory| memory.write_all_at(bytes, address))
            .map_err(|_| Errno::EFAULT)
    }

    /// Reads a string that ends with a zero and is shorter than `limit`.
    pub(super) fn text(&self, address: u64, limit: usize) -> nix::Result<Vec<u8>> {
        let memory = self.memory()?;
        let mut text = Vec::new();
        while text.len() < limit {
            // Reads up to the end of the page: the next page may not be mapped.
            let at = address
                .checked_add(text.len() as u64)
                .ok_or(Errno::EFAULT)?;
            let mut piece = [0; PAGE];
            let length = (PAGE - (at % PAGE as u64) as usize).min(limit - text.len());
            let piece = &mut piece[..length];
            memory.read_exact_at(piece, at).map_err(|_| Errno::EFAULT)?;
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(&piece[..end]);
                return Ok(text);
            }
            text.extend_from_slice(piece);
        }
        Err(Errno::ENAMETOOLONG)
    }

    fn memory(&self) -> nix::Result<File> {
        File::open(self.proc.join("mem")).map_err(os)
    }

    /// The file behind one of its descriptors.
    pub(super) fn descriptor(&self, number: i32) -> nix::Result<OwnedFd> {
        if number < 0 {
            return Err(Errno::EBADF);
        }
        let path = self.proc.join(format!("fd/{number}"));
        match open(&path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()) {
            Err(Errno::ENOENT) => Err(Errno::EBADF),
            result => result,
        }
    }

    /// Reads a path.
    pub(super) fn name(&self, address: u64) -> nix::Result<Vec<u8>> {
        self.text(address, PATH_MAX)
    }

    /// The name of the file behind one of its descriptors.
    pub(super) fn name_of_descriptor(&self, number: i32) -> nix::Result<Vec<u8>> {
        let name = nix::fcntl::readlink(&self.proc.join(format!("fd/{number}")))?;
        Ok(name.into_vec())
    }

    /// A number of its status (`proc_pid_status(5)`).
    pub(super) fn status(&self, field: &str, radix: u32) -> nix::Result<u64> {
        let bytes = std::fs::read(self.proc.join("status")).map_err(os)?;
        // The name of the program may be any bytes.
        String::from_utf8_lossy(&bytes)
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .and_then(|value| u64::from_str_radix(value.trim(), radix).ok())
            .ok_or(Errno::EINVAL)
    }

    /// The file that it names by a path, relative to one of its open folders. `address` is that of the path.
    pub(super) fn path(&self, folder: i32, address: u64, flags: i32) -> nix::Result<OwnedFd> {
        let path = self.name(address)?;
        if path.is_empty() {
            return match (flags & libc::AT_EMPTY_PATH != 0, folder) {
                (false, _) => Err(Errno::ENOENT),
                (true, libc::AT_FDCWD) => self.base(folder),
                (true, _) => self.descriptor(folder),
            };
        }
        if let Some(number) = own_descriptor(&path) {
            return self.descriptor(number);
        }
        let mut flags_of_open = OFlag::O_PATH | OFlag::O_CLOEXEC;
        flags_of_open.set(OFlag::O_NOFOLLOW, flags & libc::AT_SYMLINK_NOFOLLOW != 0);
        self.open(folder, &path, flags_of_open, Mode::empty())
    }

    /// Opens a path as it would, but for the magic links of /proc.
    pub(super) fn open(
        &self,
        folder: i32,
        path: &[u8],
        flags: OFlag,
        mode: Mode,
    ) -> nix::Result<OwnedFd> {
        // In a process with another root, the same path names another file.
        let root = |path: &Path| std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino()));
        match (root(&self.proc.join("root")), root(Path::new("/"))) {
            (Ok(theirs), Ok(ours)) if theirs == ours => {}
            _ => return Err(Errno::EPERM),
        }
        // The magic links of /proc would lead to the open files of this process, not of the target.
        let how = OpenHow::new()
            .flags(flags)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let base = if path.starts_with(b"/") {
            self.base(libc::AT_FDCWD)?
        } else {
            self.base(folder)?
        };
        openat2(&base, Path::new(OsStr::from_bytes(path)), how)
    }

    fn base(&self, folder: i32) -> nix::Result<OwnedFd> {
        if folder != libc::AT_FDCWD {
            return self.descriptor(folder);
        }
        open(
            &self.proc.join("cwd"),
            OFlag::O_PATH | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
    }
}

fn os(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EPERM))
}

/// The number in a path like `/proc/self/fd/3`. C libraries use such paths to change the mode of an open file.
fn own_descriptor(path: &[u8]) -> Option<i32> {
    let number = [
        b"/proc/self/fd/".as_slice(),
        b"/proc/thread-self/fd/",
        b"/dev/fd/",
    ]
    .iter()
    .find_map(|start| path.strip_prefix(*start))?;
    std::str::from_utf8(number).ok()?.parse().ok()
}
