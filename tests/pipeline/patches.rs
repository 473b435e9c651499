//! Patches beside a recipe. bq applies them itself, in roots without a `patch` program.

use crate::{Rig, needs_namespaces, sha256};

/// A rig whose `lib` has these files in its source, and this in its install.
fn rig(files: &[(&str, &str)], install: &str) -> Rig {
    let rig = Rig::new();
    let old = sha256(&rig.read("mirror/lib-1.tar.gz"));
    for (name, text) in files {
        rig.write(&format!("upstream/lib-1/{name}"), text);
    }
    rig.lua(
        "require('bq.archive').pack { output = 'mirror/lib-1.tar.gz', sources = { { path = 'upstream' } } }",
    );
    rig.replace(
        "packages/lib.lua",
        &old,
        &sha256(&rig.read("mirror/lib-1.tar.gz")),
    );
    rig.replace(
        "packages/lib.lua",
        "install = function(b)",
        &format!("install = function(b)\n{install}"),
    );
    rig
}

fn log_of(rig: &Rig) -> String {
    std::fs::read_to_string(rig.stored("low/lib").join("log")).expect("a log")
}

fn numbered(from: usize, to: usize) -> String {
    let lines: Vec<String> = (from..=to).map(|line| format!("line {line}\n")).collect();
    lines.concat()
}

#[test]
fn they_need_no_program_and_leave_one_time() {
    needs_namespaces!();
    let rig = rig(
        &[
            ("configure.ac", &numbered(1, 30)),
            ("configure", &numbered(1, 30)),
            ("old/name", "moved\n"),
            ("gone/away", "x\n"),
            ("deep/er/kept", "as it was\n"),
        ],
        r#"local names = {}
        for _, entry in ipairs(b:walk(b.src)) do
          names[#names + 1] = entry.path
          local stat = b:stat(b.src .. "/" .. entry.path)
          assert(stat.mtime == 1000000000, entry.path .. " is of another time: " .. stat.mtime)
        end
        assert(b:stat(b.src).mtime == 1000000000, "the top is of another time")
        names = table.concat(names, " ")
        assert(names == "configure configure.ac data deep deep/er deep/er/kept deep/new new new/name run.sh", names)
        assert(b:stat(b.src .. "/run.sh").mode == tonumber("755", 8))
        assert(b:read(b.src .. "/deep/new") == "\0\1\2\3\4\5\6\a")
        assert(b:read(b.src .. "/configure"):find "\nline ten\n")"#,
    );
    // The second one is ten lines off, and its names have two components more.
    rig.write(
        "packages/patches/lib-1/0002-more.patch",
        "--- a/b/configure.ac\n+++ a/b/configure.ac\n@@ -2,5 +2,5 @@\n line 12\n line 13\n-line 14\n+line fourteen\n line 15\n line 16\n",
    );
    rig.write(
        "packages/patches/lib-1/0001-git.patch",
        "diff --git a/configure.ac b/configure.ac\n--- a/configure.ac\n+++ b/configure.ac\n@@ -9,3 +9,3 @@\n line 9\n-line 10\n+line ten\n line 11\n\
         diff --git a/configure b/configure\n--- a/configure\n+++ b/configure\n@@ -9,3 +9,3 @@\n line 9\n-line 10\n+line ten\n line 11\n\
         diff --git a/old/name b/new/name\nsimilarity index 100%\nrename from old/name\nrename to new/name\n\
         diff --git a/gone/away b/gone/away\ndeleted file mode 100644\n--- a/gone/away\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
         diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n\
         diff --git a/deep/new b/deep/new\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\nliteral 8\nPc-muNWMXDvWn%{b09*ha\n\nliteral 0\nHc-jL100001\n\n",
    );
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    let log = log_of(&rig);
    for line in [
        "patch 0001-git.patch",
        "  rename old/name to new/name",
        "  create run.sh",
        "  delete gone/away",
        "  modify configure\n",
        "patch 0002-more.patch, 2 components stripped",
        "  modify configure.ac: hunk 1 at line 12, 10 lines after its place",
    ] {
        assert!(log.contains(line), "no {line:?} in:\n{log}");
    }
}

#[test]
fn one_that_does_not_apply() {
    needs_namespaces!();
    let rig = rig(&[("f", &numbered(1, 9))], "");
    let patch = "--- a/f\n+++ b/f\n@@ -4,3 +4,3 @@\n line four\n-line 5\n+line five\n line 6\n";
    rig.write("packages/patches/lib-1/0001-f.patch", patch);
    rig.stage(&[]).is(0);
    rig.build(&[])
        .is(1)
        .says("`0001-f.patch` does not apply")
        .says("patch `f`: hunk 1 (line 3 of the patch) does not apply at line 4; most alike is line 4, where 2 of 3 lines are as expected: line 4 should be `line four`, but is `line 4`")
        .says("hint: make the patch anew for this version; where only lines around a change differ, `patch_fuzz = 1` in the recipe allows that");
    // With the recipe's permission.
    rig.replace("packages/lib.lua", "env = {", "patch_fuzz = 1, env = {");
    rig.build(&[]).is(0);
    let log = log_of(&rig);
    assert!(
        log.contains("  modify f: hunk 1 at line 5, fuzz 1"),
        "{log}"
    );
}

#[test]
fn patches_out_of_a_further_source() {
    needs_namespaces!();
    let rig = rig(
        &[("f", "one\ntwo\n")],
        r#"assert(b:read(b.src .. "/f") == "one\nthree\nfour\n")
        assert(not b:stat(b.build .. "/patches-1"))"#,
    );
    // In the order of the recipe; what it does not name is not applied. The recipe's own patch comes last.
    let hunk =
        |old: &str, new: &str| format!("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-{old}\n+{new}\n");
    rig.write("more/debian/patches/b-first.patch", &hunk("two", "2"));
    rig.write("more/debian/patches/a-second.patch", &hunk("2", "zwei"));
    rig.write("more/debian/patches/other.patch", &hunk("two", "zwo"));
    rig.write(
        "packages/patches/lib-1/0001-own.patch",
        "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n one\n-zwei\n+three\n+four\n",
    );
    rig.lua("require('bq.archive').pack { output = 'mirror/lib_1-1.debian.tar.xz.tar', sources = { { path = 'more' } }, compression = 'none' }");
    let sum = sha256(&rig.read("mirror/lib_1-1.debian.tar.xz.tar"));
    let field = |files: &str| {
        format!(
            "patches_from = {{ {{ url = \"http://127.0.0.1:1/lib_1-1.debian.tar.xz.tar\", sha256 = \"{sum}\", patches = {{ {files} }} }} }}, env = {{"
        )
    };
    let text = rig.text("packages/lib.lua");
    rig.replace(
        "packages/lib.lua",
        "env = {",
        &field(
            "{ file = 'debian/patches/b-first.patch', fixes = 'CVE-1' }, { file = 'debian/patches/a-second.patch' }",
        ),
    );
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    let log = log_of(&rig);
    let places: Vec<_> = ["b-first", "a-second", "0001-own"]
        .iter()
        .map(|name| log.find(name).expect(name))
        .collect();
    assert!(places.is_sorted(), "{log}");
    assert!(!log.contains("other.patch"), "{log}");

    // A patch that is not in the archive.
    rig.write("packages/lib.lua", &text);
    rig.replace(
        "packages/lib.lua",
        "env = {",
        &field("{ file = 'debian/patches/none.patch' }"),
    );
    rig.build(&[])
        .is(1)
        .says("`debian/patches/none.patch` is no file of `")
        .says("hint: look at the names in it, and mend `patches_from` of the recipe");

    // An empty list is an error of the recipe.
    for (files, says) in [
        ("", "a place with `patches`, a list of the patches to take"),
        (
            "'x.patch'",
            "`patches` lists `{ file = \"PATH\", fixes = \"WHAT\" }`",
        ),
        (
            "{ file = '../x' }",
            "`patches` lists `{ file = \"PATH\", fixes = \"WHAT\" }`",
        ),
        ("{ file = 'x', cve = 'y' }", "a patch has no field `cve`"),
    ] {
        rig.write("packages/lib.lua", &text);
        rig.replace("packages/lib.lua", "env = {", &field(files));
        rig.stage(&[]).is(1).says(says);
    }
}
