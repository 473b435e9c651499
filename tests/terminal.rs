//! Programs on a terminal of their own. bq passes data between it and the user's terminal.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::Pid;

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

/// A user at a terminal.
struct User {
    keyboard: File,
    /// The program's end. It keeps the settings after the program has gone.
    terminal: OwnedFd,
    said: String,
    folder: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        let size = Winsize {
            ws_row: 33,
            ws_col: 77,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None).expect("a terminal");
        for end in [&pair.master, &pair.slave] {
            let flags = FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC);
            fcntl(end, flags).expect("it is open");
        }
        Self {
            keyboard: pair.master.into(),
            terminal: pair.slave,
            said: String::new(),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Runs a program on the user's terminal, as a login does.
    fn start(&self, mut command: Command) -> Child {
        let stream = || Stdio::from(self.terminal.try_clone().expect("it is open"));
        command.stdin(stream()).stdout(stream()).stderr(stream());
        // SAFETY: two plain calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY as libc::Ioctl, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        command.spawn().expect("it starts")
    }

    fn relayed(&self, argv: &[&str]) -> Child {
        let mut command = support::bq(self.folder.path());
        command.args(["-e", RUN]).args(argv);
        self.start(command)
    }

    fn types(&mut self, text: &str) {
        self.keyboard
            .write_all(text.as_bytes())
            .expect("it is taken");
    }

    /// Waits until the screen has shown a text.
    fn sees(&mut self, text: &str) {
        let mut piece = [0; 1024];
        while !self.said.contains(text) {
            let mut fds = [nix::poll::PollFd::new(
                self.keyboard.as_fd(),
                nix::poll::PollFlags::POLLIN,
            )];
            let ready = nix::poll::poll(&mut fds, 60_000_u16).expect("it is open");
            assert_eq!(ready, 1, "`{text}` is not shown:\n{}", self.said);
            let count = self.keyboard.read(&mut piece).expect("it is open");
            self.said
                .push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    }

    fn settings(&self) -> Termios {
        tcgetattr(&self.terminal).expect("it is a terminal")
    }

    fn is_raw(&self) -> bool {
        !self.settings().local_flags.contains(LocalFlags::ICANON)
    }

    /// How many bytes would be read by whoever reads next.
    fn waiting(&self) -> i32 {
        let mut count = 0;
        // SAFETY: FIONREAD writes one number behind the pointer, which is valid for that.
        unsafe {
            libc::ioctl(
                self.terminal.as_raw_fd(),
                libc::FIONREAD as libc::Ioctl,
                &raw mut count,
            )
        };
        count
    }

    fn eventually(&self, what: &str, done: impl Fn() -> bool) {
        for _ in 0..6000 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not happen:\n{}", self.said);
    }
}

fn ended(mut child: Child) -> ExitStatus {
    child.wait().expect("it ends")
}

#[test]
fn typed_and_shown() {
    let mut user = User::new();
    let before = user.settings();
    let script = "tty -s && echo terminal; stty size; read word; echo \"got $word\"; exit 3";
    let child = user.relayed(&["sh", "-c", script]);
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
    let child = user.relayed(&[
        "sh",
        "-c",
        "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; printf last",
    ]);
    user.sees("19999\r\nlast");
    assert_eq!(ended(child).code(), Some(0));
    let lines: Vec<String> = (0..20000).map(|n| n.to_string()).collect();
    assert_eq!(user.said, lines.join("\r\n") + "\r\nlast");
}

/// More than a terminal holds is typed before anybody reads.
#[test]
fn much_is_typed() {
    let mut user = User::new();
    let child = user.relayed(&[
        "sh",
        "-c",
        "stty raw -echo; echo ready; head -c 200000 | wc -c",
    ]);
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
    let child = user.relayed(&[bq, "-e", code]);
    user.sees("ready");
    let size = Winsize {
        ws_row: 50,
        ws_col: 123,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads one winsize behind the pointer, which is valid for that.
    let set = unsafe {
        libc::ioctl(
            user.keyboard.as_raw_fd(),
            libc::TIOCSWINSZ as libc::Ioctl,
            &raw const size,
        )
    };
    assert_eq!(set, 0);
    user.sees("columns 123");
    assert_eq!(ended(child).code(), Some(0));
}

#[test]
fn what_is_typed_to_end_a_program_ends_that_program() {
    let mut user = User::new();
    let child = user.relayed(&["sh", "-c", "echo ready; exec sleep 1000"]);
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
        let child = user.relayed(&["sh", "-c", "ulimit -c 0; echo ready; exec sleep 1000"]);
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
    let child = user.relayed(&["sh", "-c", "echo $$ ready; exec sleep 1000"]);
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
    let child = user.relayed(&["sh", "-c", "echo ready; exec sleep 1000"]);
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

/// Types into every terminal that it has. Only the next test starts this one.
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

#[test]
fn nothing_is_typed_for_the_user() {
    let probe = std::env::current_exe().expect("it runs");
    let probe = [
        probe.to_str().expect("a plain path"),
        "--exact",
        "probe",
        "--test-threads=1",
    ];
    let user = User::new();
    let mut command = Command::new(probe[0]);
    command.args(&probe[1..]).env("TERMINAL_PROBE", "1");
    assert!(ended(user.start(command)).success());
    if user.waiting() == 0 {
        support::skip("this kernel has no TIOCSTI");
        return;
    }
    let user = User::new();
    let mut command = support::bq(user.folder.path());
    command
        .args(["-e", RUN])
        .args(probe)
        .env("TERMINAL_PROBE", "1");
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
