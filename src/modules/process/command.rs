//! A program to run: its arguments, environment, streams and limits.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::Resource;

use super::stream::{Stream, Target, open_number};
use crate::error::{Error, Result};
use crate::kernel::descriptor::close_from;
use crate::kernel::{limit, signal};
use crate::lua::bytes::{Blob, Bytes};
use crate::lua::descriptor::Inherited;

options! {
    pub(super) struct Command {
        pub(super) argv: Vec<Bytes>,
        cwd: Option<Bytes>,
        env: Option<BTreeMap<String, Bytes>>,
        stdin: Option<Stream>,
        pub(super) input: Option<Blob>,
        stdout: Option<Stream>,
        stderr: Option<Stream>,
        log: Option<Bytes>,
        pub(super) timeout: Option<f64>,
        session: bool = false,
        group: bool = false,
        die_with_parent: bool = false,
        pass: Vec<Inherited> = Vec::new(),
        limits: BTreeMap<String, u64> = BTreeMap::new(),
    }
}

/// A command that is ready to start.
pub(super) struct Prepared {
    pub(super) command: process::Command,
    pub(super) capture_stdout: bool,
    pub(super) capture_stderr: bool,
    /// Whether the child has its own process group, which signals can be sent to.
    pub(super) has_group: bool,
}

impl Command {
    /// The argument list as one line.
    fn shown(&self) -> String {
        self.argv
            .iter()
            .map(|word| word.0.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The error for a program that did not start. It names the missing folder or program.
    pub(super) fn not_started(&self, op: &str, error: &io::Error) -> Error {
        let name = self
            .argv
            .first()
            .map(|w| w.0.to_string_lossy().into_owned())
            .unwrap_or_default();
        if let Some(cwd) = self.cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
            return Error::io(op, error).at(&**cwd);
        }
        Error::io(op, error).at(name).with("argv", self.shown())
    }

    pub(super) fn prepare(&self, op: &str) -> Result<Prepared> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Error::argument(op, "`argv` is empty"));
        };
        if self
            .timeout
            .is_some_and(|seconds| !(seconds.is_finite() && seconds >= 0.0))
        {
            return Err(Error::argument(op, "`timeout` is not a number of seconds"));
        }
        let mut command = process::Command::new(&program.0);
        command.args(arguments.iter().map(|word| &word.0));
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd.path());
        }
        if let Some(env) = &self.env {
            command
                .env_clear()
                .envs(env.iter().map(|(name, value)| (name, &value.0)));
        }
        let capture_stdout = matches!(self.stdout, Some(Stream::Capture));
        let capture_stderr = matches!(self.stderr, Some(Stream::Capture));
        let stdin = match (&self.stdin, &self.input) {
            (_, Some(_)) => Stdio::piped(),
            // A program that replaces this one keeps its streams.
            (None, None) if op == "exec" => Stdio::inherit(),
            (None, None) => Stdio::null(),
            (Some(stream), None) => Target::input(op, stream)?.into_stdio(),
        };
        let (stdout, stderr) = self.outputs(op)?;
        command
            .stdin(stdin)
            .stdout(stdout.into_stdio())
            .stderr(stderr.into_stdio());
        self.before_exec(op, &mut command)?;
        Ok(Prepared {
            command,
            capture_stdout,
            capture_stderr,
            has_group: self.has_group(),
        })
    }

    pub(super) fn has_group(&self) -> bool {
        self.session || self.group || self.timeout.is_some()
    }

    fn outputs(&self, op: &str) -> Result<(Target, Target)> {
        if let Some(path) = &self.log {
            let log = Target::append(op, path)?;
            let copy = log.try_clone().map_err(|e| Error::io(op, &e).at(path))?;
            let log = Target::Fd(log);
            let stdout = match &self.stdout {
                Some(stream) => Target::output(op, stream)?,
                None => log,
            };
            return Ok((stdout, Target::Fd(copy)));
        }
        let stdout = self
            .stdout
            .as_ref()
            .map_or(Ok(Target::Inherit), |s| Target::output(op, s))?;
        let stderr = match &self.stderr {
            None => Target::Inherit,
            Some(Stream::Stdout) => stdout.duplicate(op)?,
            Some(stream) => Target::output(op, stream)?,
        };
        Ok((stdout, stderr))
    }

    /// The steps of the new process before it executes the program.
    fn before_exec(&self, op: &str, command: &mut process::Command) -> Result<()> {
        let limits: Vec<(Resource, u64)> = self
            .limits
            .iter()
            .map(|(name, value)| Ok((limit::resource(name)?, *value)))
            .collect::<Result<_>>()?;
        let pass: Vec<RawFd> = self
            .pass
            .iter()
            .map(|fd| open_number(op, fd))
            .collect::<Result<_>>()?;
        let (session, die) = (self.session, self.die_with_parent);
        let group = self.has_group() && !session;
        let parent = nix::unistd::getpid();
        // SAFETY: between fork and exec the closure only makes plain system calls and allocates nothing. All its data was
        // made before the fork, and `close_from` with an empty list allocates nothing.
        unsafe {
            command.pre_exec(move || {
                signal::unblock_all()?;
                if die {
                    nix::sys::prctl::set_pdeathsig(Some(nix::sys::signal::Signal::SIGKILL))?;
                    if nix::unistd::getppid() != parent {
                        return Err(io::Error::from(Errno::ESRCH));
                    }
                }
                if session {
                    nix::unistd::setsid()?;
                    signal::reset_all();
                } else if group {
                    nix::unistd::setpgid(
                        nix::unistd::Pid::from_raw(0),
                        nix::unistd::Pid::from_raw(0),
                    )?;
                }
                for (resource, value) in &limits {
                    nix::sys::resource::setrlimit(*resource, *value, *value)?;
                }
                close_from(3, &[], false)?;
                for fd in &pass {
                    if libc::fcntl(*fd, libc::F_SETFD, 0) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        Ok(())
    }
}
