//! The finished root: what it contains, what it must not contain, and that it can build itself again.

use crate::{Rig, needs_namespaces, sha256};

/// A lower phase that the finished root must not name, and an upper phase that it consists of.
fn rig() -> Rig {
    let rig = Rig::new();
    rig.replace(
        "plan.lua",
        "sets = { core = { \"core\" } },",
        "sets = { core = { \"core\" } }, sysroot = \"/opt/tools\", finish = { core = { \"high\" } },",
    );
    rig.replace(
        "plan.lua",
        "packages = { core = { \"final\" } }",
        "packages = { core = { \"root\", \"final\" } }",
    );
    rig.recipe(
        "root",
        "folders = { \"/proc\", \"/tmp\", \"/dev\" }, files = { [\"/etc/name\"] = \"finished\\n\", [\"/etc/shared\"] = \"root\\n\", \
         [\"/usr/dev/a.h\"] = \"a\\n\", [\"/usr/dev/b/c.h\"] = \"c\\n\", [\"/usr/libx.a\"] = \"x\\n\", [\"/usr/libx.so\"] = \"x\\n\" }, \
         leave_out = { \"/usr/dev\", \"/usr/lib*.a\" }",
    );
    rig.recipe(
        "final",
        "depends = { \"root\" }, source = { { url = \"http://127.0.0.1:1/lib-1.tar.gz\", sha256 = \"SOURCE\" } }, \
         install = function(b) \
           b:write(b.dest .. \"/usr/final\", b:read(b.src .. \"/data\") .. b:read \"/etc/name\" .. b:read \"/usr/libx.a\") \
           b:write(b.dest .. \"/etc/shared\", \"root\\n\") \
           b:install(b.src .. \"/data\", \"/usr/one\") b:install(b.src .. \"/data\", \"/usr/two\") \
           b:install(b.src .. \"/data\", \"/usr/text\", 420) \
           b:symlink(\"final\", b.dest .. \"/usr/link\") \
         end",
    );
    let source = sha256(&rig.read("mirror/lib-1.tar.gz"));
    rig.replace("packages/final.lua", "SOURCE", &source);
    rig
}

fn finish(rig: &Rig, more: &[&str]) -> crate::Left {
    rig.run(&[&["finish", "--workspace", "space"], more].concat())
}

/// The value of a Lua expression over the metadata files of the finished root.
fn paper(rig: &Rig, name: &str, code: &str) -> String {
    rig.lua(&format!(
        "local paper = require('bq.json').decode(require('bq.fs').read 'space/finished/var/lib/bq/{name}.json') {code}"
    ))
}

#[test]
fn holds_what_was_built_and_its_metadata_files() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&[]).is(0);
    finish(&rig, &["--output", "rootfs.tar.gz"])
        .is(1)
        .says("error: `high/final`, `high/root` are not built\nhint: build it: `bq scripts/coordinator.lua --workspace ");
    rig.build(&[]).is(0);
    finish(&rig, &["--output", "rootfs.tar.gz"]).is(0);
    let files = rig.lua(
        "for _, one in ipairs(require('bq.archive').list 'rootfs.tar.gz') do \
           if not one.path:find '^usr/local/.' and one.type ~= 'dir' then \
             print(one.path .. (one.type == 'hardlink' and ' -> ' .. one.target or '')) end end",
    );
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        [
            "etc/name",
            "etc/shared",
            "usr/final",
            "usr/libx.so",
            "usr/link",
            "usr/one",
            "usr/text",
            "usr/two -> usr/one",
            "var/lib/bq/lock.json",
            "var/lib/bq/manifest.json",
            "var/lib/bq/plan.json",
            "var/lib/bq/sbom.json",
            &format!(
                "var/lib/bq/sources/{}-lib-1.tar.gz",
                &sha256(&rig.read("mirror/lib-1.tar.gz"))[..16]
            ),
        ]
    );
    let owners = paper(
        &rig,
        "manifest",
        "for _, one in ipairs(paper.files) do \
           if one.type ~= 'dir' and one.package ~= 'bq' then print(one.path, one.package, one.licence, one.digest or one.target) end end",
    );
    assert_eq!(
        owners,
        format!(
            "etc/name\troot\tMIT\t{}\netc/shared\tfinal\tMIT\t{}\nusr/final\tfinal\tMIT\t{}\nusr/libx.so\troot\tMIT\t{}\nusr/link\tfinal\tMIT\tfinal\n\
             usr/one\tfinal\tMIT\t{data}\nusr/text\tfinal\tMIT\t{data}\nusr/two\tfinal\tMIT\t{data}\n",
            sha256(b"finished\n"),
            sha256(b"root\n"),
            sha256(b"data\nfinished\nx\n"),
            sha256(b"x\n"),
            data = sha256(b"data\n"),
        )
    );
    // bq itself is in it. It is the only part that was not built here.
    let program = paper(
        &rig,
        "manifest",
        "for _, one in ipairs(paper.files) do if one.path == 'usr/local/bin/bq' then io.write(one.package, ' ', one.digest) end end",
    );
    assert_eq!(
        program,
        format!(
            "bq {}",
            sha256(&std::fs::read(&rig.bq).expect("it is there"))
        )
    );
    let bill = paper(
        &rig,
        "sbom",
        "print(paper.bomFormat, paper.specVersion) \
         for _, one in ipairs(paper.components) do print(one.name, one.version, one.licenses[1].expression) end \
         for _, one in ipairs(paper.dependencies) do print(one.ref, table.concat(one.dependsOn, ' ')) end",
    );
    assert_eq!(
        bill,
        "CycloneDX\t1.6\nfinal\t1\tMIT\nroot\t1\tMIT\nbq\tnil\tMIT\nhigh/final\thigh/root\nhigh/root\t\n"
    );
    // Without sources, everything else is the same.
    finish(&rig, &["--output", "small.tar", "--skip-sources"]).is(0);
    let sources = rig.lua(
        "for _, one in ipairs(require('bq.archive').list 'small.tar') do if one.path:find '/sources' then print(one.path) end end",
    );
    assert_eq!(sources, "");
    rig.is_quiet();
}

#[test]
fn is_the_same_from_another_seed() {
    needs_namespaces!();
    let make = |change: &dyn Fn(&Rig)| {
        let rig = rig();
        change(&rig);
        rig.stage(&[]).is(0);
        rig.build(&["--jobs", "2"]).is(0);
        finish(&rig, &["--output", "rootfs.tar.gz"]).is(0);
        rig.read("rootfs.tar.gz")
    };
    let one = make(&|_| {});
    let two = make(&|rig| {
        rig.write("seed/etc/seed", "another seed\n");
        rig.lua("require('bq.archive').pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }");
    });
    assert!(one == two);
}

#[test]
fn builds_itself_again_and_is_a_seed() {
    needs_namespaces!();
    let rig = rig();
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    finish(&rig, &["--output", "rootfs.tar.gz"]).is(0);
    rig.lua(
        "require('bq.archive').extract { path = 'rootfs.tar.gz', target = 'elsewhere', profile = 'rootfs' }",
    );
    let inside = |words: &[&str]| {
        let enter = [
            "enter",
            "--workspace",
            "none",
            "--rootfs",
            "elsewhere",
            "--",
        ];
        rig.run(&[enter.as_slice(), &["/usr/local/bin/bq"], words].concat())
    };
    // Its plan has only the phases that it consists of. Its only seed is itself.
    inside(&["/usr/local/bin/coordinator.lua"])
        .is(0)
        .says("2 steps: 2 done\n");
    inside(&["/usr/local/bin/coordinator.lua"])
        .is(0)
        .says("nothing to do: all 2 steps are in the store\n");
    let there = rig.path("elsewhere/var/lib/bq").display().to_string();
    let left = rig.run(&["verify", "--workspace", "space", "--against", &there]);
    left.is(0)
        .says("2 steps have the same output, 0 differ, 4 are in one of the plans only\n");
    // A smaller plan, made inside it.
    inside(&["/usr/local/bin/build_sysroot.lua", "--only", "root"]).is(0);
    inside(&["/usr/local/bin/coordinator.lua"])
        .is(0)
        .says("nothing to do: all 1 steps are in the store\n");
    // As the seed of a new build it gives the same finished root.
    rig.run(&[
        "plan.lua",
        "--workspace",
        "next",
        "--mirror",
        "mirror",
        "--offline",
        "--seed",
        "./rootfs.tar.gz",
    ])
    .is(0);
    rig.run(&["coordinator", "--workspace", "next"]).is(0);
    rig.run(&["finish", "--workspace", "next", "--output", "next.tar.gz"])
        .is(0);
    assert!(rig.read("next.tar.gz") == rig.read("rootfs.tar.gz"));
    rig.is_quiet();
}

#[test]
fn names_nothing_of_what_it_was_built_by() {
    needs_namespaces!();
    let rig = rig();
    rig.replace(
        "packages/root.lua",
        "[\"/etc/name\"]",
        "[\"/etc/path\"] = \"PATH=/opt/tools/bin\\n\", [\"/etc/name\"]",
    );
    rig.replace(
        "packages/final.lua",
        "b:symlink(\"final\"",
        "b:symlink(\"/opt/tools/x\", b.dest .. \"/usr/bad\") b:symlink(\"final\"",
    );
    rig.stage(&[]).is(0);
    // The step itself fails, not `finish` hours later.
    rig.build(&["--keep-going"])
        .is(1)
        .says("  /etc/path: names `/opt/tools`: `PATH=/opt/tools/bin`\n");
    rig.replace(
        "packages/root.lua",
        "leave_out = {",
        "may_name = { \"/etc/path\" }, leave_out = {",
    );
    rig.build(&[])
        .is(1)
        .says("  /usr/bad: leads to `/opt/tools/x`\n");
    rig.replace(
        "packages/final.lua",
        "depends =",
        "may_name = { \"/usr/bad\" }, depends =",
    );
    rig.build(&[]).is(0);
    // A recipe can allow it for a step. The finished root still must not contain it.
    finish(&rig, &["--output", "rootfs.tar.gz"]).is(1).says(
        "error: 2 files of the finished root name `/opt/tools`, which is not in it\n  /etc/path (root)\n  /usr/bad (final)\n\
         hint: mend the recipe, or let it leave the file out by `leave_out`\n",
    );
    assert!(!rig.path("rootfs.tar.gz").exists());
}

#[test]
fn attributes_are_in_the_manifest_and_the_tarball_and_not_in_the_tree() {
    needs_namespaces!();
    let rig = rig();
    rig.replace(
        "packages/root.lua",
        "leave_out = {",
        "owners = { [\"/etc/name\"] = \"5:7\" }, modes = { [\"/etc/name\"] = \"4751\" }, \
         capabilities = { [\"/etc/shared\"] = \"cap_net_raw=ep\" }, leave_out = {",
    );
    // Both packages have it: with the same attributes.
    rig.replace(
        "packages/final.lua",
        "depends =",
        "capabilities = { [\"/etc/shared\"] = \"cap_net_raw=ep\" }, depends =",
    );
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    finish(&rig, &["--output", "rootfs.tar"]).is(0);
    let show = "for _, path in ipairs { 'etc/name', 'etc/shared' } do local one = found[path] \
         print(path, one.uid, one.gid, one.mode and ('%o'):format(one.mode), one.capabilities) end";
    let expected = "etc/name\t5\t7\t4751\tnil\n\
         etc/shared\tnil\tnil\tnil\t0100000200200000000000000000000000000000\n";
    let packed = rig.lua(&format!(
        "local found = require('bq.archive').extract {{ path = 'rootfs.tar', target = 'got', profile = 'rootfs', \
         attributes = 'collect' }}.attributes {show}"
    ));
    assert_eq!(packed, expected);
    let said = rig.lua(&format!(
        "local found = require('bq.stage.finish').attributes 'space/finished' {show}"
    ));
    assert_eq!(said, expected);
    let live = rig
        .lua("print(('%o'):format(require('bq.fs').lstat('space/finished/etc/name').mode & 3584))");
    assert_eq!(live, "0\n");
    // Other attributes give the root another digest.
    let digest = paper(&rig, "manifest", "print(paper.root)");
    rig.replace("packages/root.lua", "5:7", "5:8");
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    finish(&rig, &["--output", "rootfs.tar"]).is(0);
    assert_ne!(digest, paper(&rig, "manifest", "print(paper.root)"));
}

#[test]
fn packages_that_differ_at_a_path_make_no_root() {
    needs_namespaces!();
    let rig = rig();
    rig.replace(
        "packages/final.lua",
        "/etc/shared\", \"root",
        "/etc/shared\", \"final",
    );
    rig.stage(&[]).is(0);
    rig.build(&[])
        .is(1)
        .says("caused by: a path is in two packages, which differ there\n")
        .says("  /etc/shared: a file of `root 1` and of `final 1`: their content differs\n");
}

#[test]
fn a_path_that_yields_is_the_other_packages_in_tree_manifest_and_tarball() {
    needs_namespaces!();
    let rig = rig();
    rig.replace(
        "packages/final.lua",
        "/etc/shared\", \"root",
        "/etc/shared\", \"final",
    );
    rig.replace(
        "packages/root.lua",
        "leave_out = {",
        "yields = { \"/etc/shared\" }, leave_out = {",
    );
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    finish(&rig, &["--output", "rootfs.tar"]).is(0);
    assert_eq!(rig.read("space/finished/etc/shared"), b"final\n");
    let packed = rig.lua("io.write(require('bq.archive').read('rootfs.tar', 'etc/shared'))");
    assert_eq!(packed, "final\n");
    let owner = paper(
        &rig,
        "manifest",
        "for _, one in ipairs(paper.files) do if one.path == 'etc/shared' then io.write(one.package, ' ', one.digest) end end",
    );
    assert_eq!(owner, format!("final {}", sha256(b"final\n")));
}

#[test]
fn is_refused_where_the_plan_has_none() {
    needs_namespaces!();
    let plain = Rig::new();
    plain.stage(&[]).is(0);
    finish(&plain, &[])
        .is(1)
        .says("error: this plan finishes no root\ncaused by: set core has none\n");
    let narrowed = rig();
    narrowed.stage(&["--only", "final"]).is(0);
    finish(&narrowed, &[])
        .is(1)
        .says("error: this plan finishes no root\ncaused by: it was narrowed by `--only`, or made by an older bq\n");
    let wrong = rig();
    wrong.replace(
        "plan.lua",
        "finish = { core = { \"high\" } }",
        "finish = { core = { \"hihg\" } }",
    );
    wrong
        .stage(&[])
        .is(1)
        .says("error: `finish` names `hihg`, which is no phase\n");
}

/// Another architecture than this machine's, and its number in the head of a program.
pub(super) fn other() -> (&'static str, u8) {
    match std::env::consts::ARCH {
        "x86_64" => ("aarch64", 183),
        _ => ("x86_64", 62),
    }
}

/// The head of a static program for a machine, and a version.
pub(super) fn program(machine: u8, version: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    (bytes[16], bytes[18], bytes[52], bytes[54]) = (3, machine, 64, 56);
    bytes.extend(b"\0bq version\0");
    bytes.extend(version.as_bytes());
    bytes.push(0);
    bytes
}

#[test]
fn of_another_architecture_it_holds_a_bq_for_that_one() {
    needs_namespaces!();
    let (other, machine) = other();
    let rig = rig();
    rig.stage(&["--arch", other]).is(0);
    rig.build(&[]).is(0);
    // The chroot that builds it runs here.
    let here = std::fs::read(&rig.bq).expect("it is there");
    assert!(rig.read("space/rootfs/usr/local/bin/bq") == here);
    finish(&rig, &[])
        .is(1)
        .says(&format!(
            "error: this bq is not for {other}, and the root needs one that is\n"
        ))
        .says("name it by `--bq FILE`\n");
    assert!(!rig.path("space/finished").exists() && !rig.path("rootfs.tar.gz").exists());
    for (bytes, cause) in [
        (here, "it is a program for "),
        (program(machine, "0.0.1"), "it is bq 0.0.1, and this is "),
        (b"#!/bin/sh\n".to_vec(), "it is no program for Linux"),
    ] {
        std::fs::write(rig.path("other"), bytes).expect("it is written");
        finish(&rig, &["--bq", "other"])
            .is(1)
            .says(&format!(
                "error: `other` is no bq for a root of {other}\ncaused by: "
            ))
            .says(cause);
    }
    let right = program(machine, env!("CARGO_PKG_VERSION"));
    std::fs::write(rig.path("other"), &right).expect("it is written");
    finish(&rig, &["--bq", "other"]).is(0);
    assert_eq!(rig.read("space/finished/usr/local/bin/bq"), right);
    let bill = rig.text("space/finished/var/lib/bq/sbom.json");
    assert!(bill.contains(&sha256(&right)), "{bill}");
}
