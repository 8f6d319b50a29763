use std::io;
use std::path::Path;

use ssecast_hub::{Error, ErrorKind};

use crate::lmdb::Failure;

pub(crate) fn unavailable(problem: String) -> Error {
    Error::new(ErrorKind::StoreUnavailable, "store", problem)
}

pub(crate) fn format(problem: String) -> Error {
    Error::new(ErrorKind::StoreFormat, "store", problem)
}

/// What the system refused, as an error of ssecast. `doing` completes "store could not …".
pub(crate) fn of_the_system(error: &io::Error, doing: &str, path: &Path) -> Error {
    let number = error.raw_os_error();
    let (kind, advice) = match number {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => {
            (ErrorKind::StoreFull, "; free space there, or keep a shorter history")
        }
        Some(libc::ENOMEM) => (ErrorKind::StoreFull, "; allow the process more memory to map"),
        Some(libc::EROFS | libc::EACCES | libc::EPERM) => {
            (ErrorKind::StoreUnavailable, "; it has to be a folder that this process may write to")
        }
        Some(libc::EMFILE | libc::ENFILE) => (ErrorKind::TooManyDescriptors, ""),
        Some(libc::ENODEV) => (
            ErrorKind::StoreUnavailable,
            "; this file system can't share memory: take a folder on a local disk",
        ),
        _ => (ErrorKind::StoreUnavailable, ""),
    };
    let problem = format!("could not {doing} {}: {error}{advice}", path.display());
    Error::new(kind, "store", problem).with_os_error(number)
}

/// What LMDB refused.
pub(crate) fn of_lmdb(failure: Failure, path: &Path) -> Error {
    if let Some(number) = failure.os_error() {
        return of_the_system(&io::Error::from_raw_os_error(number), "write", path);
    }
    match failure {
        Failure::NOT_LMDB | Failure::OTHER_VERSION => format(format!(
            "is no store of ssecast's: {} has other contents ({}); name another folder",
            path.display(),
            failure.text()
        )),
        _ => format(format!(
            "is damaged: {} ({}); remove the folder to begin anew",
            path.display(),
            failure.text()
        )),
    }
}
