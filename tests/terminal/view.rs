//! What is drawn on a terminal of a fixed size, as its user sees it.

use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;

use crate::support::screen::screen;
use crate::user::User;
use crate::{ended, support};

#[test]
fn messages_are_above_the_view_and_nothing_is_left() {
    let mut user = User::new();
    let code = "
        local fs, log = require 'bq.fs', require 'bq.log'
        local process, progress = require 'bq.process', require 'bq.progress'
        local function wait(name)
          while not fs.stat(name) do
            process.wait_any { timeout = 0.02 }
          end
        end
        progress.show { 'one', '\\27[32mtwo ' .. ('x'):rep(200) .. '\\27[0m', 'three' }
        local bar = progress.bar { label = 'zlib.tar.gz', length = 10 }
        bar:set(5)
        log.info 'a message'
        progress.show { 'only', 'two' }
        log.out 'an answer'
        log.warn 'ready'
        wait 'resized'
        progress.show { 'last' }
        bar:finish()
        log.info 'wide'
        log.info 'the end'";
    let mut command = support::bq(user.folder.path());
    command.args(["-e", code]).env("TERM", "xterm");
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    let child = user.start(command);
    user.sees_after("ready", "5 of 10");
    let lines = screen(&user.said, 77);
    assert_eq!(
        lines[..5],
        ["a message", "an answer", "warning: ready", "only", "two"]
    );
    let line = &lines[5];
    assert!(
        line.starts_with("zlib.tar.gz              [====="),
        "{line}"
    );
    assert!(line.contains("=>    "), "{line}");
    assert!(line.contains("]  50 %  5 of 10  "), "{line}");
    assert_eq!(lines[6..], [""]);

    user.resizes(33, 120);
    std::fs::write(user.folder.path().join("resized"), "").expect("it can be written");
    user.sees("the end");
    assert_eq!(ended(child).code(), Some(0));
    user.rest_is_read();
    let lines = screen(&user.said, 120);
    assert_eq!(
        lines,
        [
            "a message",
            "an answer",
            "warning: ready",
            "wide",
            "the end",
            ""
        ]
    );
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_lines() {
    for (name, value) in [("TERM", "dumb"), ("TERM", "xterm")] {
        let mut user = User::new();
        let code = "
            local log, progress = require 'bq.log', require 'bq.progress'
            progress.show { 'the view' }
            local bar = progress.bar { label = 'the bar' }
            log.out(tostring(progress.is_live()))
            bar:finish()
            log.info 'the end'";
        let mut command = support::bq(user.folder.path());
        command.args(["-e", code]).env(name, value);
        let child = user.start(command);
        user.sees("the end");
        assert_eq!(ended(child).code(), Some(0));
        let is_live = value == "xterm";
        assert_eq!(user.said.contains("the view"), is_live, "{}", user.said);
        assert_eq!(user.said.contains("the bar"), is_live, "{}", user.said);
        assert_eq!(user.said.contains('\x1b'), is_live, "{}", user.said);
        assert!(
            user.said.contains(&format!("{is_live}\r\n")),
            "{}",
            user.said
        );
    }
}

#[test]
fn colours_are_chosen() {
    let with = |words: &[&str], no_color: bool| {
        let mut user = User::new();
        let mut command = support::bq(user.folder.path());
        command
            .args(words)
            .args(["-e", "require 'bq.log'.warn 'said'"]);
        command.env("TERM", "xterm").env_remove("CLICOLOR_FORCE");
        if no_color {
            command.env("NO_COLOR", "1");
        } else {
            command.env_remove("NO_COLOR");
        }
        let child = user.start(command);
        user.sees("said");
        assert_eq!(ended(child).code(), Some(0));
        user.said.contains("\x1b[1;33m")
    };
    assert!(with(&[], false));
    assert!(!with(&[], true));
    assert!(with(&["--color", "always"], true));
    assert!(!with(&["--color=never"], false));
    assert!(with(&["--color=auto"], false));
}

#[test]
fn ctrl_c_says_what_it_does() {
    let mut user = User::new();
    let code = "
        local log, process = require 'bq.log', require 'bq.process'
        process.on_interrupt 'it is stopped\\n'
        process.on_interrupt 'another text\\n'
        process.spawn { argv = { process.executable(), '-e', 'require(\\'bq.process\\').wait_any()' } }
        log.out 'ready'
        process.wait_any()";
    let mut command = support::bq(user.folder.path());
    command.args(["-e", code]);
    let child = user.start(command);
    user.sees("ready");
    user.types("\x03");
    user.sees("it is stopped\r\n");
    assert_eq!(ended(child).signal(), Some(Signal::SIGINT as i32));
    user.rest_is_read();
    assert_eq!(user.said.matches("stopped").count(), 1, "{}", user.said);
    assert!(!user.said.contains("another"), "{}", user.said);
}

#[test]
fn what_ignores_ctrl_c_goes_on() {
    let mut user = User::new();
    let code = "
        local fs, log, process = require 'bq.fs', require 'bq.log', require 'bq.process'
        process.on_interrupt 'it is stopped\\n'
        log.out 'ready'
        while not fs.stat 'go' do
          process.wait_any { timeout = 0.02 }
        end
        log.out 'the end'";
    let bq = env!("CARGO_BIN_EXE_bq");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' INT; exec \"$@\"", "sh", bq, "-e", code]);
    command.current_dir(user.folder.path());
    let child = user.start(command);
    user.sees("ready");
    user.types("\x03");
    user.sees("^C");
    std::fs::write(user.folder.path().join("go"), "").expect("it can be written");
    user.sees("the end");
    assert_eq!(ended(child).code(), Some(0));
    assert!(!user.said.contains("stopped"), "{}", user.said);
}
