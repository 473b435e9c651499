//! QCOW2: QEMU's docs/interop/qcow2.

pub(crate) mod compress;
pub(crate) mod read;
pub(crate) mod write;
