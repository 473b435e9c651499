//! Start here: command line → host → script → exit status.
// Dependencies of the integration tests are also passed to the unit tests, which do not use all of them.
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

mod bundle;
mod cli;
mod error;
mod host;
mod kernel;
#[macro_use]
mod lua;
mod modules;
mod nearest;
mod panic;
mod tree;

/// The exit status when the reader of the output is gone: the same as that of a program that SIGPIPE ends.
const PIPE: u8 = 141;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(panic::note_place));
    match std::panic::catch_unwind(start) {
        Ok(code) => code,
        Err(payload) => {
            eprintln!(
                "error: bq itself failed\ncaused by: {}\nhint: please report this, with the command that you ran",
                panic::text(&*payload)
            );
            ExitCode::FAILURE
        }
    }
}

fn start() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli::Request::Run(options)) => {
            modules::log::init(options.verbose, options.quiet, options.color);
            host::run(options)
        }
        Ok(cli::Request::Help(text)) => show(&text),
        Err(text) => {
            eprint!("{text}");
            ExitCode::from(host::USAGE)
        }
    }
}

/// Writes text to standard output. If the reader is gone, as in `bq --list | head`, ends silently.
fn show(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    let result = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(PIPE),
        Err(error) => {
            eprintln!("error: cannot write to standard output\ncaused by: {error}");
            ExitCode::FAILURE
        }
    }
}
