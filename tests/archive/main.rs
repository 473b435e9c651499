//! `bq.archive` and `bq.digest`, through the binary as a user runs it.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

mod attributes;
mod corpus;
mod extract;
mod pack;
#[path = "../support/mod.rs"]
mod support;
mod tar;
mod zips;

/// A folder for one test. It can be removed even if it has folders without permissions.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A folder in memory if possible: for large trees, which are slow on a busy disk.
    fn quick() -> Self {
        tempfile::tempdir_in("/dev/shm").map_or_else(|_| Self::new(), Self)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: impl AsRef<Path>, data: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, data).expect("a file");
        path
    }

    /// Runs Lua in this folder. Returns its output, or panics with its error.
    fn lua(&self, code: &str) -> String {
        let prelude = "local archive, digest, json = require 'bq.archive', require 'bq.digest', require 'bq.json'\n\
            local function fails(f, ...)\n\
              local ok, err = pcall(f, ...)\n\
              if ok then error('nothing was raised', 2) end\n\
              if type(err) ~= 'table' then error(err, 0) end\n\
              return err\n\
            end\n";
        let output = support::bq(self.path())
            .arg("-e")
            .arg(format!("{prelude}{code}"))
            .output()
            .expect("bq starts");
        assert!(
            output.status.success(),
            "{}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        open_up(self.path());
    }
}

fn open_up(folder: &Path) {
    drop(std::fs::set_permissions(
        folder,
        PermissionsExt::from_mode(0o755),
    ));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// The content of a folder: types, modes, contents, link targets.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder").flatten() {
            let path = entry.path();
            let stat = std::fs::symlink_metadata(&path).expect("is there");
            let mode = stat.mode();
            let what = if stat.is_dir() {
                folders.push(path.clone());
                format!("dir {mode:o}")
            } else if stat.is_symlink() {
                format!(
                    "link {}",
                    std::fs::read_link(&path).expect("a link").display()
                )
            } else if stat.is_file() {
                let content = std::fs::read(&path).unwrap_or_default();
                format!("file {mode:o} {}", content.escape_ascii())
            } else {
                format!("other {mode:o}")
            };
            all.insert(path.strip_prefix(folder).expect("below").to_owned(), what);
        }
    }
    all
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().as_bytes().escape_ascii().to_string())
        .collect();
    names.sort();
    names
}

/// Whether the tool is installed and is GNU's, for comparisons.
fn has_gnu(tool: &str) -> bool {
    let output = Command::new(tool).arg("--version").output();
    let has = output.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains("GNU"));
    if !has {
        support::skip(format_args!("`{tool}` is not GNU's"));
    }
    has
}
