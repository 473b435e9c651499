//! Damaged outputs in the store: they are found, removed with everything that was built from them, and built again.

use std::path::Path;

use nix::sys::stat::Mode;

use crate::{Left, Rig, needs_namespaces};

/// A kind of damage to an entry of the store: its name, and the function that does it.
type Damage = (&'static str, fn(&Path));

const DAMAGES: [Damage; 6] = [
    ("content", |entry| {
        std::fs::write(entry.join("output/opt/base"), "damaged").expect("it is ours");
    }),
    ("tree", |entry| {
        std::fs::remove_dir_all(entry.join("output")).expect("it is ours");
    }),
    ("pipe", |entry| {
        nix::unistd::mkfifo(&entry.join("output/opt/pipe"), Mode::S_IRWXU).expect("it is ours");
    }),
    ("meta", |entry| {
        let text = std::fs::read_to_string(entry.join("meta.json")).expect("it is there");
        std::fs::write(entry.join("meta.json"), &text[..text.len() / 2]).expect("it is ours");
    }),
    ("other meta", |entry| {
        std::fs::write(entry.join("meta.json"), "[1, null]").expect("it is ours");
    }),
    ("meta pipe", |entry| {
        std::fs::remove_file(entry.join("meta.json")).expect("it is ours");
        nix::unistd::mkfifo(&entry.join("meta.json"), Mode::S_IRWXU).expect("it is ours");
    }),
];

const BUILT: [&str; 4] = ["high/final", "low/app", "low/base", "low/lib"];

/// The steps that were started, by id.
fn started(left: &Left) -> Vec<String> {
    let lines = left.started();
    lines
        .iter()
        .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
        .collect()
}

#[test]
fn verify_removes_it_with_all_that_was_built_from_it() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    for (what, damage) in DAMAGES {
        let entry = rig.stored("low/base");
        let key = entry.file_name().expect("it has a name").to_string_lossy();
        damage(&entry);
        let left = rig
            .run(&["verify", "--workspace", "space", "--store"])
            .is(1);
        let left = left
            .says(&format!(
                "error: store/{key} (low/base) is damaged\ncaused by: "
            ))
            .says("what was built from it goes too: high/final, low/app, low/lib\n")
            .says("5 outputs in the store: 1 damaged and removed");
        if what == "content" {
            left.says(&format!(", expected {}\n", before["low/base"]));
        }
        let left = rig.build(&[]).is(0);
        assert_eq!(started(&left), BUILT, "{what}");
        assert_eq!(rig.outputs(), before, "{what}");
        rig.run(&["verify", "--workspace", "space", "--store"])
            .is(0);
    }
}

#[test]
fn a_run_finds_what_it_is_about_to_use() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    for (what, damage) in DAMAGES {
        let entry = rig.stored("low/base");
        // A step needs it as a dependency.
        std::fs::remove_dir_all(rig.stored("low/app")).expect("it is ours");
        damage(&entry);
        let left = rig.build(&["--jobs", "1"]).is(0);
        let left = left
            .says("warning: the output of low/base in the store is damaged, and is built again: ")
            .says("warning: what was built from it goes too: high/final, low/lib\n");
        assert_eq!(started(&left), BUILT, "{what}");
        assert_eq!(rig.outputs(), before, "{what}");
        rig.run(&["verify", "--workspace", "space", "--store"])
            .is(0);
    }
}

#[test]
fn a_copy_with_other_times_is_as_good() {
    needs_namespaces!();
    let rig = Rig::built();
    let file = rig.stored("low/base").join("output/opt/base");
    std::fs::write(&file, "base\n").expect("it is ours");
    std::fs::remove_dir_all(rig.stored("low/app")).expect("it is ours");
    let left = rig.build(&[]).is(0);
    assert_eq!(started(&left), ["low/app"]);
}

#[test]
fn nothing_is_made_of_it() {
    needs_namespaces!();
    let rig = Rig::built();
    let file = rig.stored("high/final").join("output/usr/final");
    std::fs::write(file, "damaged").expect("it is ours");
    let enter = [
        "enter",
        "--workspace",
        "space",
        "--rootfs",
        "high",
        "--",
        "true",
    ];
    rig.run(&enter)
        .is(1)
        .says("error: the output of `high/final` is damaged\n");
}
