//! Seeds, from the command line to the staged rootfs, with a server on this machine.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use support::builds::{Build, Run, can_build};
use support::server::Server;
use support::{bq, sha256};

mod support;

const HELLO: &str = r#"return {
  name = "hello", version = "1", license = "MIT", strategy = "files",
  files = { ["/hello"] = "hello" },
}"#;

fn build() -> Build {
    Build::new(&[("hello", HELLO)])
}

fn arch() -> &'static str {
    std::env::consts::ARCH
}

/// What takes apk's place in the minirootfs that the tests make.
const APK: &str = r##"#!/bin/bq
local fetch, fs, process, syscall = require "bq.fetch", require "bq.fs", require "bq.process", require "bq.syscall"
local words = table.concat(arg, " ")
assert(words:find("^add %-%-no%-progress %-%-no%-scripts %-%-%l+%-%l+ bash "), words)
assert(fs.readlink "/etc/apk/cache" == "/var/cache/apk")
for _, name in ipairs { "clang", "lld", "llvm", "make", "ninja" } do
  assert((words .. " "):find(" " .. name .. " ", 1, true), name)
end
-- Two repositories, on the mirror that was asked for; the file is there to be reached.
local first, second = fs.read "/etc/apk/repositories":match "^(%S+)/main\n(%S+)/community\n$"
assert(first == second, first)
if words:find("--update-cache", 1, true) then
  local result = fetch.fetch({ files = { { urls = { first .. "/main/package" }, path = "/var/cache/apk/package" } }, retries = 0, progress = false })[1]
  assert(result.ok, result.attempts[1] and result.attempts[1].message)
else
  assert(words:find("--no-network", 1, true), words)
end
fs.copy("/var/cache/apk/package", "/etc/package")
assert(fs.stat "/etc/resolv.conf", "no resolv.conf")
-- Nothing of the machine but its network.
assert(not os.getenv "BQ_SECRET" and #fs.list "/tmp" == 0 and syscall.getpid() < 10)
-- Owners that the map of ids does not have: answered, not done.
for _, id in ipairs { 1234, 0 } do
  syscall.setgroups { id }
  syscall.setgid(id)
  syscall.setuid(id)
end
local chown = process.run { argv = { "/bin/chown", "--exact", "give_away", "--ignored" }, env = {}, stdout = "capture", stderr = "capture" }
assert(chown.ok, chown.stdout .. chown.stderr)
fs.mkdir "/lib/apk/db"
fs.write("/lib/apk/db/installed", "C:Q1two=\nP:musl\nV:1.2.5-r21\nA:x86_64\nF:lib\n\nC:Q1one=\nP:clang\nV:21.1.2-r2\n\n")
fs.mkdir "/usr/lib/llvm9/bin"
fs.mkdir "/usr/lib/llvm21/bin"
for _, path in ipairs { "/usr/bin/clang", "/usr/lib/llvm9/bin/llvm-nm", "/usr/lib/llvm21/bin/llvm-ar", "/usr/bin/llvm-strip", "/usr/lib/llvm21/bin/llvm-strip" } do
  fs.write(path, "#!/bin/sh\n", { mode = tonumber("755", 8) })
end
fs.chmod("/usr/bin/clang", tonumber("4755", 8))
assert(fs.stat("/usr/bin/clang").mode == tonumber("755", 8))
fs.mkdir "/var/log"
fs.write("/var/log/apk.log", "ran at " .. process.clock())
"##;

/// Run by the script above, in the rootfs: this program stands for `chown`.
#[test]
#[ignore = "part of another test"]
fn give_away() {
    if std::env::current_exe().expect("it is a file") != Path::new("/bin/chown") {
        return;
    }
    std::fs::write("/etc/given", "away").expect("it is written");
    std::os::unix::fs::chown("/etc/given", Some(1234), Some(4321)).expect("it is answered");
    std::os::unix::fs::lchown("/bin/bq", Some(1234), None).expect("it is answered");
    let mine = std::fs::metadata("/etc/given").expect("it is there");
    assert_eq!((mine.uid(), mine.gid()), (0, 0));
}

fn program(from: impl AsRef<Path>, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("it has a parent")).expect("a folder");
    std::fs::copy(from, to).expect("it is copied");
    std::fs::set_permissions(to, PermissionsExt::from_mode(0o755)).expect("it is ours");
}

/// A mirror of Alpine in `mirror/`, with a minirootfs that holds bq and `apk`; the digest of the minirootfs.
fn mirror(build: &Build, apk: &str) -> String {
    for folder in [
        "dev", "proc", "sys", "tmp", "run", "usr/bin", "var", "etc/apk",
    ] {
        std::fs::create_dir_all(build.at("mini").join(folder)).expect("a folder");
    }
    program(env!("CARGO_BIN_EXE_bq"), &build.at("mini/bin/bq"));
    let this = std::env::current_exe().expect("this program is a file");
    program(this, &build.at("mini/bin/chown"));
    build.write("mini/sbin/apk", apk);
    std::fs::set_permissions(build.at("mini/sbin/apk"), PermissionsExt::from_mode(0o755))
        .expect("it is ours");
    build.write("mini/etc/apk/repositories", "as it came\n");
    std::os::unix::fs::symlink("/somewhere/resolv.conf", build.at("mini/etc/resolv.conf"))
        .expect("a link");
    build.write("mirror/v3.23/main/package", "a package");
    let folder = format!("mirror/v3.23/releases/{}", arch());
    std::fs::create_dir_all(build.at(&folder)).expect("a folder");
    build.pack(
        "mini",
        &format!("{folder}/alpine-minirootfs-3.23.2-{}.tar.gz", arch()),
    )
}

fn seed_of(sha256: &str, server: &Server) -> String {
    format!("alpine:{sha256}@{}", server.url("").trim_end_matches('/'))
}

/// The tree digest of the seed that is staged.
fn digest(build: &Build, workspace: &str) -> String {
    let staged = build.read(&format!(
        "{workspace}/rootfs/usr/local/share/bq/staged.json"
    ));
    let (_, rest) = staged
        .split_once("\"seed_digest\": \"")
        .expect("it has one");
    rest.split('"').next().expect("it ends").to_owned()
}

fn mode(build: &Build, path: &str) -> u32 {
    let meta = build.at(path).symlink_metadata().expect("it is there");
    meta.mode() & 0o7777
}

fn set_mode(build: &Build, path: &str, mode: u32) {
    std::fs::set_permissions(build.at(path), PermissionsExt::from_mode(mode)).expect("it is ours");
}

#[test]
fn no_file_of_a_seed_is_set_id() {
    if !can_build() {
        return;
    }
    let build = build();
    build.write("seed/usr/bin/su", "su");
    build.write("seed/var/games/score", "0");
    set_mode(&build, "seed/usr/bin/su", 0o4711);
    set_mode(&build, "seed/var/games", 0o2775);
    build.plain_seed();
    build.stage("seed.tar.gz", &[]).ok();
    assert_eq!(mode(&build, "ws/rootfs/usr/bin/su"), 0o711);
    assert_eq!(mode(&build, "ws/rootfs/var/games"), 0o775);
    // The bits are part of what the seed is.
    let tree = build.bq(&["-e", "io.write(require('bq.digest').tree 'seed')"]);
    assert_eq!(digest(&build, "ws"), tree.ok().stdout);
}

#[test]
fn alpine_is_a_minirootfs_and_what_apk_adds() {
    if !can_build() {
        return;
    }
    let build = build();
    let sum = mirror(&build, APK);
    let server = Server::folder(build.at("mirror"));
    let seed = seed_of(&sum, &server);

    build
        .stage(&seed, &[])
        .ok()
        .says("seed alpine:3.23.2: tree digest");
    let asked = server.requests().len();
    assert_eq!(
        asked,
        2,
        "the minirootfs and a package: {:?}",
        server.requests()
    );
    let lock = build.read("ws/lock.json");
    for part in [
        "\"id\": \"alpine:3.23.2\"",
        "\"checksum\": \"Q1one=\"",
        "\"name\": \"clang\"",
        "\"version\": \"21.1.2-r2\"",
        "\"name\": \"musl\"",
        &sum,
    ] {
        assert!(lock.contains(part), "no {part} in {lock}");
    }
    assert!(
        !lock.contains(build.path().to_str().expect("a plain name")),
        "{lock}"
    );

    // The added packages are there, with the links that only this makes.
    assert_eq!(build.read("ws/rootfs/etc/package"), "a package");
    assert_eq!(mode(&build, "ws/rootfs/usr/bin/clang"), 0o755);
    assert!(!build.has("ws/rootfs.partial.noted"));
    for (link, target) in [
        ("cc", "clang"),
        ("c++", "clang++"),
        ("llvm-ar", "../lib/llvm21/bin/llvm-ar"),
    ] {
        let path = build.at("ws/rootfs/usr/bin").join(link);
        assert_eq!(std::fs::read_link(path).expect(link), Path::new(target));
    }
    assert!(!build.has("ws/rootfs/usr/bin/llvm-nm"), "of an older LLVM");
    let strip = build.at("ws/rootfs/usr/bin/llvm-strip");
    assert!(strip.symlink_metadata().expect("it is there").is_file());
    // Nothing of this machine or of this time is there.
    assert_eq!(build.read("ws/rootfs/etc/apk/repositories"), "as it came\n");
    assert_eq!(
        std::fs::read_link(build.at("ws/rootfs/etc/resolv.conf")).expect("a link"),
        Path::new("/somewhere/resolv.conf")
    );
    assert!(!build.has("ws/rootfs/var/log/apk.log"));

    // Again, with and without `--offline`: nothing is requested, and nothing is unpacked.
    for more in [&["--offline"][..], &[]] {
        let again = build.stage(&seed, more).ok();
        assert!(!again.stderr.contains("unpacking"), "{}", again.stderr);
    }
    assert_eq!(server.requests().len(), asked);
    assert_eq!(build.read("ws/lock.json"), lock);

    // Without the rootfs its packages are needed again. They are kept, so no network is needed.
    let before = digest(&build, "ws");
    std::fs::rename(build.at("ws/rootfs"), build.at("ws/away")).expect("it is ours");
    build
        .stage(&seed, &["--offline"])
        .ok()
        .says("unpacking the seed");
    assert_eq!(digest(&build, "ws"), before);
    assert_eq!(build.read("ws/rootfs/etc/package"), "a package");
    assert!(!build.has("ws/rootfs/etc/apk/cache"));
    assert_eq!(server.requests().len(), asked);

    // Without the packages that were kept there is nothing to unpack offline, and nothing is left behind.
    std::fs::remove_dir_all(build.at("ws/rootfs")).expect("it is ours");
    let kept = format!("ws/seed/apk-3.23.2-{}", arch());
    std::fs::rename(build.at(&kept), build.at("kept")).expect("it is ours");
    build
        .stage(&seed, &["--offline"])
        .fails(1)
        .says("error: cannot stage the seed `alpine:3.23.2`\n")
        .says("caused by: the packages of the seed `alpine` are not in the workspace\n")
        .says("hint: run it once without `--offline`");
    assert!(!build.has("ws/rootfs") && !build.has("ws/rootfs.partial"));
    assert_eq!(server.requests().len(), asked);

    // From another mirror, in another workspace: the same seed.
    let other = Server::folder(build.at("mirror"));
    let words = [
        "build.lua",
        "--workspace",
        "ws2",
        "--seed",
        &seed_of(&sum, &other),
    ];
    build.bq(&words).ok();
    std::fs::rename(build.at("ws/away"), build.at("ws/rootfs")).expect("it is ours");
    assert_eq!(digest(&build, "ws"), digest(&build, "ws2"));
    build.bq(&["coordinator", "--workspace", "ws2"]).ok();
}

#[test]
fn apk_that_fails_leaves_nothing() {
    if !can_build() {
        return;
    }
    let build = build();
    let sum = mirror(
        &build,
        r#"#!/bin/bq
io.stdout:write("fetch http://mirror/v3.23/main/x86_64/APKINDEX.tar.gz\n")
io.stderr:write("WARNING: updating http://mirror/v3.23/main: unexpected HTTP response 404\n")
io.stderr:write("ERROR: unable to select packages:\n")
for number = 1, 28 do
  io.stderr:write("  package", number, " (no such package):\n    required by: world[package", number, "]\n")
end
os.exit(3)
"#,
    );
    let server = Server::folder(build.at("mirror"));
    let run = build
        .stage(&seed_of(&sum, &server), &[])
        .fails(1)
        .says("WARNING: updating http://mirror/v3.23/main: unexpected HTTP response 404\n")
        .says("caused by: cannot add the build tools to the Alpine seed\ncaused by: `apk add` ended with status 3\n");
    // What is missing because no list of packages came is not listed.
    assert!(!run.stderr.contains("no such package"), "{}", run.stderr);
    assert!(
        !build.has("ws/rootfs") && !build.has("ws/rootfs.partial") && !build.has("ws/lock.json")
    );

    // Without any trouble of a mirror, what apk said is shown.
    let build = self::build();
    let sum = mirror(
        &build,
        "#!/bin/bq\nio.stderr:write('ERROR: unable to select packages:\\n  clang (no such package):\\n')\nos.exit(1)\n",
    );
    let server = Server::folder(build.at("mirror"));
    build
        .stage(&seed_of(&sum, &server), &[])
        .fails(1)
        .says("  clang (no such package):\n");
}

#[test]
fn alpine_that_is_not_what_was_asked_for() {
    if !can_build() {
        return;
    }
    let build = build();
    build.write(
        &format!(
            "mirror/v3.23/releases/{0}/alpine-minirootfs-3.23.2-{0}.tar.gz",
            arch()
        ),
        "something else",
    );
    let (wanted, actual) = ("a".repeat(64), sha256(b"something else"));
    let server = Server::folder(build.at("mirror"));
    build
        .stage(&seed_of(&wanted, &server), &[])
        .fails(1)
        .says("error: cannot fetch the seed `alpine`\n")
        .says(&format!("expected sha256 {wanted}, got {actual}"));
    assert_eq!(build.list("ws/seed"), [""; 0]);

    let server = Server::not_found();
    build
        .stage(&seed_of(&wanted, &server), &[])
        .fails(1)
        .says("error: cannot fetch the seed `alpine`\n")
        .says(&format!("alpine-minirootfs-3.23.2-{}.tar.gz: ", arch()))
        .says("404");
    build
        .stage(&seed_of(&wanted, &server), &["--offline"])
        .fails(1)
        .says("error: the seed `alpine` is not in the workspace\nhint: run it once without `--offline`\n");
    assert_eq!(server.requests().len(), 1);
    assert!(!build.has("ws/rootfs"));
}

#[test]
fn a_tarball_from_an_address() {
    if !can_build() {
        return;
    }
    let build = build();
    let sum = build.plain_seed();
    let server = Server::folder(build.path());
    let url = server.url("seed.tar.gz");
    build
        .stage(&url, &[])
        .fails(2)
        .says(&format!("error: the seed `{url}` has no digest\n"))
        .says(&format!("hint: write `--seed {url}#sha256=…`"));
    assert_eq!(server.requests().len(), 0);

    let wrong = "b".repeat(64);
    build
        .stage(&format!("{url}#sha256={wrong}"), &[])
        .fails(1)
        .says(&format!("error: cannot fetch the seed `{url}`\n"))
        .says(&format!("expected sha256 {wrong}, got {sum}"))
        .says("hint: either the digest that was given is not this file's");
    assert_eq!(build.list("ws/seed"), [""; 0]);

    let word = format!("{url}#sha256={sum}");
    build.stage(&word, &[]).ok();
    assert_eq!(build.read("ws/rootfs/etc/name"), "seed\n");
    let asked = server.requests().len();
    for more in [&["--offline"][..], &[]] {
        let again = build.stage(&word, more).ok();
        assert!(!again.stderr.contains("unpacking"), "{}", again.stderr);
    }
    assert_eq!(server.requests().len(), asked);
    // With the tarball there, the rootfs is made anew without a network.
    let before = digest(&build, "ws");
    std::fs::remove_dir_all(build.at("ws/rootfs")).expect("it is ours");
    build.stage(&word, &["--offline"]).ok().says("unpacking");
    assert_eq!(digest(&build, "ws"), before);
    assert_eq!(server.requests().len(), asked);

    // Damaged in the workspace: told offline, mended otherwise.
    let kept = format!("ws/seed/{}", build.list("ws/seed")[0]);
    build.write(&kept, "damaged");
    build
        .stage(&word, &["--offline"])
        .fails(1)
        .says(&format!(
            "error: the seed `{url}` in the workspace is damaged\n"
        ))
        .says(&format!(
            "expected sha256 {sum}, got {}",
            sha256(b"damaged")
        ));
    build.stage(&word, &[]).ok();
    assert_eq!(server.requests().len(), asked + 1);
}

#[test]
fn a_tarball_from_a_path() {
    if !can_build() {
        return;
    }
    let build = build();
    let sum = build.plain_seed();
    for word in [
        "seed.tar.gz".to_owned(),
        format!("seed.tar.gz#sha256={sum}"),
    ] {
        build.stage(&word, &[]).ok();
        assert_eq!(build.read("ws/rootfs/etc/name"), "seed\n");
    }
    let before = digest(&build, "ws");
    let wrong = "c".repeat(64);
    build
        .stage(&format!("seed.tar.gz#sha256={wrong}"), &[])
        .fails(1)
        .says("error: the seed `seed.tar.gz` is not what was asked for\n")
        .says(&format!("caused by: sha256 is {sum}, expected {wrong}\n"));

    // A truncated one takes nothing away of what was staged before.
    let mut whole = std::fs::read(build.at("seed.tar.gz")).expect("it is there");
    whole.truncate(whole.len() - 60);
    std::fs::write(build.at("seed.tar.gz"), whole).expect("it is ours");
    build
        .stage("seed.tar.gz", &[])
        .fails(1)
        .says("error: cannot stage the seed `tarball:seed.tar.gz`\n")
        .says("the compressed data ends too early");
    assert!(!build.has("ws/rootfs.partial"));
    assert_eq!(digest(&build, "ws"), before);
    assert_eq!(build.read("ws/rootfs/etc/name"), "seed\n");

    build.write("seed.tar.gz", "no archive at all");
    build
        .stage("seed.tar.gz", &[])
        .fails(1)
        .says("this is too short for an archive");
    build
        .stage("none.tar.gz", &[])
        .fails(2)
        .says("error: the seed `none.tar.gz` is not there\n");
}

#[test]
fn a_packed_sysroot_is_a_seed_again() {
    if !can_build() {
        return;
    }
    let build = build();
    build.plain_seed();
    build.stage("seed.tar.gz", &["--output", "out.tar.gz"]).ok();
    assert!(
        build.has("ws/rootfs/usr/local/bin/bq")
            && build.has("ws/rootfs/usr/local/bin/coordinator.lua")
    );
    let words = [
        "build.lua",
        "--workspace",
        "ws2",
        "--seed",
        "out.tar.gz",
        "--output",
        "again.tar.gz",
    ];
    build.bq(&words).ok();
    // Its plan, its lock and its own bq did not come along; what is there is this bq's.
    assert_eq!(build.list("ws2/rootfs/var/lib/bq"), [""; 0]);
    assert!(
        build
            .read("ws2/rootfs/usr/local/share/bq/staged.json")
            .contains("tarball:out.tar.gz")
    );
    // From there on it is the same again.
    let words = ["build.lua", "--workspace", "ws3", "--seed", "again.tar.gz"];
    build.bq(&words).ok();
    assert_eq!(digest(&build, "ws2"), digest(&build, "ws3"));
}

#[test]
fn links_of_a_seed_lead_nowhere_else() {
    if !can_build() {
        return;
    }
    let build = build();
    build.plain_seed();
    std::fs::create_dir(build.at("outside")).expect("a folder");
    std::fs::create_dir(build.at("seed/usr")).expect("a folder");
    std::os::unix::fs::symlink(build.at("outside"), build.at("seed/usr/local")).expect("a link");
    std::os::unix::fs::symlink(
        "../../../../../../../../tmp/bq-outside",
        build.at("seed/var"),
    )
    .expect("a link");
    build.pack("seed", "seed.tar.gz");
    build.stage("seed.tar.gz", &[]).ok();
    assert_eq!(build.list("outside"), [""; 0]);
    assert!(!Path::new("/tmp/bq-outside").exists());
    let inside = format!("ws/rootfs{}/bin/bq", build.at("outside").display());
    assert!(build.has(&inside));
}

/// A Debian package with a few files, in the folder of the build; its digest and size.
fn package(build: &Build, name: &str, files: &[(&str, &str)]) -> (String, usize) {
    let tree = format!("tree-{name}");
    for (path, text) in files {
        let path = format!("{tree}/{path}");
        build.write(&path, text);
        set_mode(build, &path, 0o4755);
    }
    build.pack(&tree, "data.tar.gz");
    let data = std::fs::read(build.at("data.tar.gz")).expect("it was packed");
    let mut deb = b"!<arch>\n".to_vec();
    for (member, content) in [
        ("debian-binary", &b"2.0\n"[..]),
        ("control.tar.gz", b"none"),
        ("data.tar.gz", &data),
    ] {
        let header = format!(
            "{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            0,
            0,
            0,
            100_644,
            content.len()
        );
        deb.extend(header.as_bytes());
        deb.extend(content);
        deb.extend(vec![b'\n'; content.len() % 2]);
    }
    // The server does not decode: a `+` is asked for as the archive's own index writes it.
    let path = build.at("archive/pool/main").join(name.replace('+', "%2B"));
    std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("a folder");
    std::fs::write(&path, &deb).expect("a file");
    (sha256(&deb), deb.len())
}

/// A lock that is shipped with the programs of the build's own folder.
fn ship(build: &Build, digest: &str) {
    let mut list = Vec::new();
    for (name, files) in [
        (
            "a/a+b/a+b_1-1_all.deb",
            &[("usr/bin/clang", "a compiler")][..],
        ),
        ("d/dash/dash_1_all.deb", &[("usr/bin/dash", "a shell")]),
        (
            "b/base/base_2_all.deb",
            &[
                ("dev/none", ""),
                ("proc/none", ""),
                ("sys/none", ""),
                ("tmp/none", ""),
                ("run/none", ""),
                ("etc/none", ""),
            ],
        ),
    ] {
        let (sum, size) = package(build, name, files);
        list.push(format!(
            r#"{{ "pool": "pool/main/{name}", "sha256": "{sum}", "size": {size} }}"#
        ));
    }
    std::fs::create_dir_all(build.at("lua-lib/bq")).expect("a folder");
    build.write(
        &format!("scripts/seeds/debian-trixie-{}.json", arch()),
        &format!(
            r#"{{ "id": "debian:trixie", "arch": "{}", {digest} "packages": [{}] }}"#,
            arch(),
            list.join(", ")
        ),
    );
}

#[test]
fn the_debian_that_comes_with_bq_wants_no_apt() {
    if !can_build() {
        return;
    }
    let build = build();
    ship(&build, "");
    let server = Server::folder(build.at("archive"));
    let stage = |seed: &str, workspace: &str, more: &[&str]| {
        let words = ["build.lua", "--workspace", workspace, "--seed", seed];
        Run::of(bq(build.path()).env("PATH", "/none").args(words).args(more))
    };
    let at_server = format!("debian@{}", server.url("").trim_end_matches('/'));
    stage(&at_server, "ws", &[]).ok();
    assert_eq!(build.read("ws/rootfs/usr/bin/clang"), "a compiler");
    assert_eq!(mode(&build, "ws/rootfs/usr/bin/clang"), 0o755);
    assert_eq!(
        std::fs::read_link(build.at("ws/rootfs/usr/bin/cc")).expect("a link"),
        Path::new("clang")
    );
    let asked = server.requests().len();
    assert_eq!(asked, 3, "{:?}", server.requests());

    // The packages are in the workspace now, and a folder of them is a mirror.
    let first = digest(&build, "ws");
    std::fs::remove_dir_all(build.at("ws/rootfs")).expect("it is ours");
    stage("debian", "ws", &["--offline"]).ok();
    let folder = build.at("ws/seed/packages");
    let mirror = ["--offline", "--mirror", folder.to_str().expect("plain")];
    stage("auto", "ws2", &mirror)
        .ok()
        .says("seed: debian:trixie");
    assert_eq!(server.requests().len(), asked);
    assert_eq!(
        [digest(&build, "ws"), digest(&build, "ws2")],
        [&*first, &*first]
    );

    // A mirror by its address, with names or digests.
    let flat = Server::folder(folder.clone());
    let mirror = ["--mirror", flat.url("").trim_end_matches('/')].map(str::to_owned);
    stage("auto", "ws3", &[&mirror[0], &mirror[1]]).ok();
    assert_eq!(flat.requests().len(), 3);
    assert_eq!(digest(&build, "ws3"), first);

    // What cannot be had is listed, with the places that were asked.
    std::fs::remove_file(build.at("archive/pool/main/d/dash/dash_1_all.deb")).expect("it is there");
    stage(&at_server, "ws4", &[])
        .fails(1)
        .says("error: one package of the seed is missing\n  dash_1_all.deb  sha256 ")
        .says("404")
        .says("hint: name a folder or address that has them by `--mirror`, or lock the seed anew: `--update-seed`\n");
    stage(&at_server, "ws4", &["--offline"])
        .fails(1)
        .says("hint: run it again without `--offline`, or name a folder that has them by `--mirror DIR`\n");

    // Packages of the right digests that unpack to another tree than the lock says are no seed.
    ship(&build, &format!(r#""digest": "{}","#, "0".repeat(64)));
    stage(&at_server, "ws5", &[])
        .fails(1)
        .says("caused by: the seed `debian:trixie` is another tree than its lock says\n")
        .says(&format!("caused by: tree digest {first}, expected 0000"));
    assert!(!build.has("ws5/rootfs"));
    ship(&build, &format!(r#""digest": "{first}","#));
    stage(&at_server, "ws5", &[]).ok();
}

#[test]
fn a_lock_that_comes_with_bq_is_checked() {
    if !can_build() {
        return;
    }
    let build = build();
    ship(&build, "");
    let name = format!("scripts/seeds/debian-trixie-{}.json", arch());
    let right = build.read(&name);
    for (old, new, wanted) in [
        ("{", "[", "decode: "),
        (
            "\"id\": \"debian:trixie\"",
            "\"id\": 7",
            "`id` is a number, expected a seed of Debian, such as `debian:trixie`\n",
        ),
        (
            &format!("\"arch\": \"{}\"", arch()),
            "\"arch\": \"vax\"",
            &format!("`arch` is `vax`, expected `{}`\n", arch()),
        ),
        (
            "pool/main/d/dash/dash_1_all.deb",
            "pool/../../../dash",
            "`packages[2].pool` is not a file in an archive's pool\n",
        ),
        ("\"size\": ", "\"size\": -", "`packages[1].size` is -"),
        (
            "\"size\": ",
            "\"size_\": ",
            "`packages[1].size` is missing\n",
        ),
        (
            "\"sha256\": \"",
            "\"sha256\": \"x",
            "`packages[1].sha256` has 65 bytes, at most 64 are allowed\n",
        ),
        (
            "\"packages\": [",
            "\"digest\": \"x\", \"packages\": [",
            "`digest` is not 64 hexadecimal digits\n",
        ),
        (
            "\"packages\": [",
            "\"snapshot\": { \"time\": \"now\", \"tried\": true }, \"packages\": [",
            "`snapshot.time` is not a time such as `20261126T145138Z`\n",
        ),
    ] {
        assert!(right.contains(old), "{old}: {right}");
        build.write(&name, &right.replacen(old, new, 1));
        for seed in ["debian", "auto"] {
            let run = build.stage(seed, &["--offline"]).fails(1);
            let run = run.says("error: cannot read the lock of the Debian seed `");
            let run = run.says(&format!("{name}`\ncaused by: {wanted}"));
            run.says("hint: make it anew: `bq scripts/update_seed.lua`\n");
        }
    }
    // It is read up to a limit, and is a file.
    std::fs::remove_file(build.at(&name)).expect("it is there");
    std::os::unix::fs::symlink("/dev/zero", build.at(&name)).expect("it can be made");
    let run = build.stage("debian", &["--offline"]).fails(1);
    run.says("it is a char, not a file\n");
    assert!(!build.has("ws/rootfs"));
}

#[test]
fn only_making_a_lock_wants_apt() {
    if !can_build() {
        return;
    }
    let build = build();
    ship(&build, "");
    let stage = |words: &[&str]| {
        let all = [&["build.lua", "--workspace", "ws", "--seed"], words].concat();
        Run::of(bq(build.path()).env("PATH", "/none").args(all))
    };
    for words in [&["debian:sid"][..], &["debian", "--update-seed"]] {
        stage(words)
            .fails(1)
            .says("cannot be locked\ncaused by: this machine has no apt\n")
            .says("hint: take the seed that comes with bq: `--seed debian`, or name a rootfs tarball: `--seed PATH`\n");
    }
    stage(&["debian:sid", "--offline"])
        .fails(1)
        .says("error: the seed `debian:sid` was never locked in this workspace\nhint: run it once without `--offline`\n");
    assert!(!build.has("ws/rootfs"));
}

#[test]
fn jobs_are_for_fetching_too() {
    const COUNT: usize = 6;
    if !can_build() {
        return;
    }
    let text = |number: usize| format!("source {number}");
    let mut recipes = Vec::new();
    // All answers wait until as many requests are there as there are jobs, and never are there more.
    let state = Arc::new((
        std::sync::Mutex::new((0_usize, 0_usize)),
        std::sync::Condvar::new(),
    ));
    let shared = state.clone();
    let server = Server::start(move |request, reply| {
        let (lock, changed) = &*shared;
        let mut now = lock.lock().expect("no handler panicked");
        now.0 += 1;
        now.1 = now.1.max(now.0);
        changed.notify_all();
        while now.1 < 3 {
            now = changed.wait(now).expect("no handler panicked");
        }
        now.0 -= 1;
        drop(now);
        let number = request.target.trim_start_matches("/s");
        reply.answer("200 OK", &[], format!("source {number}").as_bytes());
    });
    for number in 0..COUNT {
        let (url, sum) = (
            server.url(&format!("s{number}")),
            sha256(text(number).as_bytes()),
        );
        let recipe = format!(
            "return {{ name = 'p{number}', version = '1', license = 'MIT', strategy = 'files', \
             source = {{ {{ url = '{url}', sha256 = '{sum}', pinned = '1' }} }} }}"
        );
        recipes.push((format!("p{number}"), recipe));
    }
    let recipes: Vec<(&str, &str)> = recipes.iter().map(|(a, b)| (&**a, &**b)).collect();
    let build = Build::new(&recipes);
    build.plain_seed();
    build
        .stage("seed.tar.gz", &["--jobs", "3", "--output", "a.tar.gz"])
        .ok();
    assert_eq!(state.0.lock().expect("no handler panicked").1, 3);
    build
        .stage("seed.tar.gz", &["--jobs", "1", "--output", "b.tar.gz"])
        .ok();
    let tarball = |name| std::fs::read(build.at(name)).expect("it was packed");
    assert!(tarball("a.tar.gz") == tarball("b.tar.gz"));
    for wrong in ["0", "-1", "two", "1.5", ""] {
        build
            .stage("seed.tar.gz", &["--jobs", wrong])
            .fails(2)
            .says(&format!(
                "error: `--jobs` wants a whole number from 1 up, not `{wrong}`\n"
            ));
    }
}
