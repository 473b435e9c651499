//! `bq scripts/enter.lua` with dash and with bash, in each kind of root.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::builds::{Build, Run, can_build};
use crate::support::{bq, copy_program, skip};
use crate::{PROBE, User, ended, typing_works};

/// Copies the shell and what it needs from the seed into the output, so that the phase can be entered.
const TOOLS: &str = r#"return {
  name = "tools", version = "1", license = "MIT", strategy = "files", strip = false,
  install = function(b)
    for _, top in ipairs { "bin", "lib", "lib64", "opt" } do
      if b:stat("/" .. top) then
        b:copy("/" .. top, b.dest .. "/" .. top)
      end
    end
  end,
}"#;

const BROKEN: &str = r#"return {
  name = "broken", version = "1", license = "MIT", strategy = "files",
  install = function() error "on purpose" end,
}"#;

const PHASE: &str = r#"phases = {
  { name = "two", about = "another", base = { "seed" }, prefix = "/usr", env = {}, packages = { core = { "broken" } } },"#;

/// The kinds of roots: the staged one, a phase, a folder, a failed step.
const ROOTS: [&[&str]; 4] = [
    &[],
    &["--rootfs", "one"],
    &["--rootfs", "seed"],
    &["--step", "broken"],
];

/// Parts of the messages of a shell that has no terminal of its own.
const COMPLAINTS: [&str; 5] = [
    "job control",
    "process group",
    "inappropriate ioctl",
    "access tty",
    "error:",
];

/// Where a program of this machine is.
fn place(name: &str) -> Option<String> {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", name])
        .output()
        .expect("a shell");
    let path = String::from_utf8(found.stdout).expect("a plain path");
    found.status.success().then(|| path.trim().to_owned())
}

/// Copies a program of this machine and the libraries that it needs into a root.
fn install(from: &str, root: &Path, to: &str) {
    let libraries = Command::new("ldd").arg(from).output().expect("ldd runs");
    // ` libc.so.6 => /lib/libc.so.6 (0x…)`, or the loader alone: ` /lib64/ld.so (0x…)`.
    let text = String::from_utf8_lossy(&libraries.stdout).into_owned();
    let libraries = text
        .split_whitespace()
        .filter(|word| word.starts_with('/') && Path::new(word).is_file())
        .map(|path| (path, path));
    for (from, to) in libraries.chain([(from, to)]) {
        let to = root.join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().expect("it has one")).expect("a folder");
        copy_program(Path::new(from), &to);
    }
}

/// A workspace whose roots have this shell as `/bin/sh`.
fn roots_with(shell: &str) -> Option<Build> {
    if !can_build() {
        return None;
    }
    let programs = [shell, "stty", "sleep"].map(place);
    let [Some(shell_place), Some(stty), Some(sleep)] = programs else {
        skip(format!("this machine has no {shell}, stty or sleep"));
        return None;
    };
    let build = Build::new(&[("tools", TOOLS)]);
    build.write("packages/broken.lua", BROKEN);
    build.write(
        "build.lua",
        &build.read("build.lua").replace("phases = {", PHASE),
    );
    for (from, to) in [
        (&*shell_place, "/bin/sh"),
        (&*stty, "/bin/stty"),
        (&*sleep, "/bin/sleep"),
    ] {
        install(from, &build.at("seed"), to);
    }
    std::fs::create_dir_all(build.at("seed/opt")).expect("a folder");
    let own = std::env::current_exe().expect("it runs");
    copy_program(&own, &build.at("seed/opt/probe"));
    build.plain_seed();
    build.stage("./seed.tar.gz", &[]).ok();
    build
        .bq(&["coordinator", "--workspace", "ws", "--keep-going"])
        .fails(1)
        .says("on purpose");
    Some(build)
}

fn enter(build: &Build, root: &[&str], more: &[&str]) -> Command {
    let mut command = bq(build.path());
    command
        .args(["enter", "--workspace", "ws"])
        .args(root)
        .args(more);
    command
}

/// A session of a user with a shell; what it showed.
fn session(build: &Build, root: &[&str]) -> String {
    let mut user = User::new();
    let before = user.settings();
    let child = user.start(enter(build, root, &[]));
    let prompt = if root.contains(&"--step") { "$ " } else { "# " };
    user.sees(prompt);
    assert!(user.is_raw());
    // The terminal shows what is typed. So no typed line contains the text that the test waits for.
    user.types("case $- in *m*) echo jo''bs;; esac\r");
    user.sees("jobs\r\n");
    user.types("/bin/stty size\r");
    user.sees("33 77\r\n");
    user.resizes(50, 123);
    user.types("until [ \"$(/bin/stty size)\" = '50 123' ]; do :; done; echo resi''zed\r");
    user.sees("resized\r\n");
    // Ctrl-C ends the program, and neither the shell nor bq.
    user.types("/bin/sh -c 'echo wai\"\"ting; exec /bin/sleep 1000'\r");
    user.sees("waiting\r\n");
    user.types("\x03");
    user.types("echo status $?\r");
    user.sees("status 130\r\n");
    user.types("exit 3\r");
    assert_eq!(ended(child).code(), Some(3), "{}", user.said);
    assert_eq!(user.settings(), before);
    user.rest()
}

/// Ends the shell by the end of its input. Its status is that of its last command.
fn end_of_input(build: &Build, root: &[&str]) -> String {
    let mut user = User::new();
    let child = user.start(enter(build, root, &[]));
    let prompt = if root.contains(&"--step") { "$ " } else { "# " };
    user.sees(prompt);
    user.types("PS1='rea''dy> '\r");
    user.sees("ready> ");
    let mut shown = std::mem::take(&mut user.said);
    user.types("(exit 4)\r");
    user.sees("ready> ");
    user.types("\x04");
    assert_eq!(ended(child).code(), Some(4), "{}", user.said);
    shown.push_str(&user.rest());
    shown
}

fn without_complaint(what: &str, shown: &str) {
    let text = shown.to_lowercase();
    for complaint in COMPLAINTS {
        assert!(!text.contains(complaint), "{what}:\n{shown}");
    }
}

fn on_a_terminal(shell: &str) {
    let Some(build) = roots_with(shell) else {
        return;
    };
    for root in ROOTS {
        let what = format!("{shell} in {root:?}");
        without_complaint(&what, &session(&build, root));
        without_complaint(&what, &end_of_input(&build, root));
    }
}

#[test]
fn dash_on_a_terminal() {
    on_a_terminal("dash");
}

#[test]
fn bash_on_a_terminal() {
    on_a_terminal("bash");
}

fn without_a_terminal(shell: &str) {
    let Some(build) = roots_with(shell) else {
        return;
    };
    for root in ROOTS {
        let what = format!("{shell} in {root:?}");
        build.write("input", "echo got; echo problem >&2; exit 6\n");
        let input = || std::fs::File::open(build.at("input")).expect("it is there");
        let run = Run::of(enter(&build, root, &[]).stdin(input())).fails(6);
        assert_eq!(
            (&*run.stdout, &*run.stderr),
            ("got\n", "problem\n"),
            "{what}"
        );
        let run =
            Run::of(enter(&build, root, &["--", "/bin/sh", "-c", "exit 7"]).stdin(Stdio::null()));
        assert_eq!(run.fails(7).stderr, "", "{what}");
        // Only the input is no terminal. The output is one, and has the size of the user's.
        build.write("input", "/bin/stty size <&1; exit 5\n");
        let command = enter(&build, root, &[]);
        let words: Vec<_> = [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .collect();
        let mut through = Command::new("sh");
        through
            .args(["-c", "\"$@\" < input", "sh"])
            .args(words)
            .current_dir(build.path());
        let mut user = User::new();
        let child = user.start(through);
        user.sees("33 77\r");
        assert_eq!(ended(child).code(), Some(5), "{}", user.said);
        without_complaint(shell, &user.rest());
    }
}

#[test]
fn dash_without_a_terminal() {
    without_a_terminal("dash");
}

#[test]
fn bash_without_a_terminal() {
    without_a_terminal("bash");
}

/// A program in the root types into each terminal that it has. `typing_works` is the control: there the terminal is the
/// user's, and the text arrives.
#[test]
fn what_is_entered_types_nothing_for_the_user() {
    if !typing_works() {
        return;
    }
    let Some(build) = roots_with("dash") else {
        return;
    };
    let probe = format!("TERMINAL_PROBE=1 /opt/probe {}", PROBE.join(" "));
    for root in ROOTS {
        let mut user = User::new();
        let child = user.start(enter(&build, root, &["--", "/bin/sh", "-c", &probe]));
        user.sees("1 passed");
        assert_eq!(ended(child).code(), Some(0), "{root:?}: {}", user.said);
        assert_eq!(user.waiting(), 0, "{root:?}: {}", user.said);
        // The same from a shell, which the user then leaves.
        let mut user = User::new();
        let child = user.start(enter(&build, root, &[]));
        user.types(&format!("{probe}; exit 2\r"));
        user.sees("1 passed");
        assert_eq!(ended(child).code(), Some(2), "{root:?}: {}", user.said);
        assert_eq!(user.waiting(), 0, "{root:?}: {}", user.said);
    }
}
