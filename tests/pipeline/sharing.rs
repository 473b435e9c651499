//! Outputs that travel: stores that workspaces share.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Left, Rig, names, needs_namespaces};

impl Rig {
    /// Stages another workspace.
    pub(crate) fn stage_in(&self, space: &str) {
        let words = [
            "plan.lua",
            "--workspace",
            space,
            "--mirror",
            "mirror",
            "--offline",
        ];
        self.run(&words).is(0);
    }

    pub(crate) fn build_in(&self, space: &str, more: &[&str]) -> Left {
        self.run(&[&["coordinator", "--workspace", space], more].concat())
    }

    /// Two of the five outputs become archives of more than 64 KiB: low/alone, and high/final, which is larger.
    pub(crate) fn large(&self) {
        let install = "install = function(b)
            local text, state = {}, 1
            for index = 1, 80000 do
              state = (state * 1103515245 + 12345) % 2147483648
              text[index] = string.char(state >> 16 & 255)
            end
            b:write(b.dest .. \"/opt/alone\", table.concat(text))
          end";
        self.recipe("alone", install);
    }

    /// A cache that takes no large blobs gets the others, and what it lacks is said once and counted.
    #[track_caller]
    pub(crate) fn is_without_large(&self, space: &str, url: &str) {
        self.stage_in(space);
        let left = self
            .build_in(space, &["--remote", url, "--remote-write"])
            .is(0);
        let left = left
            .says("wrote 3 outputs to stores and caches")
            .says(&format!(
                "low/alone is too large for `{url}`, which goes without it: "
            ))
            .says("2 outputs were not written, since they are too large for a cache");
        assert_eq!(left.err.matches("which goes without it").count(), 1);
        for word in ["takes nothing", "left out", "went on without"] {
            assert!(!left.err.contains(word), "{}", left.err);
        }
        let other = format!("{space}-again");
        self.stage_in(&other);
        let left = self.build_in(&other, &["--remote", url]).is(0);
        assert_eq!(started(&left), ["high/final", "low/alone"]);
    }

    /// The digests of the outputs that a workspace knows, by step.
    pub(crate) fn digests(&self, space: &str) -> Vec<String> {
        let code = format!(
            "local space = require('bq.workspace').new '{space}'
            local build = require('bq.run.state').look(space, space:plan())
            for id, output in pairs(build.outputs) do print(id .. ' ' .. output) end"
        );
        let mut lines: Vec<String> = self.lua(&code).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The steps whose outputs are in the store of a workspace.
    pub(crate) fn here(&self, space: &str) -> Vec<String> {
        let code = format!(
            "local space = require('bq.workspace').new '{space}'
            local store = require 'bq.store'
            for _, key in ipairs(store.keys(space)) do print(store.get(space, key).step) end"
        );
        let mut lines: Vec<String> = self.lua(&code).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The blob of a shared store with the archive of a step's output.
    pub(crate) fn blob_of(&self, store: &str, step: &str) -> PathBuf {
        let code = format!(
            "local fs, message = require 'bq.fs', require 'bq.share.message'
            for _, name in ipairs(fs.list '{store}/ac') do
              local files = message.read_result(fs.read('{store}/ac/' .. name)).files
              if files['meta.json'].contents:find '\"step\": \"{step}\"' then
                io.write(files['output.tar.zst'].digest.hash)
              end
            end"
        );
        let hash = self.lua(&code);
        assert_eq!(hash.len(), 64, "{hash}");
        self.path(&format!("{store}/cas/{hash}"))
    }
}

/// The steps that a run started.
pub(crate) fn started(left: &Left) -> Vec<String> {
    let lines = left.started();
    let id = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
    lines.iter().map(id).collect()
}

/// Flips a bit in the middle of a file.
pub(crate) fn damage(path: &PathBuf) {
    let mut bytes = std::fs::read(path).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).expect("it can be written");
}

#[test]
fn a_second_workspace_takes_what_it_needs_from_a_shared_store() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"])
        .is(0)
        .says("wrote 5 outputs to stores and caches");
    assert_eq!(names(&rig.path("store/ac")).len(), 5);

    rig.stage_in("other");
    // Only a whole workspace is read as one: nothing is written into its store.
    let before = names(&rig.path("space/store"));
    rig.build_in("other", &["--store", "space/store"])
        .is(2)
        .says("hint: name the workspace, which is read: `--store ");
    assert_eq!(names(&rig.path("space/store")), before);

    let left = rig.build_in("other", &["--store", "store"]).is(0);
    assert_eq!(left.started(), [""; 0]);
    let left = left.says("  found  low/base in ");
    // What only other steps are built on stays where it is.
    assert_eq!(rig.here("other"), ["high/final"]);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    left.says("fetched 1 output");
    let output = rig.run(&["verify", "--workspace", "other", "--store"]);
    output.is(0).says("1 outputs in the store: 0 damaged");
    assert_eq!(
        rig.build_in("other", &[]).is(0).err,
        "nothing to do: all 5 steps are in the store\n"
    );
    let status = rig.run(&["status", "--workspace", "other"]).is(0);
    assert!(status.out.ends_with("5 steps: 5 done\n"), "{}", status.out);

    // What is built now needs its base here.
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &["--store", "store"]).is(0);
    assert_eq!(started(&left), ["high/final"]);
    assert_eq!(
        rig.here("other"),
        [
            "high/final",
            "high/final",
            "low/alone",
            "low/app",
            "low/base",
            "low/lib"
        ]
    );
    rig.is_quiet();
}

#[test]
fn a_wrong_byte_in_a_shared_store_is_refused_and_mended() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    let expected = rig.digests("space");
    damage(&rig.blob_of("store", "low/lib"));
    rig.stage_in("other");
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &["--store", "store"]).is(0);
    assert_eq!(started(&left), ["high/final", "low/lib"]);
    left.says("low/lib of `")
        .says("` is not taken: ")
        .says("1 outputs of others were not taken");
    let digests = rig.digests("other");
    assert_eq!(digests[2..], expected[2..]);

    // The store has the right bytes again.
    rig.stage_in("third");
    let left = rig.build_in("third", &["--store", "store"]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("third"), digests);
    rig.is_quiet();
}

#[test]
fn a_record_of_another_output_is_refused() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    // The result of one step is put in the place of another's.
    let results = names(&rig.path("store/ac"));
    let at = |index: usize| rig.path(&format!("store/ac/{}", results[index]));
    std::fs::copy(at(0), at(1)).expect("it can be copied");
    rig.stage_in("other");
    let left = rig.build_in("other", &["--store", "store"]).is(0);
    assert_eq!(left.started().len(), 1);
    left.says("its record is that of another output");
    assert_eq!(rig.digests("other"), rig.digests("space"));
}

#[test]
fn what_a_store_has_lost_is_built() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    rig.stage_in("other");
    rig.build_in("other", &["--store", "store"]).is(0);
    for blob in names(&rig.path("store/cas")) {
        std::fs::remove_file(rig.path(&format!("store/cas/{blob}"))).expect("it is there");
    }
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &["--store", "store"]).is(0);
    assert_eq!(
        started(&left),
        ["high/final", "low/alone", "low/app", "low/base", "low/lib"]
    );
    left.says("lost   low/base: no store or cache has its output any more");
    // What was built is in the store again.
    rig.stage_in("third");
    let left = rig.build_in("third", &["--store", "store"]).is(0);
    assert_eq!(left.started(), [""; 0]);
}

#[test]
fn without_the_store_what_it_had_is_built() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    rig.stage_in("other");
    rig.build_in("other", &["--store", "store"]).is(0);
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &[]).is(0);
    assert_eq!(started(&left).len(), 5);
    assert_eq!(rig.here("other").len(), 6);
}

#[test]
fn a_store_that_cannot_be_written_is_read() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    let folders = ["store", "store/ac", "store/cas"].map(|name| rig.path(name));
    let modes = |mode| {
        for folder in &folders {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder, mode).expect("it is ours");
        }
    };
    modes(0o555);
    rig.replace("packages/alone.lua", "alone\\n", "changed\\n");
    rig.stage_in("other");
    let left = rig.build_in("other", &["--store", "store"]);
    modes(0o755);
    let left = left.is(0);
    assert_eq!(started(&left), ["high/final", "low/alone"]);
    assert!(!left.err.contains("warning"), "{}", left.err);
}

#[test]
fn another_workspace_is_a_store_to_read() {
    needs_namespaces!();
    let rig = Rig::built();
    rig.stage_in("other");
    let left = rig.build_in("other", &["--store", "space"]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    assert_eq!(rig.here("other"), ["high/final"]);

    // What is damaged there is not taken.
    let tree = rig.stored("low/lib").join("output/opt/lib");
    std::fs::write(tree, "changed\n").expect("it is ours");
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &["--store", "space"]).is(0);
    assert_eq!(started(&left), ["high/final", "low/lib"]);
    left.says("low/lib of `").says("tree digest ");
}

#[test]
fn two_workspaces_build_with_one_store_at_once() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.stage_in("other");
    let run = |space| rig.build_in(space, &["--store", "store"]);
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| run("space"));
        let two = scope.spawn(|| run("other"));
        (one.join(), two.join())
    });
    for left in [one, two] {
        left.expect("it ran").is(0).says("5 steps: 5 done");
    }
    assert_eq!(rig.digests("other"), rig.digests("space"));
    assert_eq!(names(&rig.path("store/ac")).len(), 5);
    for kind in ["store/ac", "store/cas"] {
        let left = names(&rig.path(kind));
        assert!(left.iter().all(|name| name.len() == 64), "{left:?}");
    }
}

#[test]
fn stores_come_from_the_environment_and_the_configuration() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let words = ["coordinator", "--workspace", "space"];
    let run = |name: &str, value: &std::path::Path| -> Left {
        let mut command = rig.command(&words);
        command.env(name, value).output().expect("bq runs").into()
    };
    run("BQ_STORE", &rig.path("store")).is(0);
    assert_eq!(names(&rig.path("store/ac")).len(), 5);

    rig.stage_in("other");
    rig.write(
        "config/bq/config.lua",
        &format!(
            "return {{ store = {:?}, jobs = 1 }}\n",
            rig.path("store").display()
        ),
    );
    let mut command = rig.command(&["coordinator", "--workspace", "other"]);
    let left: Left = command
        .env_remove("BQ_CONFIG")
        .env("XDG_CONFIG_HOME", rig.path("config"))
        .output()
        .expect("bq runs")
        .into();
    let left = left.is(0).says("building 5 of 5 steps").says(", 1 jobs");
    assert_eq!(left.started(), [""; 0]);
    let mut command = rig.command(&["coordinator", "--help"]);
    let help: Left = command
        .env_remove("BQ_CONFIG")
        .env("XDG_CONFIG_HOME", rig.path("config"))
        .output()
        .expect("bq runs")
        .into();
    help.is(0)
        .says("[default: 1, from ")
        .says("config/bq/config.lua]");

    for (text, says) in [
        ("return { stroe = '/x' }", "did you mean `store`?"),
        (
            "return { jobs = 'x' }",
            "`jobs` is a text, expected a whole number",
        ),
        (
            "return { set = 'core' }",
            "`set` is no option that can have a default",
        ),
        ("return os.getenv 'HOME'", "`os.getenv` is not available"),
        ("return {", "unexpected symbol near <eof>"),
    ] {
        rig.write("config/bq/config.lua", text);
        let mut command = rig.command(&words);
        let left: Left = command
            .env_remove("BQ_CONFIG")
            .env("XDG_CONFIG_HOME", rig.path("config"))
            .output()
            .expect("bq runs")
            .into();
        left.is(1).says("cannot read the configuration").says(says);
    }
}
