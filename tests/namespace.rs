//! Namespaces from outside: a root that contains only the static bq, and what a program in it sees and can do.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

mod support;

use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::server::Server;
use support::{eventually, is_root, mounts, processes_with, why_no_namespaces};

macro_rules! needs_namespaces {
    () => {
        if let Some(why) = why_no_namespaces() {
            support::skip(why);
            return;
        }
    };
}

/// A root with only bq and the mount points.
struct Root(tempfile::TempDir);

/// A program's exit status and output.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    status: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Left {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: support::heard(&output),
        }
    }
}

fn good(out: &str) -> Left {
    Left {
        status: Some(0),
        out: out.to_owned(),
        err: String::new(),
    }
}

impl Root {
    fn new() -> Self {
        let root = Self::bare();
        for name in ["dev", "proc", "tmp"] {
            std::fs::create_dir(root.path(name)).expect("it can be made");
        }
        root
    }

    /// Without the folders.
    fn bare() -> Self {
        let root = Self(tempfile::tempdir().expect("a folder can be made"));
        std::fs::create_dir(root.0.path().join("root")).expect("it can be made");
        support::copy_program(Path::new(env!("CARGO_BIN_EXE_bq")), &root.path("bq"));
        root
    }

    /// A path in the root, as it is outside.
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("root").join(name)
    }

    fn outside(&self) -> &Path {
        self.0.path()
    }

    /// A word that only the command lines of this root's processes contain.
    fn mark(&self) -> String {
        let name = self.0.path().file_name().expect("it has a name");
        format!("mark{}", name.to_string_lossy())
    }

    /// `bq enter --rootfs ROOT OPTIONS -- WORDS`
    fn enter(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = support::bq(self.outside());
        command
            .args(["enter", "--rootfs", "root"])
            .args(options)
            .arg("--")
            .args(words)
            .stdin(Stdio::null())
            .env_remove("TERM");
        command
    }

    /// Runs code inside.
    fn code(&self, code: &str) -> Left {
        let mut command = self.enter(&[], &["/bq", "-e", code]);
        command.output().expect("bq runs").into()
    }

    /// Runs code inside, in a sandbox with these further fields of Lua.
    fn sandbox(&self, fields: &str, code: &str) -> Left {
        let launch = format!(
            "local status = require('bq.run.namespace').run {{ root = 'root', argv = {{ '/bq', '-e', ... }}, env = {{}}, {fields} }}
             os.exit(status.code or 1)"
        );
        let mut command = support::bq(self.outside());
        command.args(["-e", &launch, code]).stdin(Stdio::null());
        command.output().expect("bq runs").into()
    }

    /// Starts code inside that never ends, and waits until it runs.
    fn waiting(&self, code: &str) -> Child {
        let words = ["/bq", "-e", code, &self.mark(), "inside"];
        let child = self
            .enter(&[], &words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bq starts");
        let ready = self.path("ready");
        eventually("what runs inside", || ready.exists());
        child
    }
}

/// Says that it is there, in a file of the root.
const READY: &str = "require('bq.fs').write('/ready', '')";

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

#[test]
fn nothing_of_the_machine_is_in_sight() {
    needs_namespaces!();
    let before = mounts();
    let root = Root::new();
    let left = root.code(
        "local fs, syscall = require 'bq.fs', require 'bq.syscall'
        local function list(path) return table.concat(fs.list(path), ' ') end
        print(syscall.getuid(), syscall.geteuid(), syscall.getgid(), syscall.getegid())
        print(syscall.getpid(), syscall.getppid(), syscall.uname().nodename, fs.cwd())
        print(list '/')
        print(list '/dev')
        print(list '/tmp', list '/dev/shm')
        local places = {}
        for line in io.lines '/proc/self/mountinfo' do places[#places + 1] = line:match '^%S+ %S+ %S+ %S+ (%S+)' end
        table.sort(places)
        print(table.concat(places, ' '))
        local pids = {}
        for _, name in ipairs(fs.list '/proc') do if name:find '^%d' then pids[#pids + 1] = name end end
        print(table.concat(pids, ' '))",
    );
    assert_eq!(
        left,
        good(
            "0\t0\t0\t0\n2\t1\tbq\t/\nbq dev proc tmp\n\
             fd full null ptmx pts random shm stderr stdin stdout tty urandom zero\n\t\n\
             / /dev /dev/full /dev/null /dev/pts /dev/random /dev/shm /dev/tty /dev/urandom /dev/zero /proc /tmp\n1 2\n"
        )
    );
    assert_eq!(mounts(), before);
}

/// The same as on a machine that runs a system of bq.
#[test]
fn the_root_that_one_is_in_can_be_entered() {
    needs_namespaces!();
    let before = mounts();
    let root = Root::new();
    let code =
        "print(require('bq.syscall').getpid(), table.concat(require('bq.fs').list '/', ' '))";
    let left: Left = root
        .enter(
            &[],
            &["/bq", "enter", "--rootfs", "/", "--", "/bq", "-e", code],
        )
        .output()
        .expect("bq runs")
        .into();
    assert_eq!(left, good("2\tbq dev proc tmp\n"));
    assert_eq!(mounts(), before);
}

#[test]
fn devices_work_and_stay_as_they_are() {
    needs_namespaces!();
    let left = Root::new().code(
        "local fs = require 'bq.fs'
        local function code(body, ...) local ok, err = pcall(body, ...) return ok or err.code end
        local function bytes(path) local file <close> = io.open(path, 'rb') return #(file:read(4) or '') end
        print(code(fs.append, '/dev/null', 'x'), code(fs.append, '/dev/full', 'x'))
        print(bytes '/dev/null', bytes '/dev/zero', bytes '/dev/urandom', bytes '/dev/full')
        print(code(fs.write, '/dev/new', 'x'), code(fs.remove, '/dev/null'))
        fs.write('/dev/shm/a', 'x') fs.write('/tmp/a', 'x')
        print(fs.readlink '/dev/fd', fs.stat('/dev/pts/ptmx').type, ('%o'):format(fs.stat('/tmp').mode))",
    );
    assert_eq!(
        left,
        good("true\tENOSPC\n0\t4\t4\t4\nEROFS\tEROFS\n/proc/self/fd\tchar\t1777\n")
    );
}

#[test]
fn the_network_is_a_loopback_alone() {
    needs_namespaces!();
    let root = Root::new();
    let left = root.code(
        "for line in io.lines '/proc/net/dev' do
          local name = line:match '^%s*([%w.-]+):' if name then print(name) end
        end
        print(#require('bq.fs').read('/proc/net/route') < 200)",
    );
    assert_eq!(left, good("lo\ntrue\n"));
    let server = Server::constant(b"there".to_vec());
    let code = format!(
        "local one = require('bq.fetch').fetch {{ files = {{ {{ urls = {{ '{}' }}, path = '/tmp/f' }} }}, retries = 0, progress = false }}[1]
        print(one.ok, one.attempts[1] and one.attempts[1].code)",
        server.url("x")
    );
    assert_eq!(root.code(&code), good("false\tconnect\n"));
    assert!(server.requests().is_empty());
    let left: Left = root
        .enter(&["--network"], &["/bq", "-e", &code])
        .output()
        .expect("bq runs")
        .into();
    assert_eq!(left, good("true\tnil\n"));
}

#[test]
fn confined_a_program_has_no_power_over_the_machine() {
    needs_namespaces!();
    let root = Root::new();
    let left = root.sandbox(
        "confined = true",
        "local fs, syscall = require 'bq.fs', require 'bq.syscall'
        local function code(body, ...) local ok, err = pcall(body, ...) return ok or err.code end
        print(table.concat(syscall.capabilities(), ' '))
        local status = fs.read '/proc/self/status'
        for _, name in ipairs { 'NoNewPrivs', 'Seccomp' } do print(name, status:match(name .. ':%s*(%d+)')) end
        for _, set in ipairs { 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb' } do
          local bits = tonumber(status:match(set .. ':%s*(%x+)'), 16)
          -- sys_admin, sys_ptrace, mknod, sys_module, net_admin
          for _, bit in ipairs { 21, 19, 27, 16, 12 } do assert(bits & (1 << bit) == 0, set) end
        end
        -- Read-only for root; an ordinary user may not even try.
        local refused = code(fs.append, '/proc/sys/kernel/domainname', 'x')
        assert(refused == 'EROFS' or refused == 'EACCES', refused)
        if fs.stat '/proc/sysrq-trigger' then assert(code(fs.append, '/proc/sysrq-trigger', 'h') ~= true) end
        print(code(syscall.mount, { source = 'tmpfs', target = '/tmp', type = 'tmpfs' }))
        print(code(syscall.umount, '/proc'), code(syscall.sethostname, 'x'), code(syscall.chroot, '/tmp'))
        print(code(syscall.unshare, { 'mount' }))",
    );
    assert_eq!(
        left,
        good(
            "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap \
             net_bind_service net_broadcast ipc_lock ipc_owner lease\n\
             NoNewPrivs\t1\nSeccomp\t2\nEPERM\nEPERM\tEPERM\tEPERM\nEPERM\n"
        )
    );
    // A user's shell keeps its capabilities within its own namespaces, but cannot gain new ones.
    let left =
        root.code("print(require('bq.fs').read('/proc/self/status'):match 'NoNewPrivs:%s*(%d)')");
    assert_eq!(left, good("1\n"));
}

#[test]
fn a_filter_can_deny_namespaces_and_leaves_processes() {
    needs_namespaces!();
    let root = Root::new();
    let code = "local process, syscall = require 'bq.process', require 'bq.syscall'
        syscall.set_no_new_privs()
        syscall.seccomp { deny_namespaces = true, deny_sockets = { 'alg' } }
        for _, kinds in ipairs { { 'user' }, { 'mount' }, { 'user', 'pid' }, { 'net', 'cgroup' } } do
          local ok, err = pcall(syscall.unshare, kinds)
          print(ok or err.code)
        end
        print((pcall(syscall.unshare, {})))
        local child = process.fork()
        if child == 0 then process.exit(3) end
        print(process.reap(child).code, process.run({ argv = { '/bq', '-e', 'os.exit(5)' } }).code)";
    assert_eq!(
        root.code(code),
        good("EPERM\nEPERM\nEPERM\nEPERM\ntrue\n3\t5\n")
    );
}

#[test]
fn only_one_id_is_mapped_for_an_ordinary_user() {
    needs_namespaces!();
    if is_root() {
        support::skip("root needs no user namespace");
        return;
    }
    let left = Root::new().code(
        "print((require('bq.fs').read('/proc/self/uid_map'):gsub('%s+', ' ')))
        print(require('bq.fs').read '/proc/self/setgroups')",
    );
    let uid = nix::unistd::geteuid();
    assert_eq!(left, good(&format!(" 0 {uid} 1 \ndeny\n\n")));
}

#[test]
fn calls_about_ids_are_answered_where_that_is_wanted() {
    needs_namespaces!();
    let root = Root::new();
    let code = "local syscall = require 'bq.syscall'
        print(pcall(syscall.setuid, 12345), syscall.getuid())";
    assert_eq!(root.sandbox("answer_ids = true", code), good("true\t0\n"));
}

#[test]
fn descriptors_of_the_caller_stay_outside() {
    needs_namespaces!();
    let root = Root::new();
    let secret = std::fs::File::open(root.path("bq")).expect("it is there");
    let code = "print(table.concat(require('bq.fs').list '/proc/self/fd', ' '))
        print(require('bq.fs').readlink '/proc/1/fd/77' or 'none')";
    let mut command = root.enter(&[], &["/bq", "-e", code]);
    // SAFETY: dup2 is safe to call between fork and exec; the descriptor is open.
    unsafe {
        command.pre_exec(move || {
            if nix::libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&secret), 77) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    // The last one is the folder that is being listed.
    let left = Left::from(command.output().expect("bq runs"));
    assert_eq!(left, good("0 1 2 3\nnone\n"));
}

#[test]
fn links_in_the_root_do_not_lead_outside() {
    needs_namespaces!();
    let before = mounts();
    for place in ["dev", "proc", "tmp"] {
        let root = Root::bare();
        let target = root.outside().join("target");
        std::fs::create_dir(&target).expect("it can be made");
        for name in ["dev", "proc", "tmp"] {
            if name == place {
                symlink(&target, root.path(name)).expect("it can be made");
            } else {
                std::fs::create_dir(root.path(name)).expect("it can be made");
            }
        }
        let left = root.code("print 'inside'");
        assert_eq!(
            (left.status, left.out.as_str()),
            (Some(125), ""),
            "{left:?}"
        );
        let message = format!("caused by: `/{place}` of the root is a link, not a folder\n");
        assert!(left.err.contains(&message), "{}", left.err);
        let inside: Vec<_> = std::fs::read_dir(&target).expect("there").collect();
        assert!(inside.is_empty(), "{inside:?}");
        assert_eq!(mounts(), before);
    }
}

#[test]
fn what_is_bound_is_there_and_nothing_above_it() {
    needs_namespaces!();
    let root = Root::new();
    let shared = root.outside().join("shared");
    std::fs::create_dir(&shared).expect("it can be made");
    std::fs::write(shared.join("file"), "shared").expect("it can be written");
    std::fs::create_dir(root.path("in")).expect("it can be made");
    std::fs::create_dir(root.path("ro")).expect("it can be made");
    let shared = shared.display();
    let binds = format!(
        "binds = {{ {{ source = '{shared}', target = '/in' }}, {{ source = '{shared}', target = '/ro', readonly = true }} }}"
    );
    let left = root.sandbox(
        &binds,
        "local fs = require 'bq.fs'
        print(fs.read '/in/file', table.concat(fs.list '/in/..', ' '))
        fs.write('/in/new', 'from inside')
        print(fs.read '/ro/new', select(2, pcall(fs.write, '/ro/x', '')).code)",
    );
    assert_eq!(
        left,
        good("shared\tbq dev in proc ro tmp\nfrom inside\tEROFS\n")
    );
    // A link in the root as the place of a bind is resolved in the root, if at all.
    let root = Root::new();
    let victim = root.outside().join("victim");
    std::fs::create_dir(&victim).expect("it can be made");
    std::fs::write(victim.join("mine"), "").expect("it can be written");
    symlink(&victim, root.path("in")).expect("it can be made");
    let binds = format!("binds = {{ {{ source = '{shared}', target = '/in' }} }}");
    let left = root.sandbox(&binds, "print 'inside'");
    assert_eq!(
        (left.status, left.out.as_str()),
        (Some(125), ""),
        "{left:?}"
    );
    assert!(victim.join("mine").exists());
}

#[test]
fn files_are_written_into_the_root_and_not_through_its_links() {
    needs_namespaces!();
    let root = Root::new();
    let victim = root.outside().join("victim");
    std::fs::write(&victim, "mine").expect("it can be written");
    symlink(&victim, root.path("conf")).expect("it can be made");
    let left = root.sandbox(
        "files = { ['conf'] = 'theirs' }",
        "print(require('bq.fs').read '/conf')",
    );
    assert_eq!(left, good("theirs\n"));
    assert_eq!(std::fs::read_to_string(victim).expect("there"), "mine");
}

#[test]
fn exit_statuses_and_signals_come_out() {
    needs_namespaces!();
    let before = mounts();
    let root = Root::new();
    for status in [0, 1, 77, 255] {
        assert_eq!(
            root.code(&format!("os.exit({status})")).status,
            Some(status)
        );
    }
    for (signal, status) in [("KILL", 137), ("TERM", 143), ("ABRT", 134), ("USR1", 138)] {
        let code = format!(
            "require('bq.process').kill(require('bq.syscall').getpid(), '{signal}')\n\
             require('bq.process').wait_any {{ timeout = 60 }}"
        );
        let left = root.code(&code);
        assert_eq!(left.status, Some(status), "{signal}: {left:?}");
    }
    let left: Left = root
        .enter(&[], &["/none"])
        .output()
        .expect("bq runs")
        .into();
    assert_eq!(left.status, Some(127), "{left:?}");
    assert!(
        left.err
            .starts_with("error: cannot run `/none` in the rootfs\ncaused by: exec `/none`: "),
        "{}",
        left.err
    );
    std::fs::write(root.path("text"), "no program").expect("it can be written");
    let left: Left = root
        .enter(&[], &["/text"])
        .output()
        .expect("bq runs")
        .into();
    assert_eq!(left.status, Some(126), "{left:?}");
    assert_eq!(mounts(), before);
}

#[test]
fn signals_pass_through_to_what_runs_inside() {
    needs_namespaces!();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let root = Root::new();
        let name = &signal.as_str()[3..];
        let child = root.waiting(&format!(
            "local process = require 'bq.process' process.catch_signals {{ '{name}' }} {READY}
            local woken = process.wait_any() os.exit(woken.caught == '{name}' and 42 or 1)"
        ));
        kill(pid(&child), signal).expect("it is there");
        let left = Left::from(child.wait_with_output().expect("it ends"));
        assert_eq!(left.status, Some(42), "{signal}: {left:?}");
        eventually("the end of all", || processes_with(&root.mark()).is_empty());
    }
}

/// Before it has a child to pass them on to, process 1 keeps signals: the kernel would drop them.
#[test]
fn signals_while_the_root_is_made_are_passed_on_after() {
    needs_namespaces!();
    let before = mounts();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        let root = Root::new();
        let gate = root.outside().join("gate");
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).expect("it can be made");
        // Where the root is made, the working folder is `/`.
        let code = "local fs, syscall = require 'bq.fs', require 'bq.syscall'
            local here = fs.cwd()
            local root = here .. '/root'
            local status = require('bq.run.namespace').run {
              root = root, argv = { '/bq', '-e', 'require(\"bq.process\").wait_any()', ... }, env = {},
              prepare = function()
                fs.write(here .. '/first', fs.readlink '/proc/self')
                io.open(here .. '/gate'):read 'a'
                syscall.mount { source = root, target = root, flags = { 'bind' } }
              end,
            }
            print(status.code)";
        let mut child = support::bq(root.outside())
            .args(["-e", code, &root.mark()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bq starts");
        let first = root.outside().join("first");
        eventually("process 1", || first.exists());
        let first = std::fs::read_to_string(first).expect("it is there");
        let process = Pid::from_raw(first.parse().expect("it is a number"));
        kill(process, signal).expect("it is there");
        let status = std::fs::read_to_string(format!("/proc/{first}/status")).expect("it is there");
        let waiting = status
            .lines()
            .find_map(|line| line.strip_prefix("ShdPnd:\t"))
            .expect("Linux has it");
        let waiting = u64::from_str_radix(waiting, 16).expect("it is a number");
        if waiting & (1 << (signal as i32 - 1)) == 0 {
            // It never ends.
            child.kill().expect("it is there");
            panic!("{signal} was dropped");
        }
        std::fs::write(gate, "").expect("somebody reads");
        let left = Left::from(child.wait_with_output().expect("it ends"));
        assert_eq!(
            left,
            good(&format!("{}\n", 128 + signal as i32)),
            "{signal}"
        );
        eventually("the end of all", || processes_with(&root.mark()).is_empty());
    }
    assert_eq!(mounts(), before);
}

#[test]
fn a_killed_launcher_takes_the_tree_along() {
    needs_namespaces!();
    let before = mounts();
    let root = Root::new();
    // Also processes that left the session and the group, and those that ignore signals.
    let child = root.waiting(&format!(
        "local process = require 'bq.process'
        process.spawn {{ argv = {{ '/bq', '-e', [[
          local process = require 'bq.process'
          process.catch_signals {{ 'TERM', 'INT', 'HUP', 'QUIT' }}
          {READY}
          while true do process.wait_any() end
        ]], ..., 'orphan' }}, session = true }}
        process.wait_any()"
    ));
    let mark = root.mark();
    let running = processes_with(&mark).len();
    // The launcher, process 1, the program and its child.
    assert!(running >= 4, "{running}");
    kill(pid(&child), Signal::SIGKILL).expect("it is there");
    drop(child.wait_with_output().expect("it ends"));
    eventually("the end of all", || processes_with(&mark).is_empty());
    assert_eq!(mounts(), before);
}

#[test]
fn what_the_first_program_leaves_ends_with_it() {
    needs_namespaces!();
    let root = Root::new();
    let code = "local process = require 'bq.process'
        process.spawn { argv = { '/bq', '-e', 'require(\"bq.process\").wait_any()', ... }, session = true, stdout = 'null', stderr = 'null' }
        os.exit(6)";
    let left: Left = root
        .enter(&[], &["/bq", "-e", code, &root.mark()])
        .output()
        .expect("bq runs")
        .into();
    assert_eq!(left.status, Some(6), "{left:?}");
    eventually("the end of all", || processes_with(&root.mark()).is_empty());
}

#[test]
fn roots_that_cannot_be_entered() {
    needs_namespaces!();
    let before = mounts();
    let root = Root::new();
    let left: Left = support::bq(root.outside())
        .args(["enter", "--rootfs", "none", "--", "/bq"])
        .output()
        .expect("bq runs")
        .into();
    assert_eq!(left.status, Some(2));
    assert_eq!(
        left.err,
        "error: `--rootfs none`: neither a phase of the plan nor a folder\n"
    );
    for gone in ["dev", "proc", "tmp"] {
        let root = Root::new();
        std::fs::remove_dir(root.path(gone)).expect("it is there");
        let left = root.code("print 'inside'");
        assert_eq!(
            (left.status, left.out.as_str()),
            (Some(125), ""),
            "{left:?}"
        );
        let message = format!("caused by: `/{gone}` of the root is missing, not a folder\n");
        assert!(left.err.contains(&message), "{}", left.err);
    }
    assert_eq!(mounts(), before);
}

#[test]
fn without_user_namespaces_the_hint_says_which_setting() {
    needs_namespaces!();
    let root = Root::new();
    // In a user namespace of our own, whose limit we may set; without powers there, as a user has none.
    let code = "local fs, process, syscall = require 'bq.fs', require 'bq.process', require 'bq.syscall'
        local uid, gid = syscall.geteuid(), syscall.getegid()
        syscall.unshare { 'user' }
        syscall.write_proc_self_map { outer_uid = uid, outer_gid = gid }
        local file = assert(io.open('/proc/sys/user/max_user_namespaces', 'w'))
        assert(file:write '0') assert(file:close())
        syscall.keep_capabilities {}
        for _, words in ipairs { { 'doctor' }, { 'build_sysroot', '--workspace', 'space' }, { 'enter', '--rootfs', 'root', '--', '/bq' } } do
          print(process.run({ argv = { process.executable(), table.unpack(words) }, stdout = 'inherit', stderr = 'stdout' }).code)
        end";
    let left: Left = support::bq(root.outside())
        .args(["-e", code])
        .output()
        .expect("bq runs")
        .into();
    let hint = "hint: allow namespaces: `sudo sysctl -w user.max_user_namespaces=15000`\n";
    let message = "this machine refuses user, mount, pid, ipc, uts and net namespaces\n";
    let cause =
        "caused by: unshare `user,mount,pid,ipc,uts,net`: No space left on device (ENOSPC)\n";
    assert_eq!(left.status, Some(0), "{left:?}");
    for part in [
        format!("no      {message}        {cause}        {hint}"),
        format!("error: {message}{cause}{hint}1\n"),
        format!(
            "error: cannot make namespaces\ncaused by: unshare `user,pid,ipc,uts,net`: No space left on device (ENOSPC)\n{hint}125\n"
        ),
    ] {
        assert!(
            left.out.contains(&part),
            "missing:\n{part}\nin:\n{}{}",
            left.out,
            left.err
        );
    }
}
