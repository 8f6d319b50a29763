package ssecast;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Reference;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * One client's stream, whose bytes the program writes. One thread of the library's waits for all subscriptions of a hub; a virtual
 * thread that waits in {@link #next} holds no other.
 */
public final class Subscription implements AutoCloseable {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Poller poller;
    /** A slice. JNA's structures cost more than what they carry. */
    private final Memory bytes = new Memory(16);
    private Pointer handle;
    /** There may be something that was not looked for. */
    private boolean ready = true;
    private boolean over;
    private Reason reason;
    /** Is told that there is something, on the poller's thread. */
    private volatile Runnable onReady = () -> {};

    private Subscription(Poller poller) {
        this.poller = poller;
    }

    /** Null if the poller has just ended. */
    static Subscription open(Pointer hub, Poller poller, List<String> topics, String lastEventId, long replay) {
        Library.SubscriptionConfig config = new Library.SubscriptionConfig();
        Library.INSTANCE.ssecast_subscription_config_init(config, config.size());
        Library.Slice slices = Library.Slice.array(topics);
        if (slices != null) config.topics = slices.getPointer();
        config.topicsLen = topics.size();
        config.lastEventId.set(lastEventId);
        config.replay = replay;
        Subscription made = new Subscription(poller);
        made.handle = poller.add(made, of -> {
            config.poller = of;
            PointerByReference subscription = new PointerByReference();
            Library.Failure failure = new Library.Failure();
            SsecastException.check(Library.INSTANCE.ssecast_hub_subscribe(hub, config, subscription, failure), failure);
            return subscription.getValue();
        });
        Reference.reachabilityFence(slices);
        return made.handle == null ? null : made;
    }

    /** Waits for the next bytes of the stream; null when it is over, closed by another thread, or this thread is interrupted. */
    public byte[] next() {
        lock.lock();
        try {
            while (true) {
                byte[] next = take();
                if (next != null || isOver()) return next;
                while (!ready && handle != null) changed.await();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** The next bytes; null if there are none now, or none any more, as {@link #isOver} says. It never waits. */
    public byte[] poll() {
        lock.lock();
        try {
            return take();
        } finally {
            lock.unlock();
        }
    }

    /** Whether all bytes were taken, and no other will come. */
    public boolean isOver() {
        lock.lock();
        try {
            return over || handle == null;
        } finally {
            lock.unlock();
        }
    }

    private byte[] take() {
        if (handle == null || over) return null;
        ready = false;
        int result = Library.INSTANCE.ssecast_subscription_next(handle, bytes, null);
        if (result == Library.OK) {
            // Another may be there.
            ready = true;
            return bytes.getPointer(0).getByteArray(0, Math.toIntExact(bytes.getLong(8)));
        }
        over = result == Library.ENDED;
        if (over) {
            IntByReference why = new IntByReference();
            if (Library.INSTANCE.ssecast_subscription_reason(handle, why, null) == Library.OK) reason = Reason.values()[why.getValue()];
        } else if (result != Library.WOULD_BLOCK) {
            throw SsecastException.of(Library.INSTANCE.ssecast_result_text(result), result, "subscription", "failed");
        }
        return null;
    }

    /** Tells that there is something: on the poller's thread. */
    void wake() {
        lock.lock();
        try {
            ready = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        onReady.run();
    }

    void onReady(Runnable told) {
        onReady = told;
    }

    /** Why the stream is over, once {@link #next} has returned null. */
    public Reason reason() {
        lock.lock();
        try {
            if (handle == null) throw SsecastException.closed("subscription");
            if (reason == null) throw SsecastException.of("SSECAST_WOULD_BLOCK", Library.WOULD_BLOCK, "subscription", "has not ended yet");
            return reason;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Sends an event to this client alone, behind everything that was published before. Returns false if the stream has ended, or is
     * ending.
     */
    public boolean send(Event event) {
        Library.NativeEvent fields = new Library.NativeEvent(event);
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, subscription -> Library.INSTANCE.ssecast_subscription_send(subscription, fields, failure));
    }

    /** Adds and removes topics: what is published from here on counts. Returns false if the stream has ended. */
    public boolean changeTopics(List<String> add, List<String> remove) {
        Library.Slice added = Library.Slice.array(add), removed = Library.Slice.array(remove);
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, subscription -> Library.INSTANCE.ssecast_subscription_change_topics(
            subscription, added, add.size(), removed, remove.size(), failure));
    }

    /** How many bytes were sent to this client alone and not taken yet; one batch that waits to be taken counts as taken. */
    public long pendingBytes() {
        LongByReference pending = new LongByReference();
        Library.Failure failure = new Library.Failure();
        goesOn(failure, subscription -> Library.INSTANCE.ssecast_subscription_pending_bytes(subscription, pending, failure));
        return pending.getValue();
    }

    /** Ends the stream after what was published and sent before. Its client comes back. Returns false if it has ended, or is ending. */
    public boolean end() {
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, subscription -> Library.INSTANCE.ssecast_subscription_end(subscription, failure));
    }

    /**
     * Ends the stream for good, after what was published and sent before: {@link #next} gives the rest, and then null. The client's
     * next request is to be answered 204, which {@link StreamHandler} does, so that it does not come back. Returns false if the
     * stream has ended, or if the client can't be told: then the stream ends, and the client comes back.
     */
    public boolean finish() {
        Library.Failure failure = new Library.Failure();
        try {
            return goesOn(failure, subscription -> Library.INSTANCE.ssecast_subscription_finish(subscription, failure));
        } catch (SsecastException refused) {
            if (refused.result == Library.TOO_MUCH_PENDING) return false;
            throw refused;
        }
    }

    private boolean goesOn(Library.Failure failure, Function<Pointer, Integer> call) {
        lock.lock();
        try {
            if (handle == null) return false;
            int result = call.apply(handle);
            if (result == Library.ENDED) return false;
            SsecastException.check(result, failure);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Whether a client's last event ID says that its stream was finished for good: answer 204, and open no stream. */
    public static boolean isFinished(String lastEventId) {
        Library.Slice.Value id = Library.Slice.of(lastEventId);
        boolean is = Library.INSTANCE.ssecast_is_finished(id) != 0;
        Reference.reachabilityFence(id);
        return is;
    }

    /** Ends and frees it. A thread that waits for what is next is told so. Closing it twice does nothing. */
    @Override
    public void close() {
        Pointer taken;
        lock.lock();
        try {
            taken = handle;
            handle = null;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (taken != null) poller.remove(taken);
    }
}
