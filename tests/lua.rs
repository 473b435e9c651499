//! Every `*_test.lua` below `tests/lua` and `tests/bench` is one test, run by the binary as a user would run it.

#[path = "support/program.rs"]
mod program;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    for folder in ["lua", "bench"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let trials = files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).unwrap_or(&file);
            let name = name.strip_prefix("lua").unwrap_or(name);
            let name = name.display().to_string();
            Trial::test(name, move || run(&file))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.to_string_lossy().ends_with("_test.lua") {
            files.push(path);
        }
    }
}

/// When a test that hangs is ended; no test comes near it.
const HANGS: Duration = Duration::from_secs(600);

fn run(file: &Path) -> Result<(), Failed> {
    let scratch = tempfile::tempdir()?;
    let child = program::bq(scratch.path())
        .arg("--lib")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lua"))
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let group = Pid::from_raw(-child.id().cast_signed());
    let (done, ended) = mpsc::channel();
    let waiter = std::thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(HANGS) else {
        kill(group, Signal::SIGKILL)?;
        return Err("it hangs".into());
    };
    drop(waiter.join());
    let output = output?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}
