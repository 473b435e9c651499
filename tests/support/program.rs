//! How the program under test is started.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{SigHandler, Signal, signal};

/// The program under test, with an environment that names nothing outside.
pub(crate) fn bq(folder: &Path) -> Command {
    bq_at(Path::new(env!("CARGO_BIN_EXE_bq")), folder)
}

/// A copy of the program under test.
pub(crate) fn bq_at(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_uppercase());
    }
    for name in [
        "BQ_LOG",
        "BQ_PATH",
        "BQ_WORKSPACE",
        "BQ_ENTERED",
        "BQ_OUTSIDE",
        "BQ_OUTSIDE_OPTION",
        "BQ_HOLDER",
        "BQ_EVENTS",
        "BQ_STORE",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    // The user's own configuration is of no test.
    command.env("BQ_CONFIG", "");
    // A shell that runs the tests in the background has them ignore signals, and what they start would, too.
    let defaults = || {
        for each in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
            // SAFETY: no handler runs code.
            unsafe { signal(each, SigHandler::SigDfl) }?;
        }
        Ok(())
    };
    // SAFETY: signal(2) is all that it calls, which may be called between fork and exec.
    unsafe { command.pre_exec(defaults) };
    command
}
