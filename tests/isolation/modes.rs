//! The modes in which steps run, and what the probe has to find in each.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc;
use nix::pty::openpty;

use crate::probe::Facts;
use crate::support::builds::{Build, Run, can_build};
use crate::support::overlay::ON_OVERLAY;
use crate::support::{self, eventually, is_root, mounts, processes_with};

/// A user id without an account.
pub(crate) const USER: u32 = 65534;

const SHOWN: &str = r#"return {
  name = "shown", version = "1", license = "MIT", strategy = "files", strip = false, files = { ["/opt/shown"] = "shown\n" },
}"#;
const HIDDEN: &str = r#"return {
  name = "hidden", version = "1", license = "MIT", strategy = "files", strip = false, files = { ["/opt/hidden"] = "hidden\n" },
}"#;

/// Things of the machine that a step must not reach. They are removed when the value is dropped.
struct Machine {
    facts: Facts,
    home: tempfile::TempDir,
    shm: i32,
    _port: TcpListener,
    _socket: UnixListener,
}

impl Machine {
    fn new(workspace: &Path) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755))
            .expect("it is ours");
        let secret = home.path().join("secret");
        std::fs::write(&secret, "secret").expect("it can be written");
        let mark = format!(
            "mark-{}",
            home.path().file_name().expect("it has one").display()
        );
        let port = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = SocketAddr::from_abstract_name(&mark).expect("it is short");
        let socket = UnixListener::bind_addr(&address).expect("the name is free");
        let key = 0x6271_0000 | (std::process::id() as i32 & 0xffff);
        // SAFETY: plain numbers.
        let shm = unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | 0o666) };
        assert!(shm >= 0, "{}", std::io::Error::last_os_error());
        let facts = Facts {
            secret: secret.display().to_string(),
            workspace: workspace.display().to_string(),
            pid: std::process::id().cast_signed(),
            port: port.local_addr().expect("it is bound").port(),
            socket: mark.clone(),
            shm: key,
            orphan: format!("orphan-{mark}"),
            mark,
        };
        Self {
            facts,
            home,
            shm,
            _port: port,
            _socket: socket,
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SAFETY: removes the segment that was made for this.
        unsafe { libc::shmctl(self.shm, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// Two ordinary recipes, and one that runs the probe.
fn build(workspace: &str) -> (Build, Machine) {
    let build = Build::new(&[("shown", SHOWN), ("hidden", HIDDEN), ("tries", "")]);
    let machine = Machine::new(&build.at(workspace));
    let words: Vec<String> = machine
        .facts
        .words()
        .iter()
        .map(|word| format!("{word:?}"))
        .collect();
    build.write(
        "packages/tries.lua",
        &format!(
            r#"return {{
  name = "tries", version = "1", license = "MIT", strategy = "files", strip = false, depends = {{ "shown" }}, seed_at = "/seed",
  may_write = {{ "/etc/name", "/new", "/opt/shown", "/var/deep" }}, may_name = {{ "/opt/found" }},
  install = function(b)
    b:write(b.dest .. "/opt/found", b:capture {{ "/usr/local/bin/probe", "--probe", {} }} .. "\n")
  end,
}}"#,
            words.join(", ")
        ),
    );
    let own = std::env::current_exe().expect("it has a name");
    std::fs::create_dir_all(build.at("seed/usr/local/bin")).expect("a folder");
    support::copy_program(&own, &build.at("seed/usr/local/bin/probe"));
    support::copy_program(Path::new(env!("CARGO_BIN_EXE_bq")), &build.at("bq"));
    build.plain_seed();
    std::fs::set_permissions(build.path(), PermissionsExt::from_mode(0o777)).expect("it is ours");
    (build, machine)
}

/// bq by its copy in the folder, as this user, or as whoever runs the tests.
pub(crate) fn command(build: &Build, user: Option<u32>, words: &[&str]) -> Command {
    let mut command = support::program::bq_at(&build.at("bq"), build.path());
    command.args(words);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

/// Runs a command with a terminal of its own, into which it could type, and with an open folder of the machine.
fn on_terminal(mut command: Command, machine: &Machine) -> (Option<i32>, String) {
    let terminal = openpty(None, None).expect("a terminal");
    let (master, slave): (OwnedFd, OwnedFd) = (terminal.master, terminal.slave);
    let folder = File::open(machine.home.path()).expect("it is there");
    let (terminal_fd, folder_fd) = (slave.as_raw_fd(), folder.as_raw_fd());
    // SAFETY: system calls alone, on descriptors that are open.
    unsafe {
        command.pre_exec(move || {
            // Limits of the one who starts the build.
            let limit = libc::rlimit {
                rlim_cur: 16 << 20,
                rlim_max: 32 << 20,
            };
            let steps = [
                libc::setrlimit(libc::RLIMIT_STACK, &raw const limit),
                libc::setsid(),
                libc::ioctl(terminal_fd, libc::TIOCSCTTY, 0),
                libc::dup2(folder_fd, 77),
            ];
            // As nohup does, and as some services do with all of them.
            for signal in [libc::SIGHUP, libc::SIGUSR1] {
                libc::signal(signal, libc::SIG_IGN);
            }
            // As glibc does in a child of a program that has ended a thread: with a signal that it lets nobody set.
            let ignore: [usize; 4] = [libc::SIG_IGN, 0, 0, 0];
            let none = std::ptr::null::<usize>();
            libc::syscall(libc::SYS_rt_sigaction, 32, ignore.as_ptr(), none, 8_usize);
            if steps.iter().all(|&step| step >= 0) {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
    command
        .stdin(slave.try_clone().expect("a descriptor"))
        .stdout(slave.try_clone().expect("a descriptor"))
        .stderr(slave.try_clone().expect("a descriptor"))
        .env("SECRET", &machine.facts.mark)
        .env("TERM", "xterm");
    let mut child = command.spawn().expect("bq starts");
    drop(command);
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        // Reading fails when the last one has closed the other end.
        let _ = File::from(master).read_to_end(&mut all);
        String::from_utf8_lossy(&all).into_owned()
    });
    let status = child.wait().expect("it ends");
    let mut typed = 0;
    // SAFETY: the number lives for the call.
    unsafe { libc::ioctl(slave.as_raw_fd(), libc::FIONREAD, &raw mut typed) };
    assert_eq!(typed, 0, "something was typed into the terminal");
    drop(slave);
    (status.code(), reader.join().expect("it reads"))
}

/// The expected result of each try, for every user and nesting.
const EXPECTED: &str = "\
environment of the parent: 
Max stack size: 8388608 8388608 bytes
Max core file size: 0 0 bytes
Max open files: 1024 4096 files
ignored signals: 0
host name: bq
root: bq dev etc opt proc run seed sys tmp usr var
sys: 
run: 
tmp: 
the fixed place of workspaces: none
read secret: ENOENT
read secret upwards: ENOENT
read secret by process 1: EACCES
read secret by its folder: EACCES
read workspace: ENOENT
read store: ENOENT
read store inside: ENOENT
read undeclared output: ENOENT
read declared output: ok
write over a dependency: ok
write over the seed: ok
write into the root: ok
link in /bq/build: ENOENT
link in /bq/home: ENOENT
link in /bq/dest: ENOENT
other processes: 
environments with the mark: 
own environment with the mark: false
signal a process of the machine: ESRCH
kill process 1: ok
process 1 is there: true
open /proc/1/mem: EACCES
open /proc/1/environ: EACCES
open /proc/1/root: EACCES
open /proc/1/cwd: EACCES
open /proc/1/exe: EACCES
open /proc/1/fd/0: EACCES
open /proc/1/ns/mnt: EACCES
trace process 1: EPERM
read the memory of process 1: EPERM
take a descriptor of process 1: EPERM
shared memory of the machine: ENOENT
connect to the machine: ECONNREFUSED
abstract socket of the machine: ECONNREFUSED
far address: ENETUNREACH
network devices: lo
socket vsock: EAFNOSUPPORT
socket alg: EAFNOSUPPORT
socket packet: EPERM
socket raw: EPERM
socket unix: ok
socket vsock, written otherwise: EAFNOSUPPORT
socket alg, written otherwise: EAFNOSUPPORT
descriptors but pipes: []
descriptor 77: ENOENT
type into descriptor 0: ENOTTY
type into descriptor 1: ENOTTY
type into descriptor 2: ENOTTY
open the terminal: ENXIO
take the terminal: ENOTTY
mount a tmpfs: EPERM
mount a proc: EPERM
bind: EPERM
write to settings again: EPERM
unmount /proc/sys: EPERM
unmount /proc: EPERM
unmount /dev: EPERM
unmount /bq/dest: EPERM
fsopen: EPERM
open_tree: EPERM
pivot_root: EPERM
chroot: EPERM
unshare mount: EPERM
unshare pid: EPERM
unshare net: EPERM
unshare uts: EPERM
unshare ipc: EPERM
unshare cgroup: EPERM
mode of /dev/null: EROFS
time of /dev/null: EROFS
mode of /dev/zero: EROFS
time of /dev/zero: EROFS
mode of /dev/full: EROFS
time of /dev/full: EROFS
mode of /dev/random: EROFS
time of /dev/random: EROFS
mode of /dev/urandom: EROFS
time of /dev/urandom: EROFS
mode of /dev/tty: EROFS
time of /dev/tty: EROFS
write to /dev/null: ok
fill /dev/full: ENOSPC
immutable in /bq/dest: EPERM
append-only in /bq/dest: EPERM
capability in /bq/dest: ok
capability that shows in /bq/dest: ENODATA
set-id in /bq/dest: ok
mode that shows in /bq/dest: 755
immutable in /bq/build: EPERM
append-only in /bq/build: EPERM
capability in /bq/build: ok
capability that shows in /bq/build: ENODATA
set-id in /bq/build: ok
mode that shows in /bq/build: 755
immutable in /bq/home: EPERM
append-only in /bq/home: EPERM
capability in /bq/home: ok
capability that shows in /bq/home: ENODATA
set-id in /bq/home: ok
mode that shows in /bq/home: 755
give a file away: ok
whose it is then: as before
become another user: ok
who it is then: 0
a tree as deep as it gets in /bq/build: 1500
a tree as deep as it gets in /bq/home: 1500
a tree as deep as it gets in /var: 1500
make the device null: EPERM
make the device memory: EPERM
make the device disk: EPERM
NoNewPrivs: 1
Seccomp: 2
CapInh: 0000000000000000
CapPrm: 000000001000cdff
CapEff: 000000001000cdff
CapBnd: 000000001000cdff
CapAmb: 0000000000000000
raise capabilities: EPERM
sethostname: EPERM
a better place in the queue: EACCES
more descriptors than allowed: EPERM
set the clock: EPERM
ports of the machine: refused
add_key: EPERM
request_key: EPERM
keyctl: EPERM
bpf: EPERM
perf_event_open: EPERM
io_uring_setup: EPERM
userfaultfd: EPERM
open_by_handle_at: EPERM
kexec_load: EPERM
init_module: refused
delete_module: refused
swapon: refused
acct: refused
syslog: EPERM
vhangup: EPERM
reboot: EPERM
getpid by x32: ENOSYS
socket vsock by x32: ENOSYS
socket vsock by i386: ENOSYS
in a user namespace of its own: EPERM
files of /proc that can be written: 
start something that stays: ok
";

/// Compares the probe's results, and checks that nothing of it is left.
fn check(build: &Build, machine: &Machine, workspace: &str, verified: Run) {
    let store = build.at(workspace).join("store");
    let found = std::fs::read_dir(store)
        .expect("it is there")
        .flatten()
        .map(|entry| entry.path().join("output/opt/found"))
        .find(|path| path.exists())
        .expect("the step is done");
    let found = std::fs::read_to_string(found).expect("it is text");
    let expected = format!("{}{EXPECTED}", tree(build));
    let differences: Vec<String> = similar(&expected, &found);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    eventually("the end of what the step left", || {
        processes_with(&machine.facts.orphan).is_empty()
    });
    let rootfs = build.at(workspace).join("rootfs");
    assert_eq!(
        std::fs::read_to_string(rootfs.join("etc/name")).expect("it is there"),
        "seed\n"
    );
    assert!(!rootfs.join("new").exists());
    // Its leftovers disturb no later command.
    assert_eq!(build.list(&format!("{workspace}/build")), [""; 0]);
    verified.ok().says(": 0 damaged");
}

/// The declaration's epoch.
const EPOCH: i64 = 1_735_689_600;

/// What the step has to see: the seed as it was packed, the output that it depends on, and what every root has.
fn tree(build: &Build) -> String {
    let mut lines = std::collections::BTreeMap::new();
    let mut add = |path: String, kind: &str, mode: u32, time: i64| {
        lines.insert(path, format!("{kind}, {mode:o}, {time}"));
    };
    for (path, kind, mode) in [
        ("/etc/group", "file of 36", 0o644),
        ("/etc/hosts", "file of 37", 0o644),
        ("/etc/passwd", "file of 71", 0o644),
        ("/opt", "folder", 0o755),
        ("/opt/shown", "file of 6", 0o644),
        ("/seed", "folder", 0o755),
        ("/var", "folder", 0o755),
        ("/var/tmp", "folder", 0o1777),
    ] {
        add(path.to_owned(), kind, mode, EPOCH);
    }
    // Folders in which staging made something have the epoch; the tarball gives time 0 to everything.
    let changed = ["", "/usr", "/usr/local", "/usr/local/bin"];
    let mounted = ["/dev", "/proc", "/sys", "/tmp"];
    let mut folders = vec![build.at("seed")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is there").flatten() {
            let (at, stat) = (entry.path(), entry.metadata().expect("it is there"));
            let path = format!(
                "/{}",
                at.strip_prefix(build.at("seed"))
                    .expect("it is in it")
                    .display()
            );
            let time = if changed.contains(&path.as_str()) {
                EPOCH
            } else {
                0
            };
            let kind = if stat.is_dir() {
                folders.push(at);
                "folder".to_owned()
            } else {
                format!("file of {}", stat.len())
            };
            let mode = stat.mode() & 0o7777;
            let is_mounted = mounted.contains(&path.as_str());
            add(
                format!("/seed{path}"),
                &kind,
                mode,
                if is_mounted { EPOCH } else { time },
            );
            if !is_mounted {
                add(path, &kind, mode, time);
            }
        }
    }
    lines.into_iter().fold(String::new(), |all, (path, rest)| {
        all + &format!("tree: {path} is a {rest}\n")
    })
}

/// Reads the store again, as the user who built it.
fn verified(build: &Build, user: Option<u32>) -> Run {
    let words = ["verify", "--workspace", "ws", "--store"];
    Run::from(command(build, user, &words).output().expect("bq runs"))
}

/// The lines in which two texts differ.
fn similar(expected: &str, found: &str) -> Vec<String> {
    let (expected, found): (Vec<&str>, Vec<&str>) =
        (expected.lines().collect(), found.lines().collect());
    let missing = expected
        .iter()
        .filter(|line| !found.contains(line))
        .map(|line| format!("expected {line}"));
    let more = found
        .iter()
        .filter(|line| !expected.contains(line))
        .map(|line| format!("found    {line}"));
    missing.chain(more).collect()
}

/// Stages and builds on the machine itself.
fn on_the_machine(user: Option<u32>) {
    if !can_build() {
        return;
    }
    let before = mounts();
    let (build, machine) = build("ws");
    let stage = ["build.lua", "--workspace", "ws", "--seed", "./seed.tar.gz"];
    Run::from(command(&build, user, &stage).output().expect("bq runs")).ok();
    let words = ["coordinator", "--workspace", "ws", "--jobs", "1"];
    let (status, shown) = on_terminal(command(&build, user, &words), &machine);
    assert_eq!(status, Some(0), "{shown}");
    check(&build, &machine, "ws", verified(&build, user));
    assert_eq!(mounts(), before);
}

/// Does the same with copied roots.
fn in_copies(user: Option<u32>) {
    if !can_build() {
        return;
    }
    let before = mounts();
    let (build, machine) = build("over/ws");
    let on_overlay =
        |words: &[&str]| command(&build, user, &[&["-e", ON_OVERLAY, "--"], words].concat());
    let seed = build.at("seed.tar.gz").display().to_string();
    let stage = ["build.lua", "--workspace", "over/ws", "--seed", &seed];
    let staged = Run::from(on_overlay(&stage).output().expect("bq runs"));
    if staged.status == Some(77) {
        support::skip(format!("no overlay can be mounted here: {}", staged.stdout));
        return;
    }
    staged.ok();
    let words = ["coordinator", "--workspace", "over/ws", "--jobs", "1"];
    let (status, shown) = on_terminal(on_overlay(&words), &machine);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("made by copying"), "{shown}");
    let verify = ["verify", "--workspace", "over/ws", "--store"];
    let verified = Run::from(on_overlay(&verify).output().expect("bq runs"));
    check(&build, &machine, "layers/upper/ws", verified);
    assert_eq!(mounts(), before);
}

/// Does the same in a root that bq made.
fn nested(user: Option<u32>) {
    if !can_build() {
        return;
    }
    let before = mounts();
    let (build, machine) = build("ws");
    for folder in ["dev", "proc", "tmp"] {
        std::fs::create_dir(build.at(folder)).expect("a folder");
    }
    let code = "local process = require 'bq.process'
        for _, words in ipairs { { 'build.lua', '--seed', './seed.tar.gz' }, { 'coordinator', '--jobs', '1' } } do
          local status = process.run {
            argv = { '/bq', words[1], '--workspace', '/ws', table.unpack(words, 2) },
            stdin = 'inherit', stdout = 'inherit', stderr = 'inherit',
          }
          if not status.ok then os.exit(status.code or 1) end
        end";
    let words = ["enter", "--rootfs", ".", "--", "/bq", "-e", code];
    let (status, shown) = on_terminal(command(&build, user, &words), &machine);
    assert_eq!(status, Some(0), "{shown}");
    check(&build, &machine, "ws", verified(&build, user));
    assert_eq!(mounts(), before);
}

pub(crate) fn needs_root() -> bool {
    if !is_root() {
        support::skip("only root can try this");
    }
    is_root()
}

pub(crate) fn as_an_ordinary_user() {
    on_the_machine(is_root().then_some(USER));
}

pub(crate) fn as_root() {
    if needs_root() {
        on_the_machine(None);
    }
}

pub(crate) fn in_copies_as_an_ordinary_user() {
    in_copies(is_root().then_some(USER));
}

pub(crate) fn in_copies_as_root() {
    if needs_root() {
        in_copies(None);
    }
}

pub(crate) fn nested_as_an_ordinary_user() {
    nested(is_root().then_some(USER));
}

pub(crate) fn nested_as_root() {
    if needs_root() {
        nested(None);
    }
}
