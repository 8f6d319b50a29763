use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ssecast_hub::Error;

use crate::disk::Disk;
use crate::failure::{format, of_the_system, unavailable};

/// The folder of a store.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

const FILES: [&str; 4] = ["log", "lock", "wake", "unsynced"];

impl Folder {
    /// Makes the folder, unless it is there, and refuses one that is something else.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                format(format!("is no folder: {}; name one, or one that may be made", path.display()))
            }
            _ => of_the_system(&error, "make", path),
        })?;
        let path = path.canonicalize().map_err(|error| of_the_system(&error, "find", path))?;
        let this = Self { path };
        let listing = fs::read_dir(&this.path).map_err(|error| this.refused(&error, "read"))?;
        let (mut has_log, mut has_others) = (false, false);
        for name in listing.filter_map(Result::ok).map(|entry| entry.file_name()) {
            has_log |= name == "log";
            let name = name.to_string_lossy();
            has_others |= !FILES.contains(&&*name) && !name.starts_with("wake.");
        }
        if has_others && !has_log {
            return Err(format(format!(
                "is no store: the folder {} has other files; name an empty folder, or one that may be made",
                this.path.display()
            )));
        }
        Ok(this)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Two folders are the same one if these numbers are: it can have two paths.
    pub(crate) fn identity(&self) -> Result<(u64, u64), Error> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.refused(&error, "find"))?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// What is under it, if that will do.
    pub(crate) fn disk(&self) -> Result<Disk, Error> {
        match Disk::of(&self.path).map_err(|error| self.refused(&error, "look at"))? {
            Disk::Network(name) => Err(unavailable(format!(
                "can't be on a network file system: {} is on {name}, where processes of several machines can't share memory \
                 and locks; take a folder on a local disk, or a store that is made for several machines",
                self.path.display()
            ))),
            disk => Ok(disk),
        }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Opens a file of the folder, made if it is not there.
    pub(crate) fn file(&self, name: &str) -> Result<File, Error> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o660);
        options.open(&path).map_err(|error| of_the_system(&error, "open", &path))
    }

    /// The start of the machine in which something was appended that the disk may not have; `None` if the disk has everything.
    pub(crate) fn unsynced_since(&self) -> Result<Option<String>, Error> {
        match fs::read_to_string(self.path.join("unsynced")) {
            Ok(boot) => Ok(Some(boot)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused(&error, "read")),
        }
    }

    /// Notes, where a power cut does not undo it, that from now on the disk may lack something.
    pub(crate) fn mark_unsynced(&self, boot: &str) -> Result<(), Error> {
        let mark = || {
            let mut file = File::create(self.path.join("unsynced"))?;
            file.write_all(boot.as_bytes())?;
            file.sync_all()?;
            self.sync()
        };
        mark().map_err(|error| self.refused(&error, "write to"))
    }

    /// Has the disk take everything of the log, and notes that.
    pub(crate) fn mark_synced(&self) -> io::Result<()> {
        File::open(self.log())?.sync_all()?;
        fs::remove_file(self.path.join("unsynced"))?;
        self.sync()
    }

    /// Has the disk take the names of the files.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    pub(crate) fn refused(&self, error: &io::Error, doing: &str) -> Error {
        of_the_system(error, doing, &self.path)
    }
}
