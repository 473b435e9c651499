//! A system from its page to the finished root: what comes along, what is in the root and whose it is, and what changes.

use std::os::unix::fs::MetadataExt;

use crate::{Rig, needs_namespaces};

const PLAN: &str = r#"
return require("bq.stage.prepare").main({
  seed = "./seed.tar.gz",
  set = "large",
  target = "{arch}-bq-linux-musl",
  epoch = 1000000000,
  env = { PATH = "/usr/local/bin" },
  sets = { small = { "core" }, large = { "core", "more" } },
  roots = {
    packages = { "skeleton" },
    leave_out = { "/opt" },
    sets = { small = { lists = { "core" }, phases = { "low", "high" } }, large = { phases = { "low", "high" } } },
  },
  phases = {
    { name = "low", base = { "seed" }, prefix = "/usr", env = {}, apart = true, packages = { core = { "skeleton" } } },
    { name = "high", base = { "low" }, prefix = "/usr", env = {}, extend = true, packages = { more = { "hours" } } },
  },
}, arg)
"#;

/// Lua that makes an ELF file: what it needs, and its own name as a library.
const ELF: &str = r#"
local function elf(needed, soname)
  local strings, tags = "\0", {}
  local function text(value)
    strings = strings .. value .. "\0"
    return #strings - #value - 1
  end
  for _, name in ipairs(needed) do tags[#tags + 1] = { 1, text(name) } end
  if soname then tags[#tags + 1] = { 14, text(soname) } end
  local base, headers, dynamic = 0x400000, 64 + 2 * 56, ""
  for _, tag in ipairs { { 5, base + headers }, { 10, #strings }, { 0, 0 } } do tags[#tags + 1] = tag end
  for _, tag in ipairs(tags) do dynamic = dynamic .. ("<i8i8"):pack(tag[1], tag[2]) end
  local function header(kind, at, size)
    return ("<I4I4i8i8i8i8i8i8"):pack(kind, 4, at, base + at, base + at, size, size, 8)
  end
  local at = headers + #strings
  return "\127ELF\2\1\1" .. ("\0"):rep(9) .. ("<I2I2I4i8i8i8I4I2I2I2I2I2I2"):pack(3, MACHINE, 1, base, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    .. header(1, 0, at + #dynamic) .. header(2, at, #dynamic) .. strings .. dynamic
end
"#;

/// A program that ends with status 7.
const PROGRAM: &str = r#"
local function program()
  local code = MACHINE == 62 and "\xbf\7\0\0\0\xb8\60\0\0\0\x0f\5" or ("<I4I4I4"):pack(0xd28000e0, 0xd2800ba8, 0xd4000001)
  local size = 120 + #code
  return "\127ELF\2\1\1" .. ("\0"):rep(9) .. ("<I2I2I4i8i8i8I4I2I2I2I2I2I2"):pack(2, MACHINE, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    .. ("<I4I4i8i8i8i8i8i8"):pack(1, 5, 0, 0x400000, 0x400000, size, size, 4096) .. code
end
"#;

const HASH: &str = "$6$salt$a.hash/of";

const PAGE: &str = r#"
return {
  name = "mine",
  set = "small",
  packages = { "app" },
  hostname = "one",
  ntp = false,
  users = {
    root = { password = "HASH" },
    ann = { uid = 1000, groups = { "wheel" }, keys = { "ssh-ed25519 AAAA ann" } },
  },
  files = "own",
  owners = { ["/srv/of-ann"] = "ann:ann" },
  modes = { ["/srv/of-ann"] = "0640", ["/usr/bin/app"] = "4755" },
  secret = { "/srv/key" },
  services = { app = true },
}
"#;

fn rig() -> Rig {
    let rig = Rig::new();
    rig.write("plan.lua", PLAN);
    let machine = if cfg!(target_arch = "x86_64") {
        "62"
    } else {
        "183"
    };
    let elf = format!("{ELF}{PROGRAM}").replace("MACHINE", machine);
    let recipe = |name: &str, more: &str| {
        rig.recipe(name, more);
        let text = rig.text(&format!("packages/{name}.lua"));
        rig.write(&format!("packages/{name}.lua"), &format!("{elf}{text}"));
    };
    rig.recipe(
        "skeleton",
        r#"folders = { "/usr/bin", "/usr/lib", "/opt", "/srv", "/root", "/home" }, sticky = { "/tmp" },
        links = { ["/bin"] = "usr/bin", ["/lib"] = "usr/lib" },
        files = { ["/etc/passwd"] = "root::0:0::/:\n", ["/etc/hostname"] = "skeleton\n", ["/etc/shells"] = "/bin/sh\n" }"#,
    );
    recipe(
        "lib",
        r#"install = function(b)
          b:write(b.dest .. "/usr/lib/libx.so.1.2", elf({}, "libx.so.1"))
          b:symlink("libx.so.1.2", b.dest .. "/usr/lib/libx.so.1")
          b:symlink("libx.so.1", b.dest .. "/usr/lib/libx.so")
          b:write(b.dest .. "/usr/lib/libx.a", "!<arch>\n")
          b:write(b.dest .. "/usr/include/x/x.h", "x\n")
          b:write(b.dest .. "/usr/share/man/man3/x.3", "x\n")
        end"#,
    );
    recipe(
        "app",
        r#"depends = { "lib", "generator" }, runs_with = { "plugin" },
        users = { appd = { uid = 50 } }, services = { app = { run = { "/usr/bin/app" }, user = "appd" } },
        install = function(b)
          assert(b:stat "/usr/lib/libx.so.1.2" and b:stat "/usr/bin/generator", "what it depends on is there")
          b:write(b.dest .. "/usr/bin/app", elf { "libx.so.1" }, "0755")
          b:write(b.dest .. "/opt/app/left-out", "x\n")
        end"#,
    );
    recipe(
        "run",
        r#"install = function(b) b:write(b.dest .. "/usr/bin/run", program(), "0755") end"#,
    );
    rig.recipe(
        "generator",
        r##"files = { ["/usr/bin/generator"] = "#!/bin/sh\n" }"##,
    );
    rig.recipe("plugin", r#"files = { ["/usr/lib/plugin"] = "x\n" }"#);
    rig.recipe("hours", r#"files = { ["/usr/hours"] = "x\n" }"#);
    rig.write("mine.lua", &PAGE.replace("HASH", HASH));
    rig.write("own/srv/of-ann", "hers\n");
    rig.write("own/srv/key", "a key that nobody guesses\n");
    rig
}

fn ids(rig: &Rig) -> Vec<String> {
    let code = "for _, step in ipairs(require('bq.workspace').new('space'):plan().steps) do print(step.id) end";
    let mut ids: Vec<String> = rig.lua(code).lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

fn finish(rig: &Rig, more: &[&str]) -> crate::Left {
    rig.run(
        &[
            &["finish", "--workspace", "space", "--output", "mine.tar"],
            more,
        ]
        .concat(),
    )
}

/// Each path of the packed root, with mode, owner, and what it is.
fn packed(rig: &Rig) -> String {
    rig.lua(
        "require('bq.fs').remove_all 'got'
        local found = require('bq.archive').extract { path = 'mine.tar', target = 'got', profile = 'rootfs', attributes = 'collect' }
        for _, one in ipairs(require('bq.archive').list 'mine.tar') do
          local said = found.attributes[one.path] or {}
          print(one.path, ('%o'):format(said.mode or one.mode), (said.uid or 0) .. ':' .. (said.gid or 0), one.type)
        end",
    )
}

#[test]
fn from_a_page_to_a_root() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&["--system", "mine.lua"]).is(0);
    // What it depends on, and what it runs with, come along; the large set does not.
    assert_eq!(
        ids(&rig),
        [
            "high/app",
            "high/generator",
            "high/lib",
            "high/plugin",
            "low/skeleton"
        ]
    );
    finish(&rig, &[]).is(1).says("are not built\n");
    rig.build(&[]).is(0);
    finish(&rig, &[]).is(0);
    let all = packed(&rig);
    for line in [
        "usr/bin/app\t4755\t0:0\tfile",
        "usr/lib/libx.so.1\t777\t0:0\tlink",
        "usr/lib/libx.so.1.2\t644\t0:0\tfile",
        "usr/lib/plugin\t644\t0:0\tfile",
        "tmp\t1777\t0:0\tdir",
        "etc/shadow\t600\t0:0\tfile",
        "home/ann\t700\t1000:1000\tdir",
        "home/ann/.ssh\t700\t1000:1000\tdir",
        "home/ann/.ssh/authorized_keys\t600\t1000:1000\tfile",
        "root\t700\t0:0\tdir",
        "srv\t755\t0:0\tdir",
        "srv/of-ann\t640\t1000:1000\tfile",
        "srv/key\t644\t0:0\tfile",
        "etc/service/app/run\t755\t0:0\tfile",
        "etc/shells\t644\t0:0\tfile",
    ] {
        assert!(all.lines().any(|one| one == line), "no {line}\n{all}");
    }
    // Neither headers, archives, manuals, /opt, nor what was only needed to build it.
    for part in [
        "include",
        "libx.a",
        "libx.so\t",
        "share/man",
        "opt",
        "generator",
        "usr/local",
    ] {
        assert!(!all.contains(part), "{part}\n{all}");
    }
    let text = |name: &str| rig.text(&format!("got/{name}"));
    assert_eq!(text("etc/hostname"), "one\n");
    assert!(
        text("etc/passwd")
            .contains("\nappd:x:50:50:appd:/:/bin/false\nann:x:1000:1000:ann:/home/ann:/bin/sh\n")
    );
    assert!(text("etc/shadow").starts_with(&format!("root:{HASH}::0:::::\n")));
    assert!(text("etc/service/app/run").ends_with("\nexec chpst -u 'appd' '/usr/bin/app'\n"));
    rig.is_quiet();
}

#[test]
fn secrets_are_in_the_root_and_in_no_record() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&["--system", "mine.lua", "--output", "packed.tar"])
        .is(0);
    rig.build(&[]).is(0);
    finish(&rig, &[]).is(0);
    let keeper = rig.path("space/secrets.json");
    assert!(rig.text("space/secrets.json").contains(HASH));
    assert_eq!(
        std::fs::metadata(keeper).expect("it is there").mode() & 0o777,
        0o600
    );
    let key = crate::sha256(b"a key that nobody guesses\n");
    for name in [
        "plan.json",
        "command.json",
        "lock.json",
        "journal.jsonl",
        "finished/var/lib/bq/manifest.json",
        "finished/var/lib/bq/sbom.json",
    ] {
        let text = rig.text(&format!("space/{name}"));
        assert!(
            !text.contains("a.hash/of") && !text.contains(&key),
            "{name}"
        );
    }
    let packed = rig.read("packed.tar");
    assert!(!packed.windows(9).any(|bytes| bytes == b"a.hash/of"));
    let line = rig.lua(
        "local manifest = require('bq.json').decode(require('bq.fs').read 'space/finished/var/lib/bq/manifest.json')
        for _, one in ipairs(manifest.files) do
          if one.path == 'etc/shadow' or one.path == 'srv/key' then print(one.path, one.digest, one.size, one.secret) end
        end
        print(manifest.system.hostname, manifest.packages[3].name, manifest.packages[3].why[1].what)",
    );
    assert_eq!(
        line,
        "etc/shadow\tnil\t0\ttrue\nsrv/key\tnil\t0\ttrue\none\tlib\t/usr/bin/app needs libx.so.1\n"
    );
    // Nor does its digest tell.
    let root = "print(require('bq.json').decode(require('bq.fs').read 'space/finished/var/lib/bq/manifest.json').root)";
    let before = rig.lua(root);
    rig.write("own/srv/key", "another key\n");
    finish(&rig, &[]).is(0);
    assert_eq!(rig.lua(root), before);
    rig.write("own/srv/of-ann", "other\n");
    finish(&rig, &[]).is(0);
    assert_ne!(rig.lua(root), before);
}

#[test]
fn a_change_of_the_page_builds_no_package() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&["--system", "mine.lua"]).is(0);
    rig.build(&[]).is(0);
    finish(&rig, &[]).is(0);
    let one = rig.read("mine.tar");
    finish(&rig, &[]).is(0);
    assert!(
        rig.read("mine.tar") == one,
        "the same page gives the same bytes"
    );
    rig.replace("mine.lua", "\"one\"", "\"two\"");
    rig.build(&[])
        .is(0)
        .says("`mine.lua` was edited: making the plan again\n")
        .says("nothing to do: all 5 steps are in the store\n");
    finish(&rig, &[]).is(0);
    packed(&rig);
    assert_eq!(rig.text("got/etc/hostname"), "two\n");
    // `finish` alone notices it, too.
    rig.replace("mine.lua", "\"two\"", "\"three\"");
    finish(&rig, &[]).is(0);
    packed(&rig);
    assert_eq!(rig.text("got/etc/hostname"), "three\n");
    rig.replace("mine.lua", "\"three\"", "\"a_b\"");
    finish(&rig, &[])
        .is(1)
        .says("mine.lua:6: `hostname` is `a_b`");
}

#[test]
fn what_does_not_fit_is_named_before_there_is_a_root() {
    needs_namespaces!();
    let rig = rig();
    rig.replace(
        "mine.lua",
        "services = { app = true }",
        "services = { app = true, web = { run = { \"/usr/bin/web\" } } }, timezone = \"Europe/Berlin\"",
    );
    rig.replace(
        "mine.lua",
        "[\"/usr/bin/app\"] = \"4755\"",
        "[\"/usr/bin/apple\"] = \"4755\"",
    );
    rig.stage(&["--system", "mine.lua"]).is(0);
    rig.build(&[]).is(0);
    finish(&rig, &[])
        .is(1)
        .says("error: the system `mine` does not fit together\n")
        .says("  mine.lua:14: `modes./usr/bin/apple` names a path that is not in the root\n")
        .says("  mine.lua:16: `services.web.run` starts `/usr/bin/web`, which no package of the root has\n")
        .says("  mine.lua:16: `timezone` is `Europe/Berlin`, and no package of the root has that zone\n");
    // A file of its own where a package has another one: only if the page says so.
    rig.write("mine.lua", &PAGE.replace("HASH", HASH));
    rig.write("own/usr/lib/plugin", "mine\n");
    finish(&rig, &[])
        .is(1)
        .says("  /usr/lib/plugin: a file of `plugin 1` and of `the system `mine``: their content differs\n");
    rig.replace(
        "mine.lua",
        "secret =",
        "replaces = { \"/usr/lib/plugin\" }, secret =",
    );
    finish(&rig, &[]).is(0);
    packed(&rig);
    assert_eq!(rig.text("got/usr/lib/plugin"), "mine\n");
    // A plan that somebody changed.
    let plan = rig.text("space/plan.json");
    rig.write(
        "space/plan.json",
        &plan.replace("\"fstab\": []", "\"fstab\": [1]"),
    );
    let entered = rig.run(&["enter", "--workspace", "space", "--", "/bin/run"]);
    entered
        .is(1)
        .says("error: the plan holds what cannot be in it\n  `system.fstab[1]` is a number, expected a table\n");
    rig.write("space/plan.json", &plan);
    // A library that nobody has.
    rig.replace(
        "packages/app.lua",
        "elf { \"libx.so.1\" }",
        "elf { \"libx.so.1\", \"libgone.so\" }",
    );
    rig.build(&[]).is(0);
    finish(&rig, &[])
        .is(1)
        .says("  /usr/bin/app (app) needs `libgone.so`\n");
}

#[test]
fn what_was_asked_for_stays_until_something_else_is() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&["--set", "small"]).is(0);
    assert_eq!(ids(&rig), ["low/skeleton"]);
    // The default is the large set.
    let again = rig.stage(&[]).is(0);
    assert!(!again.err.contains("the last time"), "{}", again.err);
    assert_eq!(ids(&rig), ["low/skeleton"]);
    rig.stage(&["--with", "lib"])
        .is(0)
        .says("this workspace was asked for no --with the last time, and now for --with lib; what stays is --set small\n");
    assert_eq!(ids(&rig), ["high/lib", "low/skeleton"]);
    rig.stage(&["--system", "mine.lua"])
        .is(0)
        .says("asked for --set small the last time, and now for --system ");
    assert_eq!(ids(&rig).len(), 5);
    rig.stage(&["--set", "large"])
        .is(0)
        .says("/mine.lua the last time, and now for --set large;");
    assert_eq!(ids(&rig), ["high/hours", "high/lib", "low/skeleton"]);
    rig.stage(&["--with="]).is(0).says(
        "asked for --with lib the last time, and now for no --with; what stays is --set large\n",
    );
    assert_eq!(ids(&rig), ["high/hours", "low/skeleton"]);
    rig.stage(&["--set", "small", "--system", "mine.lua"])
        .is(2)
        .says("error: `--set` and `--system`: only one of them\n");
}

#[test]
fn a_package_can_be_entered_with_what_it_needs() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&["--set", "small", "--with", "app,run"]).is(0);
    rig.build(&[]).is(0);
    let enter = ["enter", "--workspace", "space"];
    let inside = ["--", "/bin/run"];
    assert_eq!(
        rig.run(&[&enter, inside.as_slice()].concat()).status,
        Some(7)
    );
    assert_eq!(
        rig.run(&[&enter, ["--system"].as_slice(), &inside].concat())
            .status,
        Some(7)
    );
    let staged = rig.run(&[&enter, ["--staged"].as_slice(), &inside].concat());
    assert_eq!(staged.status, Some(127), "{}", staged.err);
    let why = rig
        .run(&["status", "--workspace", "space", "--why", "lib"])
        .is(0);
    assert_eq!(
        why.out,
        "high/lib 1 is built: app depends on it\nit is in the root:\n  app: /usr/bin/app needs libx.so.1\n"
    );
    rig.run(&["status", "--workspace", "space", "--why", "generator"])
        .is(0)
        .says("it is not in the root: nobody asked for it, and no file of the root needs it\n");
    rig.run(&["status", "--workspace", "space", "--why", "lip"])
        .is(2)
        .says("hint: did you mean `--why lib`?\n");
    finish(&rig, &[]).is(0);
    let all = packed(&rig);
    assert!(
        all.contains("usr/bin/app\t755") && all.contains("usr/lib/libx.so.1\t"),
        "{all}"
    );
    assert!(!all.contains("generator") && !all.contains("opt"), "{all}");
    // An image of it has bq and its record besides.
    rig.run(&[
        "build_qcow2",
        "--workspace",
        "space",
        "--output",
        "mine.tar.gz",
    ])
    .is(0);
    let image = rig.lua(
        "for _, one in ipairs(require('bq.archive').list 'mine.tar.gz') do print(one.path) end",
    );
    for path in [
        "usr/bin/app",
        "usr/bin/run",
        "usr/lib/libx.so.1",
        "usr/local/bin/bq",
        "var/lib/bq/plan.json",
    ] {
        assert!(image.lines().any(|line| line == path), "{path}\n{image}");
    }
    assert!(
        !image.contains("usr/bin/generator") && !image.contains("usr/include"),
        "{image}"
    );
    // In a phase whose packages do not see each other it is refused at once.
    rig.stage(&["--with", "app@low"])
        .is(1)
        .says("`app` depends on `lib`, and packages of phase `low` do not see each other");
}

#[test]
fn one_command_makes_an_image_and_goes_on_where_it_was() {
    needs_namespaces!();
    let rig = rig();
    rig.replace(
        "mine.lua",
        "ntp = false,",
        "ntp = false,\n  container = { entrypoint = { \"/usr/bin/app\" } },",
    );
    let image_of = |output: &str| {
        rig.run(&[
            "make",
            "mine.lua",
            "--plan",
            "plan.lua",
            "--workspace",
            "space",
            "--mirror",
            "mirror",
            "--offline",
            "--output",
            output,
        ])
    };
    rig.recipe("plugin", "install = function() error 'not yet' end");
    let failed = image_of("mine.oci.tar")
        .is(1)
        .says("not yet")
        .says("`coordinator` failed; when that is mended, the same command goes on from there\n");
    rig.recipe("plugin", r#"files = { ["/usr/lib/plugin"] = "x\n" }"#);
    let made = image_of("mine.oci.tar")
        .is(0)
        .says("made mine.oci.tar of mine.lua in ");
    // What was done before the failure is not built again; which steps those are differs.
    let done = failed.done();
    let started = made.started();
    assert!(
        done.len() + started.len() == 5 && !done.is_empty(),
        "{done:?} {started:?}"
    );
    assert!(
        started.contains(&"high/plugin 1: it failed the last time".to_owned()),
        "{started:?}"
    );
    assert!(
        !done.iter().any(|id| started
            .iter()
            .any(|line| line.starts_with(&format!("{id} ")))),
        "{done:?} {started:?}"
    );
    let one = rig.read("mine.oci.tar");
    image_of("mine.oci.tar")
        .is(0)
        .says("nothing to do: all 5 steps are in the store\n");
    assert!(
        rig.read("mine.oci.tar") == one,
        "the same page gives the same bytes"
    );
    // What the page says of accounts is in it, and no record of how it was built.
    let files = rig.lua(
        "local archive, json = require 'bq.archive', require 'bq.json'
        local function blob(name) return archive.read('mine.oci.tar', 'blobs/sha256/' .. name:match '[^:]+$') end
        local index = json.decode(archive.read('mine.oci.tar', 'index.json'))
        local manifest = json.decode(blob(index.manifests[1].digest))
        require('bq.fs').write('layer.tar.gz', blob(manifest.layers[1].digest))
        for _, one in ipairs(archive.list 'layer.tar.gz') do print(one.path, ('%o'):format(one.mode)) end
        print(json.decode(blob(manifest.config.digest)).config.Entrypoint[1])",
    );
    assert!(
        files.contains("etc/shadow\t600\n") && files.ends_with("/usr/bin/app\n"),
        "{files}"
    );
    assert!(
        files.contains("var/lib/bq/image.json") && !files.contains("plan.json"),
        "{files}"
    );
    // An image is made of the root as the page says it now.
    rig.replace("mine.lua", "\"one\"", "\"two\"");
    rig.stage(&[]).is(0);
    let image = [
        "build_qcow2",
        "--workspace",
        "space",
        "--output",
        "mine.oci.tar",
    ];
    rig.run(&image)
        .is(1)
        .says("error: the finished root is not that of the system `mine` as it is now\n");
    finish(&rig, &["--tree"]).is(0);
    rig.run(&image).is(0);
    assert!(rig.read("mine.oci.tar") != one);
    // What a format cannot hold is said before anything is planned.
    rig.replace(
        "mine.lua",
        "ntp = false,",
        "ntp = false,\n  disk = { partitions = { { mount = \"/data\", size = \"40M\" } } },",
    );
    image_of("mine.oci.tar")
        .is(1)
        .says("error: format `oci` cannot hold the partitions of the system\n");
    assert!(!rig.text("space/plan.json").contains("/data"));
    image_of("mine.xyz")
        .is(2)
        .says("error: `--output mine.xyz`: its name says no format\n");
    rig.is_quiet();
}
