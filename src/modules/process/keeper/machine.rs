//! `uname(2)` for programs in a root of another architecture: those that run there natively, too, see the architecture of the root.

use std::mem::MaybeUninit;
use std::slice;

use nix::errno::Errno;
use nix::libc;

use super::target::Target;

/// Writes what the machine is to an address of a process, with a name of its architecture if one is given.
pub(super) fn tell(target: &Target, address: u64, machine: Option<&str>) -> nix::Result<()> {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel writes one structure behind the pointer, which is valid for that.
    Errno::result(unsafe { libc::uname(name.as_mut_ptr()) })?;
    // SAFETY: it consists of bytes, and all of them are set.
    let mut name = unsafe { name.assume_init() };
    if let Some(machine) = machine {
        name.machine.fill(0);
        // The last byte stays zero.
        let room = name.machine.len() - 1;
        for (to, from) in name.machine[..room].iter_mut().zip(machine.bytes()) {
            *to = from as libc::c_char;
        }
    }
    let size = size_of_val(&name);
    // SAFETY: the structure has no bytes that are not set, and lives for the call.
    let bytes = unsafe { slice::from_raw_parts((&raw const name).cast::<u8>(), size) };
    target.write(address, bytes)
}
