//! Receives calls from the kernel and answers them: `seccomp_unotify(2)`.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use super::filter::{SET_ID, SYS_FCHMODAT2, program};
use super::notes::Notes;
use super::target::Target;
use crate::kernel::bpf;

nix::ioctl_readwrite!(receive, b'!', 0, libc::seccomp_notif);
nix::ioctl_readwrite!(send, b'!', 1, libc::seccomp_notif_resp);
nix::ioctl_write_ptr!(is_valid, b'!', 2, u64);

const CAPABILITY: &[u8] = b"security.capability";
/// linux/limits.h: `XATTR_NAME_MAX`, and the final zero.
const NAME_MAX: usize = 256;

/// Installs the filter on this process. Returns the descriptor that receives its calls.
pub(super) fn install() -> nix::Result<OwnedFd> {
    let fd = bpf::install(&mut program(), libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// The answer to a call.
enum Answer {
    /// The keeper carried it out, or refused it.
    Done(nix::Result<()>),
    /// The kernel carries it out.
    Continue,
}

/// Receives one waiting call, if there still is one, and answers it.
pub(super) fn serve(listener: &OwnedFd, notes: &mut Notes) -> nix::Result<()> {
    // SAFETY: the structure consists of numbers, for which zero is valid. The kernel requires zeros.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one structure behind the pointer, which is valid for that.
    match unsafe { receive(listener.as_raw_fd(), &raw mut call) } {
        // The process has ended in the meantime.
        Err(Errno::ENOENT | Errno::EINTR) => return Ok(()),
        result => result?,
    };
    let request = read(&call, !notes.is_empty());
    // SAFETY: the kernel reads one number behind the pointer. If the call still waits, its process is alive, so the memory and
    // files that were read belong to it and not to a later process with the same number.
    if unsafe { is_valid(listener.as_raw_fd(), &raw const call.id) }.is_err() {
        return Ok(());
    }
    let answer = match request {
        Ok(request) => carry_out(request, notes),
        Err(errno) => Answer::Done(Err(errno)),
    };
    // SAFETY: as above.
    let mut response: libc::seccomp_notif_resp = unsafe { std::mem::zeroed() };
    response.id = call.id;
    match answer {
        Answer::Continue => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        Answer::Done(Ok(())) => {}
        Answer::Done(Err(errno)) => response.error = -(errno as i32),
    }
    // SAFETY: the kernel reads one structure behind the pointer, which is valid for that.
    match unsafe { send(listener.as_raw_fd(), &raw mut response) } {
        Err(Errno::ENOENT) => Ok(()),
        result => result.map(drop),
    }
}

/// A call, with the data read from its process.
enum Request {
    Mode(OwnedFd, u32),
    SetAttribute {
        file: OwnedFd,
        value: Vec<u8>,
    },
    RemoveAttribute(OwnedFd),
    /// Another attribute, or a mode that needs no note.
    Other,
}

/// Reads the arguments of a call. If the kernel may carry it out anyway, an error of reading does not fail it.
fn read(call: &libc::seccomp_notif, has_notes: bool) -> nix::Result<Request> {
    let target = Target::new(call.pid);
    let argument = |index: usize| call.data.args[index];
    let number = |index: usize| argument(index) as i32;
    let mode_of = |index: usize, file: &dyn Fn() -> nix::Result<OwnedFd>| {
        let mode = argument(index) as u32;
        match (mode & SET_ID != 0, has_notes) {
            (true, _) => Ok(Request::Mode(file()?, mode)),
            (false, true) => Ok(file().map_or(Request::Other, |file| Request::Mode(file, mode))),
            (false, false) => Ok(Request::Other),
        }
    };
    let here = libc::AT_FDCWD;
    let what = libc::c_long::from(call.data.nr);
    match what {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => mode_of(1, &|| target.path(here, argument(0), 0)),
        libc::SYS_fchmod => mode_of(1, &|| target.descriptor(number(0))),
        libc::SYS_fchmodat => mode_of(2, &|| target.path(number(0), argument(1), 0)),
        SYS_FCHMODAT2 => mode_of(2, &|| target.path(number(0), argument(1), number(3))),
        _ => {
            if target.text(argument(1), NAME_MAX).as_deref() != Ok(CAPABILITY) {
                return Ok(Request::Other);
            }
            let file = match what {
                libc::SYS_fsetxattr | libc::SYS_fremovexattr => target.descriptor(number(0)),
                libc::SYS_lsetxattr | libc::SYS_lremovexattr => {
                    target.path(here, argument(0), libc::AT_SYMLINK_NOFOLLOW)
                }
                _ => target.path(here, argument(0), 0),
            }?;
            let sets = [libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr];
            if !sets.contains(&what) {
                return Ok(Request::RemoveAttribute(file));
            }
            // linux/capability.h: the two formats in use have these sizes.
            match argument(3) {
                size @ (20 | 24) => Ok(Request::SetAttribute {
                    file,
                    value: target.bytes(argument(2), size as usize)?,
                }),
                _ => Err(Errno::EINVAL),
            }
        }
    }
}

fn carry_out(request: Request, notes: &mut Notes) -> Answer {
    match request {
        Request::Mode(file, mode) if mode & SET_ID != 0 => Answer::Done(notes.chmod(file, mode)),
        // The mode is in a register, so the program cannot change it after this check.
        Request::Mode(file, _) => match notes.has_plain_mode(&file) {
            Ok(()) => Answer::Continue,
            Err(errno) => Answer::Done(Err(errno)),
        },
        Request::SetAttribute { file, value } => Answer::Done(notes.set_capability(file, value)),
        Request::RemoveAttribute(file) => Answer::Done(notes.remove_capability(&file)),
        // The name of the attribute is in memory, so the program may change it after this check. That does no harm: the process
        // has no privilege to set capabilities itself.
        Request::Other => Answer::Continue,
    }
}
