//! Names with spaces, names that are not text, and names that lead out of the tree.

use std::os::unix::fs::symlink;

use super::{Place, tree};

const FILE: u32 = 0o644;

#[test]
fn spaces_and_other_letters() {
    let names = [
        "with space",
        "für/größe",
        "quote\"d",
        "back\\slash",
        "tab\there",
        "new\nline",
        "a b/c d",
    ];
    let of = |content: &'static [u8]| names.map(|name| (name, FILE, content));
    let place = Place::with(&of(b"1\n"));
    place.fill("new", &of(b"2\n"));
    let patch = place.git_diff("");
    assert!(String::from_utf8_lossy(&patch).contains(r"f\303\274r"));
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
    place.shell("git config --global core.quotePath false");
    let patch = place.git_diff("");
    assert!(String::from_utf8_lossy(&patch).contains("+++ b/für/größe"));
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
}

#[test]
fn spaces_without_names_on_lines_of_their_own() {
    let place = Place::with(&[
        ("with space", FILE, b"1\n"),
        ("gone too", FILE, b""),
        ("bin ary", FILE, b"\0\x01"),
    ]);
    place.fill(
        "new",
        &[
            ("with space", 0o755, b"1\n"),
            ("made too", FILE, b""),
            ("bin ary", FILE, b"\0\x02"),
        ],
    );
    let patch = place.git_diff("--no-renames");
    place.agree(&patch, &place.new_tree(), 1, &["git"]);
}

#[test]
fn git_without_prefixes() {
    let place = Place::with(&[("src/f", FILE, b"1\n"), ("src/moved", FILE, b"as it is\n")]);
    place.fill(
        "new",
        &[
            ("src/f", FILE, b"2\n"),
            ("src/g", 0o755, b""),
            ("src/to", FILE, b"as it is\n"),
        ],
    );
    let patch = place.git_diff("-M --no-prefix");
    let result = place.agree(&patch, &place.new_tree(), 0, &["git"]);
    assert!(result.contains(r#""strip":0"#), "{result}");
}

#[test]
fn names_that_lead_out() {
    let place = Place::with(&[("dir/f", FILE, b"1\n")]);
    place.fill("outside", &[("f", FILE, b"1\n")]);
    let of = |name: &str| format!("--- {name}\n+++ {name}\n@@ -1 +1 @@\n-1\n+2\n");
    let outside = place.join("outside/f");
    let outside = outside.to_str().expect("text");
    place.refuse(
        of("a/../../outside/f").as_bytes(),
        "strip = 1",
        "refused",
        &["`..` in its name"],
    );
    place.refuse(of("a/../../outside/f").as_bytes(), "", "refused", &[]);
    place.refuse(of(outside).as_bytes(), "", "refused", &["an absolute name"]);
    place.refuse(
        of(outside).as_bytes(),
        "strip = 0",
        "refused",
        &["an absolute name"],
    );
    let new = format!("--- /dev/null\n+++ {outside}.new\n@@ -0,0 +1 @@\n+2\n");
    place.refuse(new.as_bytes(), "", "refused", &["an absolute name"]);
    let rename =
        "diff --git a/dir/f b/../x\nsimilarity index 100%\nrename from dir/f\nrename to ../x\n";
    place.refuse(rename.as_bytes(), "", "refused", &["`..` in its name"]);
    assert_eq!(std::fs::read(outside).expect("is there"), b"1\n");
    assert_eq!(tree(&place.join("outside")).len(), 1);
}

#[test]
fn links_are_not_followed() {
    let place = Place::with(&[
        ("dir/f", FILE, b"1\n"),
        ("inside", 0, b"dir"),
        ("link", 0, b"dir/f"),
    ]);
    place.fill("outside", &[("f", FILE, b"1\n")]);
    symlink(place.join("outside"), place.join("old/out")).expect("a link");
    let edit = |name: &str| format!("--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-1\n+2\n");
    let make = |name: &str| format!("--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+2\n");
    for name in ["out/f", "inside/f"] {
        place.refuse(
            edit(name).as_bytes(),
            "strip = 1",
            "refused",
            &[name, "a link leads there"],
        );
    }
    for name in ["out/new", "inside/new"] {
        place.refuse(make(name).as_bytes(), "strip = 1", "refused", &[name]);
    }
    place.refuse(edit("link").as_bytes(), "", "refused", &["it is a link"]);
    // A patch must not follow a link that it makes itself either.
    let both = "diff --git a/way b/way\nnew file mode 120000\n--- /dev/null\n+++ b/way\n@@ -0,0 +1 @@\n+dir\n\\ No newline at end of file\n".to_owned() + &make("way/new");
    let error = place
        .apply(both.as_bytes(), "strip = 1")
        .expect_err("is refused");
    assert!(error.contains("way/new"), "{error}");
    super::same(
        &tree(&place.join("result")),
        &tree(&place.join("old")),
        "a refusal",
    );
    assert_eq!(tree(&place.join("outside")).len(), 1);
}

#[test]
fn links_out_of_the_tree_are_not_made() {
    let place = Place::with(&[("f", FILE, b"1\n")]);
    let of = |target: &str| {
        format!(
            "diff --git a/d/l b/d/l\nnew file mode 120000\n--- /dev/null\n+++ b/d/l\n@@ -0,0 +1 @@\n+{target}\n\\ No newline at end of file\n"
        )
    };
    place
        .apply(of("../f").as_bytes(), "")
        .expect("stays inside");
    place.refuse(
        of("../../f").as_bytes(),
        "",
        "refused",
        &["patch `d/l`", "out of the tree"],
    );
    place.refuse(
        of("/etc/passwd").as_bytes(),
        "",
        "refused",
        &["out of the tree"],
    );
}
