//! Messages in a stream of bytes: each has a flag and its length before it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::status::{INTERNAL, Status};

const HEAD: usize = 5;

/// A message with its head.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD + message.len());
    out.put_u8(0);
    // A longer one than 4 GiB is refused by every server.
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}

/// Takes messages out of the bytes that come.
pub(super) struct Frames {
    buffer: BytesMut,
    max_size: u64,
}

impl Frames {
    pub(super) fn new(max_size: u64) -> Self {
        Self {
            buffer: BytesMut::new(),
            max_size,
        }
    }

    pub(super) fn add(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole message, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<BytesMut>, Status> {
        let Some((head, rest)) = self.buffer.split_at_checked(HEAD) else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if head[0] != 0 {
            let text = "the server sent a compressed message, which was not asked for";
            return Err(Status::new(INTERNAL, text));
        } else if length as u64 > self.max_size {
            let text = format!(
                "the server sent a message of {length} bytes, at most {} are read",
                self.max_size
            );
            return Err(Status::new(INTERNAL, text));
        } else if rest.len() < length {
            self.buffer.reserve(HEAD + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(HEAD);
        Ok(Some(self.buffer.split_to(length)))
    }

    /// Whether the bytes so far end with a whole message.
    pub(super) fn is_whole(&self) -> bool {
        self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, framed};

    #[test]
    fn messages_come_out_as_they_went_in() {
        let bytes = [framed(b"one"), framed(b""), framed(b"three")].concat();
        for size in 1..bytes.len() {
            let mut frames = Frames::new(5);
            let mut found = Vec::new();
            for chunk in bytes.chunks(size) {
                frames.add(chunk);
                while let Some(message) = frames.next().expect("it is right") {
                    found.push(message.to_vec());
                }
            }
            assert!(frames.is_whole());
            assert_eq!(found, [&b"one"[..], b"", b"three"]);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let mut frames = Frames::new(4);
        frames.add(&framed(b"three"));
        let refused = frames.next().expect_err("it is too long");
        assert!(refused.message.contains("5 bytes, at most 4"));
        let mut frames = Frames::new(4);
        frames.add(&[1, 0, 0, 0, 0]);
        assert!(frames.next().is_err());
        let mut frames = Frames::new(4);
        frames.add(&[0, 0, 0, 0, 2, b'x']);
        assert_eq!(frames.next().expect("it is right"), None);
        assert!(!frames.is_whole());
    }
}
