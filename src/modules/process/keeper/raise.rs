//! `capset(2)`: programs such as setcap(8) raise `setfcap` before they set capabilities of files.

use super::target::Target;

/// linux/capability.h: `CAP_SETFCAP`.
const SETFCAP: u64 = 1 << 31;
/// linux/capability.h: `_LINUX_CAPABILITY_VERSION_1`, 2 and 3. From 2 on there are two structures.
const VERSIONS: [(u32, usize); 3] = [(0x1998_0330, 1), (0x2007_1026, 2), (0x2008_0522, 2)];
/// A structure has three numbers of 32 bits: effective, permitted, inheritable.
const STRUCTURE: usize = 12;

/// Whether a call would succeed if its process had `setfcap`, and needs it to.
pub(super) fn needs_setfcap(target: &Target, header: u64, data: u64) -> nix::Result<bool> {
    let number = |bytes: &[u8]| {
        let mut word = [0; 4];
        word.copy_from_slice(bytes);
        u32::from_ne_bytes(word)
    };
    let version = number(&target.bytes(header, 4)?);
    let Some((_, count)) = VERSIONS.iter().find(|(known, _)| *known == version) else {
        return Ok(false);
    };
    let mut wanted = 0;
    for (index, word) in target
        .bytes(data, STRUCTURE * count)?
        .chunks_exact(4)
        .enumerate()
    {
        wanted |= u64::from(number(word)) << (32 * (index / 3));
    }
    let has = target.status("CapPrm", 16)?;
    Ok(wanted & SETFCAP & !has != 0 && wanted & !SETFCAP & !has == 0)
}
