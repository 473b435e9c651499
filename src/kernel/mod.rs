//! What several modules need of the kernel: signals, descriptors, limits, threads, the parent, this program's own file.

pub(crate) mod bpf;
pub(crate) mod descriptor;
pub(crate) mod limit;
pub(crate) mod parent;
pub(crate) mod program;
pub(crate) mod signal;
pub(crate) mod threads;
