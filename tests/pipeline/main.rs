//! A small but whole build: a seed that contains only bq, recipes in plain Lua, and everything that can interrupt it.
//! Nothing here needs a compiler or the network.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod changes;
mod damage;
mod disk;
mod emulated;
mod engines;
mod execution;
mod failures;
mod finishing;
mod grpc;
mod interruptions;
mod kills;
mod loaders;
mod marks;
mod moving;
mod outputs;
mod patches;
mod proxies;
mod remotes;
mod rpc;
mod same_bytes;
mod sharing;
mod shown;
mod signatures;
mod sources;
mod strangers;
mod systems;
mod wire;
mod workers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::sha256;

/// Skips a test if the kernel refuses what the test needs.
macro_rules! needs_namespaces {
    () => {
        if let Some(why) = $crate::support::why_no_namespaces() {
            $crate::support::skip(why);
            return;
        }
    };
}
pub(crate) use needs_namespaces;

const DECLARATION: &str = r#"
local build = require "bq.stage.prepare"
return build.main({
  seed = "./seed.tar.gz",
  set = "core",
  target = "{arch}-bq-linux-musl",
  epoch = 1000000000,
  env = { PATH = "/usr/local/bin" },
  sets = { core = { "core" } },
  phases = {
    { name = "low", about = "on the seed", base = { "seed" }, prefix = "/opt", env = {},
      packages = { core = { "base", "lib", "app", "alone" } } },
    { name = "high", about = "on what was built", base = { "low" }, prefix = "/usr", env = {}, extend = true,
      packages = { core = { "final" } } },
  },
}, arg)
"#;

/// The fields of a recipe besides its name.
const RECIPES: [(&str, &str); 5] = [
    ("base", r#"files = { ["/opt/base"] = "base\n" }"#),
    (
        "lib",
        r#"depends = { "base" },
  source = { { url = "http://127.0.0.1:1/lib-{version}.tar.gz", sha256 = "SOURCE", pinned = "1" } },
  env = { FLAG = "one" },
  install = function(b)
    -- The answer of what it depends on, of its source and of its flag.
    b:write(b.dest .. "/opt/lib", b:read "/opt/base" .. b:read(b.src .. "/data") .. b.env.FLAG .. "\n")
  end"#,
    ),
    (
        "app",
        r#"depends = { "lib" },
  install = function(b)
    b:write(b.dest .. "/opt/app", b:read "/opt/lib" .. "app\n", tonumber("755", 8))
    b:symlink("app", b.dest .. "/opt/link")
  end"#,
    ),
    ("alone", r#"files = { ["/opt/alone"] = "alone\n" }"#),
    (
        "final",
        r#"install = function(b)
    assert(not b:stat "/etc/seed", "the seed is in sight")
    b:write(b.dest .. "/usr/final", b:read "/opt/app" .. b:read "/opt/alone")
  end"#,
    ),
];

/// A folder with a seed, a declaration, recipes, a mirror and a workspace.
struct Rig {
    folder: tempfile::TempDir,
    /// The program that runs here.
    bq: PathBuf,
}

/// A line of a run without the time that it begins with.
fn timeless(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    if rest.len() + "0:00:00".len() <= line.len() {
        rest
    } else {
        line
    }
}

/// A program's exit status and output.
#[derive(Debug)]
struct Left {
    status: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Left {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: support::heard(&output),
        }
    }
}

impl Left {
    /// The lines of a build without times and digests, which differ between runs.
    fn lines(&self) -> Vec<String> {
        let cut = |line: &str, at: &str| line.split(at).next().unwrap_or(line).to_owned();
        self.err
            .lines()
            .map(timeless)
            .map(|line| match line.trim_start() {
                text if text.starts_with("done") => cut(line, " in "),
                text if text.starts_with("error: ") => cut(line, " after "),
                text if text.starts_with("built ") => cut(line, ", in "),
                text if text.starts_with("slowest: ") => cut(line, ": "),
                _ => line.to_owned(),
            })
            .collect()
    }

    /// The steps that were started, each with the reason, in the order of their ids.
    fn started(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .err
            .lines()
            .map(timeless)
            .filter_map(|line| line.trim_start().strip_prefix("start "))
            .map(|line| line.trim_start().to_owned())
            .collect();
        lines.sort();
        lines
    }

    /// The ids of the steps that were built.
    fn done(&self) -> Vec<String> {
        self.err
            .lines()
            .map(timeless)
            .filter_map(|line| line.trim_start().strip_prefix("done "))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect()
    }

    #[track_caller]
    fn is(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, part: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(all.contains(part), "missing: {part}\nin:\n{all}");
        self
    }
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let rig = Self {
            folder,
            bq: env!("CARGO_BIN_EXE_bq").into(),
        };
        rig.write("seed/etc/seed", "a seed\n");
        rig.write("upstream/lib-1/data", "data\n");
        rig.lua(
            "local archive = require 'bq.archive'
            archive.pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }
            require('bq.fs').mkdir 'mirror'
            archive.pack { output = 'mirror/lib-1.tar.gz', sources = { { path = 'upstream' } } }",
        );
        rig.write("plan.lua", DECLARATION);
        for (name, more) in RECIPES {
            let more = more.replace("SOURCE", &sha256(&rig.read("mirror/lib-1.tar.gz")));
            rig.recipe(name, &more);
        }
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self) -> String {
        let name = self.folder.path().file_name().expect("it has a name");
        name.to_string_lossy().into_owned()
    }

    /// A word that only the command lines of this rig's processes contain.
    fn mark(&self) -> String {
        format!("mark{}", self.name())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it is below")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("it is there")
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("it is text")
    }

    /// Writes a complete recipe with these further fields.
    fn recipe(&self, name: &str, more: &str) {
        let text = format!(
            "return {{\n  name = \"{name}\",\n  version = \"1\",\n  license = \"MIT\",\n  strategy = \"files\",\n  \
             strip = false,\n  {more},\n}}\n"
        );
        self.write(&format!("packages/{name}.lua"), &text);
    }

    /// Replaces a text in a file; it has to be there.
    fn replace(&self, name: &str, old: &str, new: &str) {
        let text = self.text(name);
        assert!(text.contains(old), "{text}");
        self.write(name, &text.replace(old, new));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = support::program::bq_at(&self.bq, self.folder.path());
        // `is_quiet` finds it by this name. The programs inside get the workspace's path, which contains the name too.
        command
            .args(words)
            .env("RIG", self.name())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Left {
        self.command(words).output().expect("bq runs").into()
    }

    fn lua(&self, code: &str) -> String {
        self.run(&["-e", code]).is(0).out
    }

    /// Stages the workspace, with its sources from the mirror.
    fn stage(&self, more: &[&str]) -> Left {
        let words = [
            "plan.lua",
            "--workspace",
            "space",
            "--mirror",
            "mirror",
            "--offline",
        ];
        self.run(&[&words, more].concat())
    }

    fn build(&self, more: &[&str]) -> Left {
        self.run(&[&["coordinator", "--workspace", "space"], more].concat())
    }

    /// A workspace with everything built.
    fn built() -> Self {
        let rig = Self::new();
        rig.stage(&[]).is(0);
        rig.build(&[]).is(0);
        rig
    }

    /// The output digests of all steps that are done.
    fn outputs(&self) -> BTreeMap<String, String> {
        let code = "local space = require('bq.workspace').new 'space'
            local build = require('bq.run.state').look(space, space:plan())
            for id, output in pairs(build.outputs) do print(id, output) end";
        self.lua(code)
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(id, output)| (id.to_owned(), output.to_owned()))
            .collect()
    }

    /// The folder of the store that holds a step's output, of version 1.
    fn stored(&self, step: &str) -> PathBuf {
        self.stored_of(step, "1")
    }

    fn stored_of(&self, step: &str, version: &str) -> PathBuf {
        let wanted = format!("\"step\": \"{step}\",\n  \"version\": \"{version}\"");
        let store = std::fs::read_dir(self.path("space/store")).expect("it is there");
        let mut found: Vec<PathBuf> = store
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                std::fs::read_to_string(path.join("meta.json"))
                    .is_ok_and(|text| text.contains(&wanted))
            })
            .collect();
        assert_eq!(found.len(), 1, "{step}: {found:?}");
        found.remove(0)
    }

    /// No process of this rig runs any more, and no mount is left in it.
    fn is_quiet(&self) {
        support::eventually("the end of all processes", || {
            support::processes_of(&self.name()).is_empty()
        });
        let here = self.folder.path().display().to_string();
        let left: Vec<String> = support::mounts()
            .into_iter()
            .filter(|place| place.starts_with(&here))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("it is a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn from_a_seed_to_built_steps() {
    needs_namespaces!();
    let rig = Rig::new();
    let staged = rig.stage(&[]).is(0);
    let staged = staged.says("unpacking the seed tarball:seed.tar.gz\n");
    let target = format!("{}-bq-linux-musl", std::env::consts::ARCH);
    staged
        .says(&format!(": 5 steps for {target}\n"))
        .says("next: `bq scripts/coordinator.lua --workspace ")
        .says("/space`\n");
    assert_eq!(rig.text("space/rootfs/etc/seed"), "a seed\n");
    assert!(
        rig.read("space/rootfs/usr/local/bin/bq") == std::fs::read(&rig.bq).expect("it is there")
    );
    // Staged again, the seed is not unpacked again.
    let again = rig.stage(&[]).is(0);
    assert!(!again.err.contains("unpacking"), "{}", again.err);

    let built = rig.build(&["--jobs", "2"]).is(0);
    let lines = built.lines();
    assert_eq!(
        lines[0],
        format!(
            "building 5 of 5 steps for {}, 2 jobs",
            std::env::consts::ARCH
        )
    );
    assert_eq!(lines[lines.len() - 1], "5 steps: 5 done");
    assert_eq!(
        built.started(),
        [
            "high/final 1: it was never built here",
            "low/alone 1: it was never built here",
            "low/app 1: it was never built here",
            "low/base 1: it was never built here",
            "low/lib 1: it was never built here",
        ]
    );
    let place = |line: &str| {
        lines
            .iter()
            .position(|l| l.trim_start() == line)
            .expect(line)
    };
    assert!(place("done   low/base") < place("start  low/lib 1: it was never built here"));
    assert!(place("done   low/lib") < place("start  low/app 1: it was never built here"));
    assert!(place("done   low/alone") < place("start  high/final 1: it was never built here"));

    let output = rig.stored("high/final").join("output");
    let text = std::fs::read_to_string(output.join("usr/final")).expect("it is there");
    assert_eq!(text, "base\ndata\none\napp\nalone\n");
    let app = rig.stored("low/app").join("output/opt");
    assert_eq!(names(&app), ["app", "link"]);
    assert_eq!(names(&rig.path("space/build")), [""; 0]);

    assert_eq!(
        rig.build(&[]).is(0).err,
        "nothing to do: all 5 steps are in the store\n"
    );
    let status = rig.run(&["status", "--workspace", "space"]).is(0);
    assert!(status.out.ends_with("5 steps: 5 done\n"), "{}", status.out);
    rig.is_quiet();
}

#[test]
fn a_phase_is_a_tree_that_can_be_entered() {
    needs_namespaces!();
    let rig = Rig::built();
    let read = "io.write(require('bq.fs').read '/etc/seed')";
    let inside = ["--", "/usr/local/bin/bq", "-e"];
    let enter = ["enter", "--workspace", "space"];
    let entered = rig.run(&[&enter, inside.as_slice(), &[read]].concat());
    assert_eq!((entered.is(0).out.as_str()), "a seed\n");
    // Changes stay in a throw-away layer, and exit statuses are passed on.
    let code = "require('bq.fs').remove '/etc/seed' os.exit(7)";
    let entered = rig.run(&[&enter, inside.as_slice(), &[code]].concat());
    assert_eq!(entered.status, Some(7), "{}", entered.err);
    rig.is_quiet();
}

#[test]
fn a_dry_run_writes_nothing() {
    let rig = Rig::new();
    let before = names(rig.folder.path());
    let shown = rig
        .run(&["plan.lua", "--workspace", "space", "--dry-run"])
        .is(0);
    let target = format!("{}-bq-linux-musl", std::env::consts::ARCH);
    assert_eq!(
        shown.out,
        format!(
            "plan: set core for {target}, seed ./seed.tar.gz, 5 steps\n\n\
             low (on the seed), on seed:\n  base               1          \n  lib                1          after base\n  \
             app                1          after lib\n  alone              1          \n\n\
             high (on what was built), on low:\n  final              1          \n"
        )
    );
    assert_eq!(names(rig.folder.path()), before);
}

#[test]
fn without_a_plan_there_is_a_word_of_advice() {
    let rig = Rig::new();
    let space = rig.folder.path().canonicalize().expect("it is there");
    let text = format!(
        "error: there is no plan in `{}/space`\nhint: make one: `bq scripts/build_sysroot.lua --workspace {}/space`\n",
        space.display(),
        space.display()
    );
    for program in ["coordinator", "status"] {
        let left = rig.run(&[program, "--workspace", "space"]).is(1);
        assert_eq!(left.err, text);
    }
    assert!(!rig.path("space").exists());
}
