//! Step roots where the workspace's file system cannot be the upper layer of an overlay: made by copying, to the same end.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use support::builds::{Build, can_build};
use support::overlay::on_overlay;

mod support;

const BELOW: &str = r#"return {
  name = "below", version = "1", license = "MIT", strategy = "files",
  files = { ["/share/both/one"] = "below", ["/share/both/two"] = "below", ["/share/gone/x"] = "below", ["/share/turned"] = "below" },
  links = { ["/share/link"] = "both" },
  folders = { "/share/empty" },
}"#;

const ABOVE: &str = r##"return {
  name = "above", version = "1", license = "MIT", strategy = "files", depends = { "below" },
  files = { ["/share/both/one"] = "#!above", ["/share/turned/x"] = "above" },
  links = { ["/share/link"] = "elsewhere" },
  sticky = { "/share/empty" },
}"##;

/// Changes its root, and puts all of it that can be seen into its output.
const LOOK: &str = r#"return {
  name = "look", version = "1", license = "MIT", strategy = "files", depends = { "above" },
  install = function(b)
    local digest, fs = require "bq.digest", require "bq.fs"
    local function look(name)
      local lines = {}
      for _, line in ipairs(digest.manifest("/", { exclude = { "proc", "dev", "bq" } })) do
        lines[#lines + 1] = ("%s %s %o %d %s %s"):format(line.path, line.type, line.mode, line.size, line.digest, line.target)
      end
      b:write(b.dest .. "/look/" .. name, table.concat(lines, "\n"))
    end
    look "before"
    fs.remove_all "/share/both"
    fs.mkdir "/share/both"
    fs.rename("/share/turned/x", "/share/empty/x")
    fs.write("/etc/name", "changed")
    fs.remove "/usr/local/share/bq/staged.json"
    look "after"
  end,
}"#;

const BROKEN: &str = r#"return {
  name = "broken", version = "1", license = "MIT", strategy = "files", depends = { "above" },
  install = function(b)
    b:write("/share/left", "as it was")
    error "on purpose"
  end,
}"#;

#[test]
fn copied_roots_give_the_same_outputs() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("below", BELOW), ("above", ABOVE), ("look", LOOK)]);
    build.plain_seed();
    let probe = on_overlay(&build, &["-e", ""]);
    if probe.status == Some(77) {
        support::skip(format!("no overlay can be mounted here: {}", probe.stdout));
        return;
    }
    probe.ok();

    let plain = build.stage("seed.tar.gz", &[]).ok();
    if plain.stderr.contains("made by copying") {
        support::skip("the folder for temporary files cannot hold an overlay");
        return;
    }
    let plain = build.bq(&["coordinator", "--workspace", "ws"]).ok();
    assert!(!plain.stderr.contains("copying"), "{}", plain.stderr);

    let seed = build.at("seed.tar.gz");
    let seed = seed.to_str().expect("a plain name");
    let words = ["build.lua", "--workspace", "over/ws", "--seed", seed];
    on_overlay(&build, &words)
        .ok()
        .says("an overlay on the workspace's file system; step roots will be made by copying");
    on_overlay(&build, &["coordinator", "--workspace", "over/ws"])
        .ok()
        .says("the steps' roots are made by copying");
    let same = on_overlay(
        &build,
        &["verify", "--workspace", "over/ws", "--against", "ws"],
    );
    same.ok().says("3 steps have the same output, 0 differ");
    let doctor = on_overlay(&build, &["doctor", "--workspace", "over/ws"]).ok();
    assert!(
        doctor
            .stdout
            .contains("poor    this machine refuses an overlay on the workspace's file system"),
        "{}",
        doctor.stdout
    );
    let doctor = build.bq(&["doctor", "--workspace", "ws"]).ok();
    assert!(doctor.stdout.contains("overlays work"), "{}", doctor.stdout);
}

#[test]
fn the_root_of_a_failed_step_is_found_as_it_was() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("below", BELOW), ("above", ABOVE), ("broken", BROKEN)]);
    build.plain_seed();
    let words = [
        "build.lua",
        "--workspace",
        "over/ws",
        "--seed",
        "seed.tar.gz",
    ];
    let staged = on_overlay(&build, &words);
    if staged.status == Some(77) {
        support::skip(format!("no overlay can be mounted here: {}", staged.stdout));
        return;
    }
    staged.ok();
    on_overlay(&build, &["coordinator", "--workspace", "over/ws"])
        .fails(1)
        .says("on purpose");
    assert!(build.has("layers/upper/ws/build/one-broken/root.copied"));
    let code = "io.write(require('bq.fs').read '/share/left', ' ', require('bq.fs').read '/share/both/two')";
    let words = [
        "enter",
        "--workspace",
        "over/ws",
        "--step",
        "broken",
        "--",
        "/usr/local/bin/bq",
        "-e",
        code,
    ];
    let entered = on_overlay(&build, &words).ok();
    assert_eq!(entered.stdout, "as it was below");
}
