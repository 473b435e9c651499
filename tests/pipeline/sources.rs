//! Where sources come from, and what happens when they are not available.

use crate::support::server::Server;
use crate::{Rig, needs_namespaces, sha256};

/// Makes the recipe of `lib` fetch from a server, with this digest.
fn point(rig: &Rig, server: &Server, sha256: &str) {
    let text = rig.text("packages/lib.lua");
    let start = text.find("source = ").expect("it has one");
    let end = text[start..].find('\n').expect("it is a line") + start;
    let line = format!(
        "source = {{ {{ url = \"{}\", sha256 = \"{sha256}\", pinned = \"1\" }} }},",
        server.url("lib-{version}.tar.gz")
    );
    rig.write(
        "packages/lib.lua",
        &format!("{}{line}{}", &text[..start], &text[end..]),
    );
}

fn stage(rig: &Rig) -> crate::Left {
    rig.run(&["plan.lua", "--workspace", "space"])
}

#[test]
fn fetched_from_its_address_once() {
    needs_namespaces!();
    let rig = Rig::new();
    let server = Server::folder(rig.path("mirror"));
    point(&rig, &server, &sha256(&rig.read("mirror/lib-1.tar.gz")));
    stage(&rig).is(0);
    assert_eq!(server.requests().len(), 1);
    stage(&rig).is(0);
    assert_eq!(server.requests().len(), 1);
    rig.build(&[]).is(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wrong_digest_shows_both() {
    needs_namespaces!();
    let rig = Rig::new();
    let right = sha256(&rig.read("mirror/lib-1.tar.gz"));
    let server = Server::wrong_bytes(rig.path("mirror"));
    point(&rig, &server, &right);
    let mut wrong = rig.read("mirror/lib-1.tar.gz");
    *wrong.last_mut().expect("it has bytes") ^= 1;
    let left = stage(&rig).is(1);
    left.says("error: one source is missing\n  lib 1\n")
        .says(&format!(
            "    sha256 {right}  {}\n",
            server.url("lib-1.tar.gz")
        ))
        .says(&sha256(&wrong))
        .says("hint: name a folder or address that has them by `--mirror`");
    assert!(!rig.path("space/plan.json").exists());
    // The wrong file is removed. With the right one the run succeeds.
    rig.run(&["plan.lua", "--workspace", "space", "--mirror", "mirror"])
        .is(0);
    rig.build(&[]).is(0);
}

#[test]
fn nobody_has_it() {
    needs_namespaces!();
    let rig = Rig::new();
    let server = Server::not_found();
    point(&rig, &server, &sha256(b"it"));
    let mirror = Server::not_found();
    let left = rig
        .run(&[
            "plan.lua",
            "--workspace",
            "space",
            "--mirror",
            &mirror.url("m"),
        ])
        .is(1);
    let left = left
        .says("error: one source is missing\n  lib 1\n")
        .says(&format!("    {}: ", server.url("lib-1.tar.gz")))
        .says(&format!("    {}: ", mirror.url("m/lib-1.tar.gz")));
    assert!(left.err.matches("404").count() >= 2, "{}", left.err);
}

#[test]
fn a_truncated_archive_fails_its_step() {
    needs_namespaces!();
    let rig = Rig::new();
    let mut bytes = rig.read("mirror/lib-1.tar.gz");
    bytes.truncate(bytes.len() / 2);
    std::fs::write(rig.path("mirror/lib-1.tar.gz"), &bytes).expect("it is ours");
    let server = Server::folder(rig.path("mirror"));
    point(&rig, &server, &sha256(&bytes));
    stage(&rig).is(0);
    let left = rig.build(&[]).is(1);
    let left = left.says("error: low/lib failed after ");
    assert!(
        left.err.contains("ends too early") || left.err.contains("truncated"),
        "{}",
        left.err
    );
    assert!(left.err.contains("lib-1.tar.gz"), "{}", left.err);
}

#[test]
fn a_source_that_was_damaged_meanwhile_fails_its_step_with_both_digests() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let right = sha256(&rig.read("mirror/lib-1.tar.gz"));
    let file = format!("space/sources/{}-lib-1.tar.gz", &right[..16]);
    std::fs::write(rig.path(&file), "damaged").expect("it is ours");
    rig.build(&[])
        .is(1)
        .says("error: low/lib failed after ")
        .says(&right)
        .says(&sha256(b"damaged"));
    // Staging again notices, and gets it again.
    rig.stage(&[]).is(0).says("is damaged (sha256 ");
    rig.build(&[]).is(0);
}

#[test]
fn sources_that_were_skipped_are_asked_for_when_they_are_needed() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&["--skip-sources"]).is(0);
    rig.build(&[])
        .is(1)
        .says("error: the source of `low/lib` is not in the workspace\nhint: fetch it: `bq scripts/build_sysroot.lua --workspace ");
    rig.is_quiet();
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
}

/// The recipe of `lib` after `hash_sources --write`.
fn hash(rig: &Rig, more: &[&str]) -> crate::Left {
    let words = [
        "hash_sources",
        "--recipes",
        "packages",
        "--workspace",
        "space",
        "lib",
    ];
    rig.run(&[&words, more].concat())
}

#[test]
fn digests_of_a_new_version_are_written_into_the_recipe() {
    let rig = Rig::new();
    let server = Server::folder(rig.path("mirror"));
    let one = sha256(&rig.read("mirror/lib-1.tar.gz"));
    point(&rig, &server, &one);
    let place = server.url("lib-1.tar.gz");
    hash(&rig, &["--write"])
        .is(0)
        .says(&format!("{place}\n  sha256 = \"{one}\"  (as pinned)\n"));
    rig.replace("packages/lib.lua", "version = \"1\"", "version = \"2\"");
    // The server has no such file yet.
    hash(&rig, &["--write"]).is(1).says("  not fetched: ");
    // It has the old file under the new name. That is no new version.
    std::fs::copy(
        rig.path("mirror/lib-1.tar.gz"),
        rig.path("mirror/lib-2.tar.gz"),
    )
    .expect("it is ours");
    let before = rig.text("packages/lib.lua");
    hash(&rig, &["--write"])
        .is(1)
        .says("(still the file of 1: change the place, or `pinned` if it is the same file)");
    assert_eq!(rig.text("packages/lib.lua"), before);
    rig.write("mirror/lib-2.tar.gz", "another file");
    let two = sha256(b"another file");
    hash(&rig, &[]).is(0).says(&two);
    assert_eq!(rig.text("packages/lib.lua"), before);
    hash(&rig, &["--write"])
        .is(0)
        .says(&two)
        .says("/packages/lib.lua`\n");
    let after = before
        .replace(&one, &two)
        .replace("pinned = \"1\"", "pinned = \"2\"");
    assert_eq!(rig.text("packages/lib.lua"), after);
    // A file that changed at the same version is an error: the user has to look at it.
    rig.write("mirror/lib-2.tar.gz", "changed on the way");
    hash(&rig, &["--write"]).is(1).says(&format!(
        "(pinned: {two})\n  not written: one version has one file; "
    ));
    assert_eq!(rig.text("packages/lib.lua"), after);
}

/// A recipe with two sources, of which one is the same file for all versions.
fn two_sources(server: &Server, version: &str, main: &str, license: &str) -> String {
    format!(
        "return {{
  name = \"two\", version = \"{version}\", license = \"MIT\", strategy = \"files\",
  source = {{ {{ url = \"{}\", sha256 = \"{main}\", pinned = \"{version}\" }} }},
  sources = {{ text = {{ {{ url = \"{}\", pinned = false, {license}unpack = false }} }} }},
}}
",
        server.url("two-{version}.tar.gz"),
        server.url("LICENSE"),
    )
}

#[test]
fn a_recipe_is_taken_to_another_version_as_a_whole_or_not_at_all() {
    let rig = Rig::new();
    let server = Server::folder(rig.path("mirror"));
    rig.write("mirror/two-1.0.tar.gz", "the first");
    rig.write("mirror/LICENSE", "free");
    let [first, second, license] =
        ["the first", "the second", "free"].map(|text| sha256(text.as_bytes()));
    rig.write("packages/two.lua", &two_sources(&server, "1.0", &first, ""));
    let run = |program: &str, more: &[&str]| {
        rig.run(
            &[
                &[program, "--recipes", "packages", "--workspace", "space"],
                more,
            ]
            .concat(),
        )
    };
    // What is the same for all versions stays so when its digest is written.
    run("hash_sources", &["--write", "two"]).is(0);
    let license = format!("sha256 = \"{license}\", ");
    let before = rig.text("packages/two.lua");
    let is_in = |text: &str| before.contains(text);
    assert!(
        is_in("pinned = false") && is_in(license.trim_end_matches(", ")),
        "{before}"
    );
    assert_eq!(before.matches("pinned = ").count(), 2, "{before}");
    for (version, status, message) in [
        (
            "1.1",
            1,
            "error: no place of `two` has version 1.1 of source `main`\n",
        ),
        ("1\"1", 2, "error: `1\"1` is not a version\n"),
    ] {
        run("bump", &["two", version]).is(status).says(message);
        assert_eq!(rig.text("packages/two.lua"), before);
    }
    rig.write("mirror/two-1.1.tar.gz", "the second");
    run("bump", &["two", "1.1"]).is(0);
    let after = before
        .replace("\"1.0\"", "\"1.1\"")
        .replace(&first, &second);
    assert_eq!(rig.text("packages/two.lua"), after);
    // A place whose name has no `{version}` says by `pinned` which one it is.
    rig.replace("packages/two.lua", "two-{version}.tar.gz", "two.tar.gz");
    rig.write("mirror/two.tar.gz", "the first");
    let before = rig.text("packages/two.lua");
    run("bump", &["two", "1.2"]).is(0);
    let after = before
        .replace("\"1.1\"", "\"1.2\"")
        .replace(&second, &first);
    assert_eq!(rig.text("packages/two.lua"), after);
}

#[test]
fn the_password_of_a_mirror_is_kept_where_only_its_owner_reads() {
    needs_namespaces!();
    let rig = Rig::new();
    let server = Server::folder(rig.path("mirror"));
    let with = |server: &Server| server.url("").replace("http://", "http://name:secret@");
    let empty = Server::not_found();
    let stage = |mirror: &str| rig.run(&["plan.lua", "--workspace", "space", "--mirror", mirror]);
    let left = stage(&with(&empty)).is(1).says("http://***@127.0.0.1:");
    assert!(!left.err.contains("secret"), "{}", left.err);
    let left = stage(&with(&server)).is(0);
    assert!(!left.err.contains("secret"), "{}", left.err);
    assert!(!server.requests().is_empty());
    let find = "grep -rl secret space | grep -v rootfs/usr/local/; stat -c %a space/command.json";
    let shell = std::process::Command::new("sh")
        .args(["-c", find])
        .current_dir(rig.path(""))
        .output();
    let text = shell.expect("a shell").stdout;
    assert_eq!(String::from_utf8_lossy(&text), "space/command.json\n600\n");
    // The plan is made again from the same mirror.
    rig.replace("packages/alone.lua", "alone\\n", "ALONE\\n");
    rig.build(&[]).is(0);
}
