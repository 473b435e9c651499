//! Work with files and folders that several modules share: naming, resolving, walking, hashing, removing, atomic writing.

pub(crate) mod address;
pub(crate) mod attributes;
pub(crate) mod digest;
pub(crate) mod inside;
pub(crate) mod names;
pub(crate) mod open;
pub(crate) mod remove;
pub(crate) mod replace;
pub(crate) mod root;
pub(crate) mod steps;
pub(crate) mod walk;
