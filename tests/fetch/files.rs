//! Local files, as source and as target.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::support::server::Server;
use crate::support::{is_root, noise, sha256};
use crate::{QUICK, Scratch, assert_failed, assert_fetched, command, results};

#[test]
fn copies_files() {
    let (source, content) = (Scratch::new(), noise(1, 300_000));
    source.write("a b", &content);
    let path = source.file("a b").display().to_string();
    for url in [
        path.clone(),
        format!("file://{}", path.replace(' ', "%20")),
        format!("file://localhost{path}"),
    ] {
        let scratch = Scratch::new();
        let fields = format!("urls = {{ '{url}' }}, sha256 = '{}'", sha256(&content));
        let result = scratch.one(QUICK, &fields);
        assert_fetched(&scratch, &result, &content, &[]);
        assert_eq!(result.text("url"), Some(url.as_str()));
    }
    assert!(source.read("a b") == content);
}

#[test]
fn copies_are_checked_too() {
    let (source, content) = (Scratch::new(), noise(1, 5000));
    source.write("wrong", &noise(2, 5000));
    source.write("large", &noise(1, 5001));
    source.write("small", &noise(1, 4999));
    source.write("right", &content);
    std::fs::create_dir(source.file("folder")).expect("it can be made");
    let scratch = Scratch::new();
    let url = |name: &str| format!("'{}'", source.file(name).display());
    let result = scratch.one(
        QUICK,
        &format!(
            "urls = {{ {}, {}, {}, {}, {}, {} }}, size = 5000, sha256 = '{}'",
            url("absent"),
            url("folder"),
            url("wrong"),
            url("large"),
            url("small"),
            url("right"),
            sha256(&content)
        ),
    );
    let codes = [
        "ENOENT",
        "not_a_file",
        "hash_mismatch",
        "too_large",
        "too_small",
    ];
    assert_fetched(&scratch, &result, &content, &codes);
    let absent = source.file("absent");
    assert_eq!(
        result.message(0),
        format!(
            "open `{}`: No such file or directory (ENOENT)",
            absent.display()
        )
    );
}

#[test]
fn a_target_that_cannot_be_written_ends_it() {
    let scratch = Scratch::new();
    let server = Server::constant(noise(1, 10));
    let results = scratch.fetch(&format!(
        "{QUICK}, files = {{ {{ path = 'no/f', urls = {{ '{0}', '{0}' }} }} }}",
        server.url("f")
    ));
    assert_failed(&scratch, &results[0], &["ENOENT"], &[]);
    assert_eq!(
        results[0].message(0),
        "open `no/f.part`: No such file or directory (ENOENT)"
    );
    assert!(server.requests().is_empty());

    std::fs::create_dir(scratch.file("f")).expect("it can be made");
    let result = scratch.from(QUICK, &server, b"x");
    assert_failed(&scratch, &result, &["not_a_file"], &["f"]);
}

#[test]
fn a_link_in_the_place_of_a_part_is_not_followed() {
    let (scratch, other) = (Scratch::new(), Scratch::new());
    other.write("victim", b"mine");
    let link = scratch.file("f.part");
    std::os::unix::fs::symlink(other.file("victim"), link).expect("it can be made");
    let server = Server::constant(noise(1, 10));
    let result = scratch.from(QUICK, &server, b"x");
    assert_failed(&scratch, &result, &["ELOOP"], &["f.part"]);
    assert_eq!(other.read("victim"), b"mine");
}

#[test]
fn a_folder_that_is_read_only() {
    if is_root() {
        crate::support::skip("root may write everywhere");
        return;
    }
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(scratch.path(), permissions).expect("it is ours");
    };
    let server = Server::constant(content.clone());
    mode(0o555);
    let result = scratch.from(QUICK, &server, &content);
    assert_failed(&scratch, &result, &["EACCES"], &[]);
    assert!(server.requests().is_empty());
    // A file that exists already is not written.
    mode(0o755);
    scratch.write("f", &content);
    mode(0o555);
    let result = scratch.from(QUICK, &server, &content);
    assert!(result.ok() && result.cached(), "{result:?}");
    mode(0o755);
}

#[test]
fn a_full_disk_says_what_is_needed() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.file("small")).expect("it can be made");
    let (old, content) = (noise(3, 50_000), noise(1, 2_000_000));
    let server = {
        let (old, content) = (old.clone(), content.clone());
        Server::start(move |request, reply| match request.target.as_str() {
            "/old" => reply.answer("200 OK", &[], &old),
            _ => reply.answer("200 OK", &[], &content),
        })
    };
    let file = |name: &str, content: &[u8]| {
        let (url, digest) = (server.url(name), sha256(content));
        format!("{{ path = 'small/{name}', urls = {{ '{url}', '{url}' }}, sha256 = '{digest}' }}")
    };
    let options = format!(
        "{QUICK}, jobs = 1, files = {{ {}, {}, {} }}",
        file("old", &old),
        file("big", &content),
        file("old", &old)
    );
    let mut command = command(scratch.path(), &options);
    let ids = (nix::unistd::geteuid(), nix::unistd::getegid());
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {} 1", ids.0)),
        ("/proc/self/gid_map", format!("0 {} 1", ids.1)),
    ];
    let prepare = move || {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        for (path, text) in &maps {
            std::fs::write(path, text)?;
        }
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        let size = Some("size=600k");
        mount(
            Some("tmpfs"),
            "small",
            Some("tmpfs"),
            MsFlags::empty(),
            size,
        )?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes system calls, with paths made before.
    unsafe { command.pre_exec(prepare) };
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            crate::support::skip(format!("no tmpfs in a namespace of its own: {error}"));
            return;
        }
    };
    let results = results(&output);
    assert!(results[0].ok() && !results[0].cached());
    assert!(!results[1].ok());
    assert_eq!(results[1].codes(), ["ENOSPC"]);
    let message = results[1].message(0);
    let needed = message
        .strip_prefix("write `small/big.part`: No space left on device: ")
        .and_then(|rest| rest.strip_suffix(" more bytes are needed (ENOSPC)"))
        .and_then(|number| number.parse::<usize>().ok());
    assert!(
        needed.is_some_and(|n| (1_400_000..2_000_000).contains(&n)),
        "{message}"
    );
    // The old file is unchanged.
    assert!(results[2].ok() && results[2].cached());
}
