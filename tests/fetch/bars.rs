//! Bars on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use nix::pty::{Winsize, openpty};

use crate::Scratch;
use crate::support::server::Server;
use crate::support::{bq, lua, noise};

/// Runs Lua code with a terminal as standard error. Returns the drawn and the printed text.
fn on_terminal(scratch: &Scratch, code: &str) -> (String, String) {
    let size = Winsize {
        ws_row: 24,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).expect("a terminal");
    let child = {
        let mut command = bq(scratch.path());
        command.args(["-e", code]).env("TERM", "xterm");
        command.stdout(Stdio::piped()).stderr(terminal.slave);
        command.spawn().expect("bq runs")
    };
    let mut drawn = Vec::new();
    // Reading fails when every process has closed the other end.
    let end = File::from(terminal.master).read_to_end(&mut drawn);
    drop(end);
    let output = child.wait_with_output().expect("it ends");
    let drawn = String::from_utf8_lossy(&drawn).into_owned();
    assert!(output.status.success(), "{drawn}");
    (drawn, String::from_utf8_lossy(&output.stdout).into_owned())
}

const BARS: &str = "
    local log, progress = require 'bq.log', require 'bq.progress'
    local bar = progress.bar { label = 'items', length = 10 }
    bar:set(3)
    log.info 'a message'
    do
      local spinner <close> = progress.bar { label = 'waiting', unit = 'bytes' }
      spinner:message 'hello'
      spinner:set(5)
      spinner:length(7)
      -- What may take long draws the bar by a thread, which has ended afterwards.
      require('bq.fs').remove_all 'a folder'
    end
    bar:finish()
    bar:finish()
    bar:set(4)
    log.info 'the end'
    print(io.open('/proc/self/status'):read('a'):match('Threads:%s*(%d+)'))";

#[test]
fn bars_are_drawn_on_a_terminal() {
    let (drawn, printed) = on_terminal(&Scratch::new(), BARS);
    assert_eq!(printed, "1\n");
    for part in ["items", "waiting", "a message\r\n"] {
        assert!(drawn.contains(part), "{drawn:?}");
    }
    // Nothing is drawn after the last bar is removed.
    assert!(drawn.ends_with("the end\r\n"), "{drawn:?}");
    let last = drawn.rfind("items").expect("it was drawn");
    assert!(drawn[last..].contains("\x1b[J"), "{drawn:?}");
}

#[test]
fn unpacking_many_archives_shows_a_bar() {
    let code = "
        local archive, fs = require 'bq.archive', require 'bq.fs'
        fs.mkdir 'tree'
        fs.write('tree/file', ('x'):rep(1000))
        archive.pack { output = 'a.tar', sources = { { path = 'tree' } }, compression = 'none' }
        archive.extract_all { paths = { 'a.tar' }, target = 'whole', profile = 'rootfs', label = 'packages' }
        print(fs.read('whole/file') == ('x'):rep(1000))
        print(io.open('/proc/self/status'):read('a'):match('Threads:%s*(%d+)'))";
    let (drawn, printed) = on_terminal(&Scratch::new(), code);
    assert_eq!(printed, "true\n1\n");
    assert!(drawn.contains("packages                 ["), "{drawn:?}");
    assert!(drawn.contains("100 %"), "{drawn:?}");
}

#[test]
fn nothing_is_drawn_elsewhere() {
    let output = lua(Scratch::new().path(), BARS);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text, "a message\nthe end\n");
}

#[test]
fn fetching_shows_bars_and_leaves_none() {
    let (scratch, content) = (Scratch::new(), noise(1, 300_000));
    let server = Server::constant(content.clone());
    let code = format!(
        "local fetch = require 'bq.fetch'
        local files = {{ {{ path = 'f', urls = {{ '{}' }}, name = 'the file' }} }}
        print(fetch.fetch {{ files = files }}[1].ok)
        require 'bq.log'.info 'the end'",
        server.url("f")
    );
    let (drawn, printed) = on_terminal(&scratch, &code);
    assert_eq!(printed, "true\n");
    assert!(drawn.contains("the file"), "{drawn:?}");
    assert!(drawn.ends_with("the end\r\n"), "{drawn:?}");
    assert!(scratch.read("f") == content);
}

#[test]
fn wrong_options_of_a_bar_are_named() {
    let scratch = Scratch::new();
    for (call, message) in [
        ("progress.bar {}", "`label` is missing"),
        (
            "progress.bar { label = 1 }",
            "`label`: expected a string, got 1",
        ),
        (
            "progress.bar { label = '', unit = 'm' }",
            "`unit`: expected one of bytes, items, got `m`",
        ),
        (
            "progress.bar { label = '', size = 1 }",
            "unknown option `size`",
        ),
        (
            "progress.bar { label = '' }:set(-1)",
            "expected a whole number, 0 or more, got -1",
        ),
        (
            "progress.bar { label = '' }:message()",
            "expected a string, got nil",
        ),
    ] {
        let code = format!(
            "local progress = require 'bq.progress'
            local ok, err = pcall(function() {call} end)
            print(ok, err.code, err.message)"
        );
        let output = lua(scratch.path(), &code);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let start = format!("false\targument\t{message}");
        assert!(text.starts_with(&start), "{text}");
    }
}
