//! Opens image files for reading: raw or QCOW2.

use std::fs::File;
use std::path::Path;

use super::qcow2::read::Qcow2;
use super::read_at::ReadAt;
use crate::error::{Error, Result};

/// An open image file.
pub(super) enum Disk {
    Raw(File),
    Qcow2(Box<Qcow2<File>>),
}

impl Disk {
    /// Opens an image. The format is detected from its content.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let found = std::fs::metadata(path).map_err(|e| Error::io("open", &e).at(path))?;
        if !found.is_file() {
            return Err(Error::new("open", "not_a_file", "not a regular file").at(path));
        }
        let file = File::open(path).map_err(|e| Error::io("open", &e).at(path))?;
        let mut magic = [0; 4];
        if found.len() >= 4 {
            ReadAt::read_at(&file, 0, &mut magic)?;
        }
        if &magic == b"QFI\xfb" {
            Ok(Self::Qcow2(Box::new(Qcow2::open(file)?)))
        } else {
            Ok(Self::Raw(file))
        }
    }

    fn inner(&self) -> &dyn ReadAt {
        match self {
            Self::Raw(file) => file,
            Self::Qcow2(qcow2) => qcow2.as_ref(),
        }
    }
}

impl ReadAt for Disk {
    fn size(&self) -> u64 {
        self.inner().size()
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        self.inner().read_at(at, buffer)
    }
}
