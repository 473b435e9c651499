//! The folders in which modules and programs are searched.

use std::path::{Path, PathBuf};

use crate::bundle;
use crate::cli::Options;
use crate::kernel::program::executable;

/// The folders, in the order of the search.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Folders that `require` searches: the script's own, `--lib`, `BQ_PATH`, then the working tree's library.
    pub(super) modules: Vec<PathBuf>,
    /// The number of them that the user named, by option or variable.
    named: usize,
    /// Folders with programs.
    pub(super) programs: Vec<PathBuf>,
}

/// The folders for every script. The script's own folder and tree are added when it is found.
pub(super) fn places(options: &Options) -> Places {
    let mut places = Places {
        modules: options.lib.clone(),
        named: 0,
        programs: Vec::new(),
    };
    if let Some(path) = std::env::var_os("BQ_PATH") {
        places
            .modules
            .extend(std::env::split_paths(&path).filter(|p| !p.as_os_str().is_empty()));
    }
    let named = places.modules.len();
    let here = std::env::current_dir()
        .ok()
        .and_then(bundle::tree_of)
        .filter(|tree| bundle::is_trusted(tree));
    let installed = executable()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("share/bq")))
        .filter(|share| share.join("lua-lib/bq").is_dir());
    for tree in [here, installed].into_iter().flatten() {
        places.modules.push(tree.join("lua-lib"));
        places.programs.push(tree.join("scripts"));
    }
    places.named = named;
    places
}

impl Places {
    /// Adds the folder and the tree of a script.
    pub(super) fn add_script(&mut self, folder: &Path) {
        self.modules.insert(0, folder.to_owned());
        if let Some(tree) = bundle::tree_of(folder.to_owned()) {
            let (library, programs) = (tree.join("lua-lib"), tree.join("scripts"));
            self.programs.retain(|known| *known != programs);
            self.programs.insert(0, programs);
            // After the script's own folder and the folders that the user named, before trees found elsewhere.
            let place = 1 + self.named;
            let mut index = 0;
            self.modules.retain(|known| {
                index += 1;
                index <= place || *known != library
            });
            self.modules.insert(place, library);
        }
    }
}
