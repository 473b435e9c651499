//! The options of bq itself. Arguments after the script's name are passed to the script unchanged.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::modules::log::Color;

/// What `--list` and `--completion` run: the library knows what programs say of themselves.
const LIST: &str = "print(require('bq.programs').list())";
const COMPLETION: &str = "return require('bq.completion').main(...)";

/// What to run.
#[derive(Debug)]
pub(crate) enum Program {
    /// A script file, or the name of a program.
    Script(OsString),
    /// Code from the command line.
    Code(String),
    /// Code from standard input.
    Stdin,
    /// An interactive prompt.
    Interactive,
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) program: Program,
    /// The script's arguments: `...` and `arg[1]`, `arg[2]`, …
    pub(crate) arguments: Vec<OsString>,
    /// More folders that `require` searches.
    pub(crate) lib: Vec<PathBuf>,
    /// Show a traceback for every error.
    pub(crate) traceback: bool,
    pub(crate) verbose: u8,
    pub(crate) quiet: bool,
    /// When messages have colours.
    pub(crate) color: Color,
}

fn command() -> Command {
    Command::new("bq")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Builds whole Linux systems from source, without root, from recipes written in Lua")
        .override_usage("bq [OPTIONS] SCRIPT|NAME|- [ARGUMENTS]...\n       bq [OPTIONS] -e CODE [ARGUMENTS]...\n       bq [OPTIONS] -i")
        .after_help("`bq --list` shows the programs; `bq NAME --help` shows the options of one; `bq help WORD` finds them.")
        .arg(Arg::new("code").short('e').value_name("CODE").help("Run CODE"))
        .arg(Arg::new("interactive").short('i').action(ArgAction::SetTrue).help("Read and run lines from a prompt"))
        .arg(
            Arg::new("lib")
                .long("lib")
                .value_name("DIR")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("Search DIR for required modules first; may be repeated"),
        )
        .arg(Arg::new("traceback").long("traceback").action(ArgAction::SetTrue).help("Show a traceback with every error"))
        .arg(Arg::new("verbose").short('v').long("verbose").action(ArgAction::Count).help("Say more; twice for all"))
        .arg(Arg::new("quiet").short('q').long("quiet").action(ArgAction::SetTrue).help("Say only what went wrong"))
        .arg(
            Arg::new("color")
                .long("color")
                .value_name("WHEN")
                .value_parser(["auto", "always", "never"])
                .hide_possible_values(true)
                .help("When to colour messages: auto, always or never"),
        )
        .arg(Arg::new("list").long("list").action(ArgAction::SetTrue).help("List the programs and what each is for"))
        .arg(
            Arg::new("completion")
                .long("completion")
                .value_name("SHELL")
                .help("Print the completion for bash, zsh or fish"),
        )
}

/// The meaning of the command line: a script to run, or a text to print.
#[derive(Debug)]
pub(crate) enum Request {
    Run(Options),
    Help(String),
}

/// Reads the command line. An `Err` is the text of a usage error.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let (own, rest) = split(arguments);
    let mut matches = match command().try_get_matches_from(own) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => return Err(error.render().to_string()),
        Err(error) => return Ok(Request::Help(error.render().to_string())),
    };
    let mut rest = rest.into_iter();
    let program = if matches.get_flag("list") {
        Program::Code(LIST.into())
    } else if let Some(shell) = matches.remove_one::<String>("completion") {
        rest = vec![shell.into()]
            .into_iter()
            .chain(rest)
            .collect::<Vec<_>>()
            .into_iter();
        Program::Code(COMPLETION.into())
    } else if let Some(code) = matches.remove_one::<String>("code") {
        Program::Code(code)
    } else if matches.get_flag("interactive") {
        Program::Interactive
    } else {
        match rest.next() {
            Some(name) if name == "-" => Program::Stdin,
            Some(name) => Program::Script(name),
            None => return Ok(Request::Help(command().render_help().to_string())),
        }
    };
    Ok(Request::Run(Options {
        program,
        arguments: rest.collect(),
        lib: matches
            .remove_many("lib")
            .map(Iterator::collect)
            .unwrap_or_default(),
        traceback: matches.get_flag("traceback"),
        verbose: matches.get_count("verbose"),
        quiet: matches.get_flag("quiet"),
        color: match matches.get_one::<String>("color").map(String::as_str) {
            Some("always") => Color::Always,
            Some("never") => Color::Never,
            _ => Color::Auto,
        },
    }))
}

/// Separates bq's options from the script and its arguments, as `lua` does: the first word that is neither an option of bq nor
/// the value of one is the script's name.
fn split(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let mut own = Vec::new();
    let mut iter = arguments.into_iter();
    own.extend(iter.next());
    while let Some(word) = iter.next() {
        let text = word.to_string_lossy().into_owned();
        if text == "--" {
            return (own, iter.collect());
        }
        if text == "-" || !text.starts_with('-') {
            let mut rest = vec![word];
            rest.extend(iter);
            return (own, rest);
        }
        own.push(word);
        // `-e` may end a group of letters, as in `-ve`. If more follows in the same word, that is its value.
        let is_group = text.starts_with('-') && !text.starts_with("--");
        if matches!(text.as_str(), "--lib" | "--color" | "--completion")
            || is_group && text.find('e') == Some(text.len() - 1)
        {
            own.extend(iter.next());
        }
    }
    (own, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::{Options, Program, Request, parse};
    use std::ffi::OsString;

    fn run(words: &[&str]) -> Options {
        let words = std::iter::once("bq")
            .chain(words.iter().copied())
            .map(OsString::from);
        match parse(words).expect("parses") {
            Request::Run(options) => options,
            Request::Help(text) => panic!("not a run: {text}"),
        }
    }

    #[test]
    fn script_options_pass_through() {
        let options = run(&["-v", "a.lua", "--help", "-v", "--", "x"]);
        assert!(matches!(options.program, Program::Script(name) if name == "a.lua"));
        assert_eq!(options.arguments, ["--help", "-v", "--", "x"]);
        assert_eq!(options.verbose, 1);
    }

    #[test]
    fn code_takes_arguments() {
        let options = run(&["-e", "print(...)", "a", "-b"]);
        assert!(matches!(options.program, Program::Code(code) if code == "print(...)"));
        assert_eq!(options.arguments, ["a", "-b"]);
    }

    #[test]
    fn letters_in_one_word() {
        let options = run(&["-ve", "print(1)", "a"]);
        assert!(matches!(options.program, Program::Code(code) if code == "print(1)"));
        assert_eq!((options.verbose, options.arguments.len()), (1, 1));
        let options = run(&["-veprint(2)", "a", "b"]);
        assert!(matches!(options.program, Program::Code(code) if code == "print(2)"));
        assert_eq!(options.arguments, ["a", "b"]);
        let options = run(&["-qv", "a.lua", "-e"]);
        assert!(matches!(options.program, Program::Script(name) if name == "a.lua"));
    }

    #[test]
    fn unknown_option_is_a_usage_error() {
        let error = parse(["bq", "--nonsense"].map(OsString::from)).expect_err("fails");
        assert!(error.contains("--nonsense"), "{error}");
    }
}
