//! Receives calls from the kernel and answers them: `seccomp_unotify(2)`.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use super::create::Creation;
use super::filter::{SET_ID, SYS_FCHMODAT2, program};
use super::machine;
use super::notes::{Notes, What};
use super::raise::needs_setfcap;
use super::target::Target;
use crate::kernel::bpf;

nix::ioctl_readwrite!(receive, b'!', 0, libc::seccomp_notif);
nix::ioctl_readwrite!(send, b'!', 1, libc::seccomp_notif_resp);
nix::ioctl_write_ptr!(is_valid, b'!', 2, u64);

const CAPABILITY: &[u8] = b"security.capability";
/// linux/limits.h: `XATTR_NAME_MAX`, and the final zero.
const NAME_MAX: usize = 256;

/// Installs the filter on this process. Returns the descriptor that receives its calls.
pub(super) fn install(asks_machine: bool) -> nix::Result<OwnedFd> {
    let mut program = program(asks_machine);
    let fd = bpf::install(&mut program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// The answer to a call.
enum Answer {
    /// The keeper carried it out, with this result, or it failed.
    Done(nix::Result<i32>),
    /// The kernel carries it out.
    Continue,
}

/// Errors with which a call fails because of the keeper. The kernel has other reasons for some of them.
const OURS: [Errno; 6] = [
    Errno::EPERM,
    Errno::EACCES,
    Errno::ELOOP,
    Errno::ENOSPC,
    Errno::EMFILE,
    Errno::ENFILE,
];

/// Receives one waiting call, if there still is one, and answers it. `machine` is what `uname(2)` says.
pub(super) fn serve(
    listener: &OwnedFd,
    notes: &mut Notes,
    machine: Option<&str>,
) -> nix::Result<()> {
    // SAFETY: the structure consists of numbers, for which zero is valid. The kernel requires zeros.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one structure behind the pointer, which is valid for that.
    match unsafe { receive(listener.as_raw_fd(), &raw mut call) } {
        // The process has ended in the meantime.
        Err(Errno::ENOENT | Errno::EINTR) => return Ok(()),
        result => result?,
    };
    let target = Target::new(call.pid);
    let request = read(&call, &target, !notes.is_empty());
    // SAFETY: the kernel reads one number behind the pointer. If the call still waits, its process is alive, so the memory and
    // files that were read belong to it and not to a later process with the same number.
    if unsafe { is_valid(listener.as_raw_fd(), &raw const call.id) }.is_err() {
        return Ok(());
    }
    let answer = match request {
        Ok(Request::Create(creation)) => Answer::Done(
            creation
                .open(&target, notes)
                .and_then(|file| creation.hand_over(listener, call.id, &file)),
        ),
        // The name of the attribute is in memory, so the program may change it after this check. That does no harm: the process
        // has no privilege to set capabilities itself.
        Ok(Request::Other) => Answer::Continue,
        Ok(Request::Machine(address)) => {
            // The kernel knows better why it fails, or succeeds.
            machine::tell(&target, address, machine)
                .map_or(Answer::Continue, |()| Answer::Done(Ok(0)))
        }
        Ok(Request::Attribute(change)) => carry_out(change, notes),
        Err(errno) => Answer::Done(Err(errno)),
    };
    if let Answer::Done(Err(errno)) = answer
        && OURS.contains(&errno)
        && let Some((what, path)) = wanted(&call, &target)
    {
        notes.refuse(what, path);
    }
    // SAFETY: as above.
    let mut response: libc::seccomp_notif_resp = unsafe { std::mem::zeroed() };
    response.id = call.id;
    match answer {
        Answer::Continue => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        Answer::Done(Ok(result)) => response.val = result.into(),
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
    Attribute(Change),
    Create(Creation),
    /// Which machine this is, at an address of the process.
    Machine(u64),
    /// Another attribute, or a mode that needs no note.
    Other,
}

/// A change of the attributes of a file.
enum Change {
    Mode(OwnedFd, u32),
    SetCapability {
        file: OwnedFd,
        value: Vec<u8>,
    },
    RemoveCapability(OwnedFd),
    /// The call succeeds, without an effect.
    None,
}

/// Reads the arguments of a call. If the kernel may carry it out anyway, an error of reading does not fail it.
fn read(call: &libc::seccomp_notif, target: &Target, has_notes: bool) -> nix::Result<Request> {
    let argument = |index: usize| call.data.args[index];
    let number = |index: usize| argument(index) as i32;
    let mode_of = |index: usize, file: &dyn Fn() -> nix::Result<OwnedFd>| {
        let mode = argument(index) as u32;
        match (mode & SET_ID != 0, has_notes) {
            (true, _) => Ok(Request::Attribute(Change::Mode(file()?, mode))),
            (false, true) => Ok(file().map_or(Request::Other, |file| {
                Request::Attribute(Change::Mode(file, mode))
            })),
            (false, false) => Ok(Request::Other),
        }
    };
    let here = libc::AT_FDCWD;
    let create = |folder, path: usize, flags, mode: usize| {
        let mode = argument(mode) as u32;
        Creation::new(target, folder, argument(path), flags, mode).map(Request::Create)
    };
    let what = libc::c_long::from(call.data.nr);
    match what {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => mode_of(1, &|| target.path(here, argument(0), 0)),
        libc::SYS_fchmod => mode_of(1, &|| target.descriptor(number(0))),
        libc::SYS_fchmodat => mode_of(2, &|| target.path(number(0), argument(1), 0)),
        SYS_FCHMODAT2 => mode_of(2, &|| target.path(number(0), argument(1), number(3))),
        libc::SYS_capset => match needs_setfcap(target, argument(0), argument(1)) {
            Ok(true) => Ok(Request::Attribute(Change::None)),
            _ => Ok(Request::Other),
        },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => Err(Errno::EPERM),
        libc::SYS_mknodat => Err(Errno::EPERM),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => create(here, 0, number(1), 2),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => create(here, 0, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, 1),
        libc::SYS_openat => create(number(0), 1, number(2), 3),
        libc::SYS_uname => Ok(Request::Machine(argument(0))),
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
                return Ok(Request::Attribute(Change::RemoveCapability(file)));
            }
            // linux/capability.h: the two formats in use have these sizes.
            match argument(3) {
                size @ (20 | 24) => Ok(Request::Attribute(Change::SetCapability {
                    file,
                    value: target.bytes(argument(2), size as usize)?,
                })),
                _ => Err(Errno::EINVAL),
            }
        }
    }
}

/// What a call sets that has to be recorded, and of which file.
fn wanted(call: &libc::seccomp_notif, target: &Target) -> Option<(What, Option<Vec<u8>>)> {
    let argument = |index: usize| call.data.args[index];
    let by_path = |index: usize| target.name(argument(index)).ok();
    let by_descriptor = || target.name_of_descriptor(argument(0) as i32).ok();
    let mode = |index: usize, path: &dyn Fn() -> Option<Vec<u8>>| {
        (argument(index) as u32 & SET_ID != 0).then(|| (What::Mode, path()))
    };
    let capability = |path: &dyn Fn() -> Option<Vec<u8>>| {
        let name = target.text(argument(1), NAME_MAX);
        (name.as_deref() == Ok(CAPABILITY)).then(|| (What::Capability, path()))
    };
    match libc::c_long::from(call.data.nr) {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => mode(1, &|| by_path(0)),
        libc::SYS_fchmod => mode(1, &by_descriptor),
        libc::SYS_fchmodat | SYS_FCHMODAT2 => mode(2, &|| by_path(1)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => mode(2, &|| by_path(0)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat | libc::SYS_mknod => mode(1, &|| by_path(0)),
        libc::SYS_openat => mode(3, &|| by_path(1)),
        libc::SYS_mknodat => mode(2, &|| by_path(1)),
        libc::SYS_setxattr | libc::SYS_lsetxattr => capability(&|| by_path(0)),
        libc::SYS_fsetxattr => capability(&by_descriptor),
        _ => None,
    }
}

fn carry_out(change: Change, notes: &mut Notes) -> Answer {
    let done = match change {
        Change::Mode(file, mode) if mode & SET_ID != 0 => notes.chmod(file, mode),
        // The mode is in a register, so the program cannot change it after this check.
        Change::Mode(file, _) => match notes.has_plain_mode(&file) {
            Ok(()) => return Answer::Continue,
            Err(errno) => Err(errno),
        },
        Change::SetCapability { file, value } => notes.set_capability(file, value),
        Change::RemoveCapability(file) => notes.remove_capability(&file),
        Change::None => Ok(()),
    };
    Answer::Done(done.map(|()| 0))
}
