//! Resource limits by name.

use nix::sys::resource::Resource;

use crate::error::{Error, Result};

/// A resource limit by its lowercase name, as in `prlimit(1)`.
pub(crate) fn resource(name: &str) -> Result<Resource> {
    Ok(match name {
        "as" => Resource::RLIMIT_AS,
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "stack" => Resource::RLIMIT_STACK,
        _ => {
            return Err(Error::argument(
                "setrlimit",
                format!("unknown resource `{name}`"),
            ));
        }
    })
}
