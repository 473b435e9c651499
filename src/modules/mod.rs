//! The native modules. Each is a file or folder with the name that Lua uses in `require`.

use mlua::{Lua, Table};

mod archive;
mod digest;
mod fetch;
mod fs;
mod grpc;
mod image;
mod json;
pub(crate) mod log;
mod patch;
mod process;
pub(crate) mod progress;
mod sign;
mod syscall;

type Loader = fn(&Lua) -> mlua::Result<Table>;

/// All native modules, sorted by name.
const MODULES: &[(&str, Loader)] = &[
    ("archive", archive::module),
    ("digest", digest::module),
    ("fetch", fetch::module),
    ("fs", fs::module),
    ("grpc", grpc::module),
    ("image", image::module),
    ("json", json::module),
    ("log", log::module),
    ("patch", patch::module),
    ("process", process::module),
    ("progress", progress::module),
    ("sign", sign::module),
    ("syscall", syscall::module),
];

/// Makes `require "bq.NAME"` find the native modules. Each is built when it is first required.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    let package: Table = lua.globals().get("package")?;
    let preload: Table = package.get("preload")?;
    for &(name, loader) in MODULES {
        let load = lua.create_function(move |lua, ()| loader(lua))?;
        preload.set(format!("bq.{name}"), load)?;
    }
    Ok(())
}
