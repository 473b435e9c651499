//! A folder in which names are resolved as if it were `/`. No name can reach anything outside it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, mkdirat};

use super::inside::split;
use super::steps::{Links, walk, without_links};

/// The most folders that are kept open. Neighbouring members of an archive are often in the same folder.
const CACHED: usize = 64;

/// Set if the kernel has no openat2 (before 5.6), or a filter denies it.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// Called for each folder that is made.
pub(crate) type OnMade<'t> = &'t mut dyn FnMut(&[u8]);

pub(crate) struct Root {
    top: Rc<OwnedFd>,
    /// Follow links, inside the root. Otherwise a link on the way is ELOOP.
    follow: bool,
    cache: HashMap<Vec<u8>, Rc<OwnedFd>>,
    /// Names of folders, and their names with links resolved.
    reals: HashMap<Vec<u8>, Vec<u8>>,
}

impl Root {
    pub(crate) fn open(path: &Path, follow: bool) -> nix::Result<Self> {
        let top = open(
            path,
            OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            top: Rc::new(top),
            follow,
            cache: HashMap::new(),
            reals: HashMap::new(),
        })
    }

    /// The folder itself.
    pub(crate) fn top(&self) -> &OwnedFd {
        &self.top
    }

    /// Closes the cached folders. This is needed when a link or folder on the way to one of them may have changed.
    pub(crate) fn forget(&mut self) {
        self.cache.clear();
        self.reals.clear();
    }

    /// Opens the parent folder of a plain name, and returns it with the last component. With `made`, absent folders are made, and
    /// `made` is called for each.
    pub(crate) fn parent<'n>(
        &mut self,
        name: &'n [u8],
        made: Option<OnMade<'_>>,
    ) -> nix::Result<(Rc<OwnedFd>, &'n [u8])> {
        let (folder, last) = split(name);
        Ok((self.folder(folder, made)?, last))
    }

    /// Opens a folder by its plain name.
    pub(crate) fn folder(
        &mut self,
        name: &[u8],
        made: Option<OnMade<'_>>,
    ) -> nix::Result<Rc<OwnedFd>> {
        if name.is_empty() {
            return Ok(Rc::clone(&self.top));
        }
        if let Some(fd) = self.cache.get(name) {
            return Ok(Rc::clone(fd));
        }
        let fd = match (self.resolve(name), made) {
            (Err(Errno::ENOENT), Some(made)) => {
                // Names have at most 256 components, so this recursion is at most as deep.
                let (folder, last) = split(name);
                let parent = self.folder(folder, Some(&mut *made))?;
                match mkdirat(&parent, last, Mode::from_bits_truncate(0o755)) {
                    Ok(()) => made(name),
                    // A link whose target is absent. The target is not made.
                    Err(Errno::EEXIST) => return Err(Errno::ENOENT),
                    Err(errno) => return Err(errno),
                }
                self.resolve(name)?
            }
            (result, _) => result?,
        };
        let fd = Rc::new(fd);
        if self.cache.len() >= CACHED {
            self.cache.clear();
        }
        self.cache.insert(name.to_vec(), Rc::clone(&fd));
        Ok(fd)
    }

    fn resolve(&self, name: &[u8]) -> nix::Result<OwnedFd> {
        let flags = if self.follow {
            ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS
        } else {
            ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS
        };
        let kind = OFlag::O_PATH | OFlag::O_DIRECTORY;
        match self.openat2(name, kind, flags) {
            Some(result) => result,
            None if self.follow => walk(&self.top, name, Links::Inside),
            None => walk(&self.top, name, Links::None),
        }
    }

    /// The name of a folder with all links resolved.
    pub(crate) fn real(&mut self, folder: &[u8]) -> nix::Result<Vec<u8>> {
        if let Some(real) = self.reals.get(folder) {
            return Ok(real.clone());
        }
        let real = without_links(&self.top, folder)?;
        if self.reals.len() >= CACHED {
            self.reals.clear();
        }
        self.reals.insert(folder.to_vec(), real.clone());
        Ok(real)
    }

    /// Whether opening the name, with links followed, would leave the folder.
    pub(crate) fn leaves(&self, name: &[u8]) -> bool {
        let result = self
            .openat2(name, OFlag::O_PATH, ResolveFlag::RESOLVE_BENEATH)
            .unwrap_or_else(|| walk(&self.top, name, Links::Beneath));
        // EAGAIN means that the tree keeps changing. Someone may do this to hide a link that leaves, so it counts as leaving.
        matches!(result, Err(Errno::EXDEV | Errno::EAGAIN))
    }

    /// Calls openat2. `None` if it is not available.
    fn openat2(
        &self,
        name: &[u8],
        flags: OFlag,
        resolve: ResolveFlag,
    ) -> Option<nix::Result<OwnedFd>> {
        if WITHOUT_OPENAT2.load(Ordering::Relaxed) {
            return None;
        }
        let how = || {
            OpenHow::new()
                .flags(flags | OFlag::O_CLOEXEC)
                .resolve(resolve)
        };
        for _ in 0..64 {
            match openat2(&*self.top, name, how()) {
                // A rename happened at the same time. The kernel asks to try again.
                Err(Errno::EAGAIN) => {}
                Err(Errno::ENOSYS | Errno::EPERM) => {
                    WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
                    return None;
                }
                result => return Some(result),
            }
        }
        Some(Err(Errno::EAGAIN))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use nix::errno::Errno;
    use nix::sys::stat::fstat;

    use super::super::steps::{Links, walk};
    use super::{OFlag, ResolveFlag, Root};

    /// Both resolvers give the same result for names that stay inside, leave, loop, or have no target.
    #[test]
    fn both_resolvers_agree() {
        let place = tempfile::tempdir().expect("a folder");
        let top = place.path().join("top");
        std::fs::create_dir_all(top.join("usr/lib/deep")).expect("folders");
        std::fs::create_dir(place.path().join("outside")).expect("folder");
        std::fs::write(top.join("file"), "").expect("file");
        for (text, link) in [
            ("usr/lib", "lib"),
            ("/usr/lib", "absolute"),
            ("../../../../usr", "above"),
            ("../outside", "escape"),
            ("loop", "loop"),
            ("nowhere", "dangling"),
            ("lib/../..", "up"),
            ("/", "all"),
            ("file", "to_file"),
        ] {
            symlink(text, top.join(link)).expect("link");
        }
        let inside = [
            ("lib", "usr/lib"),
            ("lib/deep", "usr/lib/deep"),
            ("absolute/deep", "usr/lib/deep"),
            ("above/lib", "usr/lib"),
            ("up/usr", "usr"),
            ("all/all/lib", "usr/lib"),
        ];
        let mut root = Root::open(&top, true).expect("opens");
        for (name, real) in inside {
            assert_eq!(root.real(name.as_bytes()).expect(name), real.as_bytes());
            let want = std::fs::metadata(top.join(real)).expect("is there").ino();
            for fd in [
                root.resolve(name.as_bytes()),
                walk(&root.top, name.as_bytes(), Links::Inside),
            ] {
                assert_eq!(fstat(fd.expect(name)).expect("stat").st_ino, want, "{name}");
            }
        }
        for (name, errno) in [
            ("escape", Errno::ENOENT),
            ("loop/x", Errno::ELOOP),
            ("dangling/x", Errno::ENOENT),
            ("file/x", Errno::ENOTDIR),
            ("to_file/x", Errno::ENOTDIR),
        ] {
            for result in [
                root.resolve(name.as_bytes()),
                walk(&root.top, name.as_bytes(), Links::Inside),
            ] {
                assert_eq!(result.expect_err(name), errno, "{name}");
            }
        }
        let root = Root::open(&top, false).expect("opens");
        for result in [
            root.resolve(b"lib/deep"),
            walk(&root.top, b"lib/deep", Links::None),
        ] {
            assert_eq!(result.expect_err("a link"), Errno::ELOOP);
        }
        assert!(root.resolve(b"usr/lib/deep").is_ok());
        assert!(walk(&root.top, b"usr/lib/deep", Links::None).is_ok());
        for (name, errno) in [
            ("escape", Some(Errno::EXDEV)),
            ("above", Some(Errno::EXDEV)),
            ("absolute", Some(Errno::EXDEV)),
            ("all", Some(Errno::EXDEV)),
            ("loop", Some(Errno::ELOOP)),
            ("dangling", Some(Errno::ENOENT)),
            ("to_file/x", Some(Errno::ENOTDIR)),
            ("lib", None),
            ("up", None),
            ("lib/deep", None),
            ("to_file", None),
        ] {
            let name = name.as_bytes();
            let kernel = root.openat2(name, OFlag::O_PATH, ResolveFlag::RESOLVE_BENEATH);
            let ours = walk(&root.top, name, Links::Beneath);
            assert_eq!(ours.err(), errno, "{name:?}");
            assert_eq!(kernel.and_then(Result::err), errno, "{name:?}");
            assert_eq!(root.leaves(name), errno == Some(Errno::EXDEV));
        }
    }
}
