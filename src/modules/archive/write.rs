//! Tar headers: ustar, with a pax header before what ustar has no room for.

use super::header::BLOCK;

/// What a header says. Owners are always 0, without names.
pub(super) struct Entry<'a> {
    /// Folders end in a slash.
    pub(super) name: &'a [u8],
    pub(super) kind: u8,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) mtime: u64,
    pub(super) link: &'a [u8],
}

const NAME: usize = 100;
const PREFIX: usize = 155;
/// The largest number of eleven octal digits.
pub(super) const OCTAL_MAX: u64 = 0o777_7777_7777;

/// The header, with all that has to come before it.
pub(super) fn header(entry: &Entry<'_>) -> Vec<u8> {
    let mut records = Vec::new();
    let split = split(entry.name);
    if split.is_none() {
        record(&mut records, "path", entry.name);
    }
    if entry.link.len() > NAME {
        record(&mut records, "linkpath", entry.link);
    }
    if entry.size > OCTAL_MAX {
        record(&mut records, "size", entry.size.to_string().as_bytes());
    }
    let mut out = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        let size = records.len() as u64;
        block(
            &mut out,
            b"",
            b"PaxHeader",
            b'x',
            0o644,
            size,
            entry.mtime,
            b"",
        );
        out.extend_from_slice(&records);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    let (prefix, name) = split.unwrap_or((b"", &entry.name[..NAME.min(entry.name.len())]));
    let link = &entry.link[..entry.link.len().min(NAME)];
    let size = if entry.size > OCTAL_MAX {
        0
    } else {
        entry.size
    };
    block(
        &mut out,
        prefix,
        name,
        entry.kind,
        entry.mode,
        size,
        entry.mtime,
        link,
    );
    out
}

/// Prefix and name, if the two fields have room for them.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME {
        return Some((b"", name));
    }
    // The last slash that leaves something behind it, within the prefix.
    let last = name.len() - 1;
    let slash = name[..last.min(PREFIX + 1)]
        .iter()
        .rposition(|&b| b == b'/')?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (!prefix.is_empty() && rest.len() <= NAME).then_some((prefix, rest))
}

/// Adds `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[allow(
    clippy::too_many_arguments,
    reason = "they are the fields of one block"
)]
fn block(
    out: &mut Vec<u8>,
    prefix: &[u8],
    name: &[u8],
    kind: u8,
    mode: u32,
    size: u64,
    mtime: u64,
    link: &[u8],
) {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name);
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{mtime:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link);
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix);
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&block);
}

#[cfg(test)]
mod tests {
    use super::{Entry, header, record, split};
    use crate::modules::archive::header::{BLOCK, Header, Pax, checksum_fits};

    #[test]
    fn headers_read_back() {
        let long = [b"d/".repeat(60).as_slice(), &[b'x'; 120]].concat();
        for (name, blocks) in [
            (b"a".to_vec(), 1),
            (vec![b'x'; 100], 1),
            (vec![b'x'; 101], 3),
            (b"d/".repeat(60), 1),
            (long, 3),
        ] {
            let entry = Entry {
                name: &name,
                kind: b'0',
                mode: 0o644,
                size: 7,
                mtime: 5,
                link: b"",
            };
            let bytes = header(&entry);
            assert_eq!(bytes.len(), blocks * BLOCK, "{}", name.len());
            let last: &[u8; BLOCK] = bytes[bytes.len() - BLOCK..].try_into().expect("a block");
            assert!(checksum_fits(last));
            let read = Header::parse(last).expect("reads");
            assert_eq!((read.size, read.mode, read.mtime), (7, 0o644, 5));
            if blocks == 1 {
                assert_eq!(read.name, name);
            }
        }
    }

    #[test]
    fn records_count_themselves() {
        for length in 0..1100 {
            let mut out = Vec::new();
            record(&mut out, "path", &vec![b'x'; length]);
            let pax = Pax::parse(&out, false).expect("reads");
            assert_eq!(pax.path.map(|p| p.len()), Some(length));
        }
    }

    #[test]
    fn names_are_split_where_both_parts_fit() {
        let name = [vec![b'p'; 155], vec![b'/'], vec![b'n'; 100]].concat();
        assert_eq!(
            split(&name).map(|(p, n)| (p.len(), n.len())),
            Some((155, 100))
        );
        assert!(split(&[vec![b'p'; 156], vec![b'/'], vec![b'n'; 100]].concat()).is_none());
        assert!(split(&[vec![b'/'], vec![b'n'; 100]].concat()).is_none());
        let folder = [vec![b'p'; 120], b"/".to_vec(), b"q/".to_vec()].concat();
        assert_eq!(
            split(&folder).map(|(p, n)| (p.len(), n.len())),
            Some((120, 2))
        );
    }
}
