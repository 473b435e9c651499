//! Set-id bits and capabilities: recorded, never set on a file.
// A test fails by panicking. Clippy allows that in test functions, but not in their helpers.
#![allow(clippy::expect_used)]

mod support;

use std::ffi::CString;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Output;

use nix::errno::Errno;
use nix::libc;

/// Runs the program of `argv` under a keeper, and prints the recorded attributes.
const RUN: &str = "
    local process, syscall = require 'bq.process', require 'bq.syscall'
    syscall.set_no_new_privs()
    local keeper = process.attribute_keeper()
    local child = process.fork()
    if child == 0 then
      keeper:watch()
      process.exec { argv = { ... } }
    end
    local status = keeper:reap(child)
    for _, entry in ipairs(keeper:attributes()) do
      -- A file that was made without a name has none here.
      local stat = require('bq.fs').lstat(entry.path)
      assert(not stat or stat.ino == entry.ino)
      print(stat and entry.path:match '[^/]*$' or '?', entry.type, entry.mode and ('%o'):format(entry.mode) or '-',
        entry.capability and #entry.capability or '-')
    end
    for _, entry in ipairs(keeper:removed()) do
      print('removed', entry.path:match '[^/]*$', ('%o'):format(entry.mode))
    end
    for _, entry in ipairs(keeper:refused()) do
      print('refused', entry.what, entry.path)
    end
    os.exit(status.exit_status)";

fn kept(folder: &Path, argv: &[&str]) -> Output {
    let mut command = support::bq(folder);
    command
        .args(["-e", RUN])
        .args(argv)
        .env("ATTRIBUTES_PROBE", "1");
    command.output().expect("bq runs")
}

fn noted(folder: &Path, script: &str) -> String {
    let output = kept(folder, &["sh", "-euc", script]);
    assert!(
        output.status.success(),
        "{script}: {}",
        support::heard(&output)
    );
    String::from_utf8(output.stdout).expect("plain text")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("is there").mode() & 0o7777
}

#[test]
fn modes_are_noted_and_files_have_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    assert_eq!(
        noted(
            folder.path(),
            "umask 022
             echo x > a; chmod 4755 a
             install -m 6710 a b
             mkdir c; chmod 2775 c
             echo x > d; chmod 644 d; chmod +t c
             chmod u+s d; chmod g+s d",
        ),
        "a\tfile\t4755\t-\nb\tfile\t6710\t-\nd\tfile\t2644\t-\n"
    );
    assert_eq!(
        [
            mode(&at("a")),
            mode(&at("b")),
            mode(&at("c")),
            mode(&at("d"))
        ],
        [0o755, 0o710, 0o1775, 0o644]
    );
}

#[test]
fn a_note_follows_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "
        for name in renamed removed plain linked replaced; do echo x > $name; chmod 4755 $name; done
        mkdir -p deep/er; mv renamed deep/er/now
        rm removed; echo x > removed
        chmod 755 plain
        ln linked link
        echo y > new; mv new replaced
        for number in $(seq 50); do echo x > other-$number; done";
    assert_eq!(
        noted(folder.path(), script),
        "now\tfile\t4755\t-\nlinked\tfile\t4755\t-\nremoved\tremoved\t4755\nremoved\treplaced\t4755\n"
    );
}

#[test]
fn plain_calls_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "echo x > a; chmod 600 a; chmod 4755 a; echo x > b; chmod 640 b; ! chmod 4755 absent 2>said";
    assert_eq!(noted(folder.path(), script), "a\tfile\t4755\t-\n");
    assert_eq!(mode(&folder.path().join("b")), 0o640);
    let said = fs::read_to_string(folder.path().join("said")).expect("it was said");
    assert!(said.contains("No such file"), "{said}");
}

#[test]
fn the_usual_tools() {
    let folder = tempfile::tempdir().expect("a folder");
    let su = folder.path().join("su");
    fs::write(&su, "x").expect("a file");
    fs::set_permissions(&su, PermissionsExt::from_mode(0o6755)).expect("it is ours");
    let packed = std::process::Command::new("tar")
        .args(["-cf", "su.tar", "su"])
        .current_dir(folder.path())
        .status();
    assert!(packed.expect("tar runs").success());
    fs::remove_file(&su).expect("it is ours");
    let script = "
        mkdir tar cp mv; tar -xpf su.tar -C tar
        # A copy has what the file shows.
        cp -p tar/su cp/copied
        install -m 4755 cp/copied installed; mv installed mv/moved
        chmod -R u+s cp; chmod u-s cp";
    assert_eq!(
        noted(folder.path(), script),
        "copied\tfile\t4755\t-\nmoved\tfile\t4755\t-\nsu\tfile\t6755\t-\n"
    );
}

#[test]
fn a_status_comes_out() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(
        kept(folder.path(), &["sh", "-c", "exit 7"]).status.code(),
        Some(7)
    );
    assert_eq!(
        kept(folder.path(), &["sh", "-c", "kill -TERM $$"])
            .status
            .code(),
        Some(143)
    );
}

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zero")
}

/// The calls themselves. Only the next test starts this one.
#[test]
fn probe() {
    if std::env::var_os("ATTRIBUTES_PROBE").is_none() {
        return;
    }
    let here = std::env::current_dir().expect("it is there");
    let new = |name: &str| {
        let file = fs::File::create(name).expect("a file");
        fs::set_permissions(name, PermissionsExt::from_mode(0o600)).expect("it is ours");
        file
    };
    let ok = |what: &str, result: libc::c_long| {
        let result = Errno::result(result);
        assert!(result.is_ok(), "{what}: {result:?}");
    };
    let fails = |what: &str, result: libc::c_long, errno: Errno| {
        assert_eq!(Errno::result(result), Err(errno), "{what}");
    };
    // SAFETY: each call gets numbers, open descriptors, and pointers to values that live for the call.
    unsafe {
        for name in ["chmod", "relative", "fchmodat2", "empty", "by-proc"] {
            drop(new(name));
        }
        ok(
            "chmod",
            libc::chmod(c(&here.join("chmod")).as_ptr(), 0o4711).into(),
        );
        let file = new("fchmod");
        ok("fchmod", libc::fchmod(file.as_raw_fd(), 0o2711).into());
        fails("fchmod", libc::fchmod(99, 0o4711).into(), Errno::EBADF);
        let folder = fs::File::open(".").expect("it is there");
        std::env::set_current_dir("/").expect("it is there");
        ok(
            "fchmodat",
            libc::fchmodat(folder.as_raw_fd(), c"relative".as_ptr(), 0o6711, 0).into(),
        );
        std::env::set_current_dir(&here).expect("it is there");
        let fchmodat2 = |at: i32, name: &std::ffi::CStr, flags: i32| {
            libc::syscall(452, at, name.as_ptr(), 0o4700, flags)
        };
        std::os::unix::fs::symlink("fchmodat2", "link").expect("a link");
        ok("fchmodat2", fchmodat2(libc::AT_FDCWD, c"link", 0));
        fails(
            "fchmodat2",
            fchmodat2(libc::AT_FDCWD, c"link", libc::AT_SYMLINK_NOFOLLOW),
            Errno::EOPNOTSUPP,
        );
        let file = fs::File::open("empty").expect("it is there");
        ok(
            "fchmodat2",
            fchmodat2(file.as_raw_fd(), c"", libc::AT_EMPTY_PATH),
        );
        fails(
            "fchmodat2",
            fchmodat2(file.as_raw_fd(), c"", 0),
            Errno::ENOENT,
        );
        let file = fs::File::open("by-proc").expect("it is there");
        let name = c(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())));
        ok("chmod", libc::chmod(name.as_ptr(), 0o4700).into());
        // Through other links of /proc the keeper would reach its own open files.
        let name = c(Path::new(&format!(
            "/proc/../proc/self/fd/{}",
            file.as_raw_fd()
        )));
        fails(
            "chmod",
            libc::chmod(name.as_ptr(), 0o6700).into(),
            Errno::ELOOP,
        );
        fails(
            "chmod",
            libc::chmod(std::ptr::without_provenance(8), 0o4700).into(),
            Errno::EFAULT,
        );
        // Files that are created with such bits. The umask is 022.
        let flags = libc::O_CREAT | libc::O_WRONLY;
        let made = libc::open(
            c"made".as_ptr(),
            flags | libc::O_EXCL | libc::O_CLOEXEC,
            0o6775,
        );
        ok("open", made.into());
        assert_eq!(libc::fcntl(made, libc::F_GETFD), libc::FD_CLOEXEC);
        assert_eq!(libc::write(made, c"made".as_ptr().cast(), 4), 4);
        assert_eq!(mode(Path::new("made")), 0o755);
        fails(
            "open",
            libc::open(c"made".as_ptr(), flags | libc::O_EXCL, 0o4755).into(),
            Errno::EEXIST,
        );
        let again = libc::open(c"made".as_ptr(), flags | libc::O_APPEND, 0o4711);
        ok("open", again.into());
        assert_eq!(libc::fcntl(again, libc::F_GETFD), 0);
        assert_eq!(libc::write(again, c" again".as_ptr().cast(), 6), 6);
        assert_eq!(fs::read("made").expect("it is there"), b"made again");
        let folder = fs::File::open(".").expect("it is there");
        let folder = folder.as_raw_fd();
        ok(
            "openat",
            libc::openat(folder, c"made-there".as_ptr(), flags, 0o2755).into(),
        );
        ok("creat", libc::creat(c"made-new".as_ptr(), 0o4700).into());
        fails(
            "open",
            libc::open(c"absent/made".as_ptr(), flags, 0o4755).into(),
            Errno::ENOENT,
        );
        let unnamed = libc::open(c".".as_ptr(), libc::O_TMPFILE | libc::O_WRONLY, 0o4711);
        if unnamed >= 0 {
            let name = c(Path::new(&format!("/proc/self/fd/{unnamed}")));
            let (here, follow) = (libc::AT_FDCWD, libc::AT_SYMLINK_FOLLOW);
            ok(
                "linkat",
                libc::linkat(here, name.as_ptr(), here, c"unnamed".as_ptr(), follow).into(),
            );
        } else {
            ok("creat", libc::creat(c"unnamed".as_ptr(), 0o4711).into());
        }
        for mode in [0o4755, 0o2755] {
            fails(
                "mknod",
                libc::mknod(c"node".as_ptr(), libc::S_IFREG | mode, 0).into(),
                Errno::EPERM,
            );
        }
        let opened = libc::open(c"chmod".as_ptr(), libc::O_RDONLY, 0o4755);
        ok("open", opened.into());
        // Capabilities.
        drop(new("capable"));
        drop(new("freed"));
        let value = [0_u8; 20];
        let set = |name: &std::ffi::CStr, attribute: &std::ffi::CStr, size: usize| {
            libc::setxattr(
                name.as_ptr(),
                attribute.as_ptr(),
                value.as_ptr().cast(),
                size,
                0,
            )
            .into()
        };
        ok("setxattr", set(c"capable", c"security.capability", 20));
        fails(
            "setxattr",
            set(c"capable", c"security.capability", 7),
            Errno::EINVAL,
        );
        fails(
            "setxattr",
            set(c"absent", c"security.capability", 20),
            Errno::ENOENT,
        );
        ok("setxattr", set(c"freed", c"security.capability", 20));
        ok(
            "removexattr",
            libc::removexattr(c"freed".as_ptr(), c"security.capability".as_ptr()).into(),
        );
        fails(
            "removexattr",
            libc::removexattr(c"freed".as_ptr(), c"security.capability".as_ptr()).into(),
            Errno::ENODATA,
        );
        let found = libc::getxattr(
            c"capable".as_ptr(),
            c"security.capability".as_ptr(),
            std::ptr::null_mut(),
            0,
        );
        assert_eq!(found, -1);
        // The kernel handles other attributes. Some file systems have none.
        if set(c"capable", c"user.test", 3) == 0 {
            let found = libc::getxattr(
                c"capable".as_ptr(),
                c"user.test".as_ptr(),
                std::ptr::null_mut(),
                0,
            );
            assert_eq!(found, 3);
        }
    }
    for name in [
        "chmod",
        "fchmod",
        "relative",
        "fchmodat2",
        "empty",
        "by-proc",
        "made",
        "made-new",
        "made-there",
        "unnamed",
    ] {
        assert_eq!(mode(Path::new(name)) & 0o6000, 0, "{name}");
    }
    assert!(!Path::new("node").exists());
}

#[test]
fn each_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = std::env::current_exe().expect("it runs");
    let output = kept(
        folder.path(),
        &[
            own.to_str().expect("a plain path"),
            "--exact",
            "probe",
            "-q",
            "--nocapture",
        ],
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        support::heard(&output)
    );
    let notes: Vec<String> = text
        .lines()
        .filter(|line| line.contains('\t'))
        .map(|line| match line.split_once("/self/fd/") {
            Some((start, _)) => format!("{start}/self/fd/FD"),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(
        notes,
        [
            "?\tfile\t4711\t-",
            "by-proc\tfile\t4700\t-",
            "capable\tfile\t-\t20",
            "chmod\tfile\t4711\t-",
            "empty\tfile\t4700\t-",
            "fchmod\tfile\t2711\t-",
            "fchmodat2\tfile\t4700\t-",
            "made\tfile\t6755\t-",
            "made-new\tfile\t4700\t-",
            "made-there\tfile\t2755\t-",
            "relative\tfile\t6711\t-",
            "refused\tmode\t/proc/../proc/self/fd/FD",
            "refused\tmode\tnode",
        ]
    );
}
