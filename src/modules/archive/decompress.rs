//! Decompression, told by the first bytes; every format may be made of several streams, all of which are read.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{MtStreamBuilder, Stream};

/// What xz may use for its threads, and what it may use at all (`xz -9` needs 65 MiB).
const XZ_THREADING: u64 = 76 << 20;
const XZ_MEMORY: u64 = 512 << 20;
/// The largest window of zstd, as a power of two: what the tool itself takes without being told.
const ZSTD_WINDOW: u32 = 27;

/// The content of what the reader gives; plain data passes as it is.
pub(super) fn decode<'a>(
    mut input: Box<dyn BufRead + Send + 'a>,
    threads: u32,
) -> Result<Box<dyn Read + Send + 'a>> {
    let magic = input.fill_buf()?;
    Ok(if magic.starts_with(&[0x1f, 0x8b]) {
        let start = |input| Ok(GzDecoder::new(input));
        Box::new(Streams::new(input, start, GzDecoder::into_inner, 0x1f)?)
    } else if magic.starts_with(b"\xfd7zXZ\0") {
        let start = move |input| Ok(XzDecoder::new_stream(input, xz(threads)?));
        Box::new(Streams::new(input, start, XzDecoder::into_inner, 0xfd)?)
    } else if magic.starts_with(b"BZh") {
        Box::new(bzip2::bufread::MultiBzDecoder::new(input))
    } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(magic) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
        decoder.window_log_max(ZSTD_WINDOW)?;
        Box::new(decoder)
    } else {
        Box::new(input)
    })
}

/// A zstd frame without content, which some writers put first.
fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn xz(threads: u32) -> Result<Stream> {
    Ok(if threads > 1 {
        MtStreamBuilder::new()
            .threads(threads)
            .memlimit_threading(XZ_THREADING)
            .memlimit_stop(XZ_MEMORY)
            .decoder()
    } else {
        Stream::new_stream_decoder(XZ_MEMORY, 0)
    }?)
}

/// Streams of one format up to the end; behind the last there may be zeros, as on tapes, and nothing else.
struct Streams<R, D, S> {
    decoder: Option<D>,
    start: S,
    end: fn(D) -> R,
    /// What a stream starts with.
    magic: u8,
}

impl<R: BufRead, D: Read, S: Fn(R) -> Result<D>> Streams<R, D, S> {
    fn new(input: R, start: S, end: fn(D) -> R, magic: u8) -> Result<Self> {
        Ok(Self {
            decoder: Some(start(input)?),
            start,
            end,
            magic,
        })
    }
}

impl<R: BufRead, D: Read, S: Fn(R) -> Result<D>> Read for Streams<R, D, S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(decoder) = &mut self.decoder {
            let count = decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            let Some(mut input) = self.decoder.take().map(self.end) else {
                break;
            };
            match input.fill_buf()?.first() {
                Some(0) => zeros(&mut input)?,
                Some(&other) if other != self.magic => return Err(garbage()),
                Some(_) => self.decoder = Some((self.start)(input)?),
                None => {}
            }
        }
        Ok(0)
    }
}

fn garbage() -> Error {
    let message = "data after the end of the compressed stream";
    Error::new(ErrorKind::InvalidData, message)
}

fn zeros(input: &mut impl BufRead) -> Result<()> {
    loop {
        let piece = input.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        if piece.iter().any(|&byte| byte != 0) {
            return Err(garbage());
        }
        let count = piece.len();
        input.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::decode;

    fn all(data: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decode(Box::new(data), 2)?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("writes");
        encoder.finish().expect("ends")
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(text).expect("writes");
        encoder.finish().expect("ends")
    }

    fn bzip2(text: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(text).expect("writes");
        encoder.finish().expect("ends")
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).expect("encodes")
    }

    #[test]
    fn several_streams_are_one() {
        for (name, encode) in [
            ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
            ("xz", xz),
            ("bzip2", bzip2),
            ("zstd", zstd),
        ] {
            let two = [encode(b"first "), encode(b""), encode(b"second")].concat();
            assert_eq!(all(&two).expect(name), b"first second", "{name}");
        }
        assert_eq!(all(b"plain").expect("plain"), b"plain");
    }

    #[test]
    fn cut_and_followed_streams_fail() {
        for (name, encode) in [
            ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
            ("xz", xz),
            ("bzip2", bzip2),
            ("zstd", zstd),
        ] {
            let whole = encode(b"some text, some more text, and some text again");
            for end in 10..whole.len() {
                assert!(all(&whole[..end]).is_err(), "{name} cut at {end}");
            }
            assert!(all(&[&whole[..], b"garbage"].concat()).is_err(), "{name}");
        }
        let padded = [gzip(b"x"), vec![0; 700]].concat();
        assert_eq!(all(&padded).expect("padded"), b"x");
    }
}
