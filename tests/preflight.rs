//! The messages when a machine, a kernel or a container refuses something. Each cause is made by its real setting or,
//! if the kernel itself is the cause, by a filter that answers like such a kernel.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

mod support;

use std::ffi::CString;
use std::io::{Error, Result};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use nix::libc;
use support::builds::Run;
use support::{bq, why_no_namespaces};

/// What the test prepares in its own user and mount namespaces. bq then runs there as a user without capabilities.
#[derive(Clone, Default)]
struct World {
    /// Settings below /proc/sys/user, which this user namespace has for itself.
    limits: Vec<(&'static str, &'static str)>,
    /// Files that cover those of /proc/sys/kernel.
    kernel: Vec<(&'static str, &'static str)>,
    /// Calls that a filter answers with an errno.
    answers: Vec<(libc::c_long, i32)>,
    /// Mounts: source, target, type, flags, options.
    mounts: Vec<(
        &'static str,
        &'static str,
        &'static str,
        libc::c_ulong,
        &'static str,
    )>,
    /// Folders whose mounts get an attribute of `mount_setattr(2)`.
    attributes: Vec<(&'static str, u64)>,
}

const READ_ONLY: u64 = 1;
const NO_DEVICES: u64 = 4;
const NO_EXEC: u64 = 8;

fn check(result: i64) -> Result<()> {
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}

fn text(text: &str) -> CString {
    CString::new(text).expect("it has no zero")
}

fn mount(source: &str, target: &str, kind: &str, flags: libc::c_ulong, data: &str) -> Result<()> {
    let (source, target, kind, data) = (text(source), text(target), text(kind), text(data));
    // SAFETY: the texts live for the call.
    let result = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.as_ptr().cast(),
        )
    };
    check(result.into())
}

/// Adds an attribute to a mount, and to those below it.
fn add_attribute(target: &str, attribute: u64) -> Result<()> {
    let target = text(target);
    let attributes = [attribute, 0, 0, 0];
    // SAFETY: `struct mount_attr` is four numbers of 64 bits; it and the text live for the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::AT_RECURSIVE,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })
}

/// A filter that answers calls by their numbers.
fn answer(answers: &[(libc::c_long, i32)]) -> Result<()> {
    let line = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let mut program = vec![line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for &(number, errno) in answers {
        program.push(line(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            number as u32,
        ));
        program.push(line(
            libc::BPF_RET,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | errno as u32,
        ));
    }
    program.push(line(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW));
    let header = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: plain numbers, and a header that lives for the call and points to as many lines as it says.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into())?;
        check(
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const header,
            )
            .into(),
        )
    }
}

impl World {
    /// Runs bq with these words in a folder that has the roots `root` and `fake`.
    fn run(&self, words: &[&str]) -> Run {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "root/dev",
            "root/proc",
            "root/tmp",
            "fake",
            "small",
            "lower",
            "upper",
            "work",
        ] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        for (name, value) in &self.kernel {
            std::fs::write(folder.path().join("fake").join(name), value).expect("a file");
        }
        let world = self.clone();
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let mut command = bq(folder.path());
        command.args(words).stdin(Stdio::null());
        let prepare = move || world.enter(uid.as_raw(), gid.as_raw());
        // SAFETY: the test's other threads hold no lock that this needs but the allocator's, which the C library hands on whole.
        unsafe { command.pre_exec(prepare) };
        Run::of(&mut command)
    }

    fn enter(&self, uid: u32, gid: u32) -> Result<()> {
        // SAFETY: plain numbers.
        check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) }.into())?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        // Not as user 0, who would have all powers again after exec.
        std::fs::write("/proc/self/uid_map", format!("1000 {uid} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("1000 {gid} 1"))?;
        mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
        for (name, value) in &self.limits {
            std::fs::write(format!("/proc/sys/user/{name}"), value)?;
        }
        if !self.kernel.is_empty() {
            mount("fake", "/proc/sys/kernel", "", libc::MS_BIND, "")?;
        }
        for (source, target, kind, flags, data) in &self.mounts {
            mount(source, target, kind, *flags, data)?;
        }
        for (target, attribute) in &self.attributes {
            add_attribute(target, *attribute)?;
        }
        if self.answers.is_empty() {
            Ok(())
        } else {
            answer(&self.answers)
        }
    }

    /// The doctor says `no`, the plan stops before anything is fetched, the root cannot be entered: each with cause and hint.
    fn is_fatal(&self, message: &str, cause: &str, hint: &str) {
        let doctor = self.run(&["doctor", "--workspace", "ws"]).fails(1);
        let lines =
            format!("no      {message}\n        caused by: {cause}\n        hint: {hint}\n");
        assert!(
            doctor.stdout.contains(&lines),
            "expected:\n{lines}\nin:\n{}{}",
            doctor.stdout,
            doctor.stderr
        );
        let build = self.run(&["build_sysroot", "--workspace", "ws"]).fails(1);
        build.says(&format!(
            "error: {message}\ncaused by: {cause}\nhint: {hint}\n"
        ));
    }

    fn cannot_enter(&self, hint: &str) {
        let enter = self
            .run(&["enter", "--rootfs", "root", "--", "/none"])
            .fails(125);
        enter.says(&format!("hint: {hint}\n"));
    }
}

macro_rules! needs_namespaces {
    () => {
        if let Some(why) = why_no_namespaces() {
            support::skip(why);
            return;
        }
    };
}

const NAMESPACES: &str = "this machine refuses user, mount, pid, ipc, uts and net namespaces";
const MOUNTS: &str = "this machine refuses mounts in a namespace";
const UNSHARE: &str = "unshare `user,mount,pid,ipc,uts,net`";
const CONTAINER: &str = "the container's filter forbids namespaces; start it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`";

#[test]
fn each_limit_of_namespaces() {
    needs_namespaces!();
    for (name, kind) in [
        ("max_user_namespaces", "user"),
        ("max_mnt_namespaces", "mnt"),
        ("max_pid_namespaces", "pid"),
        ("max_net_namespaces", "net"),
        ("max_ipc_namespaces", "ipc"),
        ("max_uts_namespaces", "uts"),
    ] {
        let world = World {
            limits: vec![(name, "0")],
            ..World::default()
        };
        let hint = format!("allow namespaces: `sudo sysctl -w user.max_{kind}_namespaces=15000`");
        world.is_fatal(
            NAMESPACES,
            &format!("{UNSHARE}: No space left on device (ENOSPC)"),
            &hint,
        );
        world.cannot_enter(&hint);
    }
}

#[test]
fn a_manager_that_answers_calls() {
    needs_namespaces!();
    let world = World {
        answers: vec![(libc::SYS_seccomp, libc::EBUSY)],
        ..World::default()
    };
    world.is_fatal(
        "this machine refuses a filter of system calls that asks a process (seccomp_unotify(2))",
        "seccomp: Device or resource busy (EBUSY)",
        "the container's manager answers system calls (LXD by `security.syscalls.intercept.*`, sysbox always), and the kernel \
         allows one such program; turn that off, or build outside of this container",
    );
}

#[test]
fn user_namespaces_for_root_alone() {
    needs_namespaces!();
    let world = World {
        kernel: vec![("unprivileged_userns_clone", "0\n")],
        answers: vec![(libc::SYS_unshare, libc::EPERM)],
        ..World::default()
    };
    let hint = "allow user namespaces: `sudo sysctl -w kernel.unprivileged_userns_clone=1`";
    world.is_fatal(
        NAMESPACES,
        &format!("{UNSHARE}: Operation not permitted (EPERM)"),
        hint,
    );
    world.cannot_enter(hint);
}

#[test]
fn the_usual_filter_of_containers() {
    needs_namespaces!();
    let world = World {
        answers: vec![(libc::SYS_unshare, libc::EPERM)],
        ..World::default()
    };
    world.is_fatal(
        NAMESPACES,
        &format!("{UNSHARE}: Operation not permitted (EPERM)"),
        CONTAINER,
    );
    world.cannot_enter(CONTAINER);
}

#[test]
fn apparmor_lets_the_namespace_be_made_and_refuses_the_first_mount() {
    needs_namespaces!();
    let world = World {
        kernel: vec![("apparmor_restrict_unprivileged_userns", "1\n")],
        answers: vec![(libc::SYS_mount, libc::EACCES)],
        ..World::default()
    };
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_bq")).expect("it is there");
    let hint = format!(
        "this system's AppArmor takes the powers of user namespaces away; allow them for bq: \
         `printf 'abi <abi/4.0>,\\nprofile bq {} flags=(unconfined) {{ userns, }}\\n' | sudo tee /etc/apparmor.d/bq && sudo \
         apparmor_parser -r /etc/apparmor.d/bq`, or for all: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`",
        program.display()
    );
    world.is_fatal(MOUNTS, "mount `/`: Permission denied (EACCES)", &hint);
    world.cannot_enter(&hint);
}

#[test]
fn a_kernel_without_user_namespaces() {
    needs_namespaces!();
    let world = World {
        answers: vec![(libc::SYS_unshare, libc::EINVAL)],
        ..World::default()
    };
    let hint = "the kernel was built without CONFIG_USER_NS, or with fewer kinds of namespaces";
    world.is_fatal(
        NAMESPACES,
        &format!("{UNSHARE}: Invalid argument (EINVAL)"),
        hint,
    );
    world.cannot_enter(hint);
}

#[test]
fn an_old_kernel() {
    needs_namespaces!();
    let hint = "the kernel is too old: bq needs Linux 5.12 or newer";
    for (number, name, path) in [
        (libc::SYS_open_tree, "open_tree", "/dev/null"),
        (libc::SYS_move_mount, "move_mount", "tmp/null"),
        (libc::SYS_mount_setattr, "mount_setattr", "tmp/null"),
    ] {
        let world = World {
            answers: vec![(number, libc::ENOSYS)],
            ..World::default()
        };
        world.is_fatal(
            &format!("this machine refuses {name}(2)"),
            &format!("{name} `{path}`: Function not implemented (ENOSYS)"),
            hint,
        );
        world.cannot_enter(hint);
    }
}

#[test]
fn a_masked_proc() {
    needs_namespaces!();
    let world = World {
        mounts: vec![(
            "/proc/sys",
            "/proc/sys",
            "",
            libc::MS_BIND | libc::MS_REC,
            "",
        )],
        attributes: vec![("/proc/sys", READ_ONLY)],
        ..World::default()
    };
    let hint = "parts of /proc are masked here; start the container with `--security-opt systempaths=unconfined` (podman: `--security-opt unmask=ALL`)";
    let doctor = world.run(&["doctor", "--workspace", "ws"]).fails(1);
    assert!(
        doctor.stdout.contains(&format!("        hint: {hint}\n")),
        "{}",
        doctor.stdout
    );
    assert!(
        doctor
            .stdout
            .contains(&format!("no      {MOUNTS}\n        caused by: mount `")),
        "{}",
        doctor.stdout
    );
    world.cannot_enter(hint);
}

#[test]
fn a_proc_that_is_read_only() {
    needs_namespaces!();
    let world = World {
        mounts: vec![("/proc", "/proc", "", libc::MS_BIND | libc::MS_REC, "")],
        attributes: vec![("/proc", READ_ONLY)],
        ..World::default()
    };
    let hint =
        "/proc is read-only here; start the container with `--security-opt systempaths=unconfined`";
    let doctor = world.run(&["doctor", "--workspace", "ws"]).fails(1);
    assert!(
        doctor
            .stdout
            .contains("no      this machine refuses the map of the user's id\n"),
        "{}",
        doctor.stdout
    );
    assert!(
        doctor
            .stdout
            .contains(&format!("(EROFS)\n        hint: {hint}\n")),
        "{}",
        doctor.stdout
    );
    world.cannot_enter(hint);
}

#[test]
fn devices_that_cannot_be_opened() {
    needs_namespaces!();
    let world = World {
        mounts: vec![("/dev", "/dev", "", libc::MS_BIND | libc::MS_REC, "")],
        attributes: vec![("/dev", NO_DEVICES)],
        ..World::default()
    };
    let hint = "/dev is mounted `nodev` here; start the container with `--tmpfs /dev:rw,exec,dev,nosuid`, or `--privileged`";
    let doctor = world.run(&["doctor", "--workspace", "ws"]).fails(1);
    assert!(
        doctor
            .stdout
            .contains("no      this machine refuses devices in a namespace\n"),
        "{}",
        doctor.stdout
    );
    assert!(
        doctor
            .stdout
            .contains(&format!("(EACCES)\n        hint: {hint}\n")),
        "{}",
        doctor.stdout
    );
    world.cannot_enter(hint);
}

#[test]
fn file_systems_that_do_not_do() {
    needs_namespaces!();
    let small = |options, attributes| World {
        mounts: vec![("none", "small", "tmpfs", 0, options)],
        attributes,
        ..World::default()
    };
    let doctor = small("size=8m", vec![])
        .run(&["doctor", "--workspace", "small/ws"])
        .ok();
    assert!(
        doctor
            .stdout
            .contains("poor    little room: 0.0 GB free in `"),
        "{}",
        doctor.stdout
    );
    assert!(
        doctor
            .stdout
            .contains("        hint: a small set needs 3 GB\n"),
        "{}",
        doctor.stdout
    );
    let elsewhere = "        hint: choose another folder by `--workspace DIR`\n";
    for (attribute, message) in [
        (READ_ONLY, "is on a read-only file system"),
        (NO_EXEC, "is mounted noexec"),
    ] {
        let doctor = small("", vec![("small", attribute)])
            .run(&["doctor", "--workspace", "small/ws"])
            .fails(1);
        assert!(
            doctor
                .stdout
                .contains(&format!("/small` {message}\n{elsewhere}")),
            "{}",
            doctor.stdout
        );
    }
    // An overlay on an overlay is slower, but no reason to stop.
    let world = World {
        mounts: vec![(
            "none",
            "small",
            "overlay",
            0,
            "lowerdir=lower,upperdir=upper,workdir=work,userxattr",
        )],
        ..World::default()
    };
    let doctor = world.run(&["doctor", "--workspace", "small/ws"]).ok();
    let lines = "poor    this machine refuses an overlay on the workspace's file system; step roots will be made by copying\n";
    assert!(doctor.stdout.contains(lines), "{}", doctor.stdout);
    assert!(
        doctor.stdout.contains("        hint: an overlay cannot be written to another overlay or to most network file systems; choose a folder on the machine's own disk by `--workspace DIR`\n"),
        "{}",
        doctor.stdout
    );
}
