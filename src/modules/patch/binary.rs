//! Binary hunks of git. A hunk has the new content and the old content. Each is whole or a delta, deflated, in base 85.

use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibDecoder;

use super::broken::Broken;
use super::hunk::Lines;

/// The largest file that a binary hunk may make.
const CONTENT_MAX: usize = 1 << 30;

#[derive(Debug)]
pub(super) struct Binary<'t> {
    forward: Half<'t>,
    /// Makes the old content from the new one. It shows whether the file is the one that the patch expects.
    backward: Half<'t>,
}

#[derive(Debug)]
struct Half<'t> {
    delta: bool,
    size: usize,
    lines: Vec<&'t [u8]>,
}

/// Reads the part after `GIT binary patch`.
pub(super) fn parse<'t>(lines: &mut Lines<'t>) -> Result<Binary<'t>, Broken> {
    Ok(Binary {
        forward: half(lines)?,
        backward: half(lines)?,
    })
}

fn half<'t>(lines: &mut Lines<'t>) -> Result<Half<'t>, Broken> {
    let found = [(b"literal ".as_slice(), false), (b"delta ", true)]
        .into_iter()
        .find_map(|(word, delta)| Some((lines.after(0, word)?, delta)));
    let Some((size, delta)) = found else {
        return Err(Broken::new(
            lines.number(),
            "expected `literal` or `delta` of a binary patch",
        ));
    };
    let size = std::str::from_utf8(size)
        .ok()
        .and_then(|text| text.parse().ok());
    let Some(size) = size.filter(|size| *size <= CONTENT_MAX) else {
        return Err(Broken::new(
            lines.number(),
            "not a size that a binary patch can have",
        ));
    };
    lines.next += 1;
    let mut half = Half {
        delta,
        size,
        lines: Vec::new(),
    };
    while let Some(line) = lines.after(0, b"").filter(|line| !line.is_empty()) {
        if decode(line, &mut Vec::new()).is_none() {
            return Err(Broken::new(lines.number(), "not a line of a binary patch"));
        }
        half.lines.push(line);
        lines.next += 1;
    }
    // Skips the empty line at its end.
    lines.next += 1;
    Ok(half)
}

/// Decodes one line: its length as a letter, then groups of five characters for four bytes.
fn decode(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (letter, text) = line.split_first()?;
    let length = match letter {
        b'A'..=b'Z' => letter - b'A' + 1,
        b'a'..=b'z' => letter - b'a' + 27,
        _ => return None,
    };
    let length = usize::from(length);
    if text.len() != length.div_ceil(4) * 5 {
        return None;
    }
    let end = out.len() + length;
    for group in text.chunks_exact(5) {
        let mut value = 0_u64;
        for &character in group {
            value = value * 85 + u64::from(digit(character)?);
        }
        out.extend_from_slice(&u32::try_from(value).ok()?.to_be_bytes());
    }
    out.truncate(end);
    Some(())
}

/// The digits of RFC 1924.
fn digit(character: u8) -> Option<u8> {
    const MARKS: &[u8; 23] = b"!#$%&()*+-;<=>?@^_`{|}~";
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'Z' => Some(character - b'A' + 10),
        b'a'..=b'z' => Some(character - b'a' + 36),
        _ => MARKS
            .iter()
            .position(|&mark| mark == character)
            .map(|at| at as u8 + 62),
    }
}

impl Half<'_> {
    fn inflate(&self) -> Result<Vec<u8>, &'static str> {
        let mut packed = Vec::new();
        for line in &self.lines {
            decode(line, &mut packed).ok_or("a line of the binary patch is damaged")?;
        }
        let mut out = Vec::new();
        ZlibDecoder::new(packed.as_slice())
            .take(self.size as u64 + 1)
            .read_to_end(&mut out)
            .map_err(|_| "the binary patch cannot be inflated")?;
        if out.len() == self.size {
            Ok(out)
        } else {
            Err("the binary patch is not of the size that it says")
        }
    }

    fn apply(&self, content: &[u8]) -> Result<Vec<u8>, &'static str> {
        let data = self.inflate()?;
        if self.delta {
            delta(content, &data)
        } else {
            Ok(data)
        }
    }
}

impl Binary<'_> {
    /// The new content.
    pub(super) fn apply(&self, content: &[u8]) -> Result<Vec<u8>, &'static str> {
        const OTHER: &str = "the binary patch is for another content of the file";
        let new = self.forward.apply(content)?;
        // A delta that does not fit is also for another file.
        let old = self.backward.apply(&new);
        if old.is_ok_and(|old| *old == *content) {
            Ok(new)
        } else {
            Err(OTHER)
        }
    }
}

/// Applies a delta. It has the two sizes, and then pieces: each is copied from the old content, or contained in the delta.
fn delta(old: &[u8], text: &[u8]) -> Result<Vec<u8>, &'static str> {
    const BROKEN: &str = "the changes in the binary patch are damaged";
    let mut rest = text;
    let from = size(&mut rest).ok_or(BROKEN)?;
    let to = size(&mut rest).ok_or(BROKEN)?;
    if from != old.len() {
        return Err("the binary patch is for another content of the file");
    }
    let mut out = Vec::new();
    while let Some(code) = byte(&mut rest) {
        let piece = if code & 0x80 == 0 {
            let given = rest.split_at_checked(usize::from(code));
            let (given, left) = given.filter(|_| code > 0).ok_or(BROKEN)?;
            rest = left;
            given
        } else {
            let at = number(&mut rest, code, 0..4).ok_or(BROKEN)?;
            let length = number(&mut rest, code, 4..7).ok_or(BROKEN)?;
            let length = if length == 0 { 0x1_0000 } else { length };
            old.get(at..at + length).ok_or(BROKEN)?
        };
        out.extend_from_slice(piece);
        if out.len() > to.min(CONTENT_MAX) {
            return Err(BROKEN);
        }
    }
    if out.len() == to {
        Ok(out)
    } else {
        Err(BROKEN)
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, left) = rest.split_first()?;
    *rest = left;
    Some(*first)
}

/// Reads a number in groups of seven bits, the lowest first.
fn size(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for shift in (0..56).step_by(7) {
        let group = byte(rest)?;
        value |= u64::from(group & 0x7f) << shift;
        if group & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// Reads a number, the lowest byte first. Only the bytes that the bits of the code name are present; the others are zero.
fn number(rest: &mut &[u8], code: u8, bits: Range<u32>) -> Option<usize> {
    let mut value = 0;
    for (place, bit) in bits.enumerate() {
        if code & (1 << bit) != 0 {
            value |= usize::from(byte(rest)?) << (place * 8);
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::{decode, delta};

    #[test]
    fn lines_of_base_85() {
        let mut out = Vec::new();
        assert!(decode(b"Dcmb+L", &mut out).is_some());
        assert_eq!(out.len(), 4);
        for bad in [
            b"".as_slice(),
            b"D",
            b"Dcmb+",
            b"Dcmb,L",
            b"0cmb+L",
            b"D~~~~~",
        ] {
            assert!(decode(bad, &mut Vec::new()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn changes() {
        let old = b"0123456789";
        // Copy 4 bytes from offset 2, add "ab", copy 1 byte from offset 0.
        let text = [10, 7, 0x91, 2, 4, 2, b'a', b'b', 0x90, 1];
        assert_eq!(delta(old, &text), Ok(b"2345ab0".to_vec()));
        for bad in [
            [11, 7, 0x91, 2, 4].as_slice(),
            &[10, 4, 0x91, 8, 4],
            &[10, 4, 0x91, 2, 5],
            &[10, 4, 0],
            &[10, 4, 5, b'a'],
            &[10, 4, 0x91],
            &[10],
            &[0x80; 20],
        ] {
            assert!(delta(old, bad).is_err(), "{bad:?}");
        }
    }
}
