//! Caches by servers that others run. `BQ_ENGINES` names a folder in which `tests/engines/NAME FOLDER install` has put them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::grpc::{spoken, spoken_with};
use super::sharing::{damage, started};
use super::{Left, Rig, names, needs_namespaces};
use crate::support::{eventually, skip};

/// How an archive begins.
const ARCHIVE: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Writes blobs of several sizes, and reads them.
const SIZES: &str = "
    local all, digests = { blob 'a small blob' }, {}
    for index = 1, 300 do all[#all + 1] = blob(noise(index * 100, 'some')) end
    for _, size in ipairs { 3 << 20, (4 << 20) + 1, 9 << 20 } do all[#all + 1] = blob(noise(size, 'large')) end
    print(trouble_of(cache:upload(all)))
    for index, one in ipairs(all) do digests[index] = one.digest end
    assert(cache:has(digests))
    assert(not cache:has { digest_of 'nowhere' })
    digests[#digests + 1] = digest_of 'nowhere'
    digests[#digests + 1] = digest_of(noise(4 << 20, 'nowhere'))
    local got, trouble = cache:fetch(digests, 'into')
    assert(not trouble, trouble and trouble.text)
    for _, one in ipairs(all) do assert(digest.file(got[one.digest.hash]) == one.digest.hash) end
    assert(not got[digests[#digests].hash] and not got[digests[#digests - 1].hash])
    print 'all are right'";

/// A server in a folder of its own, with what it keeps.
struct Engine {
    child: Child,
    url: String,
    own: PathBuf,
}

impl Engine {
    /// A server; `None` if it is not there.
    fn start(name: &'static str, folder: &Path) -> Option<Self> {
        Self::start_with(name, folder, &[])
    }

    fn start_with(name: &'static str, folder: &Path, more: &[&str]) -> Option<Self> {
        if std::env::var_os("BQ_ENGINES").is_none() {
            skip(format!(
                "`BQ_ENGINES` names no folder of `tests/engines/{name} FOLDER install`"
            ));
            return None;
        }
        let own = folder.join(name);
        std::fs::create_dir(&own).expect("it is new");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port is free")
            .port();
        let file = |name: &str| std::fs::File::create(own.join(name)).expect("it is new");
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines");
        let child = Command::new("bash")
            .arg(scripts.join(name))
            .arg(&own)
            .arg(port.to_string())
            .args(more)
            .stdin(Stdio::null())
            .stdout(file("address"))
            .stderr(file("log"))
            .process_group(0)
            .spawn()
            .expect("bash is there");
        let mut engine = Self {
            child,
            url: String::new(),
            own,
        };
        let said = || std::fs::read_to_string(engine.own.join("address")).unwrap_or_default();
        eventually(name, || said().ends_with('\n'));
        said().trim_end().clone_into(&mut engine.url);
        Some(engine)
    }

    fn kill(&self) {
        let group = Pid::from_raw(self.child.id().cast_signed());
        killpg(group, Signal::SIGKILL).expect("it runs");
    }

    /// The files below a folder of it whose content begins with some bytes.
    fn files(&self, below: &str, start: &[u8]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![self.own.join(below)];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(path).expect("it is a folder").flatten();
                left.extend(entries.map(|entry| entry.path()));
            } else if std::fs::read(&path).is_ok_and(|bytes| bytes.starts_with(start)) {
                found.push(path);
            }
        }
        found
    }

    fn url(&self) -> String {
        self.url.clone()
    }
}

/// Makes a byte wrong in a file that only its owner may write.
fn spoil(path: &PathBuf) {
    let writable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(path, writable).expect("it is ours");
    damage(path);
}

impl Drop for Engine {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().cast_signed());
        killpg(group, Signal::SIGTERM).ok();
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = std::fs::read(self.own.join("log")).unwrap_or_default();
            eprintln!("{}", String::from_utf8_lossy(&log));
        }
    }
}

#[test]
fn nginx_keeps_outputs() {
    needs_namespaces!();
    let rig = Rig::new();
    let Some(nginx) = Engine::start("nginx", rig.folder.path()) else {
        return;
    };
    let url = nginx.url();
    rig.write("login", "writer:secret\n");
    let login = ["--remote-write", "--remote-login", "login"];
    let words = [&["--remote", &url][..], &login].concat();
    rig.stage(&[]).is(0);
    rig.build(&words).is(0).says("wrote 5 outputs");
    assert_eq!(names(&nginx.own.join("cache/ac")).len(), 5);

    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &url]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("other"), rig.digests("space"));

    // What nginx keeps is a shared store, too.
    rig.stage_in("beside");
    let left = rig.build_in("beside", &["--store", "nginx/cache"]).is(0);
    assert_eq!(left.started(), [""; 0]);

    // nginx takes any content, and gives it.
    damage(&rig.blob_of("nginx/cache", "low/lib"));
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left), ["high/final", "low/lib"]);
    left.says("low/lib of `").says("` is not taken: ");
    rig.stage_in("third");
    let left = rig.build_in("third", &["--remote", &url]).is(0);
    assert_eq!(left.started(), [""; 0]);

    // Who may not write reads.
    rig.replace("packages/alone.lua", "alone\\n", "alone, again\\n");
    rig.write("login", "writer:wrong\n");
    let left = rig.build_in("third", &words).is(0);
    assert_eq!(started(&left), ["high/final", "low/alone"]);
    left.says("takes nothing, so nothing more is written to it: the server answered 401");

    // Killed in the middle: the rest is built.
    nginx.kill();
    rig.replace("packages/alone.lua", "alone, again\\n", "third\\n");
    let left = rig.build_in("third", &words).is(0);
    assert_eq!(started(&left), ["high/final", "low/alone"]);
    left.says("is left out from here on");
}

#[test]
fn casd_keeps_outputs() {
    needs_namespaces!();
    let rig = Rig::new();
    let Some(casd) = Engine::start("casd", rig.folder.path()) else {
        return;
    };
    let url = casd.url();
    let words = ["--remote", &url, "--remote-write"];
    rig.stage(&[]).is(0);
    rig.build(&words).is(0).says("wrote 5 outputs");

    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &url]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    assert_eq!(rig.here("other"), ["high/final"]);

    // Of all archives a byte is wrong.
    let archives = casd.files("state/cas/objects", ARCHIVE);
    assert_eq!(archives.len(), 5);
    archives.iter().for_each(spoil);
    rig.stage_in("third");
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("third", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("low/lib of `").says("` is not taken: ");

    // What it has lost is built and written again.
    for path in casd.files("state/cas/objects", ARCHIVE) {
        std::fs::remove_file(path).expect("it is ours");
    }
    rig.stage_in("fourth");
    let left = rig.build_in("fourth", &words).is(0);
    assert_eq!(left.started().len(), 5);
    rig.stage_in("fifth");
    let left = rig.build_in("fifth", &["--remote", &url]).is(0);
    assert_eq!(left.started(), [""; 0]);

    // Blobs of all sizes.
    spoken(&rig, &url, SIZES).says("all are right");

    // Killed in the middle: after the first result of a build that writes all.
    rig.replace("packages/base.lua", "base\\n", "base, again\\n");
    rig.replace("packages/alone.lua", "alone\\n", "alone, again\\n");
    let count = || casd.files("state/actioncache/objects", b"").len();
    let before = count();
    rig.stage_in("sixth");
    let mut command = rig.command(&[&["coordinator", "--workspace", "sixth"], &words[..]].concat());
    let left: Left = std::thread::scope(|scope| {
        let build = scope.spawn(|| command.output().expect("bq runs"));
        eventually("a result", || count() > before);
        casd.kill();
        build.join().expect("it ends").into()
    });
    assert_eq!(started(&left.is(0)).len(), 5);

    // Gone: the rest is built.
    rig.replace("packages/alone.lua", "alone, again\\n", "third\\n");
    let left = rig.build_in("sixth", &words).is(0);
    assert_eq!(started(&left), ["high/final", "low/alone"]);
    left.says("is left out from here on");
}

#[test]
fn justbuild_takes_blobs_and_says_that_it_takes_no_results() {
    takes_blobs_only("justbuild");
}

#[test]
fn the_old_justbuild_does_too() {
    takes_blobs_only("justbuild-old");
}

fn takes_blobs_only(name: &'static str) {
    needs_namespaces!();
    let rig = Rig::new();
    let Some(just) = Engine::start(name, rig.folder.path()) else {
        return;
    };
    let url = just.url();
    let words = ["--remote", &url, "--remote-write"];
    rig.stage(&[]).is(0);
    let left = rig.build(&words).is(0);
    assert_eq!(started(&left).len(), 5);
    let left = left.says("takes nothing, so nothing more is written to it: ");
    assert_eq!(left.err.matches("takes nothing").count(), 1);

    // It is asked although it says so.
    let publish = "cache:results {}
        cache.can.takes_results = true
        local one = blob 'a result'
        print(trouble_of(nil, cache:publish(one.digest, message.result { { path = 'log', digest = one.digest } })))";
    spoken(&rig, &url, publish).says("refused UNIMPLEMENTED: ");

    // It keeps blobs.
    let sizes = format!("cache:results {{}} cache.can.takes_results = true\n{SIZES}");
    spoken(&rig, &url, &sizes).says("all are right");
    let small = just.files("state", b"a small blob");
    assert_eq!(small.len(), 1);
    small.iter().for_each(spoil);
    spoken(
        &rig,
        &url,
        "local one = digest_of 'a small blob'
        local path = cache:fetch({ one }, 'into')[one.hash]
        print(path == nil or digest.file(path) ~= one.hash)",
    )
    .says("true");

    just.kill();
    rig.stage_in("other");
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("is left out from here on: UNAVAILABLE: ");
}

#[test]
fn buildgrid_keeps_outputs_and_knows_its_clients() {
    needs_namespaces!();
    let rig = Rig::new();
    let more = ["1", "secured"];
    let Some(grid) = Engine::start_with("buildgrid", rig.folder.path(), &more) else {
        return;
    };
    let url = grid.url();
    assert!(url.starts_with("grpcs://"));
    let trusting = ["--remote", &url, "--remote-ca", "buildgrid/authority.pem"];
    let known = [
        "--remote-cert",
        "buildgrid/client.pem",
        "--remote-key",
        "buildgrid/client.key",
    ];
    let token = ["--remote-token", "buildgrid/token"];
    let read = [&trusting[..], &known, &token].concat();
    let write = [&read[..], &["--remote-write"]].concat();
    rig.stage(&[]).is(0);
    let left = rig.build(&write).is(0);
    left.says("wrote 5 outputs to stores and caches");
    rig.stage_in("other");
    let left = rig.build_in("other", &read).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    let options = "remote_ca = 'buildgrid/authority.pem', remote_cert = 'buildgrid/client.pem',
        remote_key = 'buildgrid/client.key', remote_token = 'buildgrid/token'";
    spoken_with(&rig, &url, options, SIZES).says("all are right");

    // Of all archives a byte is wrong.
    let archives = grid.files("cas", ARCHIVE);
    assert_eq!(archives.len(), 5);
    archives.iter().for_each(spoil);
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    rig.stage_in("third");
    let left = rig.build_in("third", &write).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("low/lib of `").says("` is not taken: ");

    // Without a token, with a wrong one, and without a certificate.
    rig.write("wrong", "a.b.c\n");
    let wrong = ["--remote-token", "wrong"];
    for (index, (words, says)) in [
        (
            [&trusting[..], &known].concat(),
            "is left out from here on: UNAUTHENTICATED: ",
        ),
        (
            [&trusting[..], &known, &wrong].concat(),
            "is left out from here on: UNAUTHENTICATED: ",
        ),
        (
            [&trusting[..], &token].concat(),
            "is left out from here on: UNAVAILABLE: ",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let space = format!("space-{index}");
        rig.stage_in(&space);
        let left = rig.build_in(&space, &words).is(0);
        assert_eq!(started(&left).len(), 5);
        left.says(says);
    }

    grid.kill();
    rig.stage_in("last");
    let left = rig.build_in("last", &read).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("is left out from here on: UNAVAILABLE: ");
}

/// Has a whole build done by the workers of a server, and one in which a step fails.
fn execute_by(name: &'static str) {
    needs_namespaces!();
    let rig = Rig::built();
    let Some(engine) = Engine::start(name, rig.folder.path()) else {
        return;
    };
    let url = engine.url();
    let words = ["--remote", &url, "--remote-execute", "--remote-only"];
    rig.stage_in("other");
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    let is_away = |line: &String| line.contains(", on a worker: ");
    assert!(left.started().iter().all(is_away), "{}", left.err);
    assert!(!left.err.contains("warning"), "{}", left.err);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    left.says("\nworkers built 5 of them");

    rig.replace(
        "packages/alone.lua",
        "strip = false,",
        "strip = false,\n  install = function(b)
    b:write('/bq/build/half', 'half')
    b:run { '/proc/self/exe', '-e', \"print 'about to fail' os.exit(3)\" }
  end,",
    );
    rig.build(&[]).is(1);
    let left = rig.build_in("other", &[&words[..], &["--remote-tree"]].concat());
    let left = left.is(1).says("caused by: it ended with status 3\n");
    assert!(left.started().iter().all(is_away), "{}", left.err);
    let log = |space: &str| rig.text(&format!("{space}/logs/low-alone.log"));
    assert_eq!(log("other"), log("space"));
    assert_eq!(rig.text("other/build/low-alone/build/half"), "half");
    drop(engine);
    rig.is_quiet();
}

#[test]
fn casd_executes_steps() {
    execute_by("casd");
}

#[test]
fn justbuild_executes_steps() {
    execute_by("justbuild");
}

#[test]
fn justbuild_of_debian_13_executes_steps() {
    execute_by("justbuild-old");
}

#[test]
fn buildgrid_executes_steps() {
    execute_by("buildgrid");
}
