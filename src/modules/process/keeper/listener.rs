//! The kernel's side: `seccomp_unotify(2)`.

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
/// linux/limits.h: `XATTR_NAME_MAX`, and the end.
const NAME_MAX: usize = 256;

/// Puts the filter over this process, and gives what its calls are told to.
pub(super) fn install() -> nix::Result<OwnedFd> {
    let fd = bpf::install(&mut program(), libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// What becomes of a call.
enum Answer {
    /// It was carried out here, or is refused.
    Done(nix::Result<()>),
    /// The kernel carries it out.
    GoOn,
}

/// Takes one call that waits, if one still does, and answers it.
pub(super) fn serve(listener: &OwnedFd, notes: &mut Notes) -> nix::Result<()> {
    // SAFETY: the structure is plain numbers, for which zero is a value, and has to be zero.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one structure behind the pointer, which is valid for that.
    match unsafe { receive(listener.as_raw_fd(), &raw mut call) } {
        // Its process has ended meanwhile.
        Err(Errno::ENOENT | Errno::EINTR) => return Ok(()),
        result => result?,
    };
    let request = read(&call, !notes.is_empty());
    // SAFETY: the kernel reads one number behind the pointer. If the call still waits, the process that was looked at is its.
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
        Answer::GoOn => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        Answer::Done(Ok(())) => {}
        Answer::Done(Err(errno)) => response.error = -(errno as i32),
    }
    // SAFETY: the kernel reads one structure behind the pointer, which is valid for that.
    match unsafe { send(listener.as_raw_fd(), &raw mut response) } {
        Err(Errno::ENOENT) => Ok(()),
        result => result.map(drop),
    }
}

/// A call, as far as it was read from its process.
enum Request {
    Mode(OwnedFd, u32),
    SetAttribute {
        file: OwnedFd,
        value: Vec<u8>,
    },
    RemoveAttribute(OwnedFd),
    /// Another attribute, or a mode that nothing is noted about.
    Other,
}

/// Reads what a call means. Where it may go on anyhow, no failure to read it stops it.
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
            // linux/capability.h: the two forms that are in use have these sizes.
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
        // The mode is in a register: it cannot become another one by now.
        Request::Mode(file, _) => match notes.has_plain_mode(&file) {
            Ok(()) => Answer::GoOn,
            Err(errno) => Answer::Done(Err(errno)),
        },
        Request::SetAttribute { file, value } => Answer::Done(notes.set_capability(file, value)),
        Request::RemoveAttribute(file) => Answer::Done(notes.remove_capability(&file)),
        // The name of an attribute is in memory, and may be another one by now. It may, as the process is to have no power to
        // set capabilities itself.
        Request::Other => Answer::GoOn,
    }
}
