package ssecast;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.List;

/**
 * Topics, their history, and the connections that read them. Any thread may use it, but for {@link #close}, after which
 * every call fails. Subscriptions and listeners may outlive it, and are closed on their own.
 */
public final class Hub implements AutoCloseable {
    // Null once it is closed: the library then refuses every call.
    private volatile Pointer handle;

    public Hub() {
        this(new HubConfig());
    }

    public Hub(HubConfig config) {
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_new(config, made, failure), failure);
        handle = made.getValue();
    }

    /** Sends an event to all who read the topic. The time that it takes does not depend on their number. */
    public Published publish(String topic, Event event) {
        Library.NativePublished published = new Library.NativePublished();
        Library.Failure failure = new Library.Failure();
        Library.NativeEvent native_ = new Library.NativeEvent(event);
        Library.Slice.Value name = Library.Slice.of(topic);
        SsecastException.check(Library.INSTANCE.ssecast_hub_publish(handle, name, native_, published, failure), failure);
        return new Published(Native.toString(published.id, "UTF-8"), published.subscribers);
    }

    /** Open connections. */
    public long connections() {
        Library.Stats stats = new Library.Stats();
        stats.size = stats.size();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_stats(handle, stats, failure), failure);
        return stats.connections;
    }

    /** Opens an HTTP/1.1 endpoint, such as {@code 127.0.0.1:8080}, whose streams cost no thread and no object here. */
    public Listener listen(String address, Listener.Route route) {
        return new Listener(handle, address, route);
    }

    /** Makes a stream that the caller writes. {@code lastEventId} is null for a client that is new. */
    public Subscription subscribe(List<String> topics, String lastEventId) {
        return new Subscription(handle, topics, lastEventId);
    }

    /** Ends all streams after what was published, and returns at once; what is not out after the grace is given up. */
    public void end(long graceMs) {
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_close(handle, null, graceMs, failure), failure);
    }

    /** Frees the hub, and ends its streams if {@link #end} has not. */
    @Override
    public synchronized void close() {
        Pointer closed = handle;
        handle = null;
        Library.INSTANCE.ssecast_hub_free(closed);
    }
}
