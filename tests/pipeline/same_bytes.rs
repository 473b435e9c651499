//! The same bytes for every user, path, time and number of jobs.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use crate::support::is_root;
use crate::{Rig, needs_namespaces, sha256};

/// Stages, packs and builds in a way that must not change the result.
fn make(
    rig: &Rig,
    workspace: &str,
    jobs: &str,
    change: impl Fn(&mut std::process::Command),
) -> String {
    for words in [
        vec![
            "plan.lua",
            "--workspace",
            workspace,
            "--mirror",
            "mirror",
            "--offline",
            "--output",
            "out.tar.gz",
            "--jobs",
            jobs,
        ],
        vec!["coordinator", "--workspace", workspace, "--jobs", jobs],
    ] {
        let mut command = rig.command(&words);
        change(&mut command);
        crate::Left::from(command.output().expect("bq runs")).is(0);
    }
    sha256(&rig.read("out.tar.gz"))
}

#[test]
fn other_paths_times_settings_and_jobs() {
    needs_namespaces!();
    let one = Rig::new();
    let first = make(&one, "space", "1", |_| {});
    let two = Rig::new();
    // With the recipes of the other rig. Its source archive must be the same too.
    assert!(one.read("mirror/lib-1.tar.gz") == two.read("mirror/lib-1.tar.gz"));
    let second = make(&two, "space", "3", |command| {
        command
            .env("TZ", "Asia/Tokyo")
            .env("LANG", "tr_TR.UTF-8")
            .env("HOME", "/nowhere")
            .env("TMPDIR", "/nowhere")
            .env("USER", "somebody");
        // SAFETY: umask is safe to call between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
                Ok(())
            });
        }
    });
    assert_eq!(first, second);
    assert_eq!(one.outputs(), two.outputs());
    // Packing it again gives the same bytes.
    let again = one.stage(&["--output", "again.tar.gz"]).is(0);
    assert!(again.err.contains(&first), "{}", again.err);
    assert!(one.read("again.tar.gz") == one.read("out.tar.gz"));
    one.run(&[
        "verify",
        "--workspace",
        "space",
        "--against",
        &two.path("space").display().to_string(),
    ])
    .is(0)
    .says("5 steps have the same output, 0 differ\n");
}

#[test]
fn root_and_an_ordinary_user() {
    needs_namespaces!();
    if !is_root() {
        crate::support::skip("only root can build as two users");
        return;
    }
    let one = Rig::new();
    let first = make(&one, "space", "2", |_| {});
    let mut two = Rig::new();
    // The program may be in a folder that only root can enter.
    two.bq = two.path("bq");
    crate::support::copy_program(std::path::Path::new(env!("CARGO_BIN_EXE_bq")), &two.bq);
    std::fs::set_permissions(two.folder.path(), PermissionsExt::from_mode(0o777))
        .expect("it is ours");
    let second = make(&two, "space", "2", |command| {
        command.uid(65534).gid(65534);
    });
    assert_eq!(first, second);
    assert_eq!(one.outputs(), two.outputs());
}

#[test]
fn what_differs_is_named() {
    needs_namespaces!();
    let one = Rig::built();
    let two = Rig::new();
    two.replace("packages/lib.lua", "b.env.FLAG ..", "\"two\" ..");
    two.replace("packages/app.lua", "755", "644");
    two.stage(&[]).is(0);
    two.build(&[]).is(0);
    let there = two.path("space").display().to_string();
    let left = one
        .run(&["verify", "--workspace", "space", "--against", &there])
        .is(1);
    left.says("error: low/lib differs: opt/lib: ")
        .says("error: low/app differs: opt/app: mode 0755 → 0644\n")
        .says("2 steps have the same output, 3 differ\n");
}

#[test]
fn the_packed_chroot_holds_all_that_it_needs() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&["--output", "out.tar.gz"]).is(0);
    // Unpacked in another folder, entered, and built there without the machine's workspace.
    rig.lua(
        "require('bq.archive').extract { path = 'out.tar.gz', target = 'elsewhere', profile = 'rootfs' }",
    );
    for (words, says) in [
        (vec!["coordinator.lua", "--jobs", "2"], "5 steps: 5 done\n"),
        (
            vec!["coordinator.lua"],
            "nothing to do: all 5 steps are in the store\n",
        ),
        (vec!["status.lua"], "5 steps: 5 done\n"),
    ] {
        let program = format!("/usr/local/bin/{}", words[0]);
        let inside = [
            vec!["/usr/local/bin/bq", program.as_str()],
            words[1..].to_vec(),
        ]
        .concat();
        let enter = [
            vec![
                "enter",
                "--workspace",
                "none",
                "--rootfs",
                "elsewhere",
                "--",
            ],
            inside,
        ]
        .concat();
        rig.run(&enter).is(0).says(says);
    }
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    let there = rig.path("elsewhere/var/lib/bq").display().to_string();
    rig.run(&["verify", "--workspace", "space", "--against", &there])
        .is(0)
        .says("5 steps have the same output, 0 differ\n");
    rig.is_quiet();
}

/// Unpacks the packed chroot of a rig elsewhere, and runs a program in it by root's plain `chroot`.
fn in_chroot(rig: &Rig, words: &[&str]) -> crate::Left {
    let root = rig.path("elsewhere");
    let mut command = std::process::Command::new("/usr/local/bin/bq");
    command.args(words).env_clear();
    // SAFETY: chroot and chdir are safe to call between fork and exec; the path is not changed meanwhile.
    unsafe {
        command.pre_exec(move || {
            nix::unistd::chroot(&root)?;
            nix::unistd::chdir("/")?;
            Ok(())
        });
    }
    command.stdin(std::process::Stdio::inherit());
    command.output().expect("bq runs").into()
}

#[test]
fn by_roots_plain_chroot() {
    needs_namespaces!();
    if !is_root() {
        crate::support::skip("only root can chroot");
        return;
    }
    let before = crate::support::mounts();
    let rig = Rig::new();
    rig.stage(&["--output", "out.tar.gz"]).is(0);
    rig.build(&[]).is(0);
    rig.lua(
        "require('bq.archive').extract { path = 'out.tar.gz', target = 'elsewhere', profile = 'rootfs' }",
    );
    in_chroot(&rig, &["/usr/local/bin/coordinator.lua"])
        .is(0)
        .says("5 steps: 5 done\n");
    in_chroot(&rig, &["/usr/local/bin/coordinator.lua"])
        .is(0)
        .says("nothing to do: all 5 steps are in the store\n");
    // Edited in there, it is planned and built anew in there.
    let recipe = "elsewhere/usr/local/share/bq/scripts/packages/lib.lua";
    rig.replace(recipe, "FLAG = \"one\"", "FLAG = \"one\", UNUSED = \"x\"");
    let left = in_chroot(&rig, &["/usr/local/bin/coordinator.lua"])
        .is(0)
        .says("the recipe `lib` was edited: making the plan again\n");
    assert_eq!(
        left.started(),
        ["low/lib 1: env.UNUSED changed: nothing → `x`"]
    );
    rig.run(&[
        "verify",
        "--workspace",
        "space",
        "--against",
        &rig.path("elsewhere/var/lib/bq").display().to_string(),
    ])
    .is(0)
    .says("5 steps have the same output, 0 differ\n");
    rig.is_quiet();
    assert_eq!(crate::support::mounts(), before);
}

#[test]
fn recorded_digests() {
    needs_namespaces!();
    let rig = Rig::built();
    let verify = |more: &[&str]| rig.run(&[&["verify", "--workspace", "space"], more].concat());
    verify(&["--expected", "digests.json"])
        .is(2)
        .says("`--expected digests.json`: no such file\n");
    verify(&["--record", "digests.json"]).is(0);
    let recorded = rig.text("digests.json");
    let seconds = recorded
        .split("\"seconds\": {")
        .nth(1)
        .and_then(|rest| rest.split('}').next())
        .expect("it has them");
    assert_eq!(seconds.matches("\": ").count(), 5, "{recorded}");
    verify(&["--expected", "digests.json"])
        .is(0)
        .says("5 steps as recorded on ")
        .says(
            " from tarball:seed.tar.gz, 0 differ, 0 differ on another seed, 0 are not built here\n",
        );
    // The same seed gives the same outputs.
    rig.replace("packages/alone.lua", "alone\\n", "other\\n");
    rig.build(&[]).is(0);
    verify(&["--expected", "digests.json"])
        .is(1)
        .says("error: high/final differs: output ")
        .says("error: low/alone differs: output ")
        .says("3 steps as recorded on ");
    // With another seed only outputs that depend on it may differ.
    rig.replace(
        "digests.json",
        "\"seed_digest\": \"",
        "\"seed_digest\": \"0",
    );
    verify(&["--expected", "digests.json"])
        .is(1)
        .says("low/alone differs, on another seed than the recorded one\n")
        .says(" 1 differ, 1 differ on another seed, 0 are not built here\n");
    rig.replace("digests.json", "\"core\"", "\"full\"");
    verify(&["--expected", "digests.json"])
        .is(1)
        .says("error: `digests.json` has no digests of set core\n");
}
