//! `kill -9` at random moments. `BQ_KILLS` says how often; the default is a few times.

use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::noise;
use crate::support::server::Server;
use crate::{Rig, needs_namespaces, sha256};

fn wanted() -> u32 {
    let text = std::env::var("BQ_KILLS").unwrap_or_default();
    text.parse().unwrap_or(4)
}

/// Random numbers from 0 to 1.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seed = std::env::var("BQ_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| now.expect("after 1970").subsec_nanos().into());
        println!("BQ_SEED={seed}");
        Self(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from((self.0 >> 32) as u32) / f64::from(u32::MAX)
    }
}

/// Starts a program, and kills only it, at a random moment of the time that it usually takes. `true` if it ended before
/// the kill.
fn kill_somewhen(rig: &Rig, words: &[&str], usual: Duration, chance: &mut Chance) -> bool {
    let mut child = rig
        .command(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bq starts");
    std::thread::sleep(usual.mul_f64(chance.next()));
    let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    child.wait().expect("it ends").success()
}

#[test]
fn a_coordinator_that_is_killed_at_any_moment() {
    needs_namespaces!();
    let undisturbed = Rig::new();
    undisturbed.stage(&[]).is(0);
    let from = Instant::now();
    undisturbed.build(&[]).is(0);
    let usual = from.elapsed();
    let mut chance = Chance::new();
    let (mut kills, mut rounds) = (0, 0);
    while kills < wanted() {
        let rig = Rig::new();
        rig.stage(&[]).is(0);
        let words = ["coordinator", "--workspace", "space", "--jobs", "2"];
        // It is killed this many times. After that it runs to its end.
        for _ in 0..4 {
            if kills == wanted() || kill_somewhen(&rig, &words, usual, &mut chance) {
                break;
            }
            kills += 1;
            // The next run removes what the last one left, or says that it cannot. Then the test tries again.
            rig.is_quiet();
        }
        rounds += 1;
        crate::support::eventually("the end of the last one", || {
            let left = rig.build(&["--jobs", "2"]);
            assert!(
                left.status == Some(0) || left.err.contains("is in use"),
                "{}",
                left.err
            );
            left.status == Some(0)
        });
        assert_eq!(rig.outputs(), undisturbed.outputs());
        rig.run(&["verify", "--workspace", "space", "--store"])
            .is(0)
            .says("5 outputs in the store: 0 damaged\n");
        assert_eq!(crate::names(&rig.path("space/build")), [""; 0]);
        rig.is_quiet();
    }
    println!("{kills} kills of a coordinator in {rounds} builds");
}

#[test]
fn a_fetch_that_is_killed_at_any_moment() {
    let upstream = tempfile::tempdir().expect("a folder");
    let mut files = String::new();
    let server = Server::folder(upstream.path());
    for index in 0..4 {
        let content = noise(index, 4 << 20);
        std::fs::write(upstream.path().join(format!("f{index}")), &content).expect("there is room");
        let one = format!(
            "{{ urls = {{ '{}' }}, path = 'f{index}', sha256 = '{}' }},",
            server.url(&format!("f{index}")),
            sha256(&content)
        );
        files.push_str(&one);
    }
    let code = format!(
        "for _, one in ipairs(require('bq.fetch').fetch {{ files = {{ {files} }} }}) do assert(one.ok) end"
    );
    let words = ["-e", code.as_str()];
    let rig = Rig::new();
    let from = Instant::now();
    rig.run(&words).is(0);
    let usual = from.elapsed();
    let mut chance = Chance::new();
    let (mut kills, mut rounds) = (0, 0);
    while kills < wanted() {
        for index in 0..4 {
            std::fs::remove_file(rig.path(&format!("f{index}"))).expect("it is there");
        }
        while kills < wanted() && !kill_somewhen(&rig, &words, usual, &mut chance) {
            kills += 1;
            // A file under its final name is always complete.
            for index in 0..4 {
                let path = rig.path(&format!("f{index}"));
                assert!(
                    std::fs::read(path).is_ok_and(|found| found == noise(index, 4 << 20))
                        || !rig.path(&format!("f{index}")).exists()
                );
            }
        }
        rounds += 1;
        rig.run(&words).is(0);
        for index in 0..4 {
            assert!(rig.read(&format!("f{index}")) == noise(index, 4 << 20));
        }
        let left: Vec<String> = crate::names(rig.folder.path())
            .into_iter()
            .filter(|name| name.contains(".part"))
            .collect();
        assert_eq!(left, [""; 0]);
    }
    println!("{kills} kills of a fetch in {rounds} rounds");
}
