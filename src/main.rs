//! Start here: command line → host → script → exit status.

use std::process::ExitCode;

mod bundle;
mod cli;
mod error;
mod host;
mod modules;

/// Exit status of a wrong command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    match std::panic::catch_unwind(start) {
        Ok(code) => code,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("unknown");
            eprintln!(
                "error: bq itself failed\ncaused by: {text}\nhint: please report this, with the command that you ran"
            );
            ExitCode::FAILURE
        }
    }
}

fn start() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli::Request::Run(options)) => {
            modules::log::init(options.verbose, options.quiet);
            host::run(options)
        }
        Ok(cli::Request::Help(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(cli::Request::List) => {
            for name in bundle::programs() {
                println!("{name}");
            }
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprint!("{text}");
            ExitCode::from(USAGE)
        }
    }
}
