//! A page of memory that the store's processes share, with a slot for each: how they wake each other.
//!
//! A process that watches sleeps on its own slot. One that has appended looks at all others' slots: where nobody sleeps, that
//! is all it costs. A process that died sleeping is told once, and costs nothing from then on. No process is told of what
//! it appended itself.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sleep::Sleep;

/// No thread of the process watches.
const UNUSED: u32 = 0;
/// The watching thread is at work, and looks here before it sleeps.
const AWAKE: u32 = 1;
const ASLEEP: u32 = 2;
/// There is something that it has not looked at.
const TOLD: u32 = 3;

/// How many processes can have the store open.
pub(crate) const SLOTS: u32 = 1023;

/// Words of a slot: a cache line, so that processes don't slow each other.
const STRIDE: usize = 16;
/// Bytes of all of them.
const LENGTH: usize = (SLOTS as usize + 1) * STRIDE * size_of::<AtomicU32>();

/// The shared page. Before the slots stands how many of them were ever in use.
#[derive(Debug)]
pub(crate) struct Slots {
    memory: NonNull<AtomicU32>,
    sleep: Sleep,
}

// SAFETY: the memory is there until the drop, and only atomic operations touch it.
unsafe impl Send for Slots {}
// SAFETY: as above.
unsafe impl Sync for Slots {}

impl Slots {
    pub(crate) fn open(file: &File, sleep: Sleep) -> io::Result<Self> {
        // Its pages must have their place on the disk: the first write to one that has none, on a full disk, ends the
        // process.
        crate::disk::allocate(file, LENGTH as u64)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, at an address of the system's choice, of a file that is open.
        let memory = unsafe {
            libc::mmap(std::ptr::null_mut(), LENGTH, protection, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        match NonNull::new(memory.cast::<AtomicU32>()) {
            Some(found) if memory != libc::MAP_FAILED => Ok(Self { memory: found, sleep }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn word(&self, index: u32) -> &AtomicU32 {
        debug_assert!(index <= SLOTS);
        // SAFETY: it lies inside the mapping, is aligned, and zero at first. The mapping lives as long as `self`.
        unsafe { self.memory.add(index as usize * STRIDE).as_ref() }
    }

    fn slot(&self, slot: u32) -> &AtomicU32 {
        self.word(slot + 1)
    }

    /// How many slots were ever in use.
    pub(crate) fn used(&self) -> u32 {
        self.word(0).load(Ordering::SeqCst).min(SLOTS)
    }

    /// Notes that a slot is in use. The caller has the store for itself.
    pub(crate) fn claim(&self, slot: u32) {
        self.slot(slot).store(UNUSED, Ordering::SeqCst);
        self.word(0).fetch_max(slot + 1, Ordering::SeqCst);
    }

    /// Notes that this process begins, or no longer goes on, to watch.
    pub(crate) fn set_watched(&self, slot: u32, watched: bool) {
        self.slot(slot).store(if watched { TOLD } else { UNUSED }, Ordering::SeqCst);
    }

    /// Tells the process of a slot that there may be something, if it watches.
    pub(crate) fn tell(&self, slot: u32) {
        let word = self.slot(slot);
        let mut state = word.load(Ordering::SeqCst);
        while state == AWAKE || state == ASLEEP {
            match word.compare_exchange(state, TOLD, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(ASLEEP) => return self.sleep.wake(slot, word),
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }

    /// Tells all processes but the one that has this slot.
    pub(crate) fn tell_others(&self, own: u32) {
        (0..self.used()).filter(|slot| *slot != own).for_each(|slot| self.tell(slot));
    }

    /// Sleeps until the process is told, unless it was already.
    pub(crate) fn wait(&self, slot: u32) {
        let word = self.slot(slot);
        if word.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            while word.load(Ordering::SeqCst) == ASLEEP {
                self.sleep.until_not(slot, word, ASLEEP);
            }
        }
        // Whatever comes from here on is told again.
        word.store(AWAKE, Ordering::SeqCst);
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // SAFETY: it is the mapping that was made in `open`, and nothing borrows it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), LENGTH) };
    }
}
