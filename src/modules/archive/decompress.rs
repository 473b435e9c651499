//! Decompression. The first bytes tell the format. A file may have several streams, and all are read.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{MtStreamBuilder, Stream};

/// The memory up to which xz uses threads, and the most memory that it may use (`xz -9` needs 65 MiB).
const XZ_THREADING: u64 = 76 << 20;
const XZ_MEMORY: u64 = 512 << 20;
/// The largest window of zstd, as a power of two: the default limit of the `zstd` tool.
const ZSTD_WINDOW: u32 = 27;

/// Decompresses the input. Data that is not compressed is returned unchanged.
pub(super) fn decode<'a>(
    mut input: Box<dyn BufRead + Send + 'a>,
    threads: u32,
) -> Result<Box<dyn Read + Send + 'a>> {
    let magic = input.fill_buf()?;
    Ok(if magic.starts_with(&[0x1f, 0x8b]) {
        let start = |input| Ok(GzDecoder::new(input));
        Box::new(Streams::new(input, start, GzDecoder::into_inner, GZIP)?)
    } else if magic.starts_with(b"\xfd7zXZ\0") {
        let start = move |input| Ok(XzDecoder::new_stream(input, xz(threads)?));
        Box::new(Streams::new(input, start, XzDecoder::into_inner, XZ)?)
    } else if magic.starts_with(b"BZh") {
        Box::new(bzip2::bufread::MultiBzDecoder::new(input))
    } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(magic) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
        decoder.window_log_max(ZSTD_WINDOW)?;
        Box::new(decoder)
    } else if magic.starts_with(b"LZIP") {
        let lzip = |input| {
            let stream = Stream::new_lzip_decoder(XZ_MEMORY, 0)?;
            Ok(XzDecoder::new_stream(input, stream))
        };
        Box::new(Streams::new(input, lzip, XzDecoder::into_inner, LZIP)?)
    } else if is_lzma(magic) {
        let lzma = |input| {
            let stream = Stream::new_lzma_decoder(XZ_MEMORY)?;
            Ok(XzDecoder::new_stream(input, stream))
        };
        Box::new(Streams::new(input, lzma, XzDecoder::into_inner, LZMA)?)
    } else {
        Box::new(input)
    })
}

/// Recognises the old `.lzma`, which has no magic: properties, a dictionary size that encoders use, and the size of the
/// content or none. A tar cannot start like this: the name at its start would have a NUL in the middle.
fn is_lzma(magic: &[u8]) -> bool {
    let &[properties, a, b, c, d, ..] = magic else {
        return false;
    };
    let Some(size) = magic.get(5..13) else {
        return false;
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    // Encoders use sizes with one bit set, or two adjacent bits. Small sizes are left out: they could be text.
    let plain =
        dictionary.is_power_of_two() || dictionary % 3 == 0 && (dictionary / 3).is_power_of_two();
    let sized = u64::from_le_bytes(size.try_into().unwrap_or_default());
    let known = sized == u64::MAX || sized < 1 << 38;
    properties < 9 * 5 * 5 && (dictionary == u32::MAX || plain && dictionary >= 4096) && known
}

/// A zstd frame without content. Some writers put one first.
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

/// How several streams of a format follow each other.
#[derive(Clone, Copy)]
struct Rule {
    /// The first byte of a stream. `None` if nothing may follow the first stream.
    magic: Option<u8>,
    /// The number of zeros after a stream is a multiple of this.
    zeros: u64,
    /// More streams may follow after zeros.
    more: bool,
}

const GZIP: Rule = Rule {
    magic: Some(0x1f),
    zeros: 1,
    more: false,
};
/// The xz format pads with a multiple of four zeros.
const XZ: Rule = Rule {
    magic: Some(0xfd),
    zeros: 4,
    more: true,
};
const LZIP: Rule = Rule {
    magic: Some(b'L'),
    zeros: 1,
    more: false,
};
const LZMA: Rule = Rule {
    magic: None,
    zeros: 1,
    more: false,
};

/// All streams of one format up to the end of the input. Only zeros may follow the last one, as on tapes.
struct Streams<R, D, S> {
    decoder: Option<D>,
    start: S,
    end: fn(D) -> R,
    rule: Rule,
}

impl<R: BufRead, D: Read, S: Fn(R) -> Result<D>> Streams<R, D, S> {
    fn new(input: R, start: S, end: fn(D) -> R, rule: Rule) -> Result<Self> {
        Ok(Self {
            decoder: Some(start(input)?),
            start,
            end,
            rule,
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
            let zeros = zeros(&mut input)?;
            if !zeros.is_multiple_of(self.rule.zeros) {
                let message = "padding after a stream that is not a multiple of four bytes";
                return Err(Error::new(ErrorKind::InvalidData, message));
            }
            match input.fill_buf()?.first() {
                None => {}
                next if next == self.rule.magic.as_ref() && (zeros == 0 || self.rule.more) => {
                    self.decoder = Some((self.start)(input)?);
                }
                Some(_) => return Err(garbage()),
            }
        }
        Ok(0)
    }
}

fn garbage() -> Error {
    let message = "data after the end of the compressed stream";
    Error::new(ErrorKind::InvalidData, message)
}

/// Skips zeros, and returns their number.
fn zeros(input: &mut impl BufRead) -> Result<u64> {
    let mut total = 0;
    loop {
        let piece = input.fill_buf()?;
        let count = piece.iter().take_while(|&&byte| byte == 0).count();
        let ended = count < piece.len() || piece.is_empty();
        input.consume(count);
        total += count as u64;
        if ended {
            return Ok(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use liblzma::stream::{LzmaOptions, Stream};

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

    fn lzma(text: &[u8]) -> Vec<u8> {
        let options = LzmaOptions::new_preset(1).expect("a preset");
        let stream = Stream::new_lzma_encoder(&options).expect("starts");
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(text).expect("writes");
        encoder.finish().expect("ends")
    }

    /// A text as lzip compresses it: an `lzma` stream between lzip's own header and trailer.
    fn lzip(text: &[u8]) -> Vec<u8> {
        let stream = &lzma(text)[13..];
        let mut crc = flate2::Crc::new();
        crc.update(text);
        let size = 6 + stream.len() as u64 + 20;
        [
            b"LZIP\x01\x14",
            stream,
            &crc.sum().to_le_bytes(),
            &(text.len() as u64).to_le_bytes(),
            &size.to_le_bytes(),
        ]
        .concat()
    }

    /// Padding between xz streams: a multiple of four zeros, and more streams after them.
    #[test]
    fn padding_of_xz() {
        let (first, second) = (xz(b"first "), xz(b"second"));
        for zeros in 0..13 {
            let between = [first.as_slice(), &vec![0; zeros], &second].concat();
            let behind = [first.as_slice(), &second, &vec![0; zeros]].concat();
            for (name, bytes) in [("between", between), ("behind", behind)] {
                match all(&bytes) {
                    Ok(text) => assert_eq!(
                        (zeros % 4, text.as_slice()),
                        (0, b"first second".as_slice()),
                        "{name}"
                    ),
                    Err(error) => assert_ne!(zeros % 4, 0, "{name} {zeros}: {error}"),
                }
            }
        }
        // Padding comes after a stream, never before the first.
        assert_ne!(
            all(&[&[0; 4], first.as_slice()].concat()).expect("plain"),
            b"first "
        );
    }

    #[test]
    fn old_lzma_is_told_from_text() {
        assert_eq!(all(&lzma(b"text")).expect("lzma"), b"text");
        for plain in [
            b"]\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(),
            b"a@\0\0\0\0\0\0\0\0\0\0\0\0",
            b"abcdefghijklmnop",
        ] {
            assert_eq!(all(plain).expect("plain"), plain);
        }
        assert!(all(&[lzma(b"one"), lzma(b"two")].concat()).is_err());
    }

    #[test]
    fn several_streams_are_one() {
        for (name, encode) in [
            ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
            ("xz", xz),
            ("bzip2", bzip2),
            ("zstd", zstd),
            ("lzip", lzip),
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
            ("lzip", lzip),
            ("lzma", lzma),
        ] {
            let whole = encode(b"some text, some more text, and some text again");
            for end in 13..whole.len() {
                assert!(all(&whole[..end]).is_err(), "{name} cut at {end}");
            }
            assert!(all(&[&whole[..], b"garbage"].concat()).is_err(), "{name}");
        }
        let padded = [gzip(b"x"), vec![0; 700]].concat();
        assert_eq!(all(&padded).expect("padded"), b"x");
    }
}
