//! The library and the programs inside the binary. Files on disk override them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

static LIBRARY: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/lua-lib");
static PROGRAMS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scripts");

/// The prefix of bundled files in tracebacks and on the command line.
pub(crate) const PREFIX: &str = "$/";

/// A bundled file by its name: `$/lua-lib/bq/plan/plan.lua` or `$/scripts/enter.lua`.
pub(crate) fn file(name: &str) -> Option<&'static [u8]> {
    let name = name.strip_prefix(PREFIX)?;
    let (folder, rest) = name.split_once('/')?;
    let root = match folder {
        "lua-lib" => &LIBRARY,
        "scripts" => &PROGRAMS,
        _ => return None,
    };
    root.get_file(rest).map(include_dir::File::contents)
}

/// The names of all bundled files, sorted.
pub(crate) fn names() -> Vec<String> {
    fn walk(dir: &Dir<'_>, prefix: &str, out: &mut Vec<String>) {
        for file in dir.files() {
            out.push(format!("{PREFIX}{prefix}/{}", file.path().display()));
        }
        for sub in dir.dirs() {
            walk(sub, prefix, out);
        }
    }
    let mut out = Vec::new();
    walk(&LIBRARY, "lua-lib", &mut out);
    walk(&PROGRAMS, "scripts", &mut out);
    out.sort();
    out
}

/// The working tree with its own library. It is searched from the script's folder upwards.
pub(crate) fn tree_of(mut folder: PathBuf) -> Option<PathBuf> {
    loop {
        if folder.join("lua-lib/bq").is_dir() {
            return Some(folder);
        }
        if !folder.pop() {
            return None;
        }
    }
}

/// Whether only root and the caller can change a tree. This matters because its code runs without an option that asks for it.
pub(crate) fn is_trusted(tree: &Path) -> bool {
    let (library, modules, programs) = (
        tree.join("lua-lib"),
        tree.join("lua-lib/bq"),
        tree.join("scripts"),
    );
    [tree, &library, &modules].into_iter().all(is_ours)
        && (is_ours(&programs) || programs.symlink_metadata().is_err())
}

/// Whether only root and the caller can change a folder. The maker of a link decides where it leads, so the link counts too.
fn is_ours(folder: &Path) -> bool {
    let me = nix::unistd::geteuid().as_raw();
    let is_owner = |meta: &std::fs::Metadata| meta.uid() == me || meta.uid() == 0;
    folder.symlink_metadata().is_ok_and(|meta| is_owner(&meta))
        && folder
            .metadata()
            .is_ok_and(|meta| is_owner(&meta) && meta.mode() & 0o022 & !group_write(&meta) == 0)
}

/// The group's write bit, if the group belongs to the owner alone, as on many systems. Then it gives access to no one else.
fn group_write(meta: &std::fs::Metadata) -> u32 {
    if meta.gid() == meta.uid() { 0o020 } else { 0 }
}

/// The names of the bundled programs, sorted, without folder and ending.
pub(crate) fn programs() -> Vec<String> {
    let mut names: Vec<_> = PROGRAMS
        .files()
        .filter_map(|file| {
            file.path()
                .to_str()?
                .strip_suffix(".lua")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}
