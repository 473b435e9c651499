//! Step roots are copied if the workspace's file system cannot be the upper layer of an overlay. The results are the same.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use support::builds::{Build, can_build};
use support::overlay::on_overlay;

mod support;

const BELOW: &str = r#"return {
  name = "below", version = "1", license = "MIT", strategy = "files",
  files = { ["/share/both/one"] = "below", ["/share/both/two"] = "below", ["/share/gone/x"] = "below", ["/share/turned"] = "below" },
  links = { ["/share/link"] = "both" },
  folders = { "/share/empty" },
  yields = { "/share/both/one", "/share/turned", "/share/link", "/share/empty" },
}"#;

const ABOVE: &str = r##"return {
  name = "above", version = "1", license = "MIT", strategy = "files", depends = { "below" },
  files = { ["/share/both/one"] = "#!above", ["/share/more/x"] = "above" },
  links = { ["/share/link"] = "elsewhere", ["/share/turned"] = "more" },
  sticky = { "/share/empty" },
}"##;

/// Changes its root, and writes a listing of what it sees into its output.
const LOOK: &str = r#"return {
  name = "look", version = "1", license = "MIT", strategy = "files", depends = { "above" },
  may_write = { "/share", "/etc/name", "/etc/gone" },
  install = function(b)
    local function look(name)
      local lines = {}
      for _, top in ipairs(b:list "/") do
        for _, line in ipairs(top ~= "proc" and top ~= "dev" and top ~= "bq" and b:walk("/" .. top) or {}) do
          local path = "/" .. top .. "/" .. line.path
          local content = line.type == "file" and line.size < 1000 and b:read(path) or b:readlink(path)
          lines[#lines + 1] = ("%s %s %o %d %s"):format(path, line.type, line.mode, line.size, content)
        end
      end
      b:write(b.dest .. "/look/" .. name, table.concat(lines, "\n"))
    end
    look "before"
    b:remove "/share/both"
    b:mkdir "/share/both"
    b:copy("/share/more/x", "/share/empty/x")
    b:remove "/share/more/x"
    b:remove "/share/gone/x"
    b:write("/etc/name", "changed")
    b:remove "/etc/gone"
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
    build.write("seed/etc/gone", "");
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
        "/proc/self/exe",
        "-e",
        code,
    ];
    let entered = on_overlay(&build, &words).ok();
    assert_eq!(entered.stdout, "as it was below");
}
