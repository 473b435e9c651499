//! Outputs that are moved by hand, and what is not needed any more.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::sharing::{damage, started};
use super::{Left, Rig, names, needs_namespaces};

impl Rig {
    pub(super) fn gc(&self, more: &[&str]) -> Left {
        self.run(&[&["gc"], more].concat())
    }
}

#[test]
fn an_archive_brings_outputs_to_people_without_a_network() {
    needs_namespaces!();
    let rig = Rig::built();
    let copy = ["copy", "--workspace", "space", "--to", "store.tar.zst"];
    rig.run(&copy)
        .is(0)
        .says("5 outputs written to `store.tar.zst`");
    let first = rig.read("store.tar.zst");
    rig.run(&copy).is(0);
    assert!(first == rig.read("store.tar.zst"), "the same bytes");

    // An output is whole without its log. One that is damaged is not written, and named; the others are.
    std::fs::remove_file(rig.stored("low/base").join("log")).expect("it is there");
    let to_folder = ["copy", "--workspace", "space", "--to", "folder"];
    std::fs::write(rig.stored("low/lib").join("output/opt/lib"), "damaged").expect("it is ours");
    rig.run(&to_folder)
        .is(1)
        .says("4 outputs written to `folder`")
        .says("error: not all was written\n")
        .says("`low/lib` is damaged: ");
    let alone = [
        "copy",
        "--workspace",
        "space",
        "low/lib",
        "--to",
        "alone.tar.zst",
    ];
    rig.run(&alone).is(1).says("`low/lib` is damaged: ");
    assert!(!rig.path("alone.tar.zst").exists());
    rig.build(&[]).is(0);

    rig.stage_in("other");
    let copy = ["copy", "--workspace", "other", "--from", "store.tar.zst"];
    rig.run(&copy)
        .is(0)
        .says("5 outputs fetched from `store.tar.zst`");
    assert_eq!(rig.digests("other"), rig.digests("space"));
    assert_eq!(rig.here("other").len(), 5);
    assert_eq!(
        rig.build_in("other", &[]).is(0).err,
        "nothing to do: all 5 steps are in the store\n"
    );
    let verify = ["verify", "--workspace", "other", "--store"];
    rig.run(&verify)
        .is(0)
        .says("5 outputs in the store: 0 damaged");
    assert!(!rig.path("other/share/packed").exists());

    // What is cut off or no archive says so, and leaves nothing.
    rig.stage_in("third");
    for bytes in [&first[..first.len() / 2], b"none"] {
        std::fs::write(rig.path("bad.tar.zst"), bytes).expect("it can be written");
        let copy = ["copy", "--workspace", "third", "--from", "bad.tar.zst"];
        rig.run(&copy).is(1).says("cannot read `bad.tar.zst`");
    }
    assert_eq!(rig.here("third"), [""; 0]);
}

#[test]
fn what_does_not_fit_into_a_number_removes_nothing() {
    needs_namespaces!();
    let rig = Rig::built();
    for (option, value) in [
        ("--to", "99999999999999999999G"),
        ("--to", "17179869184G"),
        ("--older-than", "99999999999999999999d"),
        ("--older-than", "9999999999999999w"),
    ] {
        rig.gc(&["--workspace", "space", "--remove", option, value])
            .is(2)
            .says(&format!(
                "`{option}` wants a number and a unit, not `{value}`"
            ));
    }
    assert_eq!(rig.here("space").len(), 5);
}

/// Two workspaces without a step in common, and one in which nothing is built.
#[test]
fn nothing_is_not_the_same_as_nothing() {
    needs_namespaces!();
    let rig = Rig::built();
    rig.stage_in("other");
    rig.run(&["verify", "--workspace", "space", "--record", "record.json"])
        .is(0);
    let recorded = rig.text("record.json");
    rig.run(&["verify", "--workspace", "other", "--record", "record.json"])
        .is(1)
        .says("nothing is built that could be recorded");
    assert_eq!(rig.text("record.json"), recorded);
    rig.stage_in("third");
    rig.run(&["diff", "other", "third"])
        .is(1)
        .says("error: nothing was compared\n");
}

#[test]
fn some_steps_are_copied_and_those_that_are_missing_are_named() {
    needs_namespaces!();
    let rig = Rig::built();
    let copy = |space, more: &[&str]| {
        let words = ["copy", "--workspace", space];
        rig.run(&[&words, more].concat())
    };
    copy("space", &["low/lib", "base", "--to", "store"])
        .is(0)
        .says("2 outputs written to `store`");
    copy("space", &["low/nothing", "--to", "store"]).is(2);
    copy("space", &["low/lib"])
        .is(2)
        .says("`--to PLACE` or `--from PLACE`");
    copy("space", &["--to", "mirror", "--from", "store"]).is(2);
    copy("space", &["--from", "nowhere"])
        .is(2)
        .says("no such folder");

    rig.stage_in("other");
    copy("other", &["low/lib", "low/app", "--from", "store"])
        .is(1)
        .says("not all came")
        .says("`low/app` is not in `store`");
    assert_eq!(rig.here("other"), ["low/lib"]);
    // What was written only counts if its bytes are right.
    damage(&rig.blob_of("store", "low/base"));
    copy("other", &["low/base", "--from", "store"])
        .is(1)
        .says("is not taken")
        .says("`low/base` did not come from `store`");
    let left = rig.build_in("other", &[]).is(0);
    assert_eq!(
        started(&left),
        ["high/final", "low/alone", "low/app", "low/base"]
    );
    copy("other", &["low/app", "--to", "space"])
        .is(2)
        .says("it is a workspace");
}

#[test]
fn what_neither_of_two_workspaces_needs_goes_from_their_store_while_a_build_runs() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    rig.replace("packages/alone.lua", "alone\\n", "second\\n");
    rig.build(&["--store", "store"]).is(0);
    rig.replace("packages/alone.lua", "second\\n", "third\\n");
    rig.build(&["--store", "store"]).is(0);
    rig.stage_in("other");
    rig.build_in("other", &["--store", "store"]).is(0);
    // Three builds of two steps, and one of three others.
    assert_eq!(names(&rig.path("store/ac")).len(), 9);
    let spaces = ["--workspace", "space", "--workspace", "other"];
    let words = [&spaces[..], &["--store", "store"]].concat();
    let before = names(&rig.path("store/cas"));

    let shown = rig.gc(&words).is(0);
    let shown = shown.says("4 of 9 things go").says("`--remove` removes it");
    assert_eq!(shown.out.matches("low/alone").count(), 4, "{}", shown.out);
    assert_eq!(names(&rig.path("store/cas")), before);

    // A build that runs, in a third workspace, with the same store.
    rig.recipe(
        "slow",
        "install = function(b)
    b:write(b.dest .. '/opt/slow', 'slow')
    b:run { '/proc/self/exe', '-e', \"require('bq.process').wait_any { timeout = 4 }\" }
  end",
    );
    let plan = rig.text("plan.lua");
    let slow = plan.replace("\"alone\" } }", "\"alone\", \"slow\" } }");
    rig.write("slow.lua", &slow);
    let stage = ["slow.lua", "--workspace", "third", "--mirror", "mirror"];
    rig.run(&[&stage[..], &["--offline"]].concat()).is(0);
    let running = rig
        .command(&["coordinator", "--workspace", "third", "--store", "store"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    std::thread::sleep(Duration::from_secs(2));
    let removed = rig.gc(&[&words[..], &["--remove"]].concat()).is(0);
    removed.says("removed ");
    let left: Left = running.wait_with_output().expect("it ran").into();
    left.is(0);
    assert!(names(&rig.path("store/cas")).len() < before.len() + 9);

    for space in ["space", "other"] {
        rig.build_in(space, &["--store", "store"])
            .is(0)
            .says("nothing to do: all 5 steps are in the store");
        let verify = ["verify", "--workspace", space, "--store"];
        rig.run(&verify).is(0).says(" 0 damaged");
    }
    rig.stage_in("fourth");
    let left = rig.build_in("fourth", &["--store", "store"]).is(0);
    assert_eq!(left.started(), [""; 0]);
    rig.gc(&[&spaces[..], &["--store", "store", "--remove"]].concat())
        .is(0);
    rig.gc(&words).is(0).says("there is nothing to remove");
}

#[test]
fn rules_keep_what_no_plan_needs() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store"]).is(0);
    rig.replace("packages/alone.lua", "alone\\n", "second\\n");
    rig.build(&["--store", "store"]).is(0);
    let count = |more: &[&str]| {
        let words = ["--workspace", "space", "--store", "store"];
        let shown = rig.gc(&[&words, more].concat()).is(0).out;
        let line = shown.lines().last().expect("there is one").to_owned();
        let words: Vec<&str> = line
            .split(": ")
            .nth(1)
            .expect("it has two parts")
            .split(' ')
            .collect();
        words[0].parse::<usize>().expect("it is a number")
    };
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--older-than", "1h"]), 0);
    assert_eq!(count(&["--keep", "2"]), 0);
    assert_eq!(count(&["--keep", "1"]), 2);
    assert_eq!(count(&["--to", "1G"]), 0);
    for name in names(&rig.path("store/ac")) {
        let file = std::fs::File::options()
            .write(true)
            .open(rig.path(&format!("store/ac/{name}")));
        let old = SystemTime::now() - Duration::from_secs(7200);
        file.expect("it is ours")
            .set_modified(old)
            .expect("it is ours");
    }
    assert_eq!(count(&["--older-than", "1h"]), 2);
    for words in [
        ["--to", "20"],
        ["--to", "G"],
        ["--older-than", "3y"],
        ["--older-than", "d"],
    ] {
        rig.gc(&[&["--workspace", "space"][..], &words].concat())
            .is(2)
            .says("wants a number and a unit");
    }
    rig.gc(&["--store", "store"])
        .is(2)
        .says("without a workspace all would go");
    rig.gc(&["--workspace", "nowhere"])
        .is(1)
        .says("there is no plan");
}

#[test]
fn old_outputs_sources_and_seeds_of_a_workspace_go() {
    needs_namespaces!();
    let rig = Rig::built();
    rig.replace("packages/alone.lua", "alone\\n", "second\\n");
    rig.build(&[]).is(0);
    rig.write(
        "space/sources/fedcba9876543210-old-1.tar.gz",
        "a source of an old plan",
    );
    rig.write(
        "space/seed/0123456789abcdef-old.tar.gz",
        "a seed of an old plan",
    );
    let shown = rig.gc(&["--workspace", "space"]).is(0);
    shown
        .says("source fedcba9876543210-old-1.tar.gz")
        .says("seed 0123456789abcdef-old.tar.gz")
        .says("low/alone")
        .says("high/final");
    assert_eq!(rig.here("space").len(), 7);
    rig.gc(&["--workspace", "space", "--remove"]).is(0);
    assert_eq!(rig.here("space").len(), 5);
    // The source of `lib`, and the note of what was read.
    assert_eq!(names(&rig.path("space/sources")).len(), 2);
    assert_eq!(names(&rig.path("space/seed")), [""; 0]);
    rig.build(&[]).is(0).says("nothing to do");
    rig.stage(&[]).is(0);
}
