//! Applies a section to one file: its content, its permissions, or the target of a link.

use super::place::{self, Placed};
use super::section::{Action, Body, Section};
use super::state::{Entry, refused};
use crate::error::{Error, Result};
use crate::tree::inside::climb;
use crate::tree::names::{components, shown};

/// The file as the section makes it.
pub(super) fn change(
    section: &Section<'_>,
    to: &[u8],
    old: Option<&Entry>,
    fuzz: usize,
) -> Result<(Entry, Vec<Placed>)> {
    let said = section.new_mode.or(section.old_mode);
    let is_link = match (said, old) {
        (Some(mode), _) => mode & 0o170_000 == 0o120_000,
        (None, Some(old)) => old.link && matches!(section.body, Body::Nothing),
        (None, None) => false,
    };
    if old.is_some_and(|old| old.link != is_link) {
        return Err(refused(
            to,
            if is_link {
                "the patch is for a link, but it is a file"
            } else {
                "it is a link, but the patch is for a file"
            },
        ));
    }
    let content = old.map(|old| &*old.content).unwrap_or_default();
    let (content, placed) = match &section.body {
        Body::Nothing => (content.to_vec(), Vec::new()),
        Body::Hunks(hunks) => place::apply(content, hunks, fuzz).map_err(|wrong| {
            let error = Error::new("patch", "hunk", wrong.text).at(shown(to));
            let error = error
                .with("hunk", wrong.hunk.to_string())
                .with("line", wrong.line.to_string());
            let error = error
                .with("expected", wrong.expected)
                .with("found", wrong.found);
            match wrong.nearest {
                Some(line) => error.with("nearest", line.to_string()),
                None => error,
            }
        })?,
        Body::Binary(binary) => {
            let content = binary.apply(content);
            (
                content.map_err(|why| Error::new("patch", "binary", why).at(shown(to)))?,
                Vec::new(),
            )
        }
    };
    if is_link && section.action != Action::Delete {
        check_link(to, &content)?;
    }
    let executable = section.new_mode.map(|mode| mode & 0o111 != 0);
    let mode = match (old.map(|old| old.mode), executable) {
        _ if is_link => 0,
        (None, executable) => {
            if executable == Some(true) {
                0o755
            } else {
                0o644
            }
        }
        // Adds execute permission for everyone who may read the file.
        (Some(mode), Some(true)) if mode & 0o111 == 0 => mode | (mode & 0o444) >> 2,
        (Some(mode), None | Some(true)) => mode,
        (Some(mode), Some(false)) => mode & !0o111,
    };
    Ok((
        Entry {
            content: content.into(),
            mode,
            link: is_link,
        },
        placed,
    ))
}

/// Refuses a link that points outside the tree.
fn check_link(name: &[u8], target: &[u8]) -> Result<()> {
    let depth = components(name).count() - 1;
    if target.is_empty() || target.contains(&0) {
        return Err(refused(name, "a link that says nothing"));
    }
    if target.starts_with(b"/") || climb(target).0 > depth {
        return Err(refused(
            name,
            &format!("a link out of the tree, to `{}`", shown(target)),
        ));
    }
    Ok(())
}
