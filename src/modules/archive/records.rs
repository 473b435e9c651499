//! The pax records `GNU.sparse.*` of one member.

use super::map::{Map, bad};
use super::member::format;
use super::number::decimal;
use crate::error::{Error, Result};

/// Their values.
#[derive(Debug, Default)]
pub(super) struct Records {
    major: Option<u64>,
    minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    size: Option<u64>,
    count: Option<u64>,
    /// All offsets and lengths, one after the other.
    numbers: Option<Vec<u64>>,
}

impl Records {
    /// Adds a record. `key` is without the prefix `GNU.sparse.`.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let number = || decimal(value).ok_or_else(|| bad("that is no number"));
        match key {
            b"major" => once(&mut self.major, number()?),
            b"minor" => once(&mut self.minor, number()?),
            b"name" => once(&mut self.name, value.to_vec()),
            // Formats 0.0 and 0.1 use `size`, format 1.0 uses `realsize`.
            b"size" | b"realsize" => once(&mut self.size, number()?),
            b"numblocks" => once(&mut self.count, number()?),
            b"offset" | b"numbytes" => {
                let numbers = self.numbers.get_or_insert_default();
                if numbers.len().is_multiple_of(2) != (key == b"offset") {
                    return Err(bad("whose numbers are not in pairs"));
                }
                numbers.push(number()?);
                Ok(())
            }
            b"map" => {
                let numbers = if value.is_empty() {
                    Some(Vec::new())
                } else {
                    value.split(|&byte| byte == b',').map(decimal).collect()
                };
                once(
                    &mut self.numbers,
                    numbers.ok_or_else(|| bad("that is no number"))?,
                )
            }
            _ => Err(Error::new(
                "tar",
                "refused",
                "a sparse file of an unknown kind",
            )),
        }
    }

    /// The map in the records, or the file's size if the map is in the content.
    pub(super) fn map(&self) -> Result<Place> {
        let unknown = || Error::new("tar", "refused", "a sparse file of an unknown kind");
        let size = self.size.ok_or_else(|| bad("without the file's size"))?;
        match (self.major.unwrap_or(0), self.minor.unwrap_or(0)) {
            (1, 0) if self.numbers.is_none() => Ok(Place::Content(size)),
            (0, 0 | 1) => {
                let numbers = self.numbers.as_deref().unwrap_or_default();
                let pieces: Vec<(u64, u64)> = numbers
                    .chunks_exact(2)
                    .map(|two| (two[0], two[1]))
                    .collect();
                if numbers.len() % 2 == 1 || self.count.is_some_and(|n| n != pieces.len() as u64) {
                    return Err(bad("whose numbers are not in pairs"));
                }
                Ok(Place::Records(Map { pieces, size }))
            }
            _ => Err(unknown()),
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format("a pax record that is there twice")),
    }
}

/// Where the map of a sparse file is stored.
pub(super) enum Place {
    Records(Map),
    Content(u64),
}

#[cfg(test)]
mod tests {
    use super::{Place, Records};

    #[test]
    fn records_are_checked() {
        let of = |records: &[(&str, &str)]| {
            let mut all = Records::default();
            for (key, value) in records {
                all.put(key.as_bytes(), value.as_bytes())?;
            }
            all.map()
        };
        let pieces = |records: &[(&str, &str)]| match of(records) {
            Ok(Place::Records(map)) => map.pieces,
            _ => panic!("{records:?}"),
        };
        let size = ("size", "9");
        assert_eq!(
            pieces(&[size, ("map", "0,1,4,2"), ("numblocks", "2")]),
            [(0, 1), (4, 2)]
        );
        assert_eq!(pieces(&[size, ("map", "")]), []);
        let two = [
            size,
            ("offset", "0"),
            ("numbytes", "1"),
            ("offset", "4"),
            ("numbytes", "2"),
        ];
        assert_eq!(pieces(&two), [(0, 1), (4, 2)]);
        for bad in [
            &[("map", "0,1")][..],
            &[size, ("map", "0,1,2")],
            &[size, ("map", "0,1"), ("map", "0,1")],
            &[size, ("map", "0,x")],
            &[size, ("map", "0,1"), ("numblocks", "2")],
            &[size, ("offset", "0"), ("offset", "1")],
            &[size, ("numbytes", "0")],
            &[size, ("major", "2"), ("minor", "0")],
            &[size, ("major", "1"), ("map", "0,1")],
            &[size, ("extent", "1")],
        ] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}
