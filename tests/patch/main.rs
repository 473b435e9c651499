//! `bq.patch`, through the binary as a user runs it, compared with `git apply` and GNU patch.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

mod git;
mod names;
#[path = "../support/program.rs"]
mod program;
mod random;
mod refusals;
mod unified;

/// A tree by name: a folder, a file with its permissions and content, or a link with its target.
type Tree = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

/// A folder with an old tree, and the trees made from it.
struct Place(tempfile::TempDir);

/// A file of a tree: name, permissions, content. A folder is not named; a link has the mode 0.
type Entry<'e> = (&'e str, u32, &'e [u8]);

impl Place {
    fn new() -> Self {
        Self(
            tempfile::tempdir_in("/dev/shm")
                .unwrap_or_else(|_| tempfile::tempdir().expect("a folder")),
        )
    }

    fn with(files: &[Entry<'_>]) -> Self {
        let place = Self::new();
        place.fill("old", files);
        place
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    fn fill(&self, folder: &str, files: &[Entry<'_>]) {
        std::fs::create_dir_all(self.join(folder)).expect("a folder");
        for (name, mode, content) in files {
            let path = self.join(folder).join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            if *mode == 0 {
                symlink(String::from_utf8_lossy(content).as_ref(), &path).expect("a link");
            } else {
                std::fs::write(&path, content).expect("a file");
                std::fs::set_permissions(&path, PermissionsExt::from_mode(*mode))
                    .expect("its mode");
            }
        }
    }

    /// A copy of the old tree, to work on.
    fn copy(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        drop(std::fs::remove_dir_all(&path));
        self.shell(&format!("cp -a old {name}"));
        path
    }

    fn shell(&self, command: &str) -> Vec<u8> {
        let output = self.command(command).output().expect("a shell");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{command}\n{text}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        output.stdout
    }

    fn command(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("umask 022; {command}"))
            .current_dir(self.0.path());
        for name in ["NAME", "EMAIL"] {
            shell
                .env(format!("GIT_AUTHOR_{name}"), "nobody")
                .env(format!("GIT_COMMITTER_{name}"), "nobody");
        }
        // A repository above, or the user's configuration, would change the output of git.
        shell
            .env("HOME", self.0.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", self.0.path())
            .env("TZ", "CET-1")
            .env("LC_ALL", "C.UTF-8");
        shell
    }

    /// The difference between the trees `old` and `new`, as git shows it.
    fn git_diff(&self, options: &str) -> Vec<u8> {
        self.shell("rm -rf repository && cp -a old repository && cd repository && git init -q && git add -A && git commit -q --allow-empty -m old");
        self.shell("cp -a repository/.git new/.git && cd new && git add -A");
        let text = self.shell(&format!(
            "cd new && git diff --cached --binary --full-index {options} HEAD && rm -rf .git"
        ));
        assert!(!text.is_empty(), "the trees are the same");
        text
    }

    /// Applies a patch to a copy of the old tree by `bq.patch`; `fields` are further options. Gives what it returned, as JSON,
    /// or the error's code and text.
    fn apply(&self, patch: &[u8], fields: &str) -> Result<String, String> {
        self.copy("result");
        self.apply_again(patch, fields)
    }

    fn apply_again(&self, patch: &[u8], fields: &str) -> Result<String, String> {
        std::fs::write(self.join("patch"), patch).expect("a patch");
        let code = format!(
            "local patch, json, fs = require 'bq.patch', require 'bq.json', require 'bq.fs'\n\
             local ok, result = pcall(patch.apply, {{ text = fs.read 'patch', root = 'result', {fields} }})\n\
             if ok then io.write('ok ', json.encode(result)) else\n\
               if type(result) ~= 'table' then error(result, 0) end\n\
               io.write('error ', result.code, ' ', result.text)\n\
             end"
        );
        let output = program::bq(self.0.path())
            .args(["-e", &code])
            .output()
            .expect("bq starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        match text.split_once(' ').expect("two words") {
            ("ok", result) => Ok(result.to_owned()),
            (_, error) => Err(error.to_owned()),
        }
    }

    /// Applies it, and compares with the expected tree and, if they can apply it, with git and GNU patch.
    fn agree(&self, patch: &[u8], want: &Tree, strip: usize, judges: &[&str]) -> String {
        let result = self
            .apply(patch, "")
            .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(patch)));
        same(&tree(&self.join("result")), want, "bq");
        for judge in judges {
            let folder = self.copy(&format!("by-{judge}"));
            match *judge {
                "git" => self.shell(&format!("cd by-git && git apply -p{strip} ../patch")),
                "patch" => self.shell(&format!(
                    "cd by-patch && patch -s -f --fuzz=0 --no-backup-if-mismatch -p{strip} -i ../patch"
                )),
                other => panic!("no judge {other}"),
            };
            same(&tree(&folder), want, judge);
        }
        result
    }

    /// Checks that a patch is refused for a reason, and that nothing changes.
    fn refuse(&self, patch: &[u8], fields: &str, code: &str, words: &[&str]) -> String {
        let error = self.apply(patch, fields).expect_err("the patch applies");
        assert!(error.starts_with(&format!("{code} ")), "{error}");
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
        same(
            &tree(&self.join("result")),
            &tree(&self.join("old")),
            "a refusal",
        );
        error
    }

    fn new_tree(&self) -> Tree {
        tree(&self.join("new"))
    }
}

fn tree(folder: &Path) -> Tree {
    let mut out = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(above) = folders.pop() {
        for entry in std::fs::read_dir(above).expect("a folder") {
            let path = entry.expect("an entry").path();
            let stat = path.symlink_metadata().expect("its data");
            let mode = stat.permissions().mode() & 0o7777;
            let what = if stat.is_symlink() {
                let target = path.read_link().expect("a link");
                ('l', 0, target.into_os_string().into_encoded_bytes())
            } else if stat.is_dir() {
                folders.push(path.clone());
                ('d', 0, Vec::new())
            } else {
                ('f', mode, std::fs::read(&path).expect("a file"))
            };
            out.insert(
                path.strip_prefix(folder).expect("below it").to_owned(),
                what,
            );
        }
    }
    out
}

fn same(have: &Tree, want: &Tree, who: &str) {
    for (name, what) in want {
        let found = have
            .get(name)
            .unwrap_or_else(|| panic!("{who}: no {}", name.display()));
        assert_eq!(
            (found.0, found.1),
            (what.0, what.1),
            "{who}: {}",
            name.display()
        );
        let text = String::from_utf8_lossy;
        assert_eq!(text(&found.2), text(&what.2), "{who}: {}", name.display());
        assert!(found.2 == what.2, "{who}: bytes of {}", name.display());
    }
    let more: Vec<&PathBuf> = have
        .keys()
        .filter(|name| !want.contains_key(*name))
        .collect();
    assert!(more.is_empty(), "{who}: {more:?} should not be there");
}

/// Lines `PREFIX 1` and so on.
fn numbered(prefix: &str, count: usize) -> String {
    (1..=count).fold(String::new(), |text, line| {
        text + &format!("{prefix} {line}\n")
    })
}

/// Binary bytes, the same for the same seed. The zero at the start makes git treat them as binary.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length)
        .map(|at| if at == 0 { 0 } else { next() })
        .collect()
}
