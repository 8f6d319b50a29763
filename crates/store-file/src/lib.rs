//! A hub's log in a file: any number of processes of one machine share it, and it survives them.
//!
//! ```
//! use ssecast_store_file::FileStore;
//! let folder = tempfile::tempdir()?;
//! let store = FileStore::new(folder.path().join("events"));
//! # let _: &dyn ssecast_hub::Store = &store;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # The folder
//! A store is a folder of its own on a local disk, with the log (LMDB), a lock, and a page of memory by which processes wake
//! each other. It is made with the first use, for this user alone; make it before if several users share it. A folder can be
//! removed when no process uses it.
//!
//! # What it survives
//! Any process may end at any moment, by any signal: what was acknowledged is there, once, and the others go on. One that is
//! stopped while it has the log lets the others wait until their deadline, and no longer. After a power cut the log is whole
//! or begins anew with another epoch ([`Durability`]). A copy of a store, and a backup that was put back, has another epoch too.
//!
//! # Processes
//! A file is opened by the first use in each process, and never carried through a fork. Several stores of one process on
//! one folder share what is open. Two copies of this library in one process must not use the same folder: the system's
//! locks don't keep them apart.
#![cfg(unix)]
#![deny(unsafe_code)]

mod disk;
mod failure;
mod file;
mod file_store;
mod folder;
mod lmdb;
mod lock_file;
mod meta;
mod options;
mod record_lock;
mod registry;
mod sleep;
mod slots;
mod tables;
mod turn;
mod watch;
mod watchers;

pub use file_store::FileStore;
pub use options::Durability;
