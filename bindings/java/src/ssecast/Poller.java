package ssecast;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;

/**
 * Waits for all subscriptions of a hub, on one thread and with one descriptor, and tells each when it has something. The thread ends
 * soon after the last subscription. No other thread ever waits in the library: so virtual threads never hold the thread below them.
 */
final class Poller {
    private interface C extends com.sun.jna.Library {
        C INSTANCE = Calls.INSTANCE.load("c", C.class);

        int poll(Pointer descriptors, long count, int milliseconds);
    }

    private static final short POLLIN = 1;
    /** How often the thread looks whether it is needed. */
    private static final int TURN_MS = 500;

    // Guards what follows, and keeps subscriptions from being freed while the poller is asked.
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Pointer, Subscription> members = new HashMap<>();
    private Pointer handle;
    /** It has had a member. */
    private boolean used;

    static Poller open(Pointer hub) {
        Poller poller = new Poller();
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_poller_new(hub, made, failure), failure);
        poller.handle = made.getValue();
        Thread thread = new Thread(poller::run, "ssecast-poller");
        thread.setDaemon(true);
        thread.start();
        return poller;
    }

    /** Makes a member of the poller's handle, and returns the member's; null if the thread has ended. */
    Pointer add(Subscription member, UnaryOperator<Pointer> make) {
        lock.lock();
        try {
            if (handle == null) return null;
            Pointer made = make.apply(handle);
            members.put(made, member);
            used = true;
            return made;
        } finally {
            lock.unlock();
        }
    }

    /** Whether its thread has not ended. */
    boolean runs() {
        lock.lock();
        try {
            return handle != null;
        } finally {
            lock.unlock();
        }
    }

    /** Frees a member. */
    void remove(Pointer subscription) {
        lock.lock();
        try {
            members.remove(subscription);
            Library.INSTANCE.ssecast_subscription_free(subscription);
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        Memory poll = new Memory(8), next = new Memory(8);
        poll.clear();
        // A struct pollfd.
        poll.setInt(0, Library.INSTANCE.ssecast_poller_descriptor(handle));
        poll.setShort(4, POLLIN);
        while (isNeeded()) {
            // A signal may end the wait early: the loop asks again.
            C.INSTANCE.poll(poll, 1, TURN_MS);
            for (Subscription member : ready(next)) member.wake();
        }
    }

    /** Ends the poller if there is no member. */
    private boolean isNeeded() {
        lock.lock();
        try {
            if (!members.isEmpty() || !used) return true;
            Library.INSTANCE.ssecast_poller_free(handle);
            handle = null;
            return false;
        } finally {
            lock.unlock();
        }
    }

    private List<Subscription> ready(Memory next) {
        List<Subscription> ready = new ArrayList<>();
        lock.lock();
        try {
            while (Library.INSTANCE.ssecast_poller_next(handle, next, null) == Library.OK) {
                Subscription member = members.get(next.getPointer(0));
                if (member != null) ready.add(member);
            }
        } finally {
            lock.unlock();
        }
        return ready;
    }
}
