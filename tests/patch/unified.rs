//! Patches of GNU diff, and the places of their hunks.

use super::{Place, numbered};

const FILE: u32 = 0o644;

/// Old and new, with `edits` applied to the old text.
fn edited(old: &str, edits: &[(&str, &str)]) -> (Place, Vec<u8>) {
    let new = edits.iter().fold(old.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let place = Place::with(&[("f", FILE, old.as_bytes())]);
    place.fill("new", &[("f", FILE, new.as_bytes())]);
    let patch = place.shell("diff -ru old new || test $? = 1");
    (place, patch)
}

#[test]
fn an_offset_of_ten_lines() {
    let old = numbered("line", 60);
    let edits = [("line 20\n", "line twenty\n"), ("line 50\n", "")];
    let (place, patch) = edited(&old, &edits);
    let moved = numbered("new", 10) + &old;
    let want = numbered("new", 10)
        + &old
            .replace("line 20\n", "line twenty\n")
            .replace("line 50\n", "");
    place.fill("old", &[("f", FILE, moved.as_bytes())]);
    place.fill("new", &[("f", FILE, want.as_bytes())]);
    let result = place.agree(&patch, &place.new_tree(), 1, &["git", "patch"]);
    assert!(
        result.contains(
            r#""hunks":[{"fuzz":0,"line":27,"offset":10},{"fuzz":0,"line":57,"offset":10}]"#
        ),
        "{result}"
    );
}

#[test]
fn at_the_beginning_and_at_the_end() {
    let old = numbered("line", 12);
    for edits in [
        [
            ("line 1\n", "first\nline 1\n"),
            ("line 12\n", "line 12\nlast\n"),
        ],
        [("line 1\n", ""), ("line 12\n", "")],
        [("line 2\n", "line two\n"), ("line 11\n", "line eleven\n")],
    ] {
        let (place, patch) = edited(&old, &edits);
        place.agree(&patch, &place.new_tree(), 1, &["git", "patch"]);
    }
}

#[test]
fn without_a_newline_at_the_end() {
    for (old, new) in [
        ("1\n2\n3", "1\n2\n3\n"),
        ("1\n2\n3\n", "1\n2\n3"),
        ("1\n2\n3", "1\n2\nthree"),
        ("1\n2\n3\n4\n5\n6", "one\n2\n3\n4\n5\n6"),
        ("x", "y"),
    ] {
        let place = Place::with(&[("f", FILE, old.as_bytes())]);
        place.fill("new", &[("f", FILE, new.as_bytes())]);
        let patch = place.git_diff("");
        place.agree(&patch, &place.new_tree(), 1, &["git", "patch"]);
    }
}

#[test]
fn ends_of_lines_are_bytes() {
    let old = numbered("line", 9).replace('\n', "\r\n");
    let (place, patch) = edited(
        &old,
        &[("line 5\r\n", "line five\r\n"), ("line 8\r\n", "line 8\n")],
    );
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
    // A file with other line endings is another file.
    let plain = old.replace('\r', "");
    place.fill("old", &[("f", FILE, plain.as_bytes())]);
    place.refuse(
        &patch,
        "",
        "hunk",
        &["`line 2`, but there it ends with LF, not CR LF"],
    );
    // The line endings between the hunks do not matter.
    let (place, patch) = edited(&plain, &[("line 5\n", "line five\n")]);
    let text = String::from_utf8(patch).expect("text");
    let headers: String = text
        .split_inclusive('\n')
        .map(|line| {
            if line.starts_with(['-', '+', '@']) && !line.contains("line") {
                line.replace('\n', "\r\n")
            } else {
                line.to_owned()
            }
        })
        .collect();
    assert!(headers.contains("\r\n"));
    place.agree(headers.as_bytes(), &place.new_tree(), 1, &["git"]);
}

#[test]
fn strip_is_found() {
    let (place, patch) = edited(&numbered("line", 9), &[("line 5\n", "line five\n")]);
    let text = String::from_utf8(patch).expect("text");
    for (prefixes, strip) in [
        (["", ""], 0),
        (["a/", "b/"], 1),
        (["x/y/", "x.new/y/"], 2),
        (["../x/", "./y/"], 2),
        (["p/q/r/s/", "p/q/r/s/"], 4),
    ] {
        let text = text
            .replace("--- old/", &format!("--- {}", prefixes[0]))
            .replace("+++ new/", &format!("+++ {}", prefixes[1]));
        let text = text.split_once('\n').expect("two lines").1;
        let result = if strip == 2 && prefixes[1] == "./y/" {
            // Both names lose two components. git accepts neither.
            place.apply(text.as_bytes(), "").expect("applies")
        } else {
            place.agree(text.as_bytes(), &place.new_tree(), strip, &["git", "patch"])
        };
        assert!(result.contains(&format!(r#""strip":{strip}"#)), "{result}");
        place
            .apply(text.as_bytes(), &format!("strip = {strip}"))
            .expect("applies when given");
    }
}

#[test]
fn strip_is_one_for_the_whole_patch() {
    let place = Place::with(&[
        ("src/f", FILE, b"1\n"),
        ("f", FILE, b"1\n"),
        ("src/g", FILE, b"1\n"),
    ]);
    let patch = b"--- x/src/f\n+++ x/src/f\n@@ -1 +1 @@\n-1\n+2\n--- x/src/g\n+++ x/src/g\n@@ -1 +1 @@\n-1\n+2\n";
    let result = place.apply(patch, "").expect("applies");
    assert!(
        result.contains(r#""strip":1"#) && result.contains(r#""path":"src/g""#),
        "{result}"
    );
    // Without two components `f` exists, but `g` does not.
    place.refuse(
        patch,
        "strip = 2",
        "missing",
        &["patch `g`: there is no such file"],
    );
    place.refuse(
        patch,
        "strip = 3",
        "strip",
        &["patch `x/src/f`", "no more than 3 components"],
    );
}

#[test]
fn new_files_alone_say_where_they_go() {
    let place = Place::with(&[("src/f", FILE, b"1\n")]);
    let of = |name: &str| format!("--- /dev/null\n+++ {name}\n@@ -0,0 +1 @@\n+x\n");
    for (name, path) in [
        ("src/g", "src/g"),
        ("b/src/g", "src/g"),
        ("x-1.0/new/g", "new/g"),
        ("g", "g"),
        ("b/g", "g"),
    ] {
        let result = place.apply(of(name).as_bytes(), "").expect("applies");
        assert!(result.contains(&format!(r#""path":"{path}""#)), "{result}");
    }
}

#[test]
fn files_come_and_go_by_their_times() {
    let place = Place::with(&[("gone/f", FILE, b"1\n2\n"), ("stays", FILE, b"x\n")]);
    place.fill("new", &[("made/f", FILE, b"1\n"), ("stays", FILE, b"x\n")]);
    let patch = place.shell("diff -ruN old new || test $? = 1");
    let text = String::from_utf8_lossy(&patch);
    assert!(
        text.contains("1970-01-01 01:00:00.000000000 +0100"),
        "{text}"
    );
    place.agree(&patch, &place.new_tree(), 1, &["git", "patch"]);
    // A file with this time that is in both trees is changed, not created or removed.
    place.shell(
        "rm -rf old new; mkdir old new; echo 1 >old/f; echo 2 >new/f; touch -d @0 old/f new/f",
    );
    let patch = place.shell("diff -ruN old new || test $? = 1");
    let result = place.apply(&patch, "").expect("applies");
    assert!(result.contains(r#""action":"modify""#), "{result}");
}

#[test]
fn hunks_in_reverse_order() {
    let old = numbered("line", 60);
    let (place, patch) = edited(
        &old,
        &[
            ("line 10\n", "line ten\nand more\n"),
            ("line 50\n", "line fifty\n"),
        ],
    );
    let text = String::from_utf8(patch).expect("text");
    let (head, hunks) = text.split_at(text.find("@@ ").expect("a hunk"));
    let second = hunks[3..].find("\n@@ ").expect("another") + 4;
    let reversed = format!("{head}{}{}", &hunks[second..], &hunks[..second]);
    place.agree(reversed.as_bytes(), &place.new_tree(), 1, &["git"]);
}

#[test]
fn the_same_file_twice() {
    let place = Place::with(&[("f", FILE, b"1\n2\n3\n")]);
    let patch = b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 1\n-two\n+zwei\n 3\n";
    place.fill("new", &[("f", FILE, b"1\nzwei\n3\n")]);
    place.agree(patch, &place.new_tree(), 1, &["git", "patch"]);
}

#[test]
fn what_stands_around_is_passed_over() {
    let place = Place::with(&[("f", FILE, b"1\n\n3\n")]);
    place.fill("new", &[("f", FILE, b"1\n\nthree\n")]);
    // An empty context line without its space, and a last line without its newline.
    let patch = b"Description: a patch\n --- not a name\nIndex: f\n=======\n--- f.orig\tMon Jan  5 10:00:00 2026\n+++ f\t2026-01-05 10:00:00\n@@ -1,3 +1,3 @@ text\n 1\n\n-3\n+three";
    place.agree(patch, &place.new_tree(), 0, &[]);
    let patch = [patch.as_slice(), b"\n-- \n2.47.3\n\nbye\n"].concat();
    place.agree(&patch, &place.new_tree(), 0, &["git", "patch"]);
}

#[test]
fn fuzz_only_if_allowed() {
    let old = numbered("line", 20);
    let (place, patch) = edited(&old, &[("line 10\n", "line ten\n")]);
    let other = old.replace("line 7\n", "line seven\n");
    place.fill("old", &[("f", FILE, other.as_bytes())]);
    place.fill(
        "new",
        &[(
            "f",
            FILE,
            other.replace("line 10\n", "line ten\n").as_bytes(),
        )],
    );
    place.refuse(
        &patch,
        "",
        "hunk",
        &["hunk 1", "line 7 should be `line 7`, but is `line seven`"],
    );
    let result = place.apply(&patch, "fuzz = 1").expect("applies");
    super::same(&super::tree(&place.join("result")), &place.new_tree(), "bq");
    assert!(
        result.contains(r#""hunks":[{"fuzz":1,"line":8,"offset":0}]"#),
        "{result}"
    );
    place.copy("patched");
    place.shell("cd patched && patch -s -f --fuzz=1 --no-backup-if-mismatch -p1 -i ../patch");
    super::same(
        &super::tree(&place.join("patched")),
        &place.new_tree(),
        "patch",
    );
}
