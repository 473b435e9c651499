//! Caches by servers that others run. `BQ_ENGINES` names a folder in which `tests/engines/NAME FOLDER install` has put them.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::sharing::{damage, started};
use super::{Rig, names, needs_namespaces};
use crate::support::{eventually, skip};

/// A server in a folder of its own, with what it keeps.
struct Engine {
    child: Child,
    port: u16,
    cache: PathBuf,
}

impl Engine {
    /// nginx; `None` if it is not there.
    fn nginx(folder: &Path) -> Option<Self> {
        let Some(engines) = std::env::var_os("BQ_ENGINES") else {
            skip("`BQ_ENGINES` names no folder of `tests/engines/nginx FOLDER install`");
            return None;
        };
        let own = folder.join("nginx");
        std::fs::create_dir(&own).expect("it is new");
        let debian = Path::new(&engines).join("debian");
        if debian.exists() {
            std::os::unix::fs::symlink(debian, own.join("debian")).expect("it is new");
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port is free")
            .port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/nginx");
        let child = Command::new("bash")
            .arg(script)
            .arg(&own)
            .arg(port.to_string())
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("bash is there");
        let cache = own.join("cache");
        let engine = Self { child, port, cache };
        eventually("nginx", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(engine)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().cast_signed());
        killpg(group, Signal::SIGTERM).ok();
        drop(self.child.wait());
    }
}

#[test]
fn nginx_keeps_outputs() {
    needs_namespaces!();
    let rig = Rig::new();
    let Some(nginx) = Engine::nginx(rig.folder.path()) else {
        return;
    };
    let url = nginx.url();
    rig.write("login", "writer:secret\n");
    let login = ["--remote-write", "--remote-login", "login"];
    let words = [&["--remote", &url][..], &login].concat();
    rig.stage(&[]).is(0);
    rig.build(&words).is(0).says("wrote 5 outputs");
    assert_eq!(names(&nginx.cache.join("ac")).len(), 5);

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
    let group = Pid::from_raw(nginx.child.id().cast_signed());
    killpg(group, Signal::SIGKILL).expect("it runs");
    rig.replace("packages/alone.lua", "alone, again\\n", "third\\n");
    let left = rig.build_in("third", &words).is(0);
    assert_eq!(started(&left), ["high/final", "low/alone"]);
    left.says("is left out from here on");
}
