//! What is left after a power cut. The file system of a build is in a file; a clone of that file (one FICLONE, so the file is
//! on an XFS) contains what the disk would contain after a power cut then. It is made at random moments, and as soon as
//! something is listed as done. Before most cuts, the file system writes its names and sizes: it does so by itself every few
//! seconds, and that is when a name can be there without its content.
//!
//! `BQ_CUTS` says how many cuts there are for each file system and each way to make step roots, 3 if it is absent. Only root
//! can mount a file system. All mounts are in a mount namespace of the test's own, and go with the thread.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use support::builds::{Build, Run, can_build};
use support::{bq, overlay, sha256};

mod support;

/// Each writes enough that a cut can happen in the middle.
const RECIPE: &str = r#"return {
  name = "NAME", version = "1", license = "MIT", strategy = "files", depends = { DEPENDS },
  install = function(b)
    for number = 1, 60 do
      b:write(("%s/share/NAME/%d/file"):format(b.dest, number), ("NAME %d\n"):format(number):rep(100 * (number % 7)))
    end
  end,
}"#;

/// A chain of steps, and some independent ones.
const PACKAGES: &[(&str, &str)] = &[
    ("a", ""),
    ("b", "\"a\""),
    ("c", "\"b\""),
    ("d", ""),
    ("e", "\"a\", \"d\""),
];

fn recipes() -> Vec<(&'static str, String)> {
    let recipe = |needs: &str, name: &str| RECIPE.replace("NAME", name).replace("DEPENDS", needs);
    PACKAGES
        .iter()
        .map(|(name, needs)| (*name, recipe(needs, name)))
        .collect()
}

/// How step roots are made.
#[derive(Clone, Copy, Debug)]
enum Roots {
    Overlay,
    Copied,
}

impl Roots {
    /// A command in the folder of a build, whose workspace is `over/ws`.
    fn command(self, folder: &Path, words: &[&str]) -> Command {
        match self {
            Roots::Overlay => {
                let mut command = bq(folder);
                command.args(words);
                command
            }
            Roots::Copied => overlay::command(folder, words),
        }
    }

    /// The workspace, seen from outside of an overlay.
    fn workspace(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Roots::Overlay => "over/ws",
            Roots::Copied => "layers/upper/ws",
        })
    }

    /// Stages, builds and packs.
    fn job(self, folder: &Path) -> Command {
        let code = r#"
            local process = require "bq.process"
            for _, words in ipairs {
              { "build.lua", "--workspace", "over/ws", "--seed", "seed.tar.gz", "--output", "over/out.tar.gz" },
              { "coordinator", "--workspace", "over/ws", "--jobs", "2" },
            } do
              local argv = table.move(words, 1, #words, 2, { process.executable() })
              local status = process.run { argv = argv, stdout = "inherit", stderr = "inherit" }
              if not status.ok then
                os.exit(1)
              end
            end"#;
        self.command(folder, &["-e", code])
    }
}

fn run(program: &str, words: &[&str]) -> io::Result<std::process::Output> {
    Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
}

/// Runs a tool of the machine; its status has to be below this.
#[track_caller]
fn tool(words: &[&str], limit: i32) {
    let output = run(words[0], &words[1..]).expect(words[0]);
    let status = output.status.code().unwrap_or(i32::MAX);
    let (out, err) = (output.stdout, output.stderr);
    assert!(
        status < limit,
        "{words:?}: {status}\n{}{}",
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(&err)
    );
}

/// A file system in a file, mounted; unmounted when the value goes.
struct Mounted {
    image: PathBuf,
    at: PathBuf,
}

impl Mounted {
    fn new(image: &Path, at: &Path) -> Self {
        std::fs::create_dir_all(at).expect("a folder");
        let (path, place) = (image.to_string_lossy(), at.to_string_lossy());
        tool(&["mount", "-o", "loop", &path, &place], 1);
        Self {
            image: image.to_owned(),
            at: at.to_owned(),
        }
    }
}

/// Whether a loop device still has this file: the file system in it lives as long as a mount namespace that is being taken
/// down, and its device as long as somebody looks at it.
fn is_attached(image: &Path) -> bool {
    let devices = std::fs::read_dir("/sys/block").expect("the kernel's devices");
    devices.flatten().any(|device| {
        std::fs::read_to_string(device.path().join("loop/backing_file"))
            .is_ok_and(|file| Path::new(file.trim_end()) == image)
    })
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Detached if something is still there: the namespace goes with the thread.
        if umount2(&self.at, MntFlags::empty()).is_err() {
            let _ = umount2(&self.at, MntFlags::MNT_DETACH);
        }
        // A file that is still attached would be mounted by the old device, with what that remembers of the old content.
        while !std::thread::panicking() && is_attached(&self.image) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// An empty file system in a new file.
fn format(kind: &str, image: &Path, mebibytes: u64) {
    File::create(image)
        .and_then(|file| file.set_len(mebibytes << 20))
        .expect("a file with a hole");
    let path = image.to_string_lossy();
    match kind {
        "ext4" => tool(&["mkfs.ext4", "-q", "-F", &path], 1),
        "xfs" => tool(&["mkfs.xfs", "-q", "-f", "-m", "reflink=1", &path], 1),
        _ => tool(&["mkfs.btrfs", "-q", "-f", &path], 1),
    }
}

/// Repairs a file system as after a power cut, and checks that it is whole.
fn check(kind: &str, image: &Path, at: &Path) {
    let path = image.to_string_lossy();
    if kind == "ext4" {
        // 1: the journal was played back, or something else was mended.
        tool(&["e2fsck", "-fp", &path], 2);
    } else {
        // Mounting plays the log back.
        drop(Mounted::new(image, at));
        match kind {
            "xfs" => tool(&["xfs_repair", "-n", &path], 1),
            _ => tool(&["btrfs", "check", &path], 1),
        }
    }
}

/// The whole of a file as it is now, in one call.
fn clone_file(from: &Path, to: &Path) {
    nix::ioctl_write_int!(ficlone, 0x94, 9);
    let (from, to) = (
        File::open(from).expect("it is there"),
        File::create(to).expect("a new file"),
    );
    // SAFETY: both are open files, and the call takes nothing else.
    unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd() as u64) }.expect("FICLONE");
}

/// Lets a mounted file system write its names and sizes to the disk without the content of files, as it does every few seconds
/// by itself. What is listed as done before its content is on the disk is seen to be damaged then.
fn commit(kind: &str, at: &Path) {
    // linux/btrfs.h: BTRFS_IOC_START_SYNC and BTRFS_IOC_WAIT_SYNC end a transaction, and wait for no data.
    nix::ioctl_read!(start_sync, 0x94, 24, u64);
    nix::ioctl_write_ptr!(wait_sync, 0x94, 22, u64);
    if kind == "btrfs" {
        let (top, mut transaction) = (File::open(at).expect("a folder"), 0);
        // SAFETY: an open folder, and a number that lives for the call.
        unsafe { start_sync(top.as_raw_fd(), &raw mut transaction) }.expect("START_SYNC");
        // SAFETY: as above.
        unsafe { wait_sync(top.as_raw_fd(), &raw const transaction) }.expect("WAIT_SYNC");
    } else {
        // These have one log: who waits for a file waits for all that was done before.
        let file = File::create(at.join("committed")).expect("a file");
        file.sync_all().expect("it is on the disk");
    }
}

/// Numbers that look random enough: of a linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from((self.0 >> 33) as u32) / f64::from(1_u32 << 31)
    }
}

/// The output digests of a build.
#[derive(Debug, PartialEq)]
struct Result {
    outputs: Vec<String>,
    tarball: String,
}

fn result(folder: &Path) -> Option<Result> {
    let store = folder.join("over/ws/store");
    let mut outputs = Vec::new();
    for entry in std::fs::read_dir(store).ok()? {
        let meta = std::fs::read_to_string(entry.ok()?.path().join("meta.json")).ok()?;
        let value = |name: &str| {
            let (_, rest) = meta.split_once(&format!("\"{name}\": \""))?;
            rest.split('"').next().map(str::to_owned)
        };
        outputs.push(format!("{} {}", value("step")?, value("output")?));
    }
    outputs.sort();
    let tarball = sha256(&std::fs::read(folder.join("over/out.tar.gz")).ok()?);
    Some(Result { outputs, tarball })
}

/// When the image is cloned.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the begin.
    At(Duration),
    /// As soon as so many results are listed: the staged rootfs first, then outputs.
    Listed(usize),
}

/// A cut; whether the file system has just written its names and sizes.
#[derive(Clone, Copy, Debug)]
struct Cut {
    moment: Moment,
    committed: bool,
}

impl Cut {
    /// The cut of this number, in a run of about this length. Four kinds follow each other.
    fn new(number: usize, length: Duration, random: &mut Random) -> Self {
        let moment = match number % 4 {
            0 => Moment::Listed(1),
            1 => Moment::Listed(2 + (random.share() * f64::from(PACKAGES.len() as u32)) as usize),
            _ => Moment::At(length.mul_f64(random.share())),
        };
        Self {
            moment,
            committed: number % 4 != 2,
        }
    }
}

/// How many results a workspace lists.
fn listed(workspace: &Path) -> usize {
    let outputs = std::fs::read_dir(workspace.join("store")).map_or(0, Iterator::count);
    usize::from(workspace.join("rootfs").exists()) + outputs
}

/// Waits for a child, and makes each cut when its moment has come.
fn cut_while(child: &mut Child, cuts: &[Cut], workspace: &Path, cut: impl Fn(usize, Cut)) {
    let start = Instant::now();
    let mut waiting: Vec<(usize, Cut)> = cuts.iter().copied().enumerate().collect();
    let mut ended = None;
    while ended.is_none() {
        ended = child.try_wait().expect("it is ours");
        // What is due after the end is the whole of it.
        waiting.retain(|&(index, one)| {
            let is_due = match one.moment {
                Moment::At(after) => start.elapsed() >= after,
                Moment::Listed(count) => listed(workspace) >= count,
            };
            if is_due || ended.is_some() {
                cut(index, one);
            }
            !is_due
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    let status = ended.expect("the loop ends by it");
    assert!(status.success(), "the build itself failed: {status}");
}

fn cuts(kind: &str, roots: Roots) {
    if !nix::unistd::geteuid().is_root() {
        return support::skip("only root can mount a file system");
    }
    if !can_build() {
        return;
    }
    for program in [
        "mkfs.xfs",
        "xfs_repair",
        "mkfs.btrfs",
        "btrfs",
        "mkfs.ext4",
        "e2fsck",
    ] {
        if run(program, &["--version"]).is_err() {
            return support::skip(format!("there is no {program}"));
        }
    }
    if unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).is_err() {
        return support::skip("no mount namespace can be made here");
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("mounts are private");

    let count =
        std::env::var("BQ_CUTS").map_or(3, |text| text.parse().expect("BQ_CUTS is a number"));
    let area = tempfile::tempdir().expect("a folder");
    let (outer, disk, place) = (
        area.path().join("outer"),
        area.path().join("outer.img"),
        area.path().join("disk"),
    );
    format("xfs", &disk, 16 << 10);
    let outer_mount = Mounted::new(&disk, &outer);
    let image = outer.join("disk.img");
    let recipes = recipes();
    let recipes: Vec<(&str, &str)> = recipes
        .iter()
        .map(|(name, text)| (*name, &**text))
        .collect();

    // An undisturbed run says how long it takes, and what comes out.
    let make = || {
        format(kind, &image, 400);
        let mounted = Mounted::new(&image, &place);
        let build = Build::in_folder(&place, &recipes);
        build.plain_seed();
        std::fs::create_dir(build.at("over")).expect("a folder");
        nix::unistd::sync();
        (mounted, build)
    };
    let (mounted, build) = make();
    let before = Instant::now();
    Run::of(&mut roots.job(build.path())).ok();
    let length = before.elapsed();
    // An overlay is looked at where its upper layer is.
    let seen = |folder: &Path| match roots {
        Roots::Overlay => result(folder),
        Roots::Copied => result(&layer(folder)),
    };
    let wanted = seen(build.path()).expect("all of it is there");
    assert_eq!(wanted.outputs.len(), PACKAGES.len(), "{wanted:?}");
    drop((build, mounted));

    let start = std::process::id();
    eprintln!("{kind}, {roots:?}: {count} cuts within {length:?}, random start {start}");
    let mut random = Random(u64::from(start));
    let mut done = 0;
    while done < count {
        let (mounted, build) = make();
        let name = build.path().file_name().expect("it has a name").to_owned();
        let cuts: Vec<Cut> = (done..count)
            .take(8)
            .map(|number| Cut::new(number, length, &mut random))
            .collect();
        let clone = |index: usize| outer.join(format!("cut{index}.img"));
        let mut child = roots
            .job(build.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bq starts");
        cut_while(
            &mut child,
            &cuts,
            &roots.workspace(build.path()),
            |index, cut| {
                if cut.committed {
                    commit(kind, &place);
                }
                clone_file(&image, &clone(index));
            },
        );
        // Two file systems of one id cannot be mounted at once: the first goes before its clones come.
        std::mem::forget(build);
        drop(mounted);
        for (index, cut) in cuts.iter().enumerate() {
            let image = clone(index);
            check(kind, &image, &place);
            let mounted = Mounted::new(&image, &place);
            let folder = place.join(&name);
            after_cut(
                roots,
                &folder,
                &wanted,
                &format!("{kind}, {roots:?}, {cut:?} of {length:?}, random start {start}"),
                seen,
            );
            drop(mounted);
            std::fs::remove_file(&image).expect("it is ours");
        }
        done += cuts.len();
    }
    drop(outer_mount);
}

/// Where the files of `over` are, seen from outside of the overlay.
fn layer(folder: &Path) -> PathBuf {
    let seen = folder.join("seen");
    std::fs::create_dir_all(&seen).expect("a folder");
    let link = seen.join("over");
    if link.symlink_metadata().is_err() {
        std::os::unix::fs::symlink("../layers/upper", link).expect("a link");
    }
    seen
}

/// Every listed output is whole, and the same commands give the same digests.
fn after_cut(
    roots: Roots,
    folder: &Path,
    wanted: &Result,
    what: &str,
    seen: impl Fn(&Path) -> Option<Result>,
) {
    if roots.workspace(folder).join("plan.json").exists() {
        let verified =
            Run::of(&mut roots.command(folder, &["verify", "--workspace", "over/ws", "--store"]));
        assert_eq!(
            verified.status,
            Some(0),
            "{what}: {}{}",
            verified.stdout,
            verified.stderr
        );
    }
    let again = Run::of(&mut roots.job(folder));
    assert_eq!(
        again.status,
        Some(0),
        "{what}: {}{}",
        again.stdout,
        again.stderr
    );
    let found = seen(folder);
    assert_eq!(found.as_ref(), Some(wanted), "{what}");
}

#[test]
fn ext4_overlay() {
    cuts("ext4", Roots::Overlay);
}

#[test]
fn ext4_copied() {
    cuts("ext4", Roots::Copied);
}

#[test]
fn xfs_overlay() {
    cuts("xfs", Roots::Overlay);
}

#[test]
fn xfs_copied() {
    cuts("xfs", Roots::Copied);
}

#[test]
fn btrfs_overlay() {
    cuts("btrfs", Roots::Overlay);
}

#[test]
fn btrfs_copied() {
    cuts("btrfs", Roots::Copied);
}
