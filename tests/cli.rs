//! The command line from outside: what a user types, and the exact answer.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

mod support;

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::is_root;

const HELP: &str = "\
Builds whole Linux systems from source, without root, from recipes written in Lua

Usage: bq [OPTIONS] SCRIPT|NAME|- [ARGUMENTS]...
       bq [OPTIONS] -e CODE [ARGUMENTS]...
       bq [OPTIONS] -i

Options:
  -e <CODE>                 Run CODE
  -i                        Read and run lines from a prompt
      --lib <DIR>           Search DIR for required modules first; may be repeated
      --traceback           Show a traceback with every error
  -v, --verbose...          Say more; twice for all
  -q, --quiet               Say only what went wrong
      --color <WHEN>        When to colour messages: auto, always or never
      --list                List the programs and what each is for
      --completion <SHELL>  Print the completion for bash, zsh or fish
  -h, --help                Print help
  -V, --version             Print version

`bq --list` shows the programs; `bq NAME --help` shows the options of one; `bq help WORD` finds them.
";

/// A program's exit status and its two output texts.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    status: Option<i32>,
    out: String,
    err: String,
}

/// A folder for one test, and bq in it.
struct Shell(tempfile::TempDir);

impl Shell {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is below")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }

    fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = support::bq(self.path());
        command.args(words).stdin(Stdio::null());
        command
    }

    fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Left {
        left(&mut self.command(words))
    }

    fn code(&self, code: &str) -> Left {
        self.run(["-e", code])
    }

    /// Runs with a text on standard input.
    fn fed<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>, input: &str) -> Left {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bq starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("bq reads");
        drop(stdin);
        shown(&child.wait_with_output().expect("bq ends"))
    }
}

fn shown(output: &std::process::Output) -> Left {
    Left {
        status: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: library_lines(&String::from_utf8_lossy(&output.stderr)),
    }
}

fn left(command: &mut Command) -> Left {
    shown(&command.output().expect("bq runs"))
}

/// Line numbers of the library in tracebacks change with it: `$/lua-lib/bq/main.lua:N`.
fn library_lines(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        match line.split_once("$/lua-lib/") {
            Some((before, rest)) if rest.contains(".lua:") => {
                let (file, rest) = rest.split_once(".lua:").expect("it is there");
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                lines.push(format!("{before}$/lua-lib/{file}.lua:N{rest}"));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

fn result(status: i32, out: &str, err: &str) -> Left {
    Left {
        status: Some(status),
        out: out.to_owned(),
        err: err.to_owned(),
    }
}

fn good(out: &str) -> Left {
    result(0, out, "")
}

#[test]
fn help_version_and_list() {
    let shell = Shell::new();
    assert_eq!(shell.run(["--help"]), good(HELP));
    assert_eq!(shell.run(["-h"]), good(HELP));
    assert_eq!(shell.run([""; 0]), good(HELP));
    let version = format!("bq {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(shell.run(["--version"]), good(&version));
    let list = shell.run(["--list"]);
    assert_eq!(list.status, Some(0));
    let lines = list.out.lines();
    let names: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    for name in ["build_sysroot", "coordinator", "enter", "status"] {
        assert!(names.contains(&name), "{names:?}");
    }
    // Each of them can be asked what it does, from any folder.
    for name in names {
        let help = shell.run([name, "--help"]);
        assert_eq!((help.status, help.err.as_str()), (Some(0), ""), "{name}");
        let usage = format!("\nusage: bq scripts/{name}.lua");
        assert!(help.out.contains(&usage), "{}", help.out);
        assert!(help.out.ends_with("show this text\n"), "{}", help.out);
    }
    assert!(
        std::fs::read_dir(shell.path())
            .expect("there")
            .next()
            .is_none()
    );
}

#[test]
fn a_script_with_its_words() {
    let shell = Shell::new();
    shell.write(
        "say.lua",
        "print(arg[-1], arg[0], #arg, arg[1], select('#', ...), ...)\n",
    );
    assert_eq!(
        shell.run(["say.lua", "a b", "--help", "-e", "", "--"]),
        good("bq\tsay.lua\t5\ta b\t5\ta b\t--help\t-e\t\t--\n")
    );
    assert_eq!(
        shell.run(["-v", "--", "./say.lua"]),
        good("bq\t./say.lua\t0\tnil\t0\n")
    );
}

#[test]
fn a_bundled_program_by_its_name() {
    let shell = Shell::new();
    let by_name = shell.run(["status", "--help"]);
    assert_eq!(by_name.status, Some(0));
    assert_eq!(shell.run(["status.lua", "--help"]), by_name);
    assert_eq!(shell.run(["$/scripts/status.lua", "--help"]), by_name);
    // A file of that name goes first.
    shell.write("status.lua", "print 'mine'");
    assert_eq!(shell.run(["status.lua"]), good("mine\n"));
    assert_eq!(shell.run(["status", "--help"]), by_name);
    // So does the program of a working tree, from anywhere in it.
    shell.write("tree/lua-lib/bq/own.lua", "return 'the tree'");
    shell.write("tree/scripts/status.lua", "print((require 'bq.own'))");
    shell.write("tree/deep/er/x", "");
    let mut command = shell.command(["status"]);
    command.current_dir(shell.path().join("tree/deep/er"));
    assert_eq!(left(&mut command), good("the tree\n"));
    assert_eq!(shell.run(["tree/scripts/status.lua"]), good("the tree\n"));
}

/// Whoever goes into a folder of somebody else and runs a program there does not run theirs.
#[test]
fn a_tree_that_others_can_change_is_not_used() {
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    let shell = Shell::new();
    let bundled = shell.run(["status", "--help"]);
    shell.write("tree/lua-lib/bq/own.lua", "return 'the tree'");
    shell.write("tree/scripts/status.lua", "print 'of the tree'");
    let at = |name: &str| shell.path().join(name);
    let set = |name: &str, mode: u32| {
        std::fs::set_permissions(at(name), PermissionsExt::from_mode(mode)).expect("it is ours");
    };
    let give = |name: &str, user: u32| lchown(at(name), Some(user), None).expect("root may");
    let run = |words: &[&str]| left(shell.command(words).current_dir(at("tree")));
    let is_used = |what: &str, wanted: bool| {
        let own = run(&["-e", "print((require 'bq.own'))"]);
        let status = run(&["status", "--help"]);
        if wanted {
            assert_eq!(status, good("of the tree\n"), "{what}");
            assert_eq!(own, good("the tree\n"), "{what}");
        } else {
            assert_eq!(status, bundled, "{what}");
            assert_eq!(own.status, Some(1), "{what}: {own:?}");
        }
    };
    let folders = ["tree", "tree/lua-lib", "tree/lua-lib/bq", "tree/scripts"];
    for name in folders {
        set(name, 0o755);
    }
    is_used("ours", true);
    for name in folders {
        for mode in [0o757, 0o1777] {
            set(name, mode);
            is_used(&format!("{name} {mode:o}"), false);
        }
        set(name, 0o755);
        if support::is_root() {
            give(name, 4711);
            is_used(&format!("{name} of another user"), false);
            give(name, 0);
        }
        is_used(name, true);
    }
    // A link of another user is theirs, whatever it leads to.
    for name in ["tree/scripts", "tree/lua-lib/bq", "tree/lua-lib"] {
        std::fs::rename(at(name), at("moved")).expect("it is ours");
        symlink(at("moved"), at(name)).expect("it is new");
        is_used(&format!("{name} by a link"), true);
        if support::is_root() {
            give(name, 4711);
            is_used(&format!("{name} by another user's link"), false);
        }
        std::fs::remove_file(at(name)).expect("it is ours");
        std::fs::rename(at("moved"), at(name)).expect("it is ours");
    }
    // Without programs it is one as well.
    std::fs::remove_dir_all(at("tree/scripts")).expect("it is ours");
    assert_eq!(
        run(&["-e", "print((require 'bq.own'))"]),
        good("the tree\n")
    );
}

#[test]
fn code_stdin_and_files_that_are_no_regular_ones() {
    let shell = Shell::new();
    assert_eq!(
        shell.run(["-e", "print(arg[0], ...)", "x", "-y"]),
        good("=(command line)\tx\t-y\n")
    );
    assert_eq!(shell.run(["-eprint(1)"]), good("1\n"));
    assert_eq!(
        shell.fed(["-", "x"], "print(arg[0], ...)\n"),
        good("=stdin\tx\n")
    );
    assert_eq!(shell.fed(["-"], ""), good(""));
    assert_eq!(shell.fed(["/dev/stdin"], "print(1)\n"), good("1\n"));
    assert_eq!(
        shell.run(["-e"]),
        result(
            2,
            "",
            "error: a value is required for '-e <CODE>' but none was supplied\n\nFor more information, try '--help'.\n"
        )
    );
}

#[test]
fn a_prompt() {
    let shell = Shell::new();
    let lines = "1 + 1\nx = 5\nx, nil\nfor i = 1, 2 do\nprint(i)\nend\nreturn\n";
    assert_eq!(
        shell.fed(["-i"], lines),
        good("> 2\n> > 5\tnil\n> >> >> 1\n2\n> > \n")
    );
    let left = shell.fed(["-i"], "require('bq.fs').read 'none'\n)\nprint 'on'\n");
    assert_eq!(
        left,
        result(
            0,
            "> > > on\n> \n",
            "error: read `none`: No such file or directory (ENOENT)\nerror: stdin:1: unexpected symbol near ')'\n"
        )
    );
    assert_eq!(shell.fed(["-i"], "os.exit(4)\n1\n"), result(4, "> ", ""));
}

#[test]
fn a_script_that_is_a_program() {
    let shell = Shell::new();
    shell.write(
        "tool",
        &format!(
            "#!{}\nprint(arg[1], debug.getinfo(1, 'l').currentline)\n",
            env!("CARGO_BIN_EXE_bq")
        ),
    );
    let tool = shell.path().join("tool");
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).expect("it is ours");
    let output = Command::new(&tool).arg("x").output().expect("it runs");
    assert_eq!(shown(&output), good("x\t2\n"));
    shell.write("bad.lua", "#!/usr/bin/env bq\n\nerror('here', 0)\n");
    assert_eq!(shell.run(["bad.lua"]).status, Some(1));
    shell.write("worse.lua", "#!/usr/bin/env bq\n\n)\n");
    assert_eq!(
        shell.run(["worse.lua"]).err,
        "error: the script has a syntax error\ncaused by: worse.lua:3: unexpected symbol near ')'\n"
    );
}

#[test]
fn modules_are_found_in_order() {
    let shell = Shell::new();
    let value = "print(require 'm', (select(2, require 'm')))";
    for folder in ["script", "lib1", "lib2", "path1", "path2"] {
        shell.write(
            &format!("{folder}/m.lua"),
            &format!("return '{folder}', ..."),
        );
    }
    shell.write("script/main.lua", value);
    let at = |name: &str| shell.path().join(name).display().to_string();
    let paths = format!("{}::{}", at("path1"), at("path2"));
    let mut expected = Vec::new();
    for gone in ["script", "lib1", "lib2", "path1", "path2"] {
        let mut command = shell.command([
            "--lib",
            &at("lib1"),
            "--lib",
            &at("lib2"),
            "script/main.lua",
        ]);
        let left = left(command.env("BQ_PATH", &paths));
        let out = left.out.split('\t').next().map(str::to_owned);
        expected.push((left.status, out));
        std::fs::remove_file(shell.path().join(gone).join("m.lua")).expect("it is there");
    }
    let wanted = ["script", "lib1", "lib2", "path1", "path2"];
    assert_eq!(
        expected,
        wanted.map(|name| (Some(0), Some(name.to_owned())))
    );
    // From another folder, through a link, and as a folder with init.lua.
    shell.write("script/sub/init.lua", "return 'sub ' .. ...");
    shell.write("script/main.lua", "print((require 'sub'))");
    std::os::unix::fs::symlink("script/main.lua", shell.path().join("link.lua"))
        .expect("it can be made");
    assert_eq!(shell.run(["link.lua"]), good("sub sub\n"));
    // Code from the command line has no folder: the current one is not searched.
    shell.write("m.lua", "return 1");
    assert_eq!(shell.code("require 'm'").status, Some(1));
}

#[test]
fn a_module_that_is_not_there_or_wrong() {
    let shell = Shell::new();
    shell.write("a.lua", "require 'not.there'\n");
    let folder = shell.path().canonicalize().expect("it is there");
    let folder = folder.display();
    assert_eq!(
        shell.run(["a.lua"]),
        result(
            1,
            "",
            &format!(
                "error: a.lua:1: module 'not.there' not found:\n\tno field package.preload['not.there']\n\
                 \tno file '{folder}/not/there.lua'\n\tno file '{folder}/not/there/init.lua'\n\
                 \tno file '$/lua-lib/not/there.lua'\n\tno file '$/lua-lib/not/there/init.lua'\n\
                 stack traceback:\n\t[C]: in function 'require'\n\ta.lua:1: in main chunk\n\
                 \t[C]: in function 'xpcall'\n\t$/lua-lib/bq/main.lua:N: in function 'bq.main'\n"
            )
        )
    );
    shell.write("b.lua", "require 'broken'\n");
    shell.write("broken.lua", "\nx = = 1\n");
    let left = shell.run(["b.lua"]);
    assert_eq!(left.status, Some(1));
    assert!(
        left.err
            .contains("broken.lua:2: unexpected symbol near '='"),
        "{}",
        left.err
    );
}

#[test]
fn exit_statuses() {
    let shell = Shell::new();
    for (code, status) in [
        ("", 0),
        ("return 7", 0),
        ("os.exit()", 0),
        ("os.exit(true)", 0),
        ("os.exit(false)", 1),
        ("os.exit(3)", 3),
        ("os.exit(255, true)", 255),
        ("require('bq.fail').exit(9)", 9),
        ("pcall(error, 'x')", 0),
    ] {
        assert_eq!(shell.code(code), result(status, "", ""), "{code}");
    }
    // On exit, bq cleans up and flushes its output.
    assert_eq!(
        shell.code("local x <close> = setmetatable({}, { __close = function() print 'closed' end }) io.write 'a ' require('bq.fail').exit(2)"),
        result(2, "a closed\n", "")
    );
    assert_eq!(shell.code("io.write 'a' os.exit(1)"), result(1, "a", ""));
}

#[test]
fn what_a_person_did_wrong_shows_no_traceback() {
    let shell = Shell::new();
    let raise =
        "require('bq.fail').raise('cannot do it', { cause = 'the reason', hint = 'do that' })";
    let lines = "error: cannot do it\ncaused by: the reason\nhint: do that\n";
    assert_eq!(shell.code(raise), result(1, "", lines));
    assert_eq!(
        shell.run(["--traceback", "-e", raise]),
        result(
            1,
            "",
            &format!(
                "{lines}stack traceback:\n\t[C]: in function 'error'\n\
                 \t$/lua-lib/bq/fail.lua:N: in function 'bq.fail.raise'\n\t(command line):1: in main chunk\n\
                 \t[C]: in function 'xpcall'\n\t$/lua-lib/bq/main.lua:N: in function 'bq.main'\n"
            )
        )
    );
    assert_eq!(
        shell.code("require('bq.fs').read('none')"),
        result(
            1,
            "",
            "error: read `none`: No such file or directory (ENOENT)\n"
        )
    );
    assert_eq!(
        shell.code("require('bq.fail').usage('wrong word', 'the right one')"),
        result(2, "", "error: wrong word\nhint: the right one\n")
    );
}

#[test]
fn a_bug_shows_its_traceback() {
    let shell = Shell::new();
    let trace = "\t[C]: in function 'xpcall'\n\t$/lua-lib/bq/main.lua:N: in function 'bq.main'\n";
    shell.write("bug.lua", "local function f()\n  error 'boom'\nend\nf()\n");
    assert_eq!(
        shell.run(["bug.lua"]),
        result(
            1,
            "",
            &format!(
                "error: bug.lua:2: boom\nstack traceback:\n\t[C]: in function 'error'\n\
                 \tbug.lua:2: in local 'f'\n\tbug.lua:4: in main chunk\n{trace}"
            )
        )
    );
    assert_eq!(
        shell.code("error()"),
        result(
            1,
            "",
            &format!(
                "error: nil\nstack traceback:\n\t[C]: in function 'error'\n\t(command line):1: in main chunk\n{trace}"
            )
        )
    );
    assert_eq!(
        shell.code("\nlocal x = undefined"),
        result(
            1,
            "",
            &format!(
                "error: (command line):2: the global `undefined` was never set\nstack traceback:\n\
                 \t[C]: in function 'error'\n\t$/lua-lib/bq/strict.lua:N: in metamethod 'index'\n\
                 \t(command line):2: in main chunk\n{trace}"
            )
        )
    );
    // A wrong call of a native is a bug of the script too.
    let left = shell.code("require('bq.fs').read()");
    assert_eq!(left.status, Some(1));
    assert!(
        left.err
            .starts_with("error: read: expected string, got nil")
            || left.err.starts_with("error: fs.read: "),
        "{}",
        left.err
    );
    assert!(left.err.contains("\nstack traceback:\n"), "{}", left.err);
}

#[test]
fn scripts_that_cannot_be_run() {
    let shell = Shell::new();
    let absent = "caused by: there is no such file, and no program of that name is bundled";
    for (name, hint) in [
        ("biuld_sysroot", "did you mean `bq build_sysroot`?"),
        ("scripts/cordinator.lua", "did you mean `bq coordinator`?"),
        ("nothing-like-it", "`bq --list` shows the bundled programs"),
    ] {
        assert_eq!(
            shell.run([name]),
            result(
                2,
                "",
                &format!("error: no script `{name}`\n{absent}\nhint: {hint}\n")
            )
        );
    }
    std::fs::create_dir(shell.path().join("folder")).expect("it can be made");
    assert_eq!(
        shell.run(["folder"]),
        result(
            2,
            "",
            "error: no script `folder`\ncaused by: it is a folder\nhint: `bq --list` shows the bundled programs\n"
        )
    );
    shell.write("bad.lua", "local a\nx = = 1\n");
    assert_eq!(
        shell.run(["bad.lua"]),
        result(
            1,
            "",
            "error: the script has a syntax error\ncaused by: bad.lua:2: unexpected symbol near '='\n"
        )
    );
    // The code is compiled but not run.
    assert_eq!(
        shell.fed(["-"], "\x1bLua"),
        result(
            1,
            "",
            "error: the script has a syntax error\ncaused by: attempt to load a binary chunk (mode is 't')\n"
        )
    );
}

#[test]
fn a_script_that_cannot_be_read() {
    if is_root() {
        support::skip("root can read every file");
        return;
    }
    let shell = Shell::new();
    shell.write("secret.lua", "print(1)");
    let path = shell.path().join("secret.lua");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o000)).expect("it is ours");
    assert_eq!(
        shell.run(["secret.lua"]),
        result(
            1,
            "",
            "error: cannot read `secret.lua`\ncaused by: read `secret.lua`: Permission denied (EACCES)\n"
        )
    );
}

#[test]
fn options_that_are_none() {
    let shell = Shell::new();
    let usage = "\n\nUsage: bq [OPTIONS] SCRIPT|NAME|- [ARGUMENTS]...\n       bq [OPTIONS] -e CODE [ARGUMENTS]...\n       bq [OPTIONS] -i\n\nFor more information, try '--help'.\n";
    assert_eq!(
        shell.run(["--nonsense", "x.lua"]),
        result(
            2,
            "",
            &format!("error: unexpected argument '--nonsense' found{usage}")
        )
    );
    assert_eq!(
        shell.run(["--lsit"]),
        result(
            2,
            "",
            &format!(
                "error: unexpected argument '--lsit' found\n\n  tip: a similar argument exists: '--list'{usage}"
            )
        )
    );
    assert_eq!(
        shell.run(["coordinator", "--keep-gong"]),
        result(
            2,
            "",
            "error: unknown option `--keep-gong`\nhint: did you mean `--keep-going`?\n"
        )
    );
}

#[test]
fn bytes_that_are_no_text() {
    let shell = Shell::new();
    let odd = OsStr::from_bytes(b"\xff\xfe.lua");
    std::fs::write(shell.path().join(odd), "io.write(arg[0], arg[1])").expect("it can be written");
    let output = shell
        .command([odd, OsStr::from_bytes(b"\x80 x")])
        .output()
        .expect("bq runs");
    assert_eq!(output.stdout, b"\xff\xfe.lua\x80 x");
    assert!(output.status.success());
    let output = shell
        .command([OsStr::new("-e"), OsStr::from_bytes(b"print '\xff'")])
        .output()
        .expect("bq runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.starts_with("error: invalid UTF-8 was detected"),
        "{text}"
    );
    let left = shell.run([OsStr::from_bytes(b"none\xff")]);
    assert_eq!(left.status, Some(2));
    assert!(
        left.err.starts_with("error: no script `none\u{fffd}`\n"),
        "{}",
        left.err
    );
}

#[test]
fn a_reader_that_has_gone_ends_it_silently() {
    let shell = Shell::new();
    shell.write("lines.lua", "while true do print 'line' end");
    shell.write("out.lua", "while true do require('bq.log').out 'line' end");
    shell.write("buffered.lua", "io.write 'x'");
    for words in [
        vec!["lines.lua"],
        vec!["out.lua"],
        vec!["buffered.lua"],
        vec!["--help"],
        vec!["--list"],
        vec!["coordinator", "--help"],
    ] {
        let mut command = shell.command(&words);
        let (reader, writer) = std::io::pipe().expect("there are descriptors");
        drop(reader);
        command.stdout(writer).stderr(Stdio::piped());
        let output = command.output().expect("bq runs");
        assert_eq!(
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr)
            ),
            (Some(141), "".into()),
            "{words:?}"
        );
    }
}

#[test]
fn a_full_disk_below_standard_output_is_told() {
    let shell = Shell::new();
    for words in [
        vec!["--list"],
        vec!["-e", "print(1)"],
        vec!["-e", "for i = 1, 100000 do print(i) end"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let output = shell
            .command(&words)
            .stdout(full)
            .output()
            .expect("bq runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(
            text.starts_with(
                "error: cannot write to standard output\ncaused by: No space left on device"
            ),
            "{text}"
        );
    }
}

#[test]
fn closed_streams() {
    let shell = Shell::new();
    let bq = env!("CARGO_BIN_EXE_bq");
    for redirect in [">&-", "2>&-", "<&-", "<&- >&- 2>&-"] {
        let script = format!("'{bq}' -e 'print(1) require(\"bq.log\").info \"x\"' {redirect}");
        let status = Command::new("sh")
            .args(["-c", &script])
            .current_dir(shell.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("sh runs");
        assert_eq!(status.code(), Some(0), "{redirect}");
    }
}

#[test]
fn levels_of_messages() {
    let shell = Shell::new();
    let code = "local l = require 'bq.log' l.debug 'd' l.info 'i' l.warn 'w' l.error 'e' l.raw 'r'";
    for (option, err) in [
        (None, "i\nwarning: w\nerror: e\nr\n"),
        (Some("-q"), "error: e\nr\n"),
        (Some("-v"), "debug: d\ni\nwarning: w\nerror: e\nr\n"),
    ] {
        let words = option.into_iter().chain(["-e", code]);
        assert_eq!(shell.run(words), result(0, "", err), "{option:?}");
    }
    for (filter, option, err) in [
        ("bq=error", None, "error: e\nr\n"),
        ("bq=debug", None, "debug: d\ni\nwarning: w\nerror: e\nr\n"),
        // bq's messages are shown unless they are turned off. An option overrides the environment.
        ("ureq=debug", None, "i\nwarning: w\nerror: e\nr\n"),
        ("bq=off", None, "r\n"),
        (
            "bq=off",
            Some("-v"),
            "debug: d\ni\nwarning: w\nerror: e\nr\n",
        ),
        ("bq=debug", Some("-q"), "error: e\nr\n"),
    ] {
        let words = option.into_iter().chain(["-e", code]);
        let said = left(shell.command(words).env("BQ_LOG", filter));
        assert_eq!(said, result(0, "", err), "{filter} {option:?}");
    }
    let colors = left(shell.command(["-e", code]).env("CLICOLOR_FORCE", "1"));
    assert_eq!(
        colors.err,
        "i\n\x1b[1;33mwarning: \x1b[0mw\n\x1b[1;31merror: \x1b[0me\nr\n"
    );
}
