//! Marks of overlays in an output. They would hide files from the steps that depend on it.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;

use crate::support::{copy_program, is_root};
use crate::{Rig, names, needs_namespaces};

/// Sets an extended attribute; the error that came, 0 for none.
fn set(path: &Path, name: &CStr, value: &[u8]) -> i32 {
    let path = CString::new(path.as_os_str().as_bytes()).expect("no zero");
    // SAFETY: C strings, and a value of the length that is said.
    let set = unsafe {
        libc::lsetxattr(
            path.as_ptr(),
            name.as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    if set == 0 {
        return 0;
    }
    nix::errno::Errno::last_raw()
}

/// Sets the marks. Only the steps of these tests start this one.
#[test]
fn probe() {
    let Some(place) = std::env::var_os("MARKS_PROBE") else {
        return;
    };
    let folder = Path::new(&place);
    for (path, name, value) in [
        // Hides the folder's files of lower trees.
        (folder.to_owned(), c"user.overlay.opaque", &b"y"[..]),
        (folder.to_owned(), c"trusted.overlay.opaque", b"y"),
        // Hides a file of that name, since Linux 6.7.
        (folder.join("empty"), c"user.overlay.whiteout", b"y"),
        (folder.join("two"), c"user.note", b"of the package"),
    ] {
        let name_shown = name.to_string_lossy();
        println!(
            "{} {name_shown}: {}",
            path.display(),
            set(&path, name, value)
        );
    }
    if std::env::var_os("MARKS_WHITEOUT").is_some() {
        let path = CString::new(folder.join("gone").as_os_str().as_bytes()).expect("no zero");
        // SAFETY: a C string. The device 0:0 is the whiteout, which everybody may make.
        let made = unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o644, 0) };
        println!("whiteout: {made}");
    }
}

/// A rig whose `lib` has files in a folder of `base`, lies above `base` in each root, and runs this code.
fn rig(more: &str) -> Rig {
    let rig = Rig::new();
    let own = std::env::current_exe().expect("it runs");
    std::fs::create_dir_all(rig.path("seed/usr/local/bin")).expect("it can be made");
    copy_program(&own, &rig.path("seed/usr/local/bin/probe"));
    rig.lua(
        "require('bq.archive').pack { output = 'seed.tar.gz', sources = { { path = 'seed' } }, level = 1 }",
    );
    rig.replace(
        "packages/base.lua",
        "files = {",
        "files = { [\"/opt/both/one\"] = \"one\\n\", [\"/opt/both/empty\"] = \"\",",
    );
    rig.recipe(
        "lib",
        &format!(
            "depends = {{ 'base' }}, install = function(b)
    b:write(b.dest .. '/opt/lib', 'lib\\n')
    b:write(b.dest .. '/opt/both/two', 'two\\n')
    b:write(b.dest .. '/opt/both/empty', '')
    {more}
  end"
        ),
    );
    rig.recipe(
        "final",
        "install = function(b)
    b:write(b.dest .. '/usr/final', b:read '/opt/both/one' .. table.concat(b:list '/opt/both', ' ') .. '\\n')
  end",
    );
    rig.stage(&[]).is(0);
    rig
}

/// A call that runs the probe in a step.
fn probing(env: &str) -> String {
    format!(
        "b:run({{ '/usr/local/bin/probe', '--exact', 'marks::probe', '--test-threads=1', '--nocapture' }},
      {{ env = {{ MARKS_PROBE = b.dest .. '/opt/both', {env} }} }})"
    )
}

#[test]
fn marks_hide_nothing_from_the_steps_above() {
    needs_namespaces!();
    let plain = rig("");
    plain.build(&[]).is(0);
    let rig = rig(&probing(""));
    rig.build(&[]).is(0);
    let seen = rig.stored("high/final").join("output/usr/final");
    assert_eq!(
        std::fs::read_to_string(seen).expect("it is there"),
        "one\nempty one two\n"
    );
    assert_eq!(rig.outputs(), plain.outputs());
    let log = std::fs::read_to_string(rig.stored("low/lib").join("log")).expect("it is there");
    let place = "/bq/dest/opt/both";
    for line in [
        format!("{place} user.overlay.opaque: 0\n"),
        format!("{place}/empty user.overlay.whiteout: 0\n"),
        format!("{place}/two user.note: 0\n"),
        // Only real root with `CAP_SYS_ADMIN` can set this one.
        format!("{place} trusted.overlay.opaque: {}\n", libc::EPERM),
        "dropped the extended attribute /opt/both: user.overlay.opaque\n".into(),
        "dropped the extended attribute /opt/both/empty: user.overlay.whiteout\n".into(),
        "dropped the extended attribute /opt/both/two: user.note\n".into(),
    ] {
        assert!(log.contains(&line), "{line}: {log}");
    }
    rig.run(&["verify", "--workspace", "space", "--store"])
        .is(0);
}

#[test]
fn a_whiteout_in_an_output_is_refused() {
    needs_namespaces!();
    let rig = rig(&probing("MARKS_WHITEOUT = '1'"));
    rig.build(&["--keep-going"])
        .is(1)
        .says("error: low/lib failed")
        .says("  /opt/both/gone: is a char; an output holds files, folders and links\n");
    let log = rig.text("space/logs/low-lib.log");
    assert!(log.contains("whiteout: 0\n"), "{log}");
    // The next run clears it away.
    rig.replace("packages/lib.lua", "MARKS_WHITEOUT", "MARKS_NOTHING");
    rig.build(&[]).is(0);
    assert_eq!(names(&rig.path("space/build")), [""; 0]);
}

/// Marks that only real root can set.
#[test]
fn marks_of_roots_overlays_go_too() {
    let rig = Rig::new();
    rig.write("tree/opt/file", "file\n");
    let before = rig.lua("print(require('bq.digest').tree 'tree')");
    let folder = rig.path("tree/opt");
    let marked = set(&folder, c"trusted.overlay.opaque", b"y");
    assert_eq!(marked == 0, is_root(), "{marked}");
    let code = "local fs = require 'bq.fs'
        local _, dropped = require('bq.run.normalise').output('tree', 1, {}, { files = {}, removed = {}, refused = {} })
        print(#dropped, next(fs.xattrs 'tree/opt'))
        print(require('bq.digest').tree 'tree')";
    let count = i32::from(is_root());
    assert_eq!(rig.lua(code), format!("{count}\tnil\n{before}"));
}
