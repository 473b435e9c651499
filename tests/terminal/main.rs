//! Programs on a terminal of their own. bq passes data between it and the user's terminal.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod shells;
mod user;
mod view;

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use user::User;

/// Lua that runs the program `argv` on a terminal of its own.
const RUN: &str = "
    local process = require 'bq.process'
    local pair = process.open_terminal()
    local child = process.fork()
    if child == 0 then
      process.use_terminal(pair)
      process.exec { argv = { ... } }
    end
    os.exit(process.relay(child, pair).exit_status)";

/// Runs a program on a terminal of its own; bq passes data between it and the user's terminal.
fn relayed(user: &User, argv: &[&str]) -> Child {
    let mut command = support::bq(user.folder.path());
    command.args(["-e", RUN]).args(argv);
    user.start(command)
}

fn ended(mut child: Child) -> ExitStatus {
    child.wait().expect("it ends")
}

#[test]
fn typed_and_shown() {
    let mut user = User::new();
    let before = user.settings();
    let script = "tty -s && echo terminal; stty size; read word; echo \"got $word\"; exit 3";
    let child = relayed(&user, &["sh", "-c", script]);
    user.sees("terminal\r\n33 77\r\n");
    assert!(user.is_raw());
    user.types("hello\r");
    user.sees("got hello\r\n");
    assert_eq!(ended(child).code(), Some(3));
    assert_eq!(user.settings(), before);
}

#[test]
fn much_is_shown_to_the_end() {
    let mut user = User::new();
    let child = relayed(
        &user,
        &[
            "sh",
            "-c",
            "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; printf last",
        ],
    );
    user.sees("19999\r\nlast");
    assert_eq!(ended(child).code(), Some(0));
    let lines: Vec<String> = (0..20000).map(|n| n.to_string()).collect();
    assert_eq!(user.said, lines.join("\r\n") + "\r\nlast");
}

/// More than a terminal holds is typed before anybody reads.
#[test]
fn much_is_typed() {
    let mut user = User::new();
    let child = relayed(
        &user,
        &[
            "sh",
            "-c",
            "stty raw -echo; echo ready; head -c 200000 | wc -c",
        ],
    );
    user.sees("ready");
    let mut keyboard = user.keyboard.try_clone().expect("it is open");
    let typing = std::thread::spawn(move || keyboard.write_all(&vec![b'x'; 200_000]));
    user.sees("200000");
    typing.join().expect("no panic").expect("all is taken");
    assert_eq!(ended(child).code(), Some(0));
}

#[test]
fn the_window_changes() {
    let mut user = User::new();
    let bq = env!("CARGO_BIN_EXE_bq");
    let code = "local process, log = require 'bq.process', require 'bq.log'
        process.catch_signals { 'WINCH' }
        log.out 'ready'
        process.wait_any()
        log.out('columns ' .. log.terminal().columns)";
    let child = relayed(&user, &[bq, "-e", code]);
    user.sees("ready");
    user.resizes(50, 123);
    user.sees("columns 123");
    assert_eq!(ended(child).code(), Some(0));
}

#[test]
fn what_is_typed_to_end_a_program_ends_that_program() {
    let mut user = User::new();
    let child = relayed(&user, &["sh", "-c", "echo ready; exec sleep 1000"]);
    user.sees("ready");
    user.types("\x03");
    assert_eq!(ended(child).code(), Some(130));
    assert!(!user.is_raw());
}

#[test]
fn signals_are_passed_on() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
    ] {
        let mut user = User::new();
        let child = relayed(
            &user,
            &["sh", "-c", "ulimit -c 0; echo ready; exec sleep 1000"],
        );
        user.sees("ready");
        kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it runs");
        assert_eq!(ended(child).code(), Some(128 + signal as i32), "{signal}");
        assert!(!user.is_raw(), "{signal}");
    }
}

#[test]
fn the_terminal_is_as_before_after_a_kill() {
    let mut user = User::new();
    let before = user.settings();
    let child = relayed(&user, &["sh", "-c", "echo $$ ready; exec sleep 1000"]);
    user.sees("ready");
    assert!(user.is_raw());
    let pid: i32 = user
        .said
        .split(' ')
        .next()
        .expect("a word")
        .parse()
        .expect("a number");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).expect("it runs");
    assert_eq!(ended(child).signal(), Some(Signal::SIGKILL as i32));
    user.eventually("the reset of the terminal", || user.settings() == before);
    // Its terminal has gone.
    user.eventually("the end of the program", || {
        kill(Pid::from_raw(pid), None).is_err()
    });
}

#[test]
fn the_users_terminal_goes() {
    let mut user = User::new();
    let child = relayed(&user, &["sh", "-c", "echo ready; exec sleep 1000"]);
    user.sees("ready");
    let User {
        keyboard,
        terminal,
        folder,
        ..
    } = user;
    drop((keyboard, terminal));
    let status = ended(child);
    assert_eq!(status.code(), Some(128 + Signal::SIGHUP as i32), "{status}");
    drop(folder);
}

/// Types into every terminal that it has. Only other tests start this one.
#[test]
fn probe() {
    if std::env::var_os("TERMINAL_PROBE").is_none() {
        return;
    }
    for fd in (0..64).chain(
        std::fs::File::open("/dev/tty")
            .ok()
            .as_ref()
            .map(AsRawFd::as_raw_fd),
    ) {
        for byte in b"evil\n" {
            // SAFETY: TIOCSTI reads one byte behind the pointer, which is valid for that.
            unsafe { libc::ioctl(fd, libc::TIOCSTI as libc::Ioctl, &raw const *byte) };
        }
    }
}

/// Whether the probe can type into a terminal that it shares with the user.
fn typing_works() -> bool {
    let own = std::env::current_exe().expect("it runs");
    let user = User::new();
    let mut command = Command::new(own);
    command.args(PROBE).env("TERMINAL_PROBE", "1");
    assert!(ended(user.start(command)).success());
    if user.waiting() == 0 {
        support::skip("this kernel has no TIOCSTI");
    }
    user.waiting() > 0
}

/// The words by which this program is the probe.
const PROBE: [&str; 3] = ["--exact", "probe", "--test-threads=1"];

#[test]
fn nothing_is_typed_for_the_user() {
    if !typing_works() {
        return;
    }
    let user = User::new();
    let own = std::env::current_exe().expect("it runs");
    let mut command = support::bq(user.folder.path());
    command.args(["-e", RUN]).arg(own).args(PROBE);
    command.env("TERMINAL_PROBE", "1");
    assert!(ended(user.start(command)).success());
    assert_eq!(user.waiting(), 0);
}

#[test]
fn without_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |script: &str| {
        let mut command = support::bq(folder.path());
        command.args(["-e", RUN, "sh", "-c", script]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("it starts")
    };
    let mut child = run("tty -s || echo none; cat; echo err >&2; exit 5");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"through\n").expect("it is taken");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "none\nthrough\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "err\n");
    let mut child = run("echo ready; exec sleep 1000");
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .expect("a pipe")
        .read_exact(&mut ready)
        .expect("it runs");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it runs");
    assert_eq!(ended(child).code(), Some(143));
}

/// Only the output is a terminal: the input is a pipe.
#[test]
fn input_from_a_pipe() {
    let mut user = User::new();
    let mut command = support::bq(user.folder.path());
    let script = "echo 'cat; tty -s <&1 && echo shown here' | \"$0\" -e \"$1\" sh; exit 4";
    command = {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .arg(command.get_program())
            .arg(RUN)
            .current_dir(user.folder.path());
        shell
    };
    let child = user.start(command);
    user.sees("shown here");
    assert_eq!(ended(child).code(), Some(4));
    assert!(!user.is_raw());
}
