//! The part of a patch for one file.

use super::binary::Binary;
use super::hunk::Hunk;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Modify,
    Create,
    Delete,
    Rename,
    Copy,
}

#[derive(Debug)]
pub(super) enum Body<'t> {
    /// Only names or modes change.
    Nothing,
    Hunks(Vec<Hunk<'t>>),
    Binary(Binary<'t>),
}

#[derive(Debug)]
pub(super) struct Section<'t> {
    /// The line of the patch where it begins, from 1.
    pub(super) at: usize,
    pub(super) action: Action,
    /// The section begins with `diff --git`.
    pub(super) git: bool,
    /// The names as written in the patch. `None` for `/dev/null`.
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: Option<Vec<u8>>,
    /// The names come from lines such as `rename from`. There git leaves out the first component.
    pub(super) bare: bool,
    /// The mode of the old file with its type, if the patch has it.
    pub(super) old_mode: Option<u32>,
    /// The mode of the new file.
    pub(super) new_mode: Option<u32>,
    /// This is the first section of a mail. It applies to the tree as the mail before left it.
    pub(super) starts_mail: bool,
    pub(super) body: Body<'t>,
}

impl Section<'_> {
    /// Whether a plain diff may create the file: its old side is empty.
    pub(super) fn may_create(&self) -> bool {
        matches!(&self.body, Body::Hunks(hunks) if matches!(hunks.as_slice(), [one] if one.old_count == 0 && one.old_start == 0))
    }
}
