//! The interface to Lua: modules of named functions, typed values, tables of options.

pub(crate) mod bytes;
pub(crate) mod descriptor;
pub(crate) mod module;
#[macro_use]
pub(crate) mod options;
pub(crate) mod attributes;
pub(crate) mod value;
