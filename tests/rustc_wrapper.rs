//! `.cargo/rustc-wrapper`: what rustc is called with, and that a wrapper of one's own is called too.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::path::Path;
use std::process::Command;

/// Calls the wrapper as cargo does, with `echo` as rustc; what it writes.
fn called(home: &Path, cargo_home: Option<&Path>) -> String {
    let wrapper = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cargo/rustc-wrapper");
    let mut command = Command::new(wrapper);
    command
        .args(["echo", "--crate-name", "a b"])
        .env("HOME", home);
    match cargo_home {
        Some(folder) => command.env("CARGO_HOME", folder),
        None => command.env_remove("CARGO_HOME"),
    };
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn the_folder_of_crates_is_named_alike_everywhere() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    let line = |folder: &Path| {
        let folder = folder.display();
        format!("--crate-name a b --remap-path-prefix={folder}/registry/src=/cargo\n")
    };
    assert_eq!(called(home, None), line(&home.join(".cargo")));
    let other = home.join("other");
    assert_eq!(called(home, Some(&other)), line(&other));
}

#[test]
fn a_wrapper_of_ones_own_is_called() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    let cargo = home.join(".cargo");
    std::fs::create_dir(&cargo).expect("a folder");
    let rest = format!(
        "--crate-name a b --remap-path-prefix={}/registry/src=/cargo\n",
        cargo.display()
    );
    // `printf` takes the place of sccache: it writes all that it is called with.
    for (file, text, wrapped) in [
        ("config.toml", "[build]\nrustc-wrapper = \"echo\"\n", true),
        (
            "config",
            "[build]\njobs = 1\n  rustc-wrapper='echo'\n",
            true,
        ),
        ("config.toml", "build.rustc-wrapper = \"echo\"\n", true),
        ("config.toml", "[build]\njobs = 1\n", false),
        (
            "config.toml",
            "[build]\n# rustc-wrapper = \"echo\"\n",
            false,
        ),
        ("config.toml", "[other]\nrustc-wrapper = \"echo\"\n", false),
    ] {
        std::fs::write(cargo.join(file), text).expect("it is written");
        let before = if wrapped { "echo " } else { "" };
        assert_eq!(called(home, None), format!("{before}{rest}"), "{text}");
        std::fs::remove_file(cargo.join(file)).expect("it is there");
    }
}
