//! Selects and renames the members of an archive. Files that `strip` would lose are refused.

use std::collections::HashMap;

use super::member::{Kind, Member};
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::tree::inside::strip;
use crate::tree::names::shown;

/// The most names in a message.
const NAMED: usize = 5;

/// The selection of members of one archive.
pub(super) struct Selection<'r> {
    rules: &'r Rules,
    /// The first names of which `strip` leaves nothing, and the number of all such names.
    lost: Vec<Vec<u8>>,
    count: usize,
    /// The leading folders that `strip` removed, and for each remaining name the index of its folder in this list.
    tops: Vec<Vec<u8>>,
    seen: HashMap<Vec<u8>, usize>,
}

impl<'r> Selection<'r> {
    pub(super) fn new(rules: &'r Rules) -> Self {
        Self {
            rules,
            lost: Vec::new(),
            count: 0,
            tops: Vec::new(),
            seen: HashMap::new(),
        }
    }

    /// The new name of a member. `None` if it is not selected.
    pub(super) fn name<'m>(&mut self, member: &'m Member) -> Result<Option<&'m [u8]>> {
        let rules = self.rules;
        let stripped = strip(&member.name, rules.strip);
        // If `strip` leaves nothing of a name, patterns apply to the whole name.
        let name = stripped.unwrap_or(&member.name);
        let included = rules.include.as_ref().is_none_or(|list| list.cover(name));
        if !included || !rules.exclude.is_empty() && rules.exclude.cover(name) {
            return Ok(None);
        }
        let Some(name) = stripped else {
            // `strip` is meant to remove these folders.
            if member.kind != Kind::Dir {
                self.count += 1;
                if self.lost.len() < NAMED {
                    self.lost.push(member.name.clone());
                }
            }
            return Ok(None);
        };
        if rules.strip > 0 && member.kind != Kind::Dir {
            self.only_one(&member.name, name)?;
        }
        Ok(Some(name))
    }

    /// Refuses two members that get the same name: the first would be lost.
    fn only_one(&mut self, whole: &[u8], name: &[u8]) -> Result<()> {
        let top = &whole[..whole.len() - name.len()];
        let known = self.tops.iter().position(|known| known == top);
        let number = known.unwrap_or_else(|| {
            self.tops.push(top.to_vec());
            self.tops.len() - 1
        });
        match self.seen.insert(name.to_vec(), number) {
            Some(other) if other != number => {
                let strip = self.rules.strip;
                let other = shown(&[&self.tops[other], name].concat());
                let why = format!("with `strip = {strip}` it would replace `{other}`");
                Err(lost(whole, &why, &[whole]))
            }
            _ => Ok(()),
        }
    }

    /// At the end of an archive: fails if `strip` would lose a file.
    pub(super) fn finish(self) -> Result<()> {
        let Some(first) = self.lost.first() else {
            return Ok(());
        };
        let mut others: Vec<String> = self.lost[1..]
            .iter()
            .map(|name| format!("`{}`", shown(name)))
            .collect();
        if self.count > self.lost.len() {
            others.push(format!("{} more", self.count - self.lost.len()));
        }
        let strip = self.rules.strip;
        let mut why =
            format!("with `strip = {strip}` nothing is left of its name, so it would be lost");
        if !others.is_empty() {
            why = format!("{why}; so would {}", others.join(", "));
        }
        let names: Vec<&[u8]> = self.lost.iter().map(Vec::as_slice).collect();
        Err(lost(first, &why, &names))
    }
}

/// The error for files that `strip` would lose. It has their names, one a line, to use in `exclude`.
fn lost(name: &[u8], why: &str, names: &[&[u8]]) -> Error {
    let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
    Error::new("extract", "refused", why)
        .at(shown(name))
        .with("lost", names.join("\n"))
}
