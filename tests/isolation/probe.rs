//! The probe: tries, inside a step, to reach what a step must not reach. Prints a line for each try: name and result.

use std::ffi::{CString, c_void};
use std::fs;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, c_long, syscall};

/// `cap_net_raw=ep`, as the kernel keeps it.
const NET_RAW: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Things of the machine that the test knows and the step must not reach.
pub(crate) struct Facts {
    /// A file that everybody may read.
    pub(crate) secret: String,
    /// The workspace, and the staged rootfs in it.
    pub(crate) workspace: String,
    /// A process of the machine.
    pub(crate) pid: i32,
    /// A port on which somebody listens at 127.0.0.1.
    pub(crate) port: u16,
    /// An abstract socket on which somebody listens.
    pub(crate) socket: String,
    /// A System V shared memory segment.
    pub(crate) shm: i32,
    /// A word in the environment and in the command lines of the user who started the build.
    pub(crate) mark: String,
    /// A word in the command line of the processes that the probe leaves behind.
    pub(crate) orphan: String,
}

impl Facts {
    pub(crate) fn words(&self) -> [String; 8] {
        [
            self.secret.clone(),
            self.workspace.clone(),
            self.pid.to_string(),
            self.port.to_string(),
            self.socket.clone(),
            self.shm.to_string(),
            self.mark.clone(),
            self.orphan.clone(),
        ]
    }

    fn from_words(words: &[String]) -> Self {
        Self {
            secret: words[0].clone(),
            workspace: words[1].clone(),
            pid: words[2].parse().expect("a number"),
            port: words[3].parse().expect("a number"),
            socket: words[4].clone(),
            shm: words[5].parse().expect("a number"),
            mark: words[6].clone(),
            orphan: words[7].clone(),
        }
    }
}

/// `ok`, or the errno's name, of a call that answers -1 for failure.
fn came(result: c_long) -> String {
    if result < 0 {
        format!("{:?}", Errno::last())
    } else {
        "ok".to_owned()
    }
}

/// The same for what a kernel may have been built without.
fn refused(result: c_long) -> String {
    match came(result).as_str() {
        "EPERM" | "ENOSYS" => "refused".to_owned(),
        other => other.to_owned(),
    }
}

fn came_of<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.raw_os_error().map_or_else(
            || error.to_string(),
            |raw| format!("{:?}", Errno::from_raw(raw)),
        ),
    }
}

fn say(name: &str, came: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{name}: {came}").expect("the step listens");
    out.flush().expect("the step listens");
}

fn text(text: &str) -> CString {
    CString::new(text).expect("it has no zero")
}

/// Runs in a forked child, so that a success changes nothing here. Returns its output, and the signal that ended it.
fn apart(name: &str, body: impl FnOnce()) {
    // SAFETY: this program has one thread.
    match unsafe { libc::fork() } {
        0 => {
            body();
            // SAFETY: ends this copy.
            unsafe { libc::_exit(0) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: waits for the child that was just made.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            if libc::WIFSIGNALED(status) {
                say(name, format!("signal {}", libc::WTERMSIG(status)));
            }
        }
    }
}

pub(crate) fn main(words: &[String]) {
    if words.first().is_some_and(|word| word == "linger") {
        loop {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
    if words.first().is_some_and(|word| word == "attributes") {
        attributes();
        return;
    }
    let facts = Facts::from_words(words);
    tree();
    surroundings();
    files(&facts);
    processes(&facts);
    network(&facts);
    descriptors();
    terminal();
    mounts();
    devices();
    traps();
    powers();
    kernel();
    foreign_calls();
    nested();
    proc_for_writing();
    leave_behind(&facts);
}

/// Every path that the step sees, without the places that are mounts.
fn tree() {
    let mut folders = vec![std::path::PathBuf::from("/")];
    let mut lines = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it is a folder").flatten() {
            let path = entry.path();
            let stat = fs::symlink_metadata(&path).expect("it is there");
            let is_mount = ["/bq", "/dev", "/proc", "/sys", "/tmp"].map(Path::new);
            if is_mount.contains(&path.as_path()) {
                continue;
            }
            lines.push(line(&path.display().to_string(), &stat));
            if stat.is_dir() {
                folders.push(path);
            }
        }
    }
    lines.sort();
    for line in lines {
        say("tree", line);
    }
}

/// What is told of a path.
pub(crate) fn line(path: &str, stat: &fs::Metadata) -> String {
    let kind = if stat.is_dir() {
        "folder".to_owned()
    } else if stat.is_file() {
        format!("file of {}", stat.len())
    } else {
        "other".to_owned()
    };
    format!(
        "{path} is a {kind}, {:o}, {}",
        stat.mode() & 0o7777,
        stat.mtime()
    )
}

/// What a program gets without asking, which must not depend on who started the build.
fn surroundings() {
    // SAFETY: takes nothing.
    let parent = unsafe { libc::getppid() };
    let of_parent = fs::read(format!("/proc/{parent}/environ")).expect("it is the step's own");
    say(
        "environment of the parent",
        String::from_utf8_lossy(&of_parent),
    );
    let limits = fs::read_to_string("/proc/self/limits").expect("it is there");
    for name in ["Max stack size", "Max core file size", "Max open files"] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let words: Vec<&str> = line.unwrap_or("none").split_whitespace().collect();
        say(name, words.join(" "));
    }
    // Programs in Rust ignore SIGPIPE from their start on.
    let ignored = u64::from_str_radix(&status_line("SigIgn"), 16).expect("a set");
    say(
        "ignored signals",
        format!("{:x}", ignored & !(1 << (libc::SIGPIPE - 1))),
    );
    say(
        "host name",
        fs::read_to_string("/proc/sys/kernel/hostname")
            .unwrap_or_default()
            .trim(),
    );
}

fn list(path: &str) -> String {
    let Ok(entries) = fs::read_dir(path) else {
        return "none".to_owned();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.join(" ")
}

fn files(facts: &Facts) {
    say("root", list("/"));
    say("sys", list("/sys"));
    say("run", list("/run"));
    say("tmp", list("/tmp"));
    say("the fixed place of workspaces", list("/var/lib/bq"));
    let up = "../".repeat(40);
    for (name, path) in [
        ("secret", facts.secret.clone()),
        ("secret upwards", format!("{up}{}", facts.secret)),
        (
            "secret by process 1",
            format!("/proc/1/root{}", facts.secret),
        ),
        (
            "secret by its folder",
            format!("/proc/1/cwd/{up}{}", facts.secret),
        ),
        ("workspace", facts.workspace.clone()),
        ("store", format!("{}/store", facts.workspace)),
        ("store inside", "/var/lib/bq/store".to_owned()),
        ("undeclared output", "/opt/hidden".to_owned()),
        ("declared output", "/opt/shown".to_owned()),
    ] {
        say(&format!("read {name}"), came_of(fs::File::open(path)));
    }
    // These are written into the throw-away layer. The test checks that they stay there.
    for (name, path) in [
        ("over a dependency", "/opt/shown"),
        ("over the seed", "/etc/name"),
        ("into the root", "/new"),
    ] {
        say(
            &format!("write {name}"),
            came_of(fs::write(path, "changed")),
        );
    }
    // A link to a place outside leads to nothing, also by way of the step's own folders.
    for folder in ["/bq/build", "/bq/home", "/bq/dest"] {
        let link = format!("{folder}/link");
        std::os::unix::fs::symlink(&facts.secret, &link).expect("it is ours");
        say(&format!("link in {folder}"), came_of(fs::File::open(&link)));
        fs::remove_file(&link).expect("it is there");
    }
}

fn processes(facts: &Facts) {
    let mut others = Vec::new();
    let mut marked = Vec::new();
    for entry in fs::read_dir("/proc").expect("it is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(pid) = name.parse::<i32>() else {
            continue;
        };
        let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if !["bq", "probe"].contains(&comm.trim()) {
            others.push(comm.trim().to_owned());
        }
        // Its own command line contains the mark.
        if pid == std::process::id().cast_signed() {
            continue;
        }
        for file in ["environ", "cmdline"] {
            let content = fs::read(entry.path().join(file)).unwrap_or_default();
            if String::from_utf8_lossy(&content).contains(&facts.mark) {
                marked.push(format!("{name}/{file}"));
            }
        }
    }
    say("other processes", others.join(" "));
    say("environments with the mark", marked.join(" "));
    let own: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    let has_mark = own.iter().any(|name| name.contains("SECRET"));
    say("own environment with the mark", has_mark);
    // SAFETY: signal 0 does nothing.
    say(
        "signal a process of the machine",
        came(unsafe { libc::kill(facts.pid, 0) }.into()),
    );
    // SAFETY: process 1 of a namespace takes no signal from within that it has no handler for.
    say(
        "kill process 1",
        came(unsafe { libc::kill(1, libc::SIGKILL) }.into()),
    );
    say("process 1 is there", Path::new("/proc/1").exists());
    for file in ["mem", "environ", "root", "cwd", "exe", "fd/0", "ns/mnt"] {
        let path = format!("/proc/1/{file}");
        say(&format!("open {path}"), came_of(fs::File::open(path)));
    }
    // SAFETY: attaching to process 1, which is not to succeed.
    let traced = unsafe { libc::ptrace(libc::PTRACE_SEIZE, 1, 0, 0) };
    say("trace process 1", came(traced));
    let mut byte = 0_u8;
    let here = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let there = libc::iovec {
        iov_base: 0x1000 as *mut c_void,
        iov_len: 1,
    };
    // SAFETY: both vectors live for the call.
    let read = unsafe { libc::process_vm_readv(1, &raw const here, 1, &raw const there, 1, 0) };
    say("read the memory of process 1", came(read as c_long));
    // SAFETY: plain numbers.
    let pidfd = unsafe { syscall(libc::SYS_pidfd_open, 1, 0) };
    // SAFETY: plain numbers.
    let taken = unsafe { syscall(libc::SYS_pidfd_getfd, pidfd, 0, 0) };
    say("take a descriptor of process 1", came(taken));
    // SAFETY: this program's own descriptor.
    unsafe { libc::close(pidfd as i32) };
    // SAFETY: plain numbers.
    let shm = unsafe { libc::shmget(facts.shm, 0, 0) };
    say("shared memory of the machine", came(shm.into()));
}

fn network(facts: &Facts) {
    say(
        "connect to the machine",
        came_of(TcpStream::connect(("127.0.0.1", facts.port))),
    );
    let address = SocketAddr::from_abstract_name(&facts.socket).expect("it is short");
    say(
        "abstract socket of the machine",
        came_of(UnixStream::connect_addr(&address)),
    );
    let far = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9"));
    say("far address", came_of(far));
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let names: Vec<&str> = devices
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim()))
        .collect();
    say("network devices", names.join(" "));
    for (name, family, kind) in [
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM),
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW),
        ("raw", libc::AF_INET, libc::SOCK_RAW),
        ("unix", libc::AF_UNIX, libc::SOCK_STREAM),
    ] {
        // SAFETY: plain numbers.
        let fd = unsafe {
            libc::socket(
                family,
                kind,
                if name == "raw" { libc::IPPROTO_ICMP } else { 0 },
            )
        };
        say(&format!("socket {name}"), came(fd.into()));
        // SAFETY: this program's own descriptor, or none.
        unsafe { libc::close(fd) };
    }
    // The kernel takes the lower half of the number only, and so has a filter to.
    for (name, family) in [("vsock", libc::AF_VSOCK), ("alg", libc::AF_ALG)] {
        let wide = (1_i64 << 32) | i64::from(family);
        // SAFETY: plain numbers.
        let fd = unsafe { syscall(libc::SYS_socket, wide, libc::SOCK_STREAM, 0) };
        say(&format!("socket {name}, written otherwise"), came(fd));
    }
}

fn descriptors() {
    let mut kinds = Vec::new();
    let folder = fs::File::open("/proc/self/fd").expect("it is there");
    let entries = fs::read_dir("/proc/self/fd").expect("it is there");
    let mut numbers: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    for number in numbers {
        let Ok(stat) = fs::metadata(format!("/proc/self/fd/{number}")) else {
            // The listing's own.
            continue;
        };
        if number == folder.as_raw_fd() {
            continue;
        }
        let kind = stat.file_type();
        let kind = match kind {
            _ if kind.is_fifo() => "pipe",
            _ if kind.is_char_device() => "device",
            _ if kind.is_file() => "file",
            _ if kind.is_dir() => "folder",
            _ if kind.is_socket() => "socket",
            _ => "other",
        };
        kinds.push(format!("{number} {kind}"));
    }
    // Those of the jobserver are pipes; a folder would be a way out.
    let folders: Vec<&String> = kinds
        .iter()
        .filter(|kind| !kind.ends_with("pipe") && !kind.starts_with(['0', '1', '2']))
        .collect();
    say("descriptors but pipes", format!("{folders:?}"));
    say("descriptor 77", came_of(fs::metadata("/proc/self/fd/77")));
}

fn terminal() {
    for fd in 0..3 {
        // SAFETY: the byte lives for the call.
        let pushed = unsafe { libc::ioctl(fd, libc::TIOCSTI, c"x".as_ptr()) };
        say(&format!("type into descriptor {fd}"), came(pushed.into()));
    }
    say(
        "open the terminal",
        came_of(
            fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/tty"),
        ),
    );
    // SAFETY: plain numbers; a terminal that is not there cannot be taken.
    let took = unsafe { libc::ioctl(1, libc::TIOCSCTTY, 1) };
    say("take the terminal", came(took.into()));
}

fn mount(source: &str, target: &str, kind: &str, flags: u64) -> String {
    let (source, target, kind) = (text(source), text(target), text(kind));
    // SAFETY: the texts live for the call.
    let result = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            std::ptr::null(),
        )
    };
    came(result.into())
}

fn umount(target: &str) -> String {
    let target = text(target);
    // SAFETY: the text lives for the call.
    came(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }.into())
}

fn mounts() {
    say("mount a tmpfs", mount("x", "/tmp", "tmpfs", 0));
    say("mount a proc", mount("x", "/tmp", "proc", 0));
    say("bind", mount("/etc", "/tmp", "", libc::MS_BIND));
    say(
        "write to settings again",
        mount("", "/proc/sys", "", libc::MS_REMOUNT | libc::MS_BIND),
    );
    for place in ["/proc/sys", "/proc", "/dev", "/bq/dest"] {
        say(&format!("unmount {place}"), umount(place));
    }
    // SAFETY: plain numbers and a text that lives for the call.
    say(
        "fsopen",
        came(unsafe { syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), 0) }),
    );
    // SAFETY: as above; OPEN_TREE_CLONE.
    say(
        "open_tree",
        came(unsafe { syscall(libc::SYS_open_tree, libc::AT_FDCWD, c"/".as_ptr(), 1) }),
    );
    // SAFETY: texts that live for the call.
    say(
        "pivot_root",
        came(unsafe { syscall(libc::SYS_pivot_root, c"/tmp".as_ptr(), c"/tmp".as_ptr()) }),
    );
    // SAFETY: a text that lives for the call.
    say(
        "chroot",
        came(unsafe { libc::chroot(c"/tmp".as_ptr()) }.into()),
    );
    for (name, kind) in [
        ("mount", libc::CLONE_NEWNS),
        ("pid", libc::CLONE_NEWPID),
        ("net", libc::CLONE_NEWNET),
        ("uts", libc::CLONE_NEWUTS),
        ("ipc", libc::CLONE_NEWIPC),
        ("cgroup", libc::CLONE_NEWCGROUP),
    ] {
        apart(&format!("unshare {name}"), || {
            // SAFETY: plain numbers.
            say(
                &format!("unshare {name}"),
                came(unsafe { libc::unshare(kind) }.into()),
            );
        });
    }
    for (name, mode, device) in [
        ("null", libc::S_IFCHR, libc::makedev(1, 3)),
        ("memory", libc::S_IFCHR, libc::makedev(1, 1)),
        ("disk", libc::S_IFBLK, libc::makedev(254, 0)),
    ] {
        let path = text(&format!("/tmp/{name}"));
        // SAFETY: the text lives for the call.
        let made = unsafe { libc::mknod(path.as_ptr(), mode | 0o666, device) };
        say(&format!("make the device {name}"), came(made.into()));
    }
}

/// Gives files what no file of a user's folders may have, in all ways, and waits to be looked at.
fn attributes() {
    for folder in ["/bq/dest/opt", "/bq/build", "/bq/home", "/var"] {
        fs::create_dir_all(folder).expect("it is ours");
        let new = |name: &str| {
            let path = format!("{folder}/{name}");
            fs::write(&path, name).expect("it is ours");
            text(&path)
        };
        let made = text(&format!("{folder}/made"));
        let (su, wall, ping) = (new("su"), new("wall"), new("ping"));
        let games = text(&format!("{folder}/games"));
        raise_setfcap();
        // SAFETY: texts and a value that live for the calls.
        let results: [c_long; 6] = unsafe {
            [
                libc::chmod(su.as_ptr(), 0o4755).into(),
                libc::chmod(wall.as_ptr(), 0o2711).into(),
                libc::open(made.as_ptr(), libc::O_CREAT | libc::O_WRONLY, 0o6755).into(),
                libc::mkdir(games.as_ptr(), 0o755).into(),
                libc::chmod(games.as_ptr(), 0o2775).into(),
                libc::setxattr(
                    ping.as_ptr(),
                    c"security.capability".as_ptr(),
                    NET_RAW.as_ptr().cast(),
                    NET_RAW.len(),
                    0,
                )
                .into(),
            ]
        };
        assert!(results.iter().all(|&result| result >= 0), "{results:?}");
    }
    // A file that is there: on an overlay, one that is made in its upper layer need not show.
    fs::write("/bq/build/go", "").expect("it is ours");
    fs::write("/bq/build/ready", "").expect("it is ours");
    crate::support::eventually("somebody who looks", || {
        fs::read("/bq/build/go").is_ok_and(|text| !text.is_empty())
    });
}

/// What setcap(8) does first.
fn raise_setfcap() {
    // linux/capability.h: version 3; effective, permitted and inheritable, each in two halves.
    let (mut header, mut sets) = ([0x2008_0522_u32, 0], [0_u32; 6]);
    // SAFETY: both arrays live for the calls and have the sizes that version 3 has.
    unsafe {
        let got = syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr());
        assert_eq!(got, 0);
        sets[0] |= 1 << 31;
        let set = syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr());
        assert_eq!(set, 0);
    }
}

/// The nodes of /dev are the machine's own.
fn devices() {
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let path = format!("/dev/{name}");
        let mode = fs::metadata(&path).expect("it is there").permissions();
        // Where it is allowed, the mode stays what it is.
        say(
            &format!("mode of {path}"),
            came_of(fs::set_permissions(&path, mode)),
        );
        let node = text(&path);
        // SAFETY: the text lives for the call; both times are now.
        let times = unsafe { libc::utimensat(libc::AT_FDCWD, node.as_ptr(), std::ptr::null(), 0) };
        say(&format!("time of {path}"), came(times.into()));
    }
    say("write to /dev/null", came_of(fs::write("/dev/null", "x")));
    say("fill /dev/full", came_of(fs::write("/dev/full", "x")));
}

/// Files that a later run could not remove, or that would have capabilities.
fn traps() {
    // linux/fs.h: FS_IOC_SETFLAGS, FS_IMMUTABLE_FL, FS_APPEND_FL.
    const SETFLAGS: u64 = 0x4008_6602;
    for folder in ["/bq/dest", "/bq/build", "/bq/home"] {
        let path = format!("{folder}/trap");
        let file = fs::File::create(&path).expect("it is ours");
        for (name, flags) in [("immutable", 0x10_i64), ("append-only", 0x20)] {
            // SAFETY: the number lives for the call.
            let set = unsafe { libc::ioctl(file.as_raw_fd(), SETFLAGS as _, &raw const flags) };
            say(&format!("{name} in {folder}"), came(set.into()));
        }
        let node = text(&path);
        // SAFETY: texts and a value that live for the call.
        let set = unsafe {
            libc::setxattr(
                node.as_ptr(),
                c"security.capability".as_ptr(),
                NET_RAW.as_ptr().cast(),
                NET_RAW.len(),
                0,
            )
        };
        say(&format!("capability in {folder}"), came(set.into()));
        // SAFETY: texts that live for the call, and no room for a value.
        let shown = unsafe {
            libc::getxattr(
                node.as_ptr(),
                c"security.capability".as_ptr(),
                std::ptr::null_mut(),
                0,
            )
        };
        say(
            &format!("capability that shows in {folder}"),
            came(shown as c_long),
        );
        // SAFETY: the text lives for the call.
        let set = unsafe { libc::chmod(node.as_ptr(), 0o6755) };
        say(&format!("set-id in {folder}"), came(set.into()));
        let mode = fs::metadata(&path).expect("it is there").mode();
        say(
            &format!("mode that shows in {folder}"),
            format!("{:o}", mode & 0o7777),
        );
        fs::remove_file(&path).expect("it is ours");
    }
    owners();
    for folder in ["/bq/build", "/bq/home", "/var"] {
        // Deeper than any path can be, with no access at every level.
        let top = text(folder);
        // SAFETY: the text lives for the call.
        let mut at = unsafe { libc::open(top.as_ptr(), libc::O_DIRECTORY | libc::O_CLOEXEC) };
        let mut depth = 0;
        while depth < 1500 {
            // SAFETY: a text that lives for the calls, on a descriptor that is open; each is closed once.
            unsafe {
                if libc::mkdirat(at, c"deep".as_ptr(), 0o700) < 0 {
                    break;
                }
                let next = libc::openat(at, c"deep".as_ptr(), libc::O_DIRECTORY | libc::O_CLOEXEC);
                libc::fchmod(at, if depth == 0 { 0o755 } else { 0 });
                libc::close(at);
                at = next;
            }
            depth += 1;
        }
        // SAFETY: as above.
        unsafe { libc::close(at) };
        say(&format!("a tree as deep as it gets in {folder}"), depth);
    }
}

/// Packages change owners and take other users' ids. A step has one id; owners come from its recipe.
fn owners() {
    let path = "/bq/build/owned";
    fs::write(path, "").expect("it is ours");
    let before = fs::metadata(path).expect("it is there");
    say(
        "give a file away",
        came_of(std::os::unix::fs::chown(path, Some(1000), Some(5))),
    );
    let after = fs::metadata(path).expect("it is there");
    say(
        "whose it is then",
        if (before.uid(), before.gid()) == (after.uid(), after.gid()) {
            "as before"
        } else {
            "another"
        },
    );
    apart("become another user", || {
        // SAFETY: plain numbers.
        let became = unsafe { libc::setgid(5) | libc::setuid(1000) };
        say("become another user", came(became.into()));
        // SAFETY: takes nothing.
        say("who it is then", unsafe { libc::geteuid() });
    });
}

fn status_line(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let found = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    found.unwrap_or("none").to_owned()
}

fn powers() {
    for name in [
        "NoNewPrivs",
        "Seccomp",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
    ] {
        say(name, status_line(name));
    }
    // linux/capability.h: version 3, all bits of all sets.
    let header = [0x2008_0522_u32, 0];
    let sets = [u32::MAX; 6];
    // SAFETY: both arrays live for the call and have the sizes that version 3 has.
    say(
        "raise capabilities",
        came(unsafe { syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }),
    );
    // SAFETY: the text lives for the call.
    say(
        "sethostname",
        came(unsafe { libc::sethostname(c"x".as_ptr(), 1) }.into()),
    );
    // SAFETY: plain numbers.
    say(
        "a better place in the queue",
        came(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -5) }.into()),
    );
    let limit = libc::rlimit {
        rlim_cur: 1 << 30,
        rlim_max: 1 << 30,
    };
    // SAFETY: the limit lives for the call.
    say(
        "more descriptors than allowed",
        came(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }.into()),
    );
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time lives for the calls.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    // SAFETY: as above. Where it is allowed, the clock stays what it is.
    say(
        "set the clock",
        came(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const now) }.into()),
    );
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: plain numbers.
        say(
            "ports of the machine",
            refused(unsafe { libc::iopl(3) }.into()),
        );
    }
}

fn kernel() {
    let zero = 0_usize;
    for (name, number, first) in [
        ("add_key", libc::SYS_add_key, zero),
        ("request_key", libc::SYS_request_key, zero),
        ("keyctl", libc::SYS_keyctl, zero),
        ("bpf", libc::SYS_bpf, zero),
        ("perf_event_open", libc::SYS_perf_event_open, zero),
        ("io_uring_setup", libc::SYS_io_uring_setup, 1),
        ("userfaultfd", libc::SYS_userfaultfd, 1),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, zero),
        ("kexec_load", libc::SYS_kexec_load, zero),
        ("syslog", libc::SYS_syslog, 3),
        ("vhangup", libc::SYS_vhangup, zero),
    ] {
        // SAFETY: no call gets an address but 0, which none of them may write to.
        say(
            name,
            came(unsafe { syscall(number, first, zero, zero, zero, zero) }),
        );
    }
    for (name, number) in [
        ("init_module", libc::SYS_init_module),
        ("delete_module", libc::SYS_delete_module),
        ("swapon", libc::SYS_swapon),
        ("acct", libc::SYS_acct),
    ] {
        // SAFETY: as above.
        say(name, refused(unsafe { syscall(number, zero, zero, zero) }));
    }
    // SAFETY: the numbers of reboot(2); what it would do is to let Ctrl-Alt-Del send a signal only, as is usual.
    let reboot = unsafe { syscall(libc::SYS_reboot, 0xfee1_dead_u32, 672_274_793, 0, 0) };
    say("reboot", came(reboot));
}

/// Calls of the machine's other ABIs, which could bypass a filter.
fn foreign_calls() {
    #[cfg(target_arch = "x86_64")]
    {
        // x32: the same call, under its other number.
        // SAFETY: getpid takes nothing.
        say(
            "getpid by x32",
            came(unsafe { syscall(0x4000_0000 + libc::SYS_getpid) }),
        );
        // SAFETY: plain numbers.
        let vsock = unsafe {
            syscall(
                0x4000_0000 + libc::SYS_socket,
                libc::AF_VSOCK,
                libc::SOCK_STREAM,
                0,
            )
        };
        say("socket vsock by x32", came(vsock));
        apart("socket vsock by i386", || {
            let result: i64;
            // SAFETY: 359 is socket(2) of i386: numbers in, a number out. A kernel without it ends this copy.
            unsafe {
                std::arch::asm!(
                    "push rbx", "mov ebx, {family:e}", "int 0x80", "pop rbx",
                    family = in(reg) libc::AF_VSOCK,
                    inlateout("rax") 359_i64 => result,
                    in("rcx") libc::SOCK_STREAM, in("rdx") 0,
                    out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                );
            }
            let result = result as i32;
            say(
                "socket vsock by i386",
                if result < 0 {
                    format!("{:?}", Errno::from_raw(-result))
                } else {
                    "ok".to_owned()
                },
            );
        });
    }
}

/// What a step would gain from a user namespace of its own.
fn nested() {
    apart("in a user namespace of its own", || {
        // SAFETY: geteuid and getegid cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        let kinds = libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWNET;
        // SAFETY: plain numbers.
        if unsafe { libc::unshare(kinds) } < 0 {
            say("in a user namespace of its own", came(-1));
            return;
        }
        let _ = fs::write("/proc/self/setgroups", "deny");
        let _ = fs::write("/proc/self/uid_map", format!("0 {uid} 1"));
        let _ = fs::write("/proc/self/gid_map", format!("0 {gid} 1"));
        apart("inner", || {
            say("inner: mount a proc", mount("proc", "/tmp", "proc", 0));
            say("inner: mount a sysfs", mount("sysfs", "/tmp", "sysfs", 0));
            say("inner: unmount /proc/sys", umount("/proc/sys"));
            say("inner: unmount /proc", umount("/proc"));
            say(
                "inner: write to settings again",
                mount("", "/proc/sys", "", libc::MS_REMOUNT | libc::MS_BIND),
            );
            say(
                "inner: write to /dev again",
                mount("", "/dev", "", libc::MS_REMOUNT | libc::MS_BIND),
            );
            let cgroup = mount("cgroup2", "/tmp", "cgroup2", 0);
            let joins = if cgroup == "ok" {
                came_of(fs::write("/tmp/cgroup.procs", "0"))
            } else {
                "no".to_owned()
            };
            say("inner: a place among the machine's control groups", joins);
            let device = text("/dev/shm/null");
            // SAFETY: the text lives for the call.
            let made =
                unsafe { libc::mknod(device.as_ptr(), libc::S_IFCHR | 0o666, libc::makedev(1, 3)) };
            say("inner: make a device", came(made.into()));
            let opened = came_of(
                fs::OpenOptions::new()
                    .write(true)
                    .open("/proc/sys/kernel/core_pattern"),
            );
            // The kernel requires one of them first.
            say(
                "inner: core_pattern",
                if ["EROFS", "EACCES"].contains(&opened.as_str()) {
                    "refused"
                } else {
                    &opened
                },
            );
        });
    });
}

/// Every file of /proc that belongs to no process, has a mode for writing, and can be opened for it. Whoever may override
/// modes can open the others too, but there is nothing behind them that takes what is written.
fn proc_for_writing() {
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from("/proc")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(stat) = entry.metadata() else {
                continue;
            };
            let is_process = name
                .to_str()
                .is_some_and(|name| name.parse::<u32>().is_ok());
            // Whoever may read /proc/pressure may also ask to be woken.
            if stat.is_dir() && !is_process && name != "pressure" {
                folders.push(path);
            } else if stat.is_file()
                && stat.mode() & 0o222 != 0
                && fs::OpenOptions::new().write(true).open(&path).is_ok()
            {
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    say("files of /proc that can be written", found.join(" "));
}

fn leave_behind(facts: &Facts) {
    // SAFETY: this program has one thread; the copy starts another program and ends.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            let program = std::env::current_exe().expect("it has a name");
            let mut command = std::process::Command::new(program);
            command.args(["--probe", "linger", &facts.orphan]);
            for stream in [
                std::process::Command::stdin,
                std::process::Command::stdout,
                std::process::Command::stderr,
            ] {
                stream(&mut command, std::process::Stdio::null());
            }
            let started = command.spawn();
            say("start something that stays", came_of(started));
            libc::_exit(0);
        }
        libc::wait(std::ptr::null_mut());
    }
}
