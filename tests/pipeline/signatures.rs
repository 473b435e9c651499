//! Outputs that are taken only if those whom a user trusts have signed them.

use std::os::unix::fs::PermissionsExt;

use super::sharing::started;
use super::{Left, Rig, names, needs_namespaces};

/// The line of a new key, for a file of trusted keys.
fn key(rig: &Rig, name: &str) -> String {
    rig.run(&["key", name]).is(0).out
}

#[test]
fn an_output_needs_as_many_signatures_as_the_user_says() {
    needs_namespaces!();
    let rig = Rig::new();
    let (ann, ben) = (key(&rig, "ann"), key(&rig, "ben"));
    assert_eq!(key(&rig, "ann"), ann, "it stays");
    rig.write("trust", &format!("2 of  # both\n{ann}{ben}"));
    rig.write("one", &format!("1 of\n{ann}{ben}"));
    let build = |space: &str, more: &[&str]| -> Left {
        let words = ["--store", "store"];
        rig.build_in(space, &[&words, more].concat()).is(0)
    };
    rig.stage(&[]).is(0);
    build("space", &["--sign", "ann"]);
    // A result for each output, and one for its signature.
    assert_eq!(names(&rig.path("store/ac")).len(), 10);

    rig.stage_in("first");
    let left = build("first", &["--trust", "one"]);
    assert_eq!(left.started(), [""; 0]);

    // One signature is too few: all is built, and signed.
    rig.stage_in("second");
    let left = build("second", &["--trust", "trust", "--sign", "ben"]);
    assert_eq!(started(&left).len(), 5);
    left.says("` is not taken: it has 1 of 2 trusted signatures");
    assert_eq!(names(&rig.path("store/ac")).len(), 15);

    rig.stage_in("third");
    let left = build("third", &["--trust", "trust"]);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("third"), rig.digests("space"));
    // A key signs an output once. Signatures go with what they sign.
    build("second", &["--sign", "ben"]);
    assert_eq!(names(&rig.path("store/ac")).len(), 15);
    let gc = ["gc", "--workspace", "third", "--store", "store"];
    rig.run(&gc).is(0).says("there is nothing to remove");
    rig.replace("packages/alone.lua", "alone\\n", "second\\n");
    build("third", &["--sign", "ann"]);
    assert_eq!(names(&rig.path("store/ac")).len(), 19);
    rig.run(&[&gc[..], &["--remove"]].concat()).is(0);
    // Three outputs that both signed, and two that one signed.
    assert_eq!(names(&rig.path("store/ac")).len(), 13);
}

#[test]
fn signatures_of_something_else_do_not_count() {
    needs_namespaces!();
    let rig = Rig::new();
    let ann = key(&rig, "ann");
    rig.write("trust", &format!("1 of\n{ann}"));
    rig.stage(&[]).is(0);
    rig.build(&["--store", "store", "--sign", "ann"]).is(0);
    // The signature of one output is put in the place of that of another, and a byte of a third one is changed.
    rig.lua(
        "local fs, message = require 'bq.fs', require 'bq.share.message'
        local texts = {}
        for _, name in ipairs(fs.list 'store/ac') do
          local text = fs.read('store/ac/' .. name)
          if message.read_result(text).files['signature.json'] then
            texts[#texts + 1] = { name = name, text = text }
          end
        end
        assert(#texts == 5)
        fs.write('store/ac/' .. texts[1].name, texts[2].text)
        local changed = texts[3].text:gsub('\"signature\":\"(.)', function(digit)
          return '\"signature\":\"' .. (digit == '0' and '1' or '0')
        end)
        assert(changed ~= texts[3].text)
        fs.write('store/ac/' .. texts[3].name, changed)",
    );
    rig.stage_in("other");
    let left = rig
        .build_in("other", &["--store", "store", "--trust", "trust"])
        .is(0);
    let left = left.says("it has 0 of 1 trusted signatures");
    assert_eq!(left.err.matches("it has 0 of 1").count(), 2, "{}", left.err);
    assert_eq!(started(&left).len(), 2);
    // A workspace has no signatures at all.
    rig.stage_in("third");
    let left = rig
        .build_in("third", &["--store", "space", "--trust", "trust"])
        .is(0);
    assert_eq!(started(&left).len(), 5);
}

#[test]
fn keys_and_files_of_trust_are_checked() {
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let ann = key(&rig, "ann");
    assert!(ann.starts_with("ann ed25519:"), "{ann}");
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(rig.path("ann"), mode).expect("it is ours");
    };
    let metadata = std::fs::metadata(rig.path("ann")).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let build = |words: &[&str]| rig.build(&[&["--store", "store"], words].concat());
    mode(0o644);
    build(&["--sign", "ann"])
        .is(1)
        .says("others can read the key `ann`");
    mode(0o600);
    build(&["--sign", "absent"])
        .is(1)
        .says("make one: `bq scripts/key.lua absent`");
    rig.run(&["key", "b", "--name", "two words"]).is(2);
    for (text, says) in [
        ("", "it asks for none of 0 keys"),
        ("0 of\n", "it asks for 0 of 0 keys"),
        (&format!("2 of\n{ann}"), "it asks for 2 of 1 keys"),
        (&format!("1 of\n{ann}{ann}"), "are the same key"),
        (&ann, "is no number of keys"),
        ("1 of\nann ed25519:00\n", "`ann ed25519:00` is no key"),
    ] {
        rig.write("trust", text);
        build(&["--trust", "trust"])
            .is(1)
            .says("cannot read whom to trust")
            .says(says);
    }
}
