//! Patches that git makes.

use super::{Place, noise, numbered};

const FILE: u32 = 0o644;
const PROGRAM: u32 = 0o755;

#[test]
fn renames_copies_and_modes() {
    let text = numbered("line", 40);
    let edited = text.replace("line 20\n", "line twenty\n");
    let run = numbered("run", 9);
    let place = Place::with(&[
        ("src/a.c", FILE, text.as_bytes()),
        ("src/original", FILE, edited.as_bytes()),
        ("run.sh", FILE, run.as_bytes()),
        ("plain.sh", PROGRAM, b"no program\n"),
        ("alone/moved", FILE, b"as it is\n"),
    ]);
    place.fill(
        "new",
        &[
            ("lib/b.c", FILE, edited.as_bytes()),
            (
                "src/original",
                FILE,
                edited.replace("line 1\n", "line one\n").as_bytes(),
            ),
            (
                "src/copy",
                FILE,
                edited.replace("line 40\n", "line forty\n").as_bytes(),
            ),
            ("run.sh", PROGRAM, run.as_bytes()),
            ("plain.sh", FILE, b"no program\nbut a text\n"),
            ("elsewhere/moved", FILE, b"as it is\n"),
        ],
    );
    let patch = place.git_diff("-M -C");
    for words in [
        "rename from src/a.c",
        "copy from src/original",
        "new mode 100755",
    ] {
        assert!(String::from_utf8_lossy(&patch).contains(words), "{words}");
    }
    let result = place.agree(&patch, &place.new_tree(), 1, &["git"]);
    for words in [
        r#""action":"rename""#,
        r#""from":"src/a.c""#,
        r#""action":"copy""#,
        r#""mode":493"#,
        r#""strip":1"#,
    ] {
        assert!(result.contains(words), "{words} is not in {result}");
    }
}

#[test]
fn binary_literal_and_delta() {
    let long = noise(1, 40_000);
    let mut changed = long.clone();
    changed.splice(700..703, *b"xyz");
    changed.splice(30_000..30_100, noise(2, 70_000));
    let place = Place::with(&[
        ("delta", FILE, &long),
        ("literal", FILE, &noise(3, 50)),
        ("gone", FILE, &noise(4, 300)),
        ("moved", FILE, &noise(5, 5000)),
    ]);
    let mut moved = noise(5, 5000);
    moved[17] ^= 1;
    place.fill(
        "new",
        &[
            ("delta", FILE, &changed),
            ("literal", PROGRAM, &noise(6, 51)),
            ("made", FILE, &noise(7, 1000)),
            ("to/moved", FILE, &moved),
        ],
    );
    let patch = place.git_diff("-M");
    let text = String::from_utf8_lossy(&patch);
    assert!(text.contains("\ndelta ") && text.contains("\nliteral "));
    let result = place.agree(&patch, &place.new_tree(), 1, &["git"]);
    assert!(result.contains(r#""binary":true"#));
}

#[test]
fn a_binary_patch_is_for_one_content_only() {
    let place = Place::with(&[("x", FILE, &noise(3, 50))]);
    place.fill("new", &[("x", FILE, &noise(4, 50))]);
    let patch = place.git_diff("");
    place.fill("old", &[("x", FILE, &noise(5, 50))]);
    place.refuse(&patch, "", "binary", &["patch `x`", "another content"]);
}

#[test]
fn binary_patches_that_are_damaged() {
    let place = Place::with(&[("x", FILE, &noise(3, 500))]);
    place.fill("new", &[("x", FILE, &noise(4, 500))]);
    let patch = String::from_utf8(place.git_diff("")).expect("text");
    let line = patch
        .lines()
        .position(|line| line.starts_with("literal"))
        .expect("a literal")
        + 1;
    let of = |change: &dyn Fn(&str) -> String| {
        let lines: Vec<String> = patch
            .lines()
            .enumerate()
            .map(|(at, text)| {
                if at == line {
                    change(text)
                } else {
                    text.to_owned()
                }
            })
            .collect();
        lines.join("\n") + "\n"
    };
    let swap = |text: &str| {
        let last = if text.ends_with('0') { "1" } else { "0" };
        format!("{}{last}", &text[..text.len() - 1])
    };
    place.refuse(of(&swap).as_bytes(), "", "binary", &["patch `x`"]);
    place.refuse(
        of(&|text| text[..9].to_owned()).as_bytes(),
        "",
        "format",
        &["line 5 of the patch"],
    );
    place.refuse(
        patch.replace("literal 500", "literal 499").as_bytes(),
        "",
        "binary",
        &["size"],
    );
    place.refuse(
        patch
            .replace("literal 500", "literal 99999999999")
            .as_bytes(),
        "",
        "format",
        &["size"],
    );
    let forward = patch.split("\n\n").next().expect("one half");
    place.refuse(
        format!("{forward}\n\n").as_bytes(),
        "",
        "format",
        &["`literal` or `delta`"],
    );
}

#[test]
fn empty_files_come_and_go() {
    let place = Place::with(&[
        ("gone/empty", FILE, b""),
        ("gone/full", FILE, b"x\n"),
        ("stays", FILE, b"x\n"),
    ]);
    place.fill(
        "new",
        &[
            ("made/empty", FILE, b""),
            ("made/program", PROGRAM, b""),
            ("made/full", PROGRAM, b"1\n2\n"),
            ("made/bare", FILE, b"no newline"),
            ("stays", FILE, b"x\n"),
        ],
    );
    let patch = place.git_diff("--no-renames");
    let result = place.agree(&patch, &place.new_tree(), 1, &["git", "patch"]);
    assert!(result.contains(r#""action":"create""#) && result.contains(r#""action":"delete""#));
}

#[test]
fn links() {
    let place = Place::with(&[
        ("dir/a", 0, b"b"),
        ("becomes", FILE, b"a file\n"),
        ("gone", 0, b"dir"),
        ("moved", 0, b"dir"),
    ]);
    place.fill(
        "new",
        &[
            ("dir/a", 0, b"../c"),
            ("becomes", 0, b"dir"),
            ("made", 0, b"becomes"),
            ("dir/moved", 0, b"dir"),
        ],
    );
    let patch = place.git_diff("-M");
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
}

#[test]
fn files_that_change_names_with_each_other() {
    let (a, b) = (
        numbered("the first of them", 60),
        numbered("another one", 60),
    );
    let place = Place::with(&[("a", FILE, a.as_bytes()), ("b", FILE, b.as_bytes())]);
    place.fill(
        "new",
        &[("a", FILE, b.as_bytes()), ("b", FILE, a.as_bytes())],
    );
    let patch = place.git_diff("-M -B");
    assert!(String::from_utf8_lossy(&patch).contains("rename from b"));
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
}

#[test]
fn a_file_takes_the_place_of_a_folder_and_back() {
    let place = Place::with(&[("x/y/z", FILE, b"1\n"), ("p", FILE, b"2\n")]);
    place.fill("new", &[("x", FILE, b"3\n"), ("p/q/r", FILE, b"4\n")]);
    let patch = place.git_diff("--no-renames");
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
}

#[test]
fn mails_one_after_the_other() {
    let place = Place::with(&[("a", FILE, numbered("line", 30).as_bytes())]);
    place.shell("cp -a old new && cd new && git init -q && git add -A && git commit -q -m old");
    place.shell("cd new && sed -i 's/^line 3$/line three/' a && git commit -q -a -m 'one\n\n- a list\n+ of it'");
    place.shell(
        "cd new && git mv a b && sed -i 's/^line 9$/line nine/' b && git commit -q -a -m two",
    );
    place.shell("cd new && echo more >>b && echo new >c && git add -A && git commit -q -m three");
    place.shell("cd new && git mv c d && git commit -q -m four");
    let mails = place.shell("cd new && git format-patch -q --stdout HEAD~4");
    place.shell("rm -rf new/.git");
    place.agree(&mails, &place.new_tree(), 1, &[]);
    // Only the patches themselves, one after the other.
    let text = String::from_utf8(mails).expect("text");
    let bare: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("From "))
        .collect();
    place.agree(bare.as_bytes(), &place.new_tree(), 1, &[]);
}

#[test]
fn permissions_that_a_patch_does_not_speak_of_stay() {
    let place = Place::with(&[
        ("secret", 0o640, b"1\n"),
        ("read-only", 0o444, b"1\n"),
        ("mine", 0o600, b"1\n"),
    ]);
    place.fill(
        "new",
        &[
            ("secret", 0o640, b"2\n"),
            ("read-only", 0o444, b"2\n"),
            ("mine", 0o600, b"2\n"),
        ],
    );
    let patch = place.git_diff("");
    place.agree(&patch, &place.new_tree(), 1, &["patch"]);
    let mode = b"diff --git a/secret b/secret\nold mode 100644\nnew mode 100755\n";
    let result = place.apply(mode, "").expect("applies");
    assert!(result.contains(r#""mode":488"#), "0750: {result}");
}
