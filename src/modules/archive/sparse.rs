//! Files with holes, in the four formats of GNU tar. The map is in the header, in pax records, or before the content.

use tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader};

use super::header::{BLOCK, Header, view};
use super::map::{Map, bad};
use super::member::format;
use super::number::{decimal, number};
use super::records::{Place, Records};
use crate::error::{Error, Result};
use crate::tree::names::shown;

impl Map {
    /// The old format: four pieces in a GNU header, and 21 in each extension block. Each block says whether one more follows.
    pub(super) fn of_header(
        header: &tar::Header,
        mut block: impl FnMut() -> Result<[u8; BLOCK]>,
    ) -> Result<Self> {
        let gnu = header
            .as_gnu()
            .ok_or_else(|| Error::new("tar", "refused", "a sparse file of an unknown kind"))?;
        let mut map = Self {
            size: positive(&gnu.realsize)?,
            pieces: Vec::new(),
        };
        let mut more = map.add(&gnu.sparse)? && gnu.isextended[0] != 0;
        while more {
            let mut next = GnuExtSparseHeader::new();
            *next.as_mut_bytes() = block()?;
            more = map.add(next.sparse())? && next.isextended[0] != 0;
        }
        Ok(map)
    }

    /// Adds pieces up to the first blank one. Returns true if none is blank.
    fn add(&mut self, pieces: &[GnuSparseHeader]) -> Result<bool> {
        for piece in pieces {
            if piece.numbytes[0] == 0 {
                return Ok(false);
            }
            self.push(positive(&piece.offset)?, positive(&piece.numbytes)?)?;
        }
        Ok(true)
    }

    /// Format 1.0: decimal numbers, one a line, before the content. First the number of pieces, then offset and length of each.
    /// Also returns the number of bytes that the map took, in whole blocks.
    pub(super) fn of_content(
        size: u64,
        mut block: impl FnMut() -> Result<[u8; BLOCK]>,
    ) -> Result<(Self, u64)> {
        let mut map = Self {
            size,
            pieces: Vec::new(),
        };
        let (mut taken, mut here, mut at) = (0, [0; BLOCK], BLOCK);
        let mut line = || {
            let mut digits = Vec::new();
            loop {
                if at == BLOCK {
                    (here, at) = (block()?, 0);
                    taken += BLOCK as u64;
                }
                at += 1;
                match here[at - 1] {
                    b'\n' => return decimal(&digits).ok_or_else(|| bad("that is no number")),
                    digit if digits.len() < 20 => digits.push(digit),
                    _ => return Err(bad("that is no number")),
                }
            }
        };
        for _ in 0..line()? {
            let (offset, length) = (line()?, line()?);
            map.push(offset, length)?;
        }
        if here[at..].iter().any(|&byte| byte != 0) {
            return Err(bad("with data after it"));
        }
        Ok((map, taken))
    }
}

fn positive(field: &[u8]) -> Result<u64> {
    let number = number(field, "number in the map of a sparse file")?.unwrap_or(0);
    u64::try_from(number).map_err(|_| bad("with a negative number"))
}

impl Place {
    /// Where the map of a member is stored, by its headers. `None` if it has no holes.
    pub(super) fn of_headers(
        block: &[u8; BLOCK],
        header: &Header,
        records: Option<&Records>,
        next: impl FnMut() -> Result<[u8; BLOCK]>,
    ) -> Result<Option<Self>> {
        let place = match (header.kind, records) {
            (_, None) if header.kind != EntryType::GNUSparse => return Ok(None),
            (EntryType::GNUSparse, None) => view(block)
                .ok_or_else(|| format("a header of an unknown kind"))
                .and_then(|view| Map::of_header(&view, next))
                .map(Place::Records),
            (EntryType::Regular | EntryType::Continuous, Some(records)) => records.map(),
            _ => Err(Error::new(
                "tar",
                "refused",
                "holes in an entry that is not a file",
            )),
        };
        let name = records.and_then(|records| records.name.as_ref());
        place.map(Some).map_err(|error| match error.path {
            None => error.at(shown(name.unwrap_or(&header.name))),
            Some(_) => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Map};

    #[test]
    fn maps_before_the_content() {
        let of = |text: &[u8]| {
            let mut text = text.to_vec();
            text.resize(text.len().next_multiple_of(BLOCK), 0);
            let mut blocks = text.chunks(BLOCK).map(|b| b.try_into().expect("a block"));
            Map::of_content(9, || {
                blocks
                    .next()
                    .ok_or_else(|| crate::error::Error::new("tar", "truncated", "ends"))
            })
        };
        let (map, taken) = of(b"2\n0\n5\n7\n2\n").expect("reads");
        assert_eq!((map.pieces, taken), (vec![(0, 5), (7, 2)], 512));
        let many = ["200\n".to_owned(), "1\n0\n".repeat(200)].concat();
        assert_eq!(of(many.as_bytes()).expect("reads").1, 1024);
        for bad in [
            "2\n0\n5\n",
            "x\n",
            "1\n0\n1\nx",
            "-1\n",
            "\n",
            "999999999999999999999\n",
        ] {
            assert!(of(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
