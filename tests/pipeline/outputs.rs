//! What bq does with installed files: what it changes, what it leaves alone, and what it refuses.

use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::{Left, Rig, names, needs_namespaces};

/// A workspace with one package under test; the other packages are correct.
fn building(recipe: &str) -> (Rig, Left) {
    let rig = Rig::new();
    rig.recipe("alone", recipe);
    let left = built(&rig);
    (rig, left)
}

fn built(rig: &Rig) -> Left {
    rig.stage(&[]).is(0);
    rig.build(&[])
}

/// A recipe with these lines of Lua as its `install`, and these further fields.
fn installing(body: &str, more: &str) -> String {
    format!("install = function(b) {body} end, {more}")
        .trim_end_matches(", ")
        .to_owned()
}

fn mode(path: &Path) -> u32 {
    let meta = path.symlink_metadata().expect("it is there");
    meta.permissions().mode() & 0o7777
}

/// The attributes of a stored output, as its record has them.
fn attributes(rig: &Rig, step: &str) -> serde_json::Value {
    let meta = std::fs::read(rig.stored(step).join("meta.json")).expect("it is there");
    let meta: serde_json::Value = serde_json::from_slice(&meta).expect("it is JSON");
    meta["attributes"].clone()
}

#[test]
fn modes_are_those_that_were_installed() {
    needs_namespaces!();
    let files = [
        ("private", 0o600),
        ("sudoers", 0o440),
        ("shared", 0o664),
        ("program", 0o511),
        ("folder", 0o700),
        ("tmp", 0o1777),
    ];
    let mut body = "b:write(b.dest .. '/opt/alone', 'alone') ".to_owned();
    for (name, mode) in files {
        let make = if name == "folder" || name == "tmp" {
            format!("b:mkdir(b.dest .. '/opt/{name}')")
        } else {
            format!("b:write(b.dest .. '/opt/{name}', '{name}')")
        };
        write!(body, "{make} b:chmod(b.dest .. '/opt/{name}', {mode}) ")
            .expect("a string takes all");
    }
    let rig = Rig::new();
    rig.recipe("alone", &installing(&body, ""));
    rig.stage(&[]).is(0);
    // With any umask of the user.
    let mut command = rig.command(&["coordinator", "--workspace", "space"]);
    // SAFETY: umask is safe to call between fork and exec.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
            Ok(())
        });
    }
    let left: Left = command.output().expect("bq runs").into();
    left.is(0);
    let opt = rig.stored("low/alone").join("output/opt");
    for (name, wanted) in files {
        assert_eq!(mode(&opt.join(name)), wanted, "{name}");
    }
    assert_eq!(mode(&opt), 0o755);
    // The same holds for modes that only the umask decides.
    assert_eq!(mode(&rig.stored("low/base").join("output/opt/base")), 0o644);
}

#[test]
fn no_file_of_the_store_is_set_id_or_unreadable() {
    needs_namespaces!();
    let body = "for name, mode in pairs { su = '4755', hidden = '0', wall = '2111' } do
      b:write(b.dest .. '/opt/' .. name, name) b:chmod(b.dest .. '/opt/' .. name, tonumber(mode, 8)) end
      b:mkdir(b.dest .. '/opt/games') b:chmod(b.dest .. '/opt/games', tonumber('2775', 8))
      b:mkdir(b.dest .. '/opt/shut') b:write(b.dest .. '/opt/shut/in', 'x') b:chmod(b.dest .. '/opt/shut', 0)
      b:write(b.dest .. '/opt/alone', 'alone')";
    let (rig, left) = building(&installing(body, ""));
    left.is(0);
    let opt = rig.stored("low/alone").join("output/opt");
    for (name, wanted) in [
        ("su", 0o755),
        ("hidden", 0o400),
        ("wall", 0o511),
        ("games", 0o775),
        ("shut", 0o700),
    ] {
        assert_eq!(mode(&opt.join(name)), wanted, "{name}");
    }
    assert_eq!(
        attributes(&rig, "low/alone"),
        serde_json::json!({
            "opt/su": { "mode": 0o4755 }, "opt/hidden": { "mode": 0 }, "opt/wall": { "mode": 0o2111 },
            "opt/games": { "mode": 0o2775 }, "opt/shut": { "mode": 0 },
        })
    );
    rig.run(&["verify", "--workspace", "space", "--store"])
        .is(0);
    // They are part of the output's digest.
    let before = rig.outputs();
    rig.replace("packages/alone.lua", "4755", "755");
    rig.build(&[]).is(0);
    assert_ne!(rig.outputs()["low/alone"], before["low/alone"]);
}

#[test]
fn a_recipe_says_owners_modes_and_capabilities() {
    needs_namespaces!();
    let body = "for _, name in ipairs { 'ping', 'mail', 'alone' } do b:write(b.dest .. '/opt/' .. name, name) end";
    let fields = "owners = { ['/opt/mail'] = 'root:tty', ['/opt/ping'] = '7' }, modes = { ['/opt/mail'] = '2755' },
      capabilities = { ['/opt/ping'] = 'cap_net_raw=ep' }";
    let (rig, left) = building(&installing(body, fields));
    left.is(0);
    assert_eq!(
        attributes(&rig, "low/alone"),
        serde_json::json!({
            "opt/mail": { "uid": 0, "gid": 5, "mode": 0o2755 },
            "opt/ping": { "uid": 7, "gid": 0, "capabilities": "0100000200200000000000000000000000000000" },
        })
    );
    let mail = rig.stored("low/alone").join("output/opt/mail");
    assert_eq!(mode(&mail), 0o644);
    assert_eq!(mail.metadata().expect("it is there").gid(), {
        nix::unistd::getegid().as_raw()
    });
    // Impossible attributes are errors, before anything is built or at the step.
    for (old, new, says) in [
        (
            "cap_net_raw=ep",
            "cap_net_rew=ep",
            "`capabilities`: there is no capability `cap_net_rew`",
        ),
        (
            "'2755'",
            "'rwx'",
            "`modes`: `rwx` is no mode such as `4755`",
        ),
        (
            "root:tty",
            "root:mail:x",
            "`owners`: `root:mail:x` is not of the form `user:group`",
        ),
        (
            "root:tty",
            "root:games",
            "`owners` gives `/opt/mail` to group `games`, which the root does not have",
        ),
        (
            "['/opt/ping'] = '7'",
            "['/opt/pong'] = '7'",
            "  /opt/pong: is in `owners`, and was not installed",
        ),
    ] {
        rig.replace("packages/alone.lua", old, new);
        rig.build(&[]).is(1).says(says);
        rig.replace("packages/alone.lua", new, old);
    }
}

/// Lua code that runs as a program of the step.
fn program(code: &str) -> String {
    format!("b:run {{ '/proc/self/exe', '-e', [[local fs = require 'bq.fs' {code}]] }} ")
}

#[test]
fn a_note_belongs_to_its_file() {
    needs_namespaces!();
    let body = "for _, name in ipairs { 'moved', 'linked', 'gone', 'plain', 'alone' } do
        b:write(b.dest .. '/opt/' .. name, name) b:chmod(b.dest .. '/opt/' .. name, '4755') end
      b:write(b.build .. '/elsewhere', 'x') b:chmod(b.build .. '/elsewhere', '2755')
      b:write(b.dest .. '/opt/new', 'x', '4711') "
        .to_owned()
        + &program(
            "fs.mkdir '/bq/dest/opt/deep' fs.rename('/bq/dest/opt/moved', '/bq/dest/opt/deep/er')
            fs.link('/bq/dest/opt/linked', '/bq/dest/opt/other') fs.remove '/bq/dest/opt/gone'
            fs.chmod('/bq/dest/opt/plain', 493) fs.rename('/bq/dest/opt/new', '/bq/dest/opt/su')
            for index = 1, 20 do fs.write('/bq/dest/opt/more' .. index, 'x', { sync = false }) end",
        );
    let (rig, left) = building(&installing(&body, ""));
    left.is(0);
    assert_eq!(
        attributes(&rig, "low/alone"),
        serde_json::json!({
            "opt/deep/er": { "mode": 0o4755 }, "opt/linked": { "mode": 0o4755 }, "opt/other": { "mode": 0o4755 },
            "opt/alone": { "mode": 0o4755 }, "opt/su": { "mode": 0o4711 },
        })
    );
}

#[test]
fn what_loses_a_set_id_bit_is_refused() {
    needs_namespaces!();
    let write = "b:write(b.dest .. '/opt/alone', 'alone') ";
    for (body, says) in [
        (
            // As tools that write a new file and rename it.
            "b:chmod(b.dest .. '/opt/alone', '4755') b:replace(b.dest .. '/opt/alone', 'alone', 'another')",
            "  /opt/alone: `/bq/dest/opt/alone` was made set-id, and this is a copy or took its place, which does not keep it\n",
        ),
        (
            "b:write(b.build .. '/alone', 'x') b:chmod(b.build .. '/alone', '2755') b:remove(b.dest .. '/opt/alone')
            b:copy(b.build .. '/alone', b.dest .. '/opt/alone')",
            "  /opt/alone: `/bq/build/alone` was made set-id, and this is",
        ),
        (
            "b:mkdir(b.build .. '/stage/opt/games') b:chmod(b.build .. '/stage/opt/games', '2775')
            b:copy(b.build .. '/stage/opt/games', b.dest .. '/opt/games')",
            "  /opt/games: `/bq/build/stage/opt/games` was made set-id, and this is",
        ),
    ] {
        let (rig, left) = building(&installing(&format!("{write}{body}"), ""));
        left.is(1)
            .says("caused by: the output is refused: one thing is wrong\n")
            .says(says)
            .says("say so there: `modes = { [\"PATH\"] = \"4755\" }`\n");
        // The recipe says it, one way or the other.
        let fields = "modes = { ['/opt/alone'] = '4755', ['/opt/games'] = '0755' }";
        let make = "b:mkdir(b.dest .. '/opt/games') ";
        let body = body.replace("b:copy(b.build .. '/stage/opt/games', b.dest .. '/opt/games')", "");
        rig.recipe("alone", &installing(&format!("{write}{make}{body}"), fields));
        rig.build(&[]).is(0);
        assert_eq!(
            attributes(&rig, "low/alone"),
            serde_json::json!({ "opt/alone": { "mode": 0o4755 }, "opt/games": { "mode": 0o755 } })
        );
    }
}

#[test]
fn a_step_that_fails_for_set_id_bits_is_told_the_field() {
    needs_namespaces!();
    let look = program(
        "fs.write('/bq/dest/opt/alone', 'x', { sync = false }) fs.chmod('/bq/dest/opt/alone', 2541)
        os.exit(fs.stat('/bq/dest/opt/alone').mode == 2541 and 0 or 3)",
    );
    let (_, left) = building(&installing(
        &format!("b:mkdir(b.dest .. '/opt') {look}"),
        "",
    ));
    left.is(1)
        .says("it ended with status 3")
        .says("hint: `/bq/dest/opt/alone` was made set-id, which is recorded and does not show")
        .says("say it in the recipe: `modes = { [\"/opt/alone\"] = \"4755\" }`\n");
    // Other failures are not explained so.
    let (_, left) = building(&installing(&program("os.exit(3)"), ""));
    let left = left.is(1).says("it ended with status 3");
    assert!(!left.err.contains("set-id"), "{}", left.err);
}

/// A program in the place of `strip`: it writes one word, and fails at a file of the name `bad`.
const STRIP: &str = "#!/proc/self/exe
local fs, output = require 'bq.fs', arg[#arg]
for index, word in ipairs(arg) do output = word == '-o' and arg[index + 1] or output end
fs.write(output, 'stripped', { sync = false })
if arg[#arg]:find 'bad$' then os.exit(1) end
";

#[test]
fn only_what_is_ours_is_stripped() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.write("seed/usr/local/bin/fake-strip", STRIP);
    std::fs::set_permissions(
        rig.path("seed/usr/local/bin/fake-strip"),
        PermissionsExt::from_mode(0o755),
    )
    .expect("it is ours");
    rig.lua(
        "require('bq.archive').pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }",
    );
    rig.recipe(
        "alone",
        r#"env = { STRIP = "/usr/local/bin/fake-strip" }, keep = { "/opt/kept", "/opt/before" }, install = function(b)
    local program = b:read "/proc/self/exe"
    -- The header and what it counts; of its machine, another, or none; e_type and e_machine stand at 16 and 18.
    local function elf(kind, machine)
      return program:sub(1, 16) .. string.char(kind, 0, machine, 0) .. program:sub(21, 32) .. ("\0"):rep(8 + 8 + 4)
        .. "\64\0" .. ("\0"):rep(10)
    end
    local ours, other = b.arch == "x86_64" and 62 or 183, b.arch == "x86_64" and 183 or 62
    local function archive(...)
      local text = "!<arch>\n"
      for _, member in ipairs { ... } do
        text = text .. ("%-16s%-12d%-6d%-6d%-8s%-10d`\n"):format("member/", 0, 0, 0, "100644", #member) .. member .. (#member % 2 == 1 and "\n" or "")
      end
      return text
    end
    local object = elf(1, ours)
    local all = {
      program = program, bad = program, kept = program, appended = program .. "and a payload",
      foreign = elf(2, other), object = object, ["lib.a"] = archive(object, object), ["foreign.a"] = archive(object, elf(1, other)),
      ["package.deb"] = archive("2.0\n", "a control file", "data"), ["broken"] = "\127ELF\2\1" .. ("x"):rep(100),
      ["data.a"] = "!<arch>\nwhatever", alone = "alone",
    }
    for name, content in pairs(all) do
      b:write(b.dest .. "/opt/" .. name, content, tonumber("751", 8))
      b:write(b.dest .. "/opt/before/" .. name, content)
    end
    b:chmod(b.dest .. "/opt/program", "4751")
  end"#,
    );
    rig.replace("packages/alone.lua", "strip = false,", "");
    built(&rig).is(0);
    let opt = rig.stored("low/alone").join("output/opt");
    let mut changed = Vec::new();
    // It is still the file that was installed.
    assert_eq!(
        attributes(&rig, "low/alone"),
        serde_json::json!({ "opt/program": { "mode": 0o4751 } })
    );
    for name in names(&opt) {
        if name != "before" {
            let content = std::fs::read(opt.join(&name)).expect("it is there");
            let before = std::fs::read(opt.join("before").join(&name)).expect("so too");
            assert_eq!(mode(&opt.join(&name)), 0o751, "{name}");
            if content != before {
                assert_eq!(content, b"stripped", "{name}");
                changed.push(name);
            }
        }
    }
    assert_eq!(changed, ["lib.a", "program"]);
}

#[test]
fn libtool_files_of_libraries_go_and_others_stay() {
    needs_namespaces!();
    let body = "local head = '# %s - a libtool library file\\n# Generated by libtool\\ndlname=\\'\\'\\nshouldnotlink=%s\\n'
      b:write(b.dest .. '/opt/libx.la', head:format('libx.la', 'no'))
      b:write(b.dest .. '/opt/plugin.la', head:format('plugin.la', 'yes'))
      b:write(b.dest .. '/opt/kept.la', head:format('kept.la', 'no'))
      b:write(b.dest .. '/opt/stop.la', 'le la les\\n')
      b:write(b.dest .. '/opt/alone', 'alone')";
    let (rig, left) = building(&installing(body, "keep = { '/opt/kept.la' }"));
    left.is(0);
    assert_eq!(
        names(&rig.stored("low/alone").join("output/opt")),
        ["alone", "kept.la", "plugin.la", "stop.la"]
    );
}

#[test]
fn a_step_that_installs_elsewhere_or_nothing_is_refused() {
    needs_namespaces!();
    // A makefile without DESTDIR does this.
    let body = "b:write('/usr/bin/tool', 'x') b:write('/etc/seed', 'changed') b:remove '/usr/local/bin/fake'
      b:write('/var/tmp/scratch', 'x') b:write(b.env.HOME .. '/.cache/x', 'x')";
    let rig = Rig::new();
    rig.write("seed/usr/local/bin/fake", "");
    rig.lua(
        "require('bq.archive').pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }",
    );
    rig.recipe("alone", &installing(body, ""));
    built(&rig)
        .is(1)
        .says("caused by: the output is refused: 4 things are wrong\n")
        .says("  /: nothing was installed: `install` has to put files below `b.dest` (`DESTDIR`)\n")
        .says("  /etc/seed: was changed in the step's root, outside `b.dest`, and would be lost\n")
        .says("  /usr/bin: was made in the step's root, outside `b.dest`, and would be lost\n")
        .says("  /usr/local/bin/fake: was removed in the step's root, outside `b.dest`, and would be lost\n")
        .says("say so there: `may_be_empty = true`, `may_write = { \"PATH\" }`\n");
    // A recipe can allow it.
    let fields =
        "may_be_empty = true, may_write = { '/etc/seed', '/usr/bin', '/usr/local/bin/fake' }";
    rig.recipe("alone", &installing(body, fields));
    rig.replace("packages/final.lua", " .. b:read \"/opt/alone\"", "");
    rig.build(&[]).is(0);
    // Opening a file for writing changes nothing.
    rig.recipe(
        "alone",
        &installing(
            "b:run { '/proc/self/exe', '-e', [[assert(io.open('/etc/seed', 'r+')):close()]] } b:write(b.dest .. '/opt/alone', 'x')",
            "",
        ),
    );
    rig.build(&[]).is(0);
}

#[test]
fn what_names_the_build_is_refused() {
    needs_namespaces!();
    let body = r##"b:write(b.dest .. "/opt/x.pc", "name: x\nprefix=" .. b.dest .. "/opt\n")
      b:write(b.dest .. "/opt/script", "#!" .. b.build .. "/lua\n")
      b:write(b.dest .. "/opt/binary", "\0assert in " .. b.src .. "/x.c\0")
      b:symlink(b.dest .. "/opt/x.pc", b.dest .. "/opt/link")
      b:write(b.dest .. "/opt/alone", "see /bq/home")"##;
    let (rig, left) = building(&installing(body, "may_name = { '/opt/alone' }"));
    left.is(1)
        .says("caused by: the output is refused: 3 things are wrong\n")
        .says("  /opt/link: leads to `/bq/dest/opt/x.pc`\n")
        .says("  /opt/script: names `/bq/build`: `#!/bq/build/lua`\n")
        .says("  /opt/x.pc: names `/bq/dest`: `prefix=/bq/dest/opt`\n")
        .says("where it is meant, say so there: `may_name = { \"PATH\" }`\n");
    rig.is_quiet();
}

#[test]
fn what_no_tree_can_hold_is_refused() {
    needs_namespaces!();
    let body = r#"b:write(b.dest .. "/opt/caf\xe9", "x") b:symlink("\xff", b.dest .. "/opt/link") b:write(b.dest .. "/opt/alone", "x")"#;
    let (_, left) = building(&installing(body, ""));
    left.is(1)
        .says("error: low/alone failed")
        .says("  /opt/caf\\xe9: its name is not UTF-8\n")
        .says("  /opt/link: leads to `\\xff`, which is not UTF-8\n");
}

#[test]
fn every_root_has_accounts_hosts_and_the_usual_tools() {
    needs_namespaces!();
    let rig = Rig::new();
    let look = |name: &str| {
        format!(
            "env = {{ CC = \"x-clang\", AR = \"ar\", LD = \"ld.lld -v\" }}, may_name = {{ \"/opt/{name}\" }}, install = function(b)
    local text = b.env.PATH .. \"\\n\"
    for _, path in ipairs {{ \"/etc/hosts\", \"/etc/passwd\", \"/etc/group\", \"/bq/bin/cc\", \"/bq/bin/ld\" }} do
      text = text .. b:read(path)
    end
    -- What is called by its usual name needs no other.
    text = text .. table.concat(b:list \"/bq/bin\", \" \") .. \"\\n\"
    b:write(b.dest .. \"/opt/{name}\", text)
  end"
        )
    };
    rig.recipe("alone", &look("alone"));
    rig.recipe("base", &look("base"));
    // If the root has such a file, it stays.
    rig.write("seed/etc/passwd", "own:x:0:0::/:\n");
    rig.lua(
        "require('bq.archive').pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }",
    );
    rig.replace(
        "plan.lua",
        "{ \"base\", \"lib\", \"app\", \"alone\" }",
        "{ \"alone\" }",
    );
    rig.replace("plan.lua", "{ \"final\" }", "{ \"base\" }");
    built(&rig).is(0);
    let rest = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n#!/bin/sh\nexec x-clang \"$@\"\n#!/bin/sh\nexec ld.lld -v \"$@\"\ncc ld\n";
    let hosts = "/usr/local/bin:/bq/bin\n127.0.0.1 localhost bq\n::1 localhost\n";
    let own = rig.stored("low/alone").join("output/opt/alone");
    assert_eq!(
        std::fs::read_to_string(own).expect("it is there"),
        format!("{hosts}own:x:0:0::/:\n{rest}")
    );
    // A phase that does not depend on the seed.
    let plain = rig.stored("high/base").join("output/opt/base");
    assert_eq!(
        std::fs::read_to_string(plain).expect("it is there"),
        format!(
            "{hosts}root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n{rest}"
        )
    );
}

#[test]
fn two_packages_that_differ_at_a_path_are_both_named() {
    needs_namespaces!();
    let rig = Rig::new();
    let other = |more: &str| {
        rig.recipe(
            "alone",
            &format!(
                "depends = {{ \"base\" }}, files = {{ [\"/opt/alone\"] = \"alone\\n\", {more} }}"
            ),
        );
    };
    for (more, says) in [
        (
            r#"["/opt/base"] = "other\n""#,
            "  /opt/base: a file of `base 1` and of `alone 1`: their content differs\n",
        ),
        (
            r#"["/opt/base/in"] = "x\n""#,
            "  /opt/base: a file of `base 1` and a folder of `alone 1`\n",
        ),
    ] {
        other(more);
        built(&rig)
            .is(1)
            .says("error: low/alone failed")
            .says(says)
            .says("gives way: `yields = { \"PATH\" }`");
    }
    // The same content is no conflict.
    other(r#"["/opt/base"] = "base\n""#);
    rig.build(&["--keep-going"]).is(0);
    std::fs::remove_dir_all(rig.stored("high/final")).expect("it is ours");
    // A path that yields is replaced in every root, also if its package comes last by name.
    other(r#"["/opt/base"] = "other\n""#);
    rig.replace(
        "packages/alone.lua",
        "depends =",
        "yields = { \"/opt/b*\" }, depends =",
    );
    rig.replace(
        "packages/final.lua",
        "b:read \"/opt/app\"",
        "b:read \"/opt/base\"",
    );
    rig.build(&[]).is(0);
    let text = std::fs::read_to_string(rig.stored("high/final").join("output/usr/final"));
    assert_eq!(text.expect("it is there"), "base\nalone\n");
    std::fs::remove_dir_all(rig.stored("high/final")).expect("it is ours");
    rig.replace("packages/alone.lua", "yields = { \"/opt/b*\" }, ", "");
    rig.replace(
        "packages/base.lua",
        "files =",
        "yields = { \"/opt/base\" }, files =",
    );
    rig.build(&[]).is(0);
    let text = std::fs::read_to_string(rig.stored("high/final").join("output/usr/final"));
    assert_eq!(text.expect("it is there"), "other\nalone\n");
}

/// Sets an extended attribute if the file system and the user's rights allow it.
fn set_xattr(path: &Path, name: &std::ffi::CStr, value: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("no zero");
    // SAFETY: C strings, and a value of the length that is said.
    let set = unsafe {
        nix::libc::lsetxattr(
            path.as_ptr(),
            name.as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    set == 0
}

#[test]
fn nothing_of_the_workspaces_own_folders_is_in_an_output() {
    needs_namespaces!();
    let (plain, rig) = (Rig::new(), Rig::new());
    for one in [&plain, &rig] {
        one.stage(&[]).is(0);
    }
    // Set-group-id, of another group where that can be, and with a default ACL: user rwx, a second user rwx, others none.
    for folder in ["space", "space/build", "space/store"] {
        let path = rig.path(folder);
        if crate::support::is_root() {
            std::os::unix::fs::chown(&path, None, Some(12345)).expect("root can");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o2775)).expect("it is ours");
        let mut acl = vec![2_u8, 0, 0, 0];
        for (tag, bits, id) in [
            (1_u16, 7_u16, u32::MAX),
            (2, 7, 4321),
            (4, 7, u32::MAX),
            (16, 7, u32::MAX),
            (32, 0, u32::MAX),
        ] {
            acl.extend(tag.to_le_bytes());
            acl.extend(bits.to_le_bytes());
            acl.extend(id.to_le_bytes());
        }
        set_xattr(&path, c"system.posix_acl_default", &acl);
        set_xattr(&path, c"user.own", b"ours");
    }
    // A step also sees the same in its own folders.
    let look = "install = function(b)
    local text = ''
    b:mkdir(b.dest .. '/opt/folder')
    for _, path in ipairs { '/', '/bq', b.src, b.build, b.dest, b.env.HOME, b.dest .. '/opt/folder' } do
      local stat = b:stat(path)
      text = text .. ('%s %o %d\\n'):format((path:gsub('/', ' ')), stat.mode, stat.gid)
    end
    b:write(b.dest .. '/opt/alone', text)
  end";
    for one in [&plain, &rig] {
        one.recipe("alone", look);
        one.build(&[]).is(0);
    }
    let text = |rig: &Rig| {
        std::fs::read_to_string(rig.stored("low/alone").join("output/opt/alone"))
            .expect("it is there")
    };
    assert!(text(&rig).contains(" bq dest 755 0\n"), "{}", text(&rig));
    assert_eq!(rig.outputs(), plain.outputs());
    let folder = rig.stored("low/alone").join("output/opt/folder");
    assert_eq!(mode(&folder), 0o755);
}
