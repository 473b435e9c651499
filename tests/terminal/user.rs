//! A user at a terminal: starts programs on it, types, and sees what is shown.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// A user at a terminal.
pub(crate) struct User {
    pub(crate) keyboard: File,
    /// The program's end. It keeps the settings after the program has gone.
    pub(crate) terminal: OwnedFd,
    pub(crate) said: String,
    pub(crate) folder: tempfile::TempDir,
}

impl User {
    pub(crate) fn new() -> Self {
        let pair = openpty(&size(33, 77), None).expect("a terminal");
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
    pub(crate) fn start(&self, mut command: Command) -> Child {
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

    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard
            .write_all(text.as_bytes())
            .expect("it is taken");
    }

    /// Waits until the screen has shown a text.
    pub(crate) fn sees(&mut self, text: &str) {
        self.sees_that(text, |said| said.contains(text));
    }

    /// Waits until the screen has shown a text after another one, and the line is whole.
    pub(crate) fn sees_after(&mut self, first: &str, text: &str) {
        self.sees_that(text, |said| {
            let shown = said
                .rfind(first)
                .is_some_and(|at| said[at..].contains(text));
            shown && said.ends_with('\n')
        });
    }

    fn sees_that(&mut self, text: &str, is_shown: impl Fn(&str) -> bool) {
        let mut piece = [0; 1024];
        while !is_shown(&self.said) {
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

    /// All that has been shown and was not looked at.
    pub(crate) fn rest(&mut self) -> String {
        self.rest_is_read();
        std::mem::take(&mut self.said)
    }

    /// Reads what has been shown since.
    pub(crate) fn rest_is_read(&mut self) {
        let mut piece = [0; 1024];
        loop {
            let mut fds = [nix::poll::PollFd::new(
                self.keyboard.as_fd(),
                nix::poll::PollFlags::POLLIN,
            )];
            if nix::poll::poll(&mut fds, 0_u16).expect("it is open") == 0 {
                return;
            }
            let count = self.keyboard.read(&mut piece).expect("it is open");
            self.said
                .push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    }

    /// Changes the size of the window.
    pub(crate) fn resizes(&self, rows: u16, columns: u16) {
        let size = size(rows, columns);
        // SAFETY: TIOCSWINSZ reads one winsize behind the pointer, which is valid for that.
        let set = unsafe {
            libc::ioctl(
                self.keyboard.as_raw_fd(),
                libc::TIOCSWINSZ as libc::Ioctl,
                &raw const size,
            )
        };
        assert_eq!(set, 0);
    }

    pub(crate) fn settings(&self) -> Termios {
        tcgetattr(&self.terminal).expect("it is a terminal")
    }

    pub(crate) fn is_raw(&self) -> bool {
        !self.settings().local_flags.contains(LocalFlags::ICANON)
    }

    /// How many bytes would be read by whoever reads next.
    pub(crate) fn waiting(&self) -> i32 {
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

    pub(crate) fn eventually(&self, what: &str, done: impl Fn() -> bool) {
        for _ in 0..6000 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not happen:\n{}", self.said);
    }
}
