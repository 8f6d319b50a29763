//! Which process this is. A fork copies memory but not threads: what the parent had is known here by its process, so
//! that a child uses none of it, whether or not anything told it of the fork.
//!
//! The process is compared at each use. Asking the system for its number is a system call (0.7 µs on a virtual machine,
//! and a publication takes 1), and a number comes back: a child may even have its parent's, in a PID namespace of its
//! own. On Linux a page says it instead, which the kernel clears in every child. This and [`PerProcess`] are the unsafe
//! code of this crate.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// One process. Two of a line of forks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The process that this code runs in.
    #[must_use]
    pub fn current() -> Self {
        Self(system::current())
    }

    /// A number that no other process of its line of forks has.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Whether this code runs in this process, and not in a child of it.
    #[must_use]
    pub fn is_current(self) -> bool {
        self == Self::current()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

    /// A page that is zero in a fresh child, or [`NO_PAGE`] where the kernel has no such thing.
    static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
    static NO_PAGE: AtomicU32 = AtomicU32::new(0);
    /// The last number that was given. A child inherits it, so its own number is none that its parents had.
    static LAST: AtomicU32 = AtomicU32::new(0);

    pub(super) fn current() -> u32 {
        let page = match PAGE.load(Ordering::Acquire) {
            page if page.is_null() => map(),
            page => page,
        };
        if ptr::eq(page, &raw const NO_PAGE) {
            return std::process::id();
        }
        // SAFETY: it is the page of `map`, which is never unmapped once it is in PAGE, aligned, and zero or a number.
        let mark = unsafe { &*page };
        match mark.load(Ordering::Relaxed) {
            0 => {
                let fresh = LAST.fetch_add(1, Ordering::Relaxed) + 1;
                // Another thread may have been first: all have its number then.
                mark.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed)
                    .map_or_else(|own| own, |_| fresh)
            }
            own => own,
        }
    }

    #[cold]
    fn map() -> *mut AtomicU32 {
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory that is in use.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<AtomicU32>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        // SAFETY: it is the mapping from above, which no other thread knows yet.
        let advise = |advice| unsafe { libc::madvise(page, size_of::<AtomicU32>(), advice) } == 0;
        // Emulators that take any advice, and follow none, also take one that there is not.
        let usable = page != libc::MAP_FAILED && !advise(-1) && advise(libc::MADV_WIPEONFORK);
        let mine = if usable { page.cast() } else { (&raw const NO_PAGE).cast_mut() };
        match PAGE.compare_exchange(ptr::null_mut(), mine, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => mine,
            Err(first) => {
                if usable {
                    // SAFETY: another thread's page is the one that is used; no other thread has seen this one.
                    unsafe { libc::munmap(page, size_of::<AtomicU32>()) };
                }
                first
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    pub(super) fn current() -> u32 {
        std::process::id()
    }
}

/// A value of which every process of a line of forks has its own.
///
/// No lock guards it, and a child neither reads nor drops its parent's value: a thread of the parent's may have been
/// changing that during the fork, or hold a lock in it, which is held for ever in the child.
pub struct PerProcess<T> {
    first: AtomicPtr<Place<T>>,
    owns: PhantomData<Box<Place<T>>>,
}

struct Place<T> {
    owner: Process,
    value: T,
    next: AtomicPtr<Place<T>>,
}

impl<T> PerProcess<T> {
    /// No process has a value yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync> PerProcess<T> {
    /// The value of this process, which `make` makes at the first use.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        let current = Process::current();
        let mut link = &self.first;
        let mut make = Some(make);
        let mut fresh: Option<Box<Place<T>>> = None;
        loop {
            let place = link.load(Ordering::Acquire);
            // SAFETY: a pointer in the list is null or comes from `Box::into_raw` below, and is freed only by `drop`,
            // which nothing borrowed from `self` outlives. Of a place that is another process's only `owner` and
            // `next` are looked at: the one never changes, the other is atomic.
            if let Some(place) = unsafe { place.as_ref() } {
                if place.owner == current {
                    return &place.value;
                }
                link = &place.next;
                continue;
            }
            if let Some(make) = make.take() {
                let next = AtomicPtr::new(ptr::null_mut());
                fresh = Some(Box::new(Place { owner: current, value: make(), next }));
            }
            // There is one: `make` was taken just now, or in a turn that another thread was faster in.
            let Some(mine) = fresh.take() else { continue };
            let mine = Box::into_raw(mine);
            if link.compare_exchange(ptr::null_mut(), mine, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: it is the box from above, which did not get into the list.
                fresh = Some(unsafe { Box::from_raw(mine) });
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    /// Drops the value of this process. What its parents left stays as it is.
    fn drop(&mut self) {
        let mut next = *self.first.get_mut();
        while !next.is_null() {
            // SAFETY: a pointer in the list comes from `Box::into_raw`, and nothing else has it any more.
            let mut place = unsafe { Box::from_raw(next) };
            next = *place.next.get_mut();
            if !place.owner.is_current() {
                std::mem::forget(place);
            }
        }
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerProcess").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_process_keeps_its_value_and_leaves_that_of_another_alone() {
        let values: PerProcess<Arc<u32>> = PerProcess::new();
        let of_the_parent = Arc::new(1);
        // As a child finds it.
        let owner = Process(Process::current().0.wrapping_sub(1));
        let next = AtomicPtr::new(ptr::null_mut());
        let place = Box::new(Place { owner, value: Arc::clone(&of_the_parent), next });
        values.first.store(Box::into_raw(place), Ordering::Release);
        let own = Arc::clone(values.get_or_init(|| Arc::new(2)));
        assert_eq!((*own, **values.get_or_init(|| Arc::new(3))), (2, 2));
        drop(values);
        assert_eq!((Arc::strong_count(&own), Arc::strong_count(&of_the_parent)), (1, 2));
    }

    #[test]
    fn threads_that_are_first_at_the_same_time_have_one_value() {
        let values: PerProcess<usize> = PerProcess::new();
        let barrier = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            let first = |number| {
                let (values, barrier) = (&values, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    *values.get_or_init(|| number)
                })
            };
            let threads: Vec<_> = (0..4).map(first).collect();
            let mut seen: Vec<usize> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            seen.dedup();
            assert_eq!(seen.len(), 1);
        });
    }
}
