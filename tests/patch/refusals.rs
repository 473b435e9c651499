//! Refused patches: the tree stays unchanged, and the error gives the reason.

use std::os::unix::fs::PermissionsExt;

use super::{Place, numbered, program, same, tree};

const FILE: u32 = 0o644;

/// A hunk that applies to `good`, and one that does not to `bad`.
fn half() -> (Place, String) {
    let bad = numbered("line", 30).replace("line 21\n", "line twenty-one\n");
    let place = Place::with(&[
        ("good", FILE, b"1\n"),
        ("bad", FILE, bad.as_bytes()),
        ("gone", FILE, b"x\n"),
        ("moved", FILE, b"y\n"),
    ]);
    let text = "diff --git a/moved b/else/where\nsimilarity index 100%\nrename from moved\nrename to else/where\n\
        diff --git a/good b/good\nold mode 100644\nnew mode 100755\n--- a/good\n+++ b/good\n@@ -1 +1 @@\n-1\n+2\n\
        diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+2\n\
        diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
        --- a/bad\n+++ b/bad\n@@ -3,3 +3,3 @@\n line 3\n-line 4\n+line four\n line 5\n\
        @@ -10,5 +10,5 @@\n line 18\n line 19\n-line 20\n+line twenty\n line 21\n line 22\n";
    (place, text.to_owned())
}

#[test]
fn a_hunk_that_fails_changes_nothing() {
    let (place, text) = half();
    let error = place.refuse(text.as_bytes(), "", "hunk", &[]);
    assert_eq!(
        error,
        "hunk patch `bad`: hunk 2 (line 32 of the patch) does not apply at line 10; most alike is line 18, where 4 of 5 lines are as expected: \
         line 21 should be `line 21`, but is `line twenty-one`"
    );
    let right = text.replace(" line 21\n", " line twenty-one\n");
    place
        .apply(right.as_bytes(), "")
        .expect("all of it applies");
    assert!(!place.join("result/moved").exists() && place.join("result/else/where").exists());
}

#[test]
fn fields_of_the_error() {
    let (place, text) = half();
    place.copy("result");
    std::fs::write(place.join("patch"), text).expect("a patch");
    let code = "local ok, err = pcall(require('bq.patch').apply, { text = require('bq.fs').read 'patch', root = 'result' })
        print(ok, err.op, err.path, err.code, err.hunk, err.line, err.expected, err.found, err.nearest)";
    let output = program::bq(&place.join(""))
        .args(["-e", code])
        .output()
        .expect("bq starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        text,
        "false\tpatch\tbad\thunk\t2\t21\tline 21\tline twenty-one\t18\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_tree_that_cannot_be_written_stays_as_it_was() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let (place, text) = half();
    let right = text
        .replace(" line 21\n", " line twenty-one\n")
        .replace("/new", "/shut/new");
    place.fill("old", &[("shut/f", FILE, b"1\n")]);
    std::fs::set_permissions(place.join("old/shut"), PermissionsExt::from_mode(0o555))
        .expect("a mode");
    place.refuse(right.as_bytes(), "", "EACCES", &["shut/new"]);
    std::fs::set_permissions(place.join("old/shut"), PermissionsExt::from_mode(0o755))
        .expect("a mode");
    std::fs::set_permissions(place.join("result/shut"), PermissionsExt::from_mode(0o755))
        .expect("a mode");
}

#[test]
fn a_folder_in_the_way_stays() {
    let (place, text) = half();
    let right = text.replace(" line 21\n", " line twenty-one\n");
    place.fill("old", &[("new/f", FILE, b"1\n")]);
    place.refuse(right.as_bytes(), "", "EEXIST", &["patch `new`"]);
}

#[test]
fn what_is_there_is_not_made_again() {
    let place = Place::with(&[("f", FILE, b"1\n2\n3\n"), ("g", FILE, b"")]);
    let make = |name: &str| format!("--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+2\n");
    place.refuse(
        make("f").as_bytes(),
        "",
        "exists",
        &["patch `f`", "already"],
    );
    place.refuse(
        make("g").as_bytes(),
        "",
        "exists",
        &["patch `g`", "already"],
    );
    let edit = b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 1\n-two\n+2\n 3\n";
    place.refuse(edit, "", "hunk", &["line 1 already has what it makes"]);
    let rename = b"diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n";
    place.refuse(rename, "", "exists", &["patch `g`"]);
}

#[test]
fn what_is_not_there() {
    let place = Place::with(&[("dir/f", FILE, b"1\n")]);
    let edit = |name: &str| format!("--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-1\n+2\n");
    place.refuse(
        edit("g").as_bytes(),
        "",
        "missing",
        &["patch `g`: there is no such file, nor one with more or fewer leading components"],
    );
    place.refuse(
        edit("dir").as_bytes(),
        "strip = 1",
        "refused",
        &["it is a folder"],
    );
    for header in ["rename from g\nrename to h\n", "copy from g\ncopy to h\n"] {
        place.refuse(
            format!("diff --git a/g b/h\n{header}").as_bytes(),
            "strip = 1",
            "missing",
            &["patch `g`"],
        );
    }
    let delete = b"diff --git a/g b/g\ndeleted file mode 100644\n";
    place.refuse(delete, "", "missing", &["patch `g`"]);
}

#[test]
fn a_file_is_removed_whole_or_not() {
    let place = Place::with(&[("f", FILE, b"1\n2\n")]);
    place.refuse(
        b"--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n",
        "",
        "hunk",
        &["not all of its lines"],
    );
    place.refuse(
        b"diff --git a/f b/f\ndeleted file mode 100644\n",
        "",
        "hunk",
        &["not all of its lines"],
    );
}

#[test]
fn patches_that_cannot_be_read() {
    let place = Place::with(&[("f", FILE, b"1\n2\n3\n")]);
    let head = "--- a/f\n+++ b/f\n";
    for (text, words) in [
        (
            String::new(),
            "line 1 of the patch: there is no unified or git patch in it",
        ),
        (
            "2c2\n< 2\n---\n> two\n".to_owned(),
            "no unified or git patch",
        ),
        (
            "*** a/f\n--- b/f\n***************\n*** 1,3 ****\n".to_owned(),
            "a context diff",
        ),
        (
            "@@ -1 +1 @@\n-1\n+2\n".to_owned(),
            "line 1 of the patch: a hunk without the names",
        ),
        (
            "Binary files a/f and b/f differ\n".to_owned(),
            "without its content",
        ),
        (
            "diff --git a/f b/f\nindex 1234567..89abcde 100644\nBinary files a/f and b/f differ\n"
                .to_owned(),
            "line 3 of the patch: a binary file",
        ),
        (
            format!("{head}@@ -1,3 +1,3 @@\n 1\n-2\n+two\n"),
            "the hunk ends 1 line too early",
        ),
        (
            format!("{head}@@ -1,2 +1,2 @@\n 1\n-2\n+two\n+and more\n"),
            "line 7 of the patch: the hunk has more lines",
        ),
        (
            format!("{head}@@ -1,2 +1,1 @@\n 1\n+two\n"),
            "the hunk has more lines",
        ),
        (
            format!("{head}@@ -1,2 +1,2 @@\n 1\n-2\n+two\njunk\n@@ -3 +3 @@\n-3\n+x\n"),
            "line 8 of the patch: a hunk without the names",
        ),
        (
            format!("{head}@@ -x +1 @@\n-1\n"),
            "not the first line of a hunk",
        ),
        (
            format!("{head}@@ -99999999999999999999 +1 @@\n-1\n"),
            "not the first line of a hunk",
        ),
        (
            format!("{head}@@ -1,2 +1,2 @@\n-1\n\\ No newline at end of file\n-2\n+1\n+x\n"),
            "a line without a newline",
        ),
        (
            "--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+1\n".to_owned(),
            "both names",
        ),
        ("diff --git a/f b/f\n".to_owned(), "says nothing"),
        (
            "diff --git a/f b/g\nold mode 100644\nnew mode 100755\n".to_owned(),
            "cannot be told apart",
        ),
        (
            "diff --git a/s b/s\nnew file mode 160000\n".to_owned(),
            "a submodule",
        ),
        (
            "diff --git a/f b/f\nold mode 100644\nnew mode 120000\n".to_owned(),
            "becomes a link",
        ),
        (
            "diff --git a/f b/f\nrename from f\n".to_owned(),
            "one name only",
        ),
        (
            "diff --git a/f b/g\n--- a/f\n+++ b/g\n@@ -1 +1 @@\n-1\n+2\n".to_owned(),
            "there is no rename",
        ),
        (
            "diff --git \"a/\\9\" b/f\nnew file mode 100644\n".to_owned(),
            "cannot be told apart",
        ),
    ] {
        place.refuse(text.as_bytes(), "", "format", &[words]);
    }
}

#[test]
fn lines_that_have_no_place() {
    let place = Place::with(&[("f", FILE, b"0\n1\n2\n3\n")]);
    let head = "--- a/f\n+++ b/f\n";
    for (hunk, words) in [
        (
            "@@ -1,0 +2 @@\n+x\n",
            "it only adds lines and has no context",
        ),
        ("@@ -1 +1 @@\n-1\n+x\n", "since it has no context"),
        (
            "@@ -1,2 +1,3 @@\n+x\n 1\n 2\n",
            "to the beginning of the file",
        ),
        ("@@ -1,2 +1,3 @@\n 1\n 2\n+x\n", "to the end of the file"),
        (
            "@@ -3,2 +3,2 @@\n 2\n-3\n+x\n@@ -3,2 +3,2 @@\n 2\n-3\n+y\n",
            "hunk 2",
        ),
        (
            "@@ -9,2 +9,2 @@\n a\n-b\n+c\n",
            "does not apply at line 9: line 9 should be `a`, but the file ends before it",
        ),
    ] {
        place.refuse(format!("{head}{hunk}").as_bytes(), "", "hunk", &[words]);
    }
}

#[test]
fn options_are_checked() {
    let place = Place::with(&[("f", FILE, b"1\n")]);
    place.refuse(b"", "fuzzy = 1", "argument", &["unknown option `fuzzy`"]);
    place.refuse(
        b"",
        "fuzz = -1",
        "argument",
        &["`fuzz`: expected a whole number"],
    );
}

#[test]
fn folders_that_keep_a_file_stay_as_they_are() {
    let place = Place::with(&[
        ("d/f", FILE, b"1\n"),
        ("d/gone", FILE, b""),
        ("e/gone", FILE, b""),
    ]);
    std::fs::set_permissions(place.join("old/d"), PermissionsExt::from_mode(0o711))
        .expect("a mode");
    let text = "diff --git a/d/gone b/d/gone\ndeleted file mode 100644\n\
        diff --git a/e/gone b/e/gone\ndeleted file mode 100644\n\
        diff --git a/d/f b/d/f\n--- a/d/f\n+++ b/d/f\n@@ -1 +1 @@\n-1\n+2\n";
    place.apply(text.as_bytes(), "").expect("applies");
    let mode = place
        .join("result/d")
        .metadata()
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o711);
    assert!(!place.join("result/e").exists());
}

#[test]
fn nothing_is_left_beside() {
    let place = Place::with(&[("f", FILE, b"1\n2\n3\n")]);
    let edit = b"--- a/f\n+++ b/f\n@@ -2,3 +2,3 @@\n 1\n-2\n+two\n 3\n";
    place.apply(edit, "").expect("applies with an offset");
    assert_eq!(tree(&place.join("result")).len(), 1);
    same(
        &tree(&place.join("old")),
        &tree(&place.join("old")),
        "itself",
    );
}
