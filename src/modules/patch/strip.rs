//! Finds the number of leading components to strip from the names of a patch: `patch -p`.

use std::collections::BTreeSet;

use super::quote;
use super::section::{Action, Section};
use super::state::{Found, State, refused};
use crate::error::{Error, Result};
use crate::tree::inside::normalise;
use crate::tree::names::shown;

/// The largest number that is tried.
const STRIP_MAX: usize = 32;

/// The names of a section in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: Option<Vec<u8>>,
}

/// A name in the tree, or `None` if it has too few components.
fn name(raw: Option<&Vec<u8>>, strip: usize) -> Result<Option<Vec<u8>>> {
    let Some(raw) = raw else { return Ok(None) };
    if raw.first() == Some(&b'/') {
        return Err(refused(raw, "an absolute name"));
    }
    let Some(rest) = quote::strip(raw, strip) else {
        return Ok(None);
    };
    let name = normalise(rest).map_err(|why| refused(raw, why))?;
    Ok((!name.is_empty()).then_some(name))
}

/// The names of a section, or `None` if one has too few components.
pub(super) fn names(section: &Section<'_>, strip: usize) -> Result<Option<Names>> {
    let strip = if section.bare {
        strip.saturating_sub(1)
    } else {
        strip
    };
    let old = name(section.old.as_ref(), strip)?;
    let new = name(section.new.as_ref(), strip)?;
    let whole = |raw: &Option<Vec<u8>>, name: &Option<Vec<u8>>| raw.is_some() == name.is_some();
    // In a plain diff one name is enough: `--- x.orig`, `+++ dir/x`.
    let some = !section.git && section.action == Action::Modify && (old.is_some() || new.is_some());
    let fits = some || (whole(&section.old, &old) && whole(&section.new, &new));
    Ok(fits.then_some(Names { old, new }))
}

/// The given number, or else the one with which all files of the patch are found.
pub(super) fn find(
    sections: &[Section<'_>],
    given: Option<usize>,
    state: &mut State,
) -> Result<usize> {
    if let Some(strip) = given {
        for section in sections {
            if names(section, strip)?.is_none() {
                let raw = section.old.as_ref().or(section.new.as_ref());
                let why = format!(
                    "line {} of the patch: its name has no more than {strip} components",
                    section.at
                );
                return Err(Error::new("patch", "strip", why)
                    .at(raw.map(|raw| shown(raw)).unwrap_or_default()));
            }
        }
        return Ok(strip);
    }
    let mut missing = None;
    for strip in order(sections, state)? {
        match fits(sections, strip, state) {
            Ok(None) => return Ok(strip),
            Ok(Some(name)) => {
                missing.get_or_insert(Ok(name));
            }
            Err(error) => {
                missing.get_or_insert(Err(error));
            }
        }
    }
    match missing {
        Some(Err(error)) => Err(error),
        Some(Ok(name)) => {
            let why = "there is no such file, nor one with more or fewer leading components taken from the patch's names";
            Err(Error::new("patch", "missing", why).at(shown(&name)))
        }
        None => Err(Error::new(
            "patch",
            "strip",
            "the patch has no usable file name",
        )),
    }
}

/// The numbers in the order of trying. 1 comes first: git and most programs make such patches.
fn order(sections: &[Section<'_>], state: &mut State) -> Result<Vec<usize>> {
    let without_prefix = |section: &Section<'_>| section.git && section.old == section.new;
    let mut none_first =
        sections.iter().any(without_prefix) && sections.iter().all(|s| without_prefix(s) || s.bare);
    // The patch only has new files, so only their folders can be found.
    if sections
        .iter()
        .all(|section| section.action == Action::Create && !section.git)
    {
        none_first = true;
        for section in sections {
            let folder = name(section.new.as_ref(), 0)?.and_then(|name| {
                let slash = name.iter().rposition(|&byte| byte == b'/')?;
                Some(name[..slash].to_vec())
            });
            none_first &= match folder {
                Some(folder) => matches!(state.find(&folder)?, Found::Other(_)),
                None => false,
            };
        }
    }
    let first = if none_first { [0, 1] } else { [1, 0] };
    Ok(first.into_iter().chain(2..=STRIP_MAX).collect())
}

/// The first missing file. `None` if all needed files exist.
fn fits(sections: &[Section<'_>], strip: usize, state: &mut State) -> Result<Option<Vec<u8>>> {
    let mut made = BTreeSet::new();
    for section in sections {
        let raw = section
            .old
            .as_ref()
            .or(section.new.as_ref())
            .cloned()
            .unwrap_or_default();
        let Some(names) = names(section, strip)? else {
            return Ok(Some(raw));
        };
        let mut is_there = |name: &Option<Vec<u8>>| match name {
            Some(name) => Ok(made.contains(name) || matches!(state.find(name)?, Found::Entry(_))),
            None => Ok::<bool, Error>(false),
        };
        let there = match section.action {
            Action::Create => true,
            Action::Modify => {
                is_there(&names.old)? || is_there(&names.new)? || section.may_create()
            }
            Action::Delete | Action::Rename | Action::Copy => is_there(&names.old)?,
        };
        if !there {
            return Ok(Some(names.new.or(names.old).unwrap_or(raw)));
        }
        made.extend(names.new);
    }
    Ok(None)
}
