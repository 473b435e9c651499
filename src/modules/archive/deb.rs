//! A `.deb`: an `ar` archive of three members. The last one contains the files.

use std::io::{self, BufRead, Read, Take};

use super::member::input_error;
use crate::error::{Error, Result};

pub(super) const MAGIC: &[u8] = b"!<arch>\n";

fn format(message: &str) -> Error {
    Error::new("deb", "format", message)
}

/// Reads up to the content of `data.tar`, and returns its size.
pub(super) fn find_data(input: &mut dyn BufRead) -> Result<u64> {
    let mut magic = [0; 8];
    exact(input, &mut magic)?;
    if magic != MAGIC {
        return Err(format("this is no ar archive"));
    }
    let mut first = true;
    while let Some((name, size)) = next(input)? {
        if first {
            let mut version = [0; 2];
            if name != b"debian-binary" || size < 4 {
                return Err(format("an ar archive that is no .deb"));
            }
            exact(input, &mut version)?;
            if &version != b"2." {
                return Err(format("a .deb of an unknown version"));
            }
            skip(input, size + size % 2 - 2)?;
            first = false;
        } else if name.starts_with(b"data.tar") {
            return Ok(size);
        } else if name.starts_with(b"control.tar") || name.starts_with(b"_") {
            skip(input, size + size % 2)?;
        } else {
            return Err(format("a .deb with a member that is not known"));
        }
    }
    Err(cut(io::ErrorKind::UnexpectedEof.into()))
}

/// The name and the size of the next member, or `None` at the end.
fn next(input: &mut dyn BufRead) -> Result<Option<(Vec<u8>, u64)>> {
    if input.fill_buf().map_err(cut)?.is_empty() {
        return Ok(None);
    }
    let mut header = [0; 60];
    exact(input, &mut header)?;
    if &header[58..] != b"`\n" {
        return Err(format("a member of the .deb that is not well formed"));
    }
    let name = trim(&header[..16]);
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let size = std::str::from_utf8(trim(&header[48..58]))
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse::<u64>().ok())
        .ok_or_else(|| format("a member of the .deb whose size is no number"))?;
    Ok(Some((name.to_vec(), size)))
}

/// Checks what follows the data: only members whose names start with `_` are allowed. They are for other programs.
fn rest(input: &mut dyn BufRead, size: u64) -> Result<()> {
    let padding = size % 2 == 1 && input.fill_buf().map_err(cut)?.first() == Some(&b'\n');
    input.consume(usize::from(padding));
    while let Some((name, size)) = next(input)? {
        if !name.starts_with(b"_") {
            return Err(format("a .deb with data after its last file"));
        }
        skip(input, size)?;
        let padding = size % 2 == 1 && input.fill_buf().map_err(cut)?.first() == Some(&b'\n');
        input.consume(usize::from(padding));
    }
    Ok(())
}

/// The content of `data.tar`. It must have exactly the size that its header says.
pub(super) struct Data<R> {
    content: Take<R>,
    size: u64,
    /// What follows the content was checked.
    ended: bool,
}

impl<R: BufRead> Data<R> {
    pub(super) fn new(input: R, size: u64) -> Self {
        Self {
            content: input.take(size),
            size,
            ended: false,
        }
    }
}

impl<R: BufRead> BufRead for Data<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.content.fill_buf()?.is_empty() && !self.ended {
            if self.content.limit() > 0 {
                let error = cut(io::ErrorKind::UnexpectedEof.into());
                return Err(io::Error::other(error));
            }
            self.ended = true;
            rest(self.content.get_mut(), self.size).map_err(io::Error::other)?;
        }
        self.content.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.content.consume(count);
    }
}

impl<R: BufRead> Read for Data<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

fn trim(field: &[u8]) -> &[u8] {
    field.trim_ascii_end()
}

fn exact(mut input: &mut dyn BufRead, buffer: &mut [u8]) -> Result<()> {
    (&mut input).read_exact(buffer).map_err(cut)
}

fn skip(input: &mut dyn BufRead, count: u64) -> Result<()> {
    let done = std::io::copy(&mut input.take(count), &mut std::io::sink()).map_err(input_error)?;
    if done == count {
        Ok(())
    } else {
        Err(cut(std::io::ErrorKind::UnexpectedEof.into()))
    }
}

fn cut(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        Error::new("deb", "truncated", "the .deb ends too early")
    } else {
        input_error(error)
    }
}
