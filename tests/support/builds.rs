//! A folder with a small build: a declaration, recipes that start no program, a workspace, an empty seed.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{bq, sha256};

/// What `bq` printed, and how it ended.
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("bq runs"))
    }

    /// Expects status 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Expects this exit status.
    #[track_caller]
    pub(crate) fn fails(self, status: i32) -> Self {
        let (out, err) = (&self.stdout, &self.stderr);
        assert_eq!(self.status, Some(status), "{out}\n{err}");
        self
    }

    /// Expects this text on standard error.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        assert!(
            self.stderr.contains(part),
            "no {part:?} in:\n{}",
            self.stderr
        );
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: super::heard(&output),
        }
    }
}

/// The folder. It is removed when the value is dropped, whatever modes its files have.
pub(crate) struct Build(tempfile::TempDir);

impl Build {
    /// A declaration `build.lua` of one phase on the seed, with the recipes that are named.
    pub(crate) fn new(recipes: &[(&str, &str)]) -> Self {
        Self::in_folder(&std::env::temp_dir(), recipes)
    }

    /// The same, below another folder.
    pub(crate) fn in_folder(parent: &Path, recipes: &[(&str, &str)]) -> Self {
        let build = Self(tempfile::tempdir_in(parent).expect("a folder"));
        let mut names = String::new();
        for (name, text) in recipes {
            write!(names, "\"{name}\", ").expect("a string takes all");
            build.write(&format!("packages/{name}.lua"), text);
        }
        build.write(
            "build.lua",
            &format!(
                r#"return require("bq.stage.prepare").main({{
                  seed = "auto",
                  set = "core",
                  target = "{{arch}}-bq-linux-musl",
                  epoch = 1735689600,
                  env = {{ PATH = "/usr/local/bin" }},
                  sets = {{ core = {{ "core" }} }},
                  phases = {{
                    {{
                      name = "one",
                      about = "the only one",
                      base = {{ "seed" }},
                      prefix = "/usr",
                      env = {{}},
                      extend = true,
                      packages = {{ core = {{ {names} }} }},
                    }},
                  }},
                }}, arg)"#
            ),
        );
        build
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.at(name).symlink_metadata().is_ok()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs bq with these words in the folder.
    pub(crate) fn bq(&self, words: &[&str]) -> Run {
        Run::of(bq(self.path()).args(words))
    }

    /// Stages the build in the workspace `ws`.
    pub(crate) fn stage(&self, seed: &str, more: &[&str]) -> Run {
        let mut words = vec!["build.lua", "--workspace", "ws", "--seed", seed];
        words.extend(more);
        self.bq(&words)
    }

    /// Packs a tree of the folder; the tarball's digest.
    pub(crate) fn pack(&self, tree: &str, tarball: &str) -> String {
        let code = "require('bq.archive').pack { output = arg[2], sources = { { path = arg[1] } }, level = 1 }";
        self.bq(&["-e", code, tree, tarball]).ok();
        sha256(&std::fs::read(self.at(tarball)).expect("it was packed"))
    }

    /// A tarball `seed.tar.gz` with the folders that a root has to have; its digest.
    pub(crate) fn plain_seed(&self) -> String {
        for folder in ["dev", "proc", "sys", "tmp", "run", "etc"] {
            std::fs::create_dir_all(self.at("seed").join(folder)).expect("a folder");
        }
        self.write("seed/etc/name", "seed\n");
        self.pack("seed", "seed.tar.gz")
    }

    /// The names in a folder, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(folder)).into_iter().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("it is read").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Build {
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

/// Whether this machine can build; a test that needs that ends where it cannot, after this has said why.
pub(crate) fn can_build() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let code = "for _, finding in ipairs(require('bq.run.preflight').run '.') do \
        if finding.fatal then print(finding.message, finding.cause or '') end end";
    let run = Run::of(bq(folder.path()).args(["-e", code])).ok();
    if !run.stdout.is_empty() {
        super::skip(&run.stdout);
    }
    run.stdout.is_empty()
}
