//! Signals: names, blocking, waiting.

use std::sync::OnceLock;
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction};
use nix::unistd::{Pid, getpid};

use crate::error::{Error, Result};

/// Finds a signal by its name, with or without `SIG`.
pub(crate) fn number(name: &str) -> Result<Signal> {
    let full = if name.starts_with("SIG") {
        name.to_owned()
    } else {
        format!("SIG{name}")
    };
    full.parse()
        .map_err(|_| Error::argument("signal", format!("unknown signal `{name}`")))
}

/// A signal's name without `SIG`.
pub(crate) fn name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |s| s.as_str()[3..].to_owned())
}

/// Unblocks all signals, as a new program expects.
pub(crate) fn unblock_all() -> nix::Result<()> {
    SigSet::all().thread_unblock()
}

/// Resets every signal to its default action. That includes ignored signals, such as SIGHUP under `nohup`, and those that the C
/// library keeps for itself: glibc's `posix_spawn` ignores them in a child of a program that has used them. The library refuses to
/// set these, so the kernel is asked.
pub(crate) fn reset_all() {
    // The kernel's `struct sigaction` has four words at most (a handler, flags, a restorer, a mask); all zero is `SIG_DFL`.
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK_SIZE: usize = size_of::<u64>();
    for number in 1..=libc::SIGRTMAX() {
        // SAFETY: the default action needs no handler, and the kernel only reads the array. KILL and STOP cannot be set, and
        // need not be.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                number,
                DEFAULT.as_ptr(),
                std::ptr::null::<u64>(),
                MASK_SIZE,
            )
        };
    }
}

/// What SIGINT says before it ends this process, and the process.
static LAST_WORDS: OnceLock<(Vec<u8>, Pid)> = OnceLock::new();

/// Lets SIGINT write a text to standard error before it ends this process; only the first text counts. A process that ignores
/// SIGINT goes on doing so.
pub(crate) fn say_on_interrupt(text: &[u8]) -> Result<()> {
    LAST_WORDS.get_or_init(|| (text.to_owned(), getpid()));
    let say = SigAction::new(
        SigHandler::Handler(say),
        SaFlags::SA_RESETHAND,
        SigSet::empty(),
    );
    let fail = |errno| Error::os("sigaction", errno);
    // SAFETY: the handler calls only functions that are async-signal-safe (signal-safety(7)), and reads what is never changed.
    let before = unsafe { sigaction(Signal::SIGINT, &say) }.map_err(fail)?;
    if matches!(before.handler(), SigHandler::SigIgn) {
        // SAFETY: this is the action of before.
        unsafe { sigaction(Signal::SIGINT, &before) }.map_err(fail)?;
    }
    Ok(())
}

/// The handler of SIGINT. A forked child ends silently.
extern "C" fn say(_: libc::c_int) {
    if let Some((text, process)) = LAST_WORDS.get()
        && *process == getpid()
    {
        // SAFETY: the text lives as long as the process.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    }
    // The default action is set again, and follows when this handler returns.
    let _ = raise(Signal::SIGINT);
}

pub(crate) fn block(signals: &[Signal]) -> Result<()> {
    let set: SigSet = signals.iter().copied().collect();
    set.thread_block()
        .map_err(|errno| Error::os("sigprocmask", errno))
}

/// Waits for one of the blocked signals. `None` if the time runs out.
pub(crate) fn wait(set: &SigSet, until: Option<Instant>) -> Result<Option<Signal>> {
    loop {
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        let result = match wait {
            // SAFETY: set and time live for the call, and the pointer for information is null.
            None => unsafe { libc::sigwaitinfo(set.as_ref(), std::ptr::null_mut()) },
            Some(wait) => {
                let time = libc::timespec {
                    tv_sec: wait.as_secs().cast_signed(),
                    tv_nsec: wait.subsec_nanos().into(),
                };
                // SAFETY: as above.
                unsafe { libc::sigtimedwait(set.as_ref(), std::ptr::null_mut(), &raw const time) }
            }
        };
        match Errno::result(result) {
            Ok(number) => return Ok(Signal::try_from(number).ok()),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("sigtimedwait", errno)),
        }
    }
}

/// Sends a signal to a child, or to its group. No error if the child has just ended.
pub(crate) fn send(pid: i32, group: bool, signal: Signal) {
    let _ = kill(Pid::from_raw(if group { -pid } else { pid }), signal);
}
