//! Reads and writes numbers at an offset, in a given byte order.

/// Copies `N` bytes at `at`. Bytes outside of `data` read as zero, so that damaged input cannot cause a panic.
fn array<const N: usize>(data: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(part) = at.checked_add(N).and_then(|end| data.get(at..end)) {
        out.copy_from_slice(part);
    }
    out
}

pub(super) fn le16(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(data, at))
}

pub(super) fn le32(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(data, at))
}

pub(super) fn le64(data: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(data, at))
}

pub(super) fn be32(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(data, at))
}

pub(super) fn be64(data: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(data, at))
}

/// Writes `bytes` at `at` of a buffer that is long enough for it.
pub(super) fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    data[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Whether all bytes are zero.
pub(super) fn is_zero(data: &[u8]) -> bool {
    // Blocks first: the compiler turns each into a few vector instructions.
    let (blocks, rest) = data.as_chunks::<64>();
    blocks
        .iter()
        .all(|block| block.iter().fold(0, |sum, byte| sum | byte) == 0)
        && rest.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::{is_zero, le32};

    #[test]
    fn outside_is_zero() {
        assert_eq!(le32(&[1, 2, 3], 0), 0);
        assert_eq!(le32(&[1, 2, 3, 4], usize::MAX), 0);
        assert_eq!(le32(&[1, 2, 3, 4], 0), 0x0403_0201);
    }

    #[test]
    fn one_set_byte_is_seen_anywhere() {
        for at in 0..200 {
            let mut data = [0; 200];
            assert!(is_zero(&data));
            data[at] = 1;
            assert!(!is_zero(&data));
        }
    }
}
