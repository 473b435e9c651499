//! Which members of an archive are wanted, and under which names; what `strip` would lose is refused.

use std::collections::HashMap;

use super::member::{Kind, Member};
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::tree::inside::strip;
use crate::tree::names::shown;

/// How many names a message gives.
const NAMED: usize = 5;

/// The choice among the members of one archive.
pub(super) struct Selection<'r> {
    rules: &'r Rules,
    /// The first names of which `strip` leaves nothing, and how many there are.
    lost: Vec<Vec<u8>>,
    count: usize,
    /// What `strip` took away, and under which of these each name was.
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

    /// The name that a member gets; `None` if it is not wanted.
    pub(super) fn name<'m>(&mut self, member: &'m Member) -> Result<Option<&'m [u8]>> {
        let rules = self.rules;
        let stripped = strip(&member.name, rules.strip);
        // What has no name without its first folders can be named only with them.
        let name = stripped.unwrap_or(&member.name);
        let included = rules.include.as_ref().is_none_or(|list| list.cover(name));
        if !included || !rules.exclude.is_empty() && rules.exclude.cover(name) {
            return Ok(None);
        }
        let Some(name) = stripped else {
            // The folders that `strip` takes away are meant to go.
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

    /// Two members must not become one, since the first would be lost.
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

    /// At the end of an archive: nothing was lost.
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

/// Refused, with the names to leave out, one a line, if that is what is wanted.
fn lost(name: &[u8], why: &str, names: &[&[u8]]) -> Error {
    let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
    Error::new("extract", "refused", why)
        .at(shown(name))
        .with("lost", names.join("\n"))
}
