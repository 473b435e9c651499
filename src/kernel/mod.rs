//! Kernel features that several modules use: signals, descriptors, limits, threads, the parent process, this program's file.

pub(crate) mod bpf;
pub(crate) mod descriptor;
pub(crate) mod limit;
pub(crate) mod parent;
pub(crate) mod program;
pub(crate) mod signal;
pub(crate) mod threads;
