//! What a patch says about one file.

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
    /// Names or modes alone.
    Nothing,
    Hunks(Vec<Hunk<'t>>),
    Binary(Binary<'t>),
}

#[derive(Debug)]
pub(super) struct Section<'t> {
    /// The line of the patch where it begins, from 1.
    pub(super) at: usize,
    pub(super) action: Action,
    /// Begins with `diff --git`.
    pub(super) git: bool,
    /// The names as they are written, `None` for `/dev/null`.
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: Option<Vec<u8>>,
    /// The names come from `rename from` or the like, which leaves out the first component.
    pub(super) bare: bool,
    /// Of the file before, with its type, where the patch says so.
    pub(super) old_mode: Option<u32>,
    /// Of the file afterwards.
    pub(super) new_mode: Option<u32>,
    /// The first one after a line that begins a mail: what it says is meant for the tree that the mail before left.
    pub(super) begins: bool,
    pub(super) body: Body<'t>,
}

impl Section<'_> {
    /// A plain diff that can as well make the file: it begins with nothing.
    pub(super) fn may_create(&self) -> bool {
        matches!(&self.body, Body::Hunks(hunks) if matches!(hunks.as_slice(), [one] if one.old_count == 0 && one.old_start == 0))
    }
}
