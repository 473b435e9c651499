//! Applies a patch: first everything in memory, then the changes to the tree.

use std::path::Path;

use super::change::change;
use super::commit;
use super::parse::parse;
use super::place::Placed;
use super::section::{Action, Body, Section};
use super::state::{Found, State};
use super::strip::{self, Names};
use crate::error::{Error, Result};
use crate::tree::names::{components, shown};

/// A change to one file.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) path: Vec<u8>,
    pub(super) action: Action,
    /// The old name, for a rename or copy.
    pub(super) from: Option<Vec<u8>>,
    /// The new permissions, if the patch changes them.
    pub(super) mode: Option<u32>,
    pub(super) binary: bool,
    pub(super) hunks: Vec<Placed>,
}

pub(super) struct Options {
    pub(super) strip: Option<usize>,
    pub(super) fuzz: usize,
}

/// Applies a patch. Returns the number of stripped components, and the changes.
pub(super) fn apply(text: &[u8], root: &Path, options: &Options) -> Result<(usize, Vec<Done>)> {
    let mut text = std::borrow::Cow::Borrowed(text);
    // The last line may lack its newline.
    if !text.ends_with(b"\n") {
        text.to_mut().push(b'\n');
    }
    let sections = parse(&text).map_err(|broken| {
        let why = format!("line {} of the patch: {}", broken.line, broken.why);
        Error::new("patch", "format", why).with("line", broken.line.to_string())
    })?;
    let mut state = State::open(root)?;
    let strip = strip::find(&sections, options.strip, &mut state)?;
    let mut done = Vec::new();
    for section in &sections {
        let names = strip::names(section, strip)?.unwrap_or(Names {
            old: None,
            new: None,
        });
        done.push(apply_section(section, names, &mut state, options.fuzz)?);
    }
    state.settle()?;
    commit::commit(state)?;
    Ok((strip, done))
}

fn apply_section(
    section: &Section<'_>,
    names: Names,
    state: &mut State,
    fuzz: usize,
) -> Result<Done> {
    let (mut action, from, to) = choose(section, names, state)?;
    let written = match (&from, action) {
        (None, _) | (_, Action::Copy) => false,
        (Some(from), Action::Rename) => state.is_written(from) && !state.is_displaced(from)?,
        (Some(from), _) => state.is_written(from),
    };
    if section.starts_mail || written || state.is_written(&to) && action != Action::Delete {
        state.settle()?;
    }
    if action == Action::Modify
        && section.may_create()
        && matches!(state.find(&to)?, Found::Nothing)
    {
        action = Action::Create;
    }
    let old = match (&from, action) {
        (Some(from), Action::Modify | Action::Delete | Action::Rename | Action::Copy) => {
            Some(state.need(from)?)
        }
        _ => None,
    };
    let (new, hunks) = change(section, &to, old.as_ref(), fuzz)?;
    let made = Done {
        path: to.clone(),
        action,
        from: from
            .clone()
            .filter(|_| matches!(action, Action::Rename | Action::Copy)),
        mode: (!new.link && old.is_none_or(|old| old.mode != new.mode)).then_some(new.mode),
        binary: matches!(section.body, Body::Binary(_)),
        hunks,
    };
    match action {
        Action::Delete => {
            if !new.content.is_empty() {
                return Err(Error::new(
                    "patch",
                    "hunk",
                    "the patch removes the file, but not all of its lines",
                )
                .at(shown(&to)));
            }
            state.remove(&to);
        }
        Action::Modify => state.put(&to, new, false),
        Action::Create | Action::Copy => state.put(&to, new, true),
        Action::Rename => {
            state.put(&to, new, true);
            state.remove(from.as_deref().unwrap_or_default());
        }
    }
    Ok(made)
}

/// The action of a section, the file that it starts from, and the file that it makes.
fn choose(
    section: &Section<'_>,
    names: Names,
    state: &mut State,
) -> Result<(Action, Option<Vec<u8>>, Vec<u8>)> {
    let none = || {
        Error::new(
            "patch",
            "format",
            format!("line {} of the patch: no name", section.at),
        )
    };
    let Names { old, new } = names;
    Ok(match section.action {
        Action::Create => (Action::Create, None, new.ok_or_else(none)?),
        Action::Delete => {
            let old = old.ok_or_else(none)?;
            (Action::Delete, Some(old.clone()), old)
        }
        Action::Rename | Action::Copy => (section.action, old, new.ok_or_else(none)?),
        Action::Modify => {
            let name = match (old, new) {
                (Some(old), Some(new)) if old != new => existing_name(section, old, new, state)?,
                (Some(name), _) | (None, Some(name)) => name,
                (None, None) => return Err(none()),
            };
            (Action::Modify, Some(name.clone()), name)
        }
    })
}

/// In a plain diff the two names may differ: it applies to the one that exists. If both exist or neither does, it applies to
/// the one with fewer components, or else to the shorter one.
fn existing_name(
    section: &Section<'_>,
    old: Vec<u8>,
    new: Vec<u8>,
    state: &mut State,
) -> Result<Vec<u8>> {
    if section.git {
        let why = format!(
            "line {} of the patch: the names differ, but there is no rename",
            section.at
        );
        return Err(Error::new("patch", "format", why).at(shown(&new)));
    }
    let mut is_there = |name: &[u8]| {
        Ok::<bool, Error>(state.is_written(name) || matches!(state.find(name)?, Found::Entry(_)))
    };
    Ok(match (is_there(&old)?, is_there(&new)?) {
        (true, false) => old,
        (false, true) => new,
        _ => {
            let rank = |name: &Vec<u8>| (components(name).count(), name.len());
            if rank(&old) < rank(&new) { old } else { new }
        }
    })
}
