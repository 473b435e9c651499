//! Builds archives byte by byte, right ones and wrong ones.

use std::io::Write;

pub(crate) const BLOCK: usize = 512;

/// The fields of a header. Tests change them before the checksum is computed.
pub(crate) struct Header(pub(crate) [u8; BLOCK]);

impl Header {
    pub(crate) fn new(name: impl AsRef<[u8]>, kind: u8, size: u64) -> Self {
        let mut header = Self([0; BLOCK]);
        let name = name.as_ref();
        header.put(0, &name[..name.len().min(100)]);
        header.mode(if kind == b'5' { 0o755 } else { 0o644 });
        header.put(108, b"0000000\0");
        header.put(116, b"0000000\0");
        header.put(124, format!("{size:011o}\0").as_bytes());
        header.put(136, b"13000000000\0");
        header.put(156, &[kind]);
        header.put(257, b"ustar\x0000");
        header
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn mode(&mut self, mode: u32) {
        self.put(100, format!("{mode:07o}\0").as_bytes());
    }

    pub(crate) fn link(mut self, target: impl AsRef<[u8]>) -> Self {
        self.put(157, target.as_ref());
        self
    }

    pub(crate) fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.put(at, bytes);
        self
    }

    pub(crate) fn with_mode(mut self, mode: u32) -> Self {
        self.mode(mode);
        self
    }

    /// The block, with its checksum.
    pub(crate) fn block(mut self) -> Vec<u8> {
        self.put(148, b"        ");
        let sum: u32 = self.0.iter().map(|&b| u32::from(b)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0.to_vec()
    }

    /// The block, followed by content.
    pub(crate) fn data(self, data: impl AsRef<[u8]>) -> Vec<u8> {
        padded(self.block(), data.as_ref())
    }
}

fn padded(mut out: Vec<u8>, data: &[u8]) -> Vec<u8> {
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out
}

pub(crate) fn file(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Vec<u8> {
    Header::new(name, b'0', data.as_ref().len() as u64).data(data)
}

pub(crate) fn dir(name: impl AsRef<[u8]>) -> Vec<u8> {
    Header::new(name, b'5', 0).block()
}

pub(crate) fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Vec<u8> {
    Header::new(name, b'2', 0).link(target).block()
}

pub(crate) fn hardlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Vec<u8> {
    Header::new(name, b'1', 0).link(target).block()
}

/// A GNU header for a long name (`L`) or link (`K`).
pub(crate) fn long(kind: u8, text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = [text.as_ref(), b"\0"].concat();
    Header::new("././@LongLink", kind, text.len() as u64)
        .with(257, b"ustar  \0")
        .data(text)
}

/// One pax record with its right length.
pub(crate) fn record(key: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let rest = key.len() + value.as_ref().len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    let mut out = format!("{length} {key}=").into_bytes();
    out.extend_from_slice(value.as_ref());
    out.push(b'\n');
    out
}

/// A pax header (`x` or `g`) of these bytes.
pub(crate) fn pax_raw(kind: u8, records: &[u8]) -> Vec<u8> {
    Header::new("PaxHeader", kind, records.len() as u64).data(records)
}

pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let records: Vec<u8> = records.iter().flat_map(|(k, v)| record(k, v)).collect();
    pax_raw(b'x', &records)
}

/// All parts with the end marker.
pub(crate) fn tar(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = parts.concat();
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("writes");
    encoder.finish().expect("ends")
}

pub(crate) fn xz(data: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(data).expect("writes");
    encoder.finish().expect("ends")
}

/// The old format `.lzma`, which has no magic.
pub(crate) fn lzma(data: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(1).expect("a preset");
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).expect("starts");
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(data).expect("writes");
    encoder.finish().expect("ends")
}

/// A member of lzip: an lzma stream between a header and a trailer with the checksum and the sizes.
pub(crate) fn lzip(data: &[u8]) -> Vec<u8> {
    let stream = &lzma(data)[13..];
    let mut crc = flate2::Crc::new();
    crc.update(data);
    let size = 6 + stream.len() as u64 + 20;
    [
        b"LZIP\x01\x14",
        stream,
        &crc.sum().to_le_bytes(),
        &(data.len() as u64).to_le_bytes(),
        &size.to_le_bytes(),
    ]
    .concat()
}

pub(crate) fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(data).expect("writes");
    encoder.finish().expect("ends")
}

pub(crate) fn zstd(data: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("starts");
    encoder.include_checksum(true).expect("takes it");
    encoder.write_all(data).expect("writes");
    encoder.finish().expect("ends")
}

/// One member of an ar archive.
pub(crate) fn ar(name: &str, data: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
        0,
        0,
        0,
        100_644,
        data.len()
    )
    .into_bytes();
    out.extend_from_slice(data);
    if out.len() % 2 == 1 {
        out.push(b'\n');
    }
    out
}

pub(crate) fn deb(data_name: &str, data: &[u8]) -> Vec<u8> {
    [
        b"!<arch>\n".to_vec(),
        ar("debian-binary", b"2.0\n"),
        ar("control.tar.gz", &gzip(&tar(&[file("./control", "x")]))),
        ar(data_name, data),
    ]
    .concat()
}
