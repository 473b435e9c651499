//! Opens a file that the user named.

use std::fs::{File, FileType, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;

use crate::error::{Error, Result};

/// Opens a file for reading. Refuses all but regular files: a FIFO would block, and a device may never end.
pub(crate) fn file(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        // With these flags a FIFO without a writer opens at once, and a terminal does not become the controlling one.
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|e| Error::io("open", &e).at(path))?;
    let about = file
        .metadata()
        .map_err(|e| Error::io("stat", &e).at(path))?;
    if about.is_file() {
        return Ok(file);
    }
    let message = format!("it is {}, and no file", describe(about.file_type()));
    Err(Error::new("open", "not_a_file", message).at(path))
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::file;

    #[test]
    fn only_files_are_opened() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        std::fs::write(at("file"), "x").expect("a file");
        std::os::unix::fs::symlink("file", at("link")).expect("a link");
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).expect("a FIFO");
        assert!(file(&at("file")).is_ok());
        assert!(file(&at("link")).is_ok());
        for (path, what) in [
            (at("fifo"), "a FIFO"),
            (at("."), "a folder"),
            ("/dev/null".into(), "a device"),
        ] {
            let error = file(&path).expect_err(what);
            assert_eq!(error.code, "not_a_file");
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
