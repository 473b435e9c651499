//! `hash_sources` with a stand-in of Debian's archive on this machine: what its signed indexes say of a file. The files of
//! `tests/debian` were signed once, in 2020 by the clock of that machine, with a key that is kept nowhere.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::path::PathBuf;

use support::builds::{Build, Run};
use support::server::Server;
use support::{bq, sha256};

mod support;

const APP: &str = r#"return {
  name = "app", version = "1.10", license = "MIT", strategy = "files",
  source = {
    { debian = "app_{version}.orig.tar.gz" },
    { debian = "app_1.9.orig.tar.gz", pinned = "1.10" },
  },
}"#;
const CONTENT: &str = "the source of app\n";
const KEYRING: &[u8] = include_bytes!("debian/keyring.gpg");
const SOURCES: &[u8] = include_bytes!("debian/Sources.xz");
const SID: &str = include_str!("debian/InRelease.sid");
/// It was valid until 2020.
const FORKY: &str = include_str!("debian/InRelease.forky");
/// It is valid until 2199.
const TRIXIE: &str = include_str!("debian/InRelease.trixie");

/// Where gpgv is on this machine; without it a test ends, after this has said so.
fn gpgv() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("gpgv"))
        .find(|program| program.is_file());
    if found.is_none() {
        support::skip("this machine has no gpgv");
    }
    found
}

/// A build with the recipe, an archive in `archive`, and programs in `bin`: gpgv, and no apt.
fn build(gpgv: &PathBuf) -> Build {
    let build = Build::new(&[("app", APP)]);
    for (suite, list) in [("sid", SID), ("forky", FORKY), ("trixie", TRIXIE)] {
        suite_of(&build, suite, list, SOURCES);
    }
    build.write("archive/pool/main/a/app/app_1.10.orig.tar.gz", CONTENT);
    build.write("archive/pool/main/a/app/app_1.9.orig.tar.gz", "an old one");
    std::fs::write(build.at("keyring.gpg"), KEYRING).expect("it is written");
    std::fs::create_dir(build.at("bin")).expect("a folder");
    std::os::unix::fs::symlink(gpgv, build.at("bin/gpgv")).expect("a link");
    build
}

fn suite_of(build: &Build, suite: &str, list: &str, sources: &[u8]) {
    let folder = format!("archive/dists/{suite}");
    build.write(&format!("{folder}/InRelease"), list);
    build.write(&format!("{folder}/main/source/Sources.xz"), "");
    std::fs::write(
        build.at(&format!("{folder}/main/source/Sources.xz")),
        sources,
    )
    .expect("it is written");
}

/// Runs it where `PATH` has only the folder `bin` of the build.
fn hash(build: &Build, server: &Server, more: &[&str]) -> Run {
    let mirror = server.url("");
    let words = [
        "hash_sources",
        "--recipes",
        "packages",
        "--workspace",
        "ws",
        "--mirror",
        mirror.trim_end_matches('/'),
        "app",
    ];
    let mut command = bq(build.path());
    command.env("PATH", build.at("bin")).args(words).args(more);
    Run::of(&mut command)
}

#[test]
fn what_the_signed_index_says_without_apt() {
    let Some(gpgv) = gpgv() else { return };
    let build = build(&gpgv);
    let server = Server::folder(build.at("archive"));
    let sum = sha256(CONTENT.as_bytes());
    let keyring = ["--keyring", "keyring.gpg"];
    let run = hash(&build, &server, &keyring).ok();
    assert_eq!(
        run.stdout,
        format!(
            "Debian's source archive: app_1.10.orig.tar.gz (as Debian's index says)\n  sha256 = \"{sum}\"  (not pinned yet)\n\
             Debian's source archive: app_1.9.orig.tar.gz (in no index that was read)\n  sha256 = \"{}\"  (not pinned yet)\n",
            sha256(b"an old one")
        )
    );
    run.says("error: the list of the suite `forky` is too old\ncaused by: it is valid until Sun, 05 Jan 2020 08:00:00 UTC\n")
        .says("warning: the index of Debian trixie-updates was not read\n");

    // A file that is not the one of the index, though the mirror has it at its place.
    build.write("archive/pool/main/a/app/app_1.10.orig.tar.gz", "another");
    let run = hash(&build, &server, &keyring).fails(1);
    assert!(
        run.stdout
            .contains(&format!("(not the file of the signed index: {sum})")),
        "{}",
        run.stdout
    );
    build.write("archive/pool/main/a/app/app_1.10.orig.tar.gz", CONTENT);

    // Its digest is written into the recipe.
    hash(&build, &server, &[&keyring[..], &["--write"]].concat()).ok();
    let recipe = build.read("packages/app.lua");
    assert!(recipe.contains(&sum), "{recipe}");
}

#[test]
fn what_is_not_signed_or_not_what_was_signed_counts_for_nothing() {
    let Some(gpgv) = gpgv() else { return };
    let build = build(&gpgv);
    let server = Server::folder(build.at("archive"));
    let keyring = ["--keyring", "keyring.gpg"];
    let not_read = |run: Run, cause: &str| {
        let run = run
            .ok()
            .says("warning: the index of Debian sid was not read\n");
        let run = run.says(cause);
        assert!(
            run.stdout
                .contains("app_1.10.orig.tar.gz (in no index that was read)"),
            "{}",
            run.stdout
        );
    };
    std::fs::remove_dir_all(build.at("archive/dists/trixie")).expect("it is ours");
    // Changed after it was signed.
    suite_of(&build, "sid", &SID.replace(" 220 ", " 221 "), SOURCES);
    not_read(
        hash(&build, &server, &keyring),
        "error: the list of the suite has no good signature\n",
    );
    // Signed for another suite.
    suite_of(&build, "sid", TRIXIE, SOURCES);
    not_read(
        hash(&build, &server, &keyring),
        "error: the list is not of the suite `sid`\ncaused by: it is of `trixie`\n",
    );
    // Not signed at all.
    suite_of(&build, "sid", "Suite: sid\n", SOURCES);
    not_read(
        hash(&build, &server, &keyring),
        "error: the list of the suite has no good signature\n",
    );
    // Another index than the one of the list.
    suite_of(&build, "sid", SID, &[SOURCES, b"more"].concat());
    not_read(
        hash(&build, &server, &keyring),
        "error: cannot fetch `http://127.0.0.1:",
    );
    // Signed by a key that is not asked for.
    suite_of(&build, "sid", SID, SOURCES);
    build.write("none.gpg", "");
    not_read(
        hash(&build, &server, &["--keyring", "none.gpg"]),
        "error: the list of the suite has no good signature\n",
    );
    // Nothing to check it with.
    hash(&build, &server, &["--keyring", "absent.gpg"])
        .ok()
        .says("warning: the indexes of Debian cannot be read: `absent.gpg` is missing; name a keyring ");
    std::fs::remove_file(build.at("bin/gpgv")).expect("it is ours");
    hash(&build, &server, &keyring).ok().says(
        "warning: the indexes of Debian cannot be read: this machine has neither apt nor gpgv; ",
    );
}
