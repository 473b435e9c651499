//! What programs set on files of a step is never on a file, and is in the output's record.

use std::cell::RefCell;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::libc;

use crate::modes::{USER, command, needs_root};
use crate::support::builds::{Build, Run, can_build};
use crate::support::overlay::ON_OVERLAY;
use crate::support::{self, eventually, is_root};

const SETS: &str = r#"return {
  name = "sets", version = "1", license = "MIT", strategy = "files", strip = false, may_write = { "/var" },
  install = function(b) b:run { "/usr/local/bin/probe", "--probe", "attributes" } end,
}"#;

/// All below a folder, itself too; what goes away meanwhile is left out.
fn all(folder: &Path, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

fn has_capabilities(path: &Path) -> bool {
    let path = CString::new(path.as_os_str().as_bytes()).expect("it has no zero");
    let name = c"security.capability".as_ptr();
    // SAFETY: both texts live for the call, which has no room for a value.
    unsafe { libc::lgetxattr(path.as_ptr(), name, std::ptr::null_mut(), 0) >= 0 }
}

/// There is no file in the folder that others could use to run with its owner's rights.
#[track_caller]
fn has_none(folder: &Path) {
    let mut found = Vec::new();
    all(folder, &mut found);
    assert!(found.len() > 10, "{found:?}");
    found.retain(|path| {
        let meta = path.symlink_metadata();
        meta.is_ok_and(|meta| meta.mode() & 0o6000 != 0) || has_capabilities(path)
    });
    assert!(found.is_empty(), "{found:?}");
}

/// Stages and builds; looks while the step runs, and after it. `on` is what stands before the words of a command, `workspace` where
/// the workspace is for bq, and `outside` where it is for this.
fn look(user: Option<u32>, on: &[&str], workspace: &str, outside: &str) {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("sets", SETS)]);
    let own = std::env::current_exe().expect("it has a name");
    std::fs::create_dir_all(build.at("seed/usr/local/bin")).expect("a folder");
    support::copy_program(&own, &build.at("seed/usr/local/bin/probe"));
    support::copy_program(Path::new(env!("CARGO_BIN_EXE_bq")), &build.at("bq"));
    // The seed is a stranger's, too.
    build.write("seed/usr/bin/seeded", "seeded");
    for (name, mode) in [("usr/bin/seeded", 0o4755), ("usr/bin", 0o2755)] {
        let path = build.at("seed").join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("it is ours");
    }
    build.plain_seed();
    std::fs::set_permissions(build.path(), PermissionsExt::from_mode(0o777)).expect("it is ours");
    let seed = build.at("seed.tar.gz").display().to_string();
    let run = |words: &[&str]| -> Command { command(&build, user, &[on, words].concat()) };
    let mut stage = run(&["build.lua", "--workspace", workspace, "--seed", &seed]);
    let staged = Run::of(&mut stage);
    if staged.status == Some(77) {
        support::skip(format!("no overlay can be mounted here: {}", staged.stdout));
        return;
    }
    staged.ok();
    let space = build.at(outside);
    has_none(&space.join("rootfs"));
    let mut coordinator = run(&["coordinator", "--workspace", workspace]);
    let pipes = coordinator.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = RefCell::new(pipes.spawn().expect("bq starts"));
    let folder = space.join("build/one-sets");
    eventually("the step, or its end", || {
        let ended = child.borrow_mut().try_wait().expect("it is ours");
        folder.join("build/ready").exists() || ended.is_some()
    });
    let is_waiting = folder.join("build/ready").exists();
    if is_waiting {
        for place in ["entry/output/opt/su", "build/ping", "home/games"] {
            assert!(folder.join(place).exists(), "{place}");
        }
        has_none(&folder);
        std::fs::write(folder.join("build/go"), "go").expect("root and the user may");
    }
    let ended = child.into_inner().wait_with_output();
    Run::from(ended.expect("it ends")).ok();
    assert!(is_waiting, "the step did not wait");
    has_none(&space.join("store"));
    let mut found = Vec::new();
    all(&space.join("store"), &mut found);
    let meta = found.iter().find(|path| path.ends_with("meta.json"));
    let meta = std::fs::read(meta.expect("the step is done")).expect("it is there");
    let meta: serde_json::Value = serde_json::from_slice(&meta).expect("it is JSON");
    assert_eq!(
        meta["attributes"],
        serde_json::json!({
            "opt/su": { "mode": 0o4755 }, "opt/wall": { "mode": 0o2711 }, "opt/made": { "mode": 0o6755 },
            "opt/games": { "mode": 0o2775 },
            "opt/ping": { "capabilities": "0100000200200000000000000000000000000000" },
        })
    );
}

pub(crate) fn noted_of_an_ordinary_user() {
    look(is_root().then_some(USER), &[], "ws", "ws");
}

pub(crate) fn noted_of_root() {
    if needs_root() {
        look(None, &[], "ws", "ws");
    }
}

pub(crate) fn noted_in_copies() {
    let user = is_root().then_some(USER);
    let on = ["-e", ON_OVERLAY, "--"];
    look(user, &on, "over/ws", "layers/upper/ws");
}
