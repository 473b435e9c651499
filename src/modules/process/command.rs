//! A program to run: its arguments, environment, streams and limits.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::Resource;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::kernel::descriptor::close_from;
use crate::kernel::{limit, signal};
use crate::modules::arguments::Bytes;

/// Where a stream goes: a word, a descriptor, or a file in a table of one.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Stream {
    Fd(RawFd),
    Word(String),
    File((Bytes,)),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::unsafe_derive_deserialize)] // what is unsafe is the start of the program, whatever its fields say
pub(super) struct Command {
    pub(super) argv: Vec<Bytes>,
    cwd: Option<Bytes>,
    env: Option<BTreeMap<String, Bytes>>,
    stdin: Option<Stream>,
    pub(super) input: Option<Bytes>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    log: Option<Bytes>,
    pub(super) timeout: Option<f64>,
    #[serde(default)]
    session: bool,
    #[serde(default)]
    group: bool,
    #[serde(default)]
    die_with_parent: bool,
    #[serde(default)]
    pass: Vec<RawFd>,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
}

/// A command that is ready to start.
pub(super) struct Prepared {
    pub(super) command: process::Command,
    pub(super) capture_stdout: bool,
    pub(super) capture_stderr: bool,
    /// Whether signals can go to a group of its own.
    pub(super) has_group: bool,
}

impl Command {
    /// The argument list as a person would type it.
    fn shown(&self) -> String {
        self.argv
            .iter()
            .map(|word| word.0.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A program that did not start: says which part of it is missing.
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
        let capture_stdout = is_word(self.stdout.as_ref(), "capture");
        let capture_stderr = is_word(self.stderr.as_ref(), "capture");
        let stdin = match (&self.stdin, &self.input) {
            (_, Some(_)) => Stdio::piped(),
            // What replaces this program goes on with its streams.
            (None, None) if op == "exec" => Stdio::inherit(),
            (None, None) => Stdio::null(),
            (Some(stream), None) => open(op, stream, true)?.into_stdio(),
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
            let log = append(op, path)?;
            let copy = log.try_clone().map_err(|e| Error::io(op, &e).at(path))?;
            let log = Target::Fd(log);
            let stdout = match &self.stdout {
                Some(stream) => open(op, stream, false)?,
                None => log,
            };
            return Ok((stdout, Target::Fd(copy)));
        }
        let stdout = self
            .stdout
            .as_ref()
            .map_or(Ok(Target::Inherit), |s| open(op, s, false))?;
        let stderr = match &self.stderr {
            None => Target::Inherit,
            Some(stream) if is_word(Some(stream), "stdout") => stdout.duplicate(op)?,
            Some(stream) => open(op, stream, false)?,
        };
        Ok((stdout, stderr))
    }

    /// What the new process does to itself before the program takes over.
    fn before_exec(&self, op: &str, command: &mut process::Command) -> Result<()> {
        let limits: Vec<(Resource, u64)> = self
            .limits
            .iter()
            .map(|(name, value)| Ok((limit::resource(name)?, *value)))
            .collect::<Result<_>>()?;
        for fd in &self.pass {
            // SAFETY: F_GETFD looks at a number and has no other effect.
            if unsafe { libc::fcntl(*fd, libc::F_GETFD) } < 0 {
                return Err(Error::os(op, Errno::EBADF).at(fd.to_string()));
            }
        }
        let (pass, session, die) = (self.pass.clone(), self.session, self.die_with_parent);
        let group = self.has_group() && !session;
        let parent = nix::unistd::getpid();
        // SAFETY: between fork and exec it makes only plain system calls and allocates nothing but
        // a small vector, in a process that had one thread running Lua when it was copied.
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

fn is_word(stream: Option<&Stream>, word: &str) -> bool {
    matches!(stream, Some(Stream::Word(text)) if text == word)
}

enum Target {
    Inherit,
    Null,
    Pipe,
    Fd(OwnedFd),
}

impl Target {
    fn into_stdio(self) -> Stdio {
        match self {
            Self::Inherit => Stdio::inherit(),
            Self::Null => Stdio::null(),
            Self::Pipe => Stdio::piped(),
            Self::Fd(fd) => Stdio::from(fd),
        }
    }

    /// The same place once more, for standard error beside standard output.
    fn duplicate(&self, op: &str) -> Result<Self> {
        match self {
            Self::Inherit => duplicate(op, libc::STDOUT_FILENO),
            Self::Null => Ok(Self::Null),
            Self::Pipe => Err(Error::argument(
                op,
                "`stderr` cannot join a captured `stdout`; capture both",
            )),
            Self::Fd(fd) => duplicate(op, fd.as_raw_fd()),
        }
    }
}

fn duplicate(op: &str, fd: RawFd) -> Result<Target> {
    // SAFETY: F_DUPFD_CLOEXEC makes a new descriptor or fails; it touches no memory.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(Error::os(op, Errno::last()).at(fd.to_string()));
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(Target::Fd(unsafe { OwnedFd::from_raw_fd(copy) }))
}

fn append(op: &str, path: &Bytes) -> Result<OwnedFd> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path.path());
    file.map(OwnedFd::from)
        .map_err(|e| Error::io(op, &e).at(path))
}

fn open(op: &str, stream: &Stream, input: bool) -> Result<Target> {
    match stream {
        Stream::Fd(fd) => duplicate(op, *fd),
        Stream::File((path,)) if input => std::fs::File::open(path.path())
            .map(|f| Target::Fd(f.into()))
            .map_err(|e| Error::io(op, &e).at(path)),
        Stream::File((path,)) => std::fs::File::create(path.path())
            .map(|f| Target::Fd(f.into()))
            .map_err(|e| Error::io(op, &e).at(path)),
        Stream::Word(word) => match word.as_str() {
            "inherit" => Ok(Target::Inherit),
            "null" => Ok(Target::Null),
            "capture" if !input => Ok(Target::Pipe),
            other => Err(Error::argument(
                op,
                format!("unknown stream `{other}`, expected inherit, null or capture"),
            )),
        },
    }
}
