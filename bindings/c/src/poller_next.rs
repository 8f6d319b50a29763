use crate::connection::ended;
use crate::entry::{entry, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::poller::ssecast_poller;
use crate::subscription::ssecast_subscription;

/// Takes the next subscription that has something: bytes, or its end. Ask it with `ssecast_subscription_next`, now or when its
/// client can take more. It is given again only after that has returned `SSECAST_WOULD_BLOCK`, or when it has ended meanwhile, and
/// never after its end. It never waits.
///
/// Fails with `SSECAST_WOULD_BLOCK` when no subscription has anything: wait until the descriptor is readable; with
/// `SSECAST_ENDED` in a child of the process that made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_poller_next(
    poller: *mut ssecast_poller,
    subscription: *mut *mut ssecast_subscription,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's poller.
        let poller = unsafe { required(poller, "poller") }?;
        let subscription = output(subscription, "subscription")?;
        // In a child of its process it is the parent's, with its lock and its descriptor.
        if !poller.0.pull.is_here() {
            return Err(ended("poller"));
        }
        let Some(next) = poller.0.next() else {
            let problem = "has nothing now; wait until its descriptor is readable";
            return Err(Failure::new(ssecast_result::SSECAST_WOULD_BLOCK, "poller", problem));
        };
        // SAFETY: not NULL.
        unsafe { subscription.write(next.0.cast()) };
        Ok(())
    })
}
