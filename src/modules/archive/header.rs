//! One header block of a tar, read strictly. The crate `tar` locates the fields; our module `number` reads the numbers.

use tar::EntryType;

use super::member::format;
use super::number::number;
use crate::error::Result;

pub(super) const BLOCK: usize = 512;

/// The fields of a header, before long names and pax records are applied.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) mtime: i64,
    /// `None` if it is not a valid user or group number. That is an error only if owners are wanted.
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) device: (u32, u32),
}

/// Whether the checksum of a header is right. Some old writers summed the bytes as signed numbers; that is accepted.
pub(super) fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let Ok(Some(want)) = number(&block[148..156], "checksum") else {
        return false;
    };
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, &byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    want == unsigned || want == signed
}

/// The block as a header of the crate. `None` if its magic is not one of tar.
pub(super) fn view(block: &[u8; BLOCK]) -> Option<tar::Header> {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    if block[257..263] == *b"ustar\0" {
        // Some writers leave the version out, but still use the prefix of a name.
        header.as_mut_bytes()[263..265].copy_from_slice(b"00");
    }
    let known = header.as_ustar().is_some() || header.as_gnu().is_some();
    (known || block[257..263].iter().all(|&b| b == 0)).then_some(header)
}

impl Header {
    /// Reads a block whose checksum is right.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self> {
        let view = view(block).ok_or_else(|| format("a header of an unknown kind"))?;
        let old = view.as_old();
        let kind = view.entry_type();
        let device = match (kind, view.as_ustar(), view.as_gnu()) {
            (EntryType::Char | EntryType::Block, Some(ustar), _) => {
                device(&ustar.dev_major, &ustar.dev_minor)?
            }
            (EntryType::Char | EntryType::Block, _, Some(gnu)) => {
                device(&gnu.dev_major, &gnu.dev_minor)?
            }
            _ => (0, 0),
        };
        Ok(Self {
            name: view.path_bytes().into_owned(),
            link: view
                .link_name_bytes()
                .map(std::borrow::Cow::into_owned)
                .unwrap_or_default(),
            kind,
            size: number(&old.size, "size")?
                .unwrap_or(0)
                .try_into()
                .map_err(|_| format("a negative size"))?,
            // Some writers store the file type in the bits above the permissions.
            mode: (number(&old.mode, "mode")?.unwrap_or(0) & 0o7777) as u32,
            mtime: number(&old.mtime, "time")?.unwrap_or(0),
            uid: owner(&old.uid),
            gid: owner(&old.gid),
            device,
        })
    }
}

fn owner(field: &[u8]) -> Option<u32> {
    let number = number(field, "owner").ok()?.unwrap_or(0);
    u64::try_from(number).ok().and_then(id)
}

/// A user or group number. The largest number is not allowed: in system calls it means "no change".
pub(super) fn id(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|&id| id != u32::MAX)
}

fn device(major: &[u8], minor: &[u8]) -> Result<(u32, u32)> {
    let one = |field: &[u8], what: &str| {
        u32::try_from(number(field, what)?.unwrap_or(0))
            .map_err(|_| format(format!("a {what} that no device has")))
    };
    Ok((one(major, "major number")?, one(minor, "minor number")?))
}
