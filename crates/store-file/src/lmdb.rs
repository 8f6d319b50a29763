//! LMDB, as far as a log needs it: one environment, one database, one transaction at a time.
//!
//! LMDB locks nothing here (`MDB_NOLOCK`): its own locks have no time-out, its table of readers is that of one PID
//! namespace, and a child that was forked can't use either. Whoever has an [`Env`] by `&mut` has the file for itself.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use lmdb_master_sys as ffi;

/// What LMDB answered, if not success: a code of its own, or an `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure(c_int);

impl Failure {
    pub(crate) const MAP_FULL: Self = Self(ffi::MDB_MAP_FULL);
    pub(crate) const MAP_RESIZED: Self = Self(ffi::MDB_MAP_RESIZED);
    pub(crate) const NOT_LMDB: Self = Self(ffi::MDB_INVALID);
    pub(crate) const OTHER_VERSION: Self = Self(ffi::MDB_VERSION_MISMATCH);

    /// The number of the system's error, if it is one.
    pub(crate) fn os_error(self) -> Option<i32> {
        (self.0 > 0).then_some(self.0)
    }

    /// In LMDB's words.
    pub(crate) fn text(self) -> String {
        // SAFETY: it takes any number, and gives a text that nothing changes before the next call of this thread.
        unsafe { CStr::from_ptr(ffi::mdb_strerror(self.0)) }.to_string_lossy().into_owned()
    }
}

fn check(code: c_int) -> Result<(), Failure> {
    if code == ffi::MDB_SUCCESS { Ok(()) } else { Err(Failure(code)) }
}

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Through the map. Every page of the file must have its place on the disk: a write to one that has none, on a full
    /// disk, ends the process.
    pub(crate) through_map: bool,
    /// Each commit waits until the disk has it.
    pub(crate) synced: bool,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Env {
    raw: NonNull<ffi::MDB_env>,
    database: ffi::MDB_dbi,
    size: usize,
}

// SAFETY: LMDB keeps nothing of an environment per thread when readers have no thread-local slots (`MDB_NOTLS`).
unsafe impl Send for Env {}

impl Env {
    /// Opens or creates a file, of which `size` bytes are mapped, or more if there are more. The caller has the file for
    /// itself.
    pub(crate) fn open(path: &Path, size: usize, mode: Mode) -> Result<Self, Failure> {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Failure(libc::EINVAL))?;
        let mut raw = ptr::null_mut();
        // SAFETY: it writes a pointer to the variable.
        check(unsafe { ffi::mdb_env_create(&raw mut raw) })?;
        let env = NonNull::new(raw).ok_or(Failure(libc::ENOMEM))?;
        // From here on the environment is closed when this goes.
        let mut this = Self { raw: env, database: 0, size: 0 };
        let mut flags = ffi::MDB_NOSUBDIR | ffi::MDB_NOLOCK | ffi::MDB_NOTLS | ffi::MDB_NORDAHEAD;
        if mode.through_map {
            flags |= ffi::MDB_WRITEMAP;
        }
        if !mode.synced {
            flags |= ffi::MDB_NOSYNC;
        }
        // SAFETY: the environment is a fresh one, and the path ends with a zero byte.
        unsafe {
            check(ffi::mdb_env_set_mapsize(raw, size as _))?;
            check(ffi::mdb_env_open(raw, path.as_ptr(), flags, 0o660))?;
        }
        this.size = this.info().me_mapsize;
        let mut transaction = this.begin()?;
        let mut database = 0;
        // SAFETY: the transaction is open; no name means the database that every file has.
        check(unsafe { ffi::mdb_dbi_open(transaction.raw(), ptr::null(), 0, &raw mut database) })?;
        transaction.commit()?;
        this.database = database;
        Ok(this)
    }

    fn info(&self) -> ffi::MDB_envinfo {
        let mut info = ffi::MDB_envinfo {
            me_mapaddr: ptr::null_mut(),
            me_mapsize: 0,
            me_last_pgno: 0,
            me_last_txnid: 0,
            me_maxreaders: 0,
            me_numreaders: 0,
        };
        // SAFETY: the environment is open, and the structure is written.
        unsafe { ffi::mdb_env_info(self.raw.as_ptr(), &raw mut info) };
        info
    }

    /// How many bytes are mapped.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many bytes of the file are in use: what is free between them counts too.
    pub(crate) fn used(&self) -> u64 {
        let mut stat = ffi::MDB_stat {
            ms_psize: 0,
            ms_depth: 0,
            ms_branch_pages: 0,
            ms_leaf_pages: 0,
            ms_overflow_pages: 0,
            ms_entries: 0,
        };
        // SAFETY: the environment is open, and the structure is written.
        unsafe { ffi::mdb_env_stat(self.raw.as_ptr(), &raw mut stat) };
        (self.info().me_last_pgno as u64 + 1) * u64::from(stat.ms_psize)
    }

    /// Maps so many bytes, or as many as are in use if that is more.
    pub(crate) fn resize(&mut self, size: usize) -> Result<(), Failure> {
        // SAFETY: no transaction of this process is open: each borrows the environment.
        check(unsafe { ffi::mdb_env_set_mapsize(self.raw.as_ptr(), size as _) })?;
        self.size = self.info().me_mapsize;
        Ok(())
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>, Failure> {
        let mut raw = ptr::null_mut();
        // SAFETY: the environment is open, and has no other transaction: that would borrow it.
        check(unsafe { ffi::mdb_txn_begin(self.raw.as_ptr(), ptr::null_mut(), 0, &raw mut raw) })?;
        let raw = NonNull::new(raw).ok_or(Failure(libc::ENOMEM))?;
        Ok(Transaction { raw, database: self.database, env: PhantomData })
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the environment any more.
        unsafe { ffi::mdb_env_close(self.raw.as_ptr()) };
    }
}

/// Reads and changes; without a [`commit`](Self::commit) nothing of it stays.
#[derive(Debug)]
pub(crate) struct Transaction<'env> {
    raw: NonNull<ffi::MDB_txn>,
    database: ffi::MDB_dbi,
    env: PhantomData<&'env mut Env>,
}

impl Transaction<'_> {
    fn raw(&mut self) -> *mut ffi::MDB_txn {
        self.raw.as_ptr()
    }

    /// The number of the state that it makes, if it changes anything: one more than that of the state that it found.
    pub(crate) fn number(&self) -> usize {
        // SAFETY: the transaction is open.
        unsafe { ffi::mdb_txn_id(self.raw.as_ptr()) }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, Failure> {
        let (mut key, mut value) = (borrowed(key), borrowed(&[]));
        // SAFETY: the transaction is open, and the key's bytes are there during the call.
        let code = unsafe { ffi::mdb_get(self.raw.as_ptr(), self.database, &raw mut key, &raw mut value) };
        // SAFETY: LMDB's value stays as it is until the transaction changes something or ends; both need `self` by
        // `&mut`.
        found(code, || unsafe { slice(&value) })
    }

    /// Puts a value under a key.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.put_with(key, value, 0)
    }

    /// Puts a value under a key that is greater than all others.
    pub(crate) fn append(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.put_with(key, value, ffi::MDB_APPEND)
    }

    fn put_with(&mut self, key: &[u8], value: &[u8], flags: c_uint) -> Result<(), Failure> {
        let (mut key, mut value) = (borrowed(key), borrowed(value));
        // SAFETY: the transaction is open; without `MDB_RESERVE` LMDB only reads both.
        check(unsafe { ffi::mdb_put(self.raw(), self.database, &raw mut key, &raw mut value, flags) })
    }

    /// Removes a key, if it is there.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<(), Failure> {
        let mut key = borrowed(key);
        // SAFETY: the transaction is open.
        let code = unsafe { ffi::mdb_del(self.raw(), self.database, &raw mut key, ptr::null_mut()) };
        found(code, || ()).map(|_| ())
    }

    /// A cursor, which is nowhere yet.
    pub(crate) fn cursor(&self) -> Result<Cursor<'_>, Failure> {
        let mut raw = ptr::null_mut();
        // SAFETY: the transaction is open. The cursor borrows it, so that it changes nothing meanwhile.
        check(unsafe { ffi::mdb_cursor_open(self.raw.as_ptr(), self.database, &raw mut raw) })?;
        Ok(Cursor { raw: NonNull::new(raw).ok_or(Failure(libc::ENOMEM))?, transaction: PhantomData })
    }

    /// Makes the changes those of the file.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        let raw = self.raw.as_ptr();
        std::mem::forget(self);
        // SAFETY: the transaction is open, and gone after the call, whatever its result is.
        check(unsafe { ffi::mdb_txn_commit(raw) })
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // SAFETY: the transaction is open: `commit` forgets it.
        unsafe { ffi::mdb_txn_abort(self.raw.as_ptr()) };
    }
}

/// A place between the keys of a transaction.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    raw: NonNull<ffi::MDB_cursor>,
    transaction: PhantomData<&'t Transaction<'t>>,
}

type Pair<'t> = (&'t [u8], &'t [u8]);

impl<'t> Cursor<'t> {
    /// Goes to the first key that is not less than this one.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<Option<Pair<'t>>, Failure> {
        self.go(borrowed(key), ffi::MDB_SET_RANGE)
    }

    /// Goes to the key after this one.
    pub(crate) fn next(&mut self) -> Result<Option<Pair<'t>>, Failure> {
        self.go(borrowed(&[]), ffi::MDB_NEXT)
    }

    /// Goes to the greatest key.
    pub(crate) fn last(&mut self) -> Result<Option<Pair<'t>>, Failure> {
        self.go(borrowed(&[]), ffi::MDB_LAST)
    }

    fn go(&mut self, mut key: ffi::MDB_val, to: ffi::MDB_cursor_op) -> Result<Option<Pair<'t>>, Failure> {
        let mut value = borrowed(&[]);
        // SAFETY: the cursor is open.
        let code = unsafe { ffi::mdb_cursor_get(self.raw.as_ptr(), &raw mut key, &raw mut value, to) };
        // SAFETY: LMDB's bytes stay as they are while the transaction is borrowed.
        found(code, || unsafe { (slice(&key), slice(&value)) })
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the cursor is open, and so is its transaction, which it borrows.
        unsafe { ffi::mdb_cursor_close(self.raw.as_ptr()) };
    }
}

fn borrowed(bytes: &[u8]) -> ffi::MDB_val {
    ffi::MDB_val { mv_size: bytes.len() as _, mv_data: bytes.as_ptr().cast_mut().cast::<c_void>() }
}

fn found<T>(code: c_int, value: impl FnOnce() -> T) -> Result<Option<T>, Failure> {
    match code {
        ffi::MDB_NOTFOUND => Ok(None),
        code => check(code).map(|()| Some(value())),
    }
}

/// # Safety
/// The value is one that LMDB wrote, and its bytes stay as they are for `'a`.
unsafe fn slice<'a>(value: &ffi::MDB_val) -> &'a [u8] {
    if value.mv_size == 0 {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(value.mv_data.cast::<u8>(), value.mv_size) }
}
