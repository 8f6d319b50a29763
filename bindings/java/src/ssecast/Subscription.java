package ssecast;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Reference;
import java.util.List;

/** One client's stream, which a thread of the caller's writes. */
public final class Subscription implements AutoCloseable {
    private interface C extends com.sun.jna.Library {
        C INSTANCE = Native.load("c", C.class);

        int poll(Pointer descriptors, long count, int milliseconds);
    }

    private static final short POLLIN = 1;

    private final Handle handle;
    private volatile boolean closed;
    // A struct pollfd.
    private final Memory poll = new Memory(8);

    Subscription(Pointer hub, List<String> topics, String lastEventId, long replay) {
        Library.SubscriptionConfig config = new Library.SubscriptionConfig();
        Library.INSTANCE.ssecast_subscription_config_init(config, config.size());
        Library.Slice slices = Library.Slice.array(topics);
        if (slices != null) config.topics = slices.getPointer();
        config.topicsLen = topics.size();
        config.lastEventId.set(lastEventId);
        config.replay = replay;
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_subscribe(hub, config, made, failure), failure);
        Reference.reachabilityFence(slices);
        handle = new Handle(made.getValue());
        poll.clear();
        poll.setInt(0, Library.INSTANCE.ssecast_subscription_descriptor(made.getValue()));
        poll.setShort(4, POLLIN);
    }

    /** Waits for the next bytes of the stream; null when it is over, or closed by another thread. */
    public byte[] next() {
        // The handle can't be freed meanwhile, and so the descriptor stays open.
        return handle.use(this::next);
    }

    private byte[] next(Pointer handle) {
        Library.Slice bytes = new Library.Slice();
        Library.Failure failure = new Library.Failure();
        while (!closed) {
            int result = Library.INSTANCE.ssecast_subscription_next(handle, bytes, failure);
            if (result == Library.OK) return bytes.bytes();
            if (result == Library.ENDED) return null;
            if (result != Library.WOULD_BLOCK) SsecastException.check(result, failure);
            // A signal may end the wait early: the loop asks again.
            C.INSTANCE.poll(poll, 1, -1);
        }
        return null;
    }

    /** Why the stream is over, once {@link #next} has returned null. */
    public Reason reason() {
        IntByReference reason = new IntByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(
            handle.use(subscription -> Library.INSTANCE.ssecast_subscription_reason(subscription, reason, failure)), failure);
        return Reason.values()[reason.getValue()];
    }

    /**
     * Ends the stream for good, after what was published and sent before: {@link #next} gives the rest, and then null. The client's
     * next request is to be answered 204, which {@link StreamHandler} does, so that it does not come back. Returns false if the
     * stream has ended, or if the client can't be told: then the stream ends, and the client comes back.
     */
    public boolean finish() {
        Library.Failure failure = new Library.Failure();
        int result = handle.use(subscription -> Library.INSTANCE.ssecast_subscription_finish(subscription, failure));
        if (result == Library.ENDED || result == Library.TOO_MUCH_PENDING) return false;
        SsecastException.check(result, failure);
        return true;
    }

    /** Whether a client's last event ID says that its stream was finished for good: answer 204, and open no stream. */
    public static boolean isFinished(String lastEventId) {
        return Library.INSTANCE.ssecast_is_finished(Library.Slice.of(lastEventId)) != 0;
    }

    /** Frees it, once another thread that waits for what is next has returned: its wait is over. */
    @Override
    public void close() {
        closed = true;
        // Makes the descriptor readable, which ends the wait of another thread.
        handle.use(subscription -> Library.INSTANCE.ssecast_subscription_end(subscription, new Library.Failure()));
        Library.INSTANCE.ssecast_subscription_free(handle.take());
    }
}
