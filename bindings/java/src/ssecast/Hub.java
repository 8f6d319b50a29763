package ssecast;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToLongFunction;

/**
 * Topics, their history, and the connections that read them. Any thread may use it. Once it is closed every call fails.
 * Subscriptions and listeners may outlive it, and are closed on their own.
 */
public final class Hub implements AutoCloseable {
    /** Stands for all events that are kept, in a number of events that a client begins with. */
    public static final long REPLAY_ALL = -3;

    private static final long GRACE_MS = 1000, TURN_MS = 50;

    private final Handle handle;
    private final ReentrantLock polling = new ReentrantLock();
    private Poller poller;

    public Hub() {
        this(new HubConfig());
    }

    public Hub(HubConfig config) {
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_new(config, made, failure), failure);
        handle = new Handle("hub", made.getValue());
    }

    /**
     * Sends an event to every subscriber of the topic. The time that it takes does not depend on their number. A hub that has ended
     * publishes nothing: the id is empty, and there are no subscribers. After {@link #close} the call fails. With a store it waits
     * until the store has the event.
     */
    public Published publish(String topic, Event event) {
        Publication publication = Publication.of(topic, event);
        try {
            boolean sent = handle.use(hub -> {
                int result = Calls.INSTANCE.publish(hub, publication);
                if (result == Library.CLOSED) return false;
                if (result != Library.OK) SsecastException.check(result, new Library.Failure(publication.failure()));
                return true;
            });
            return sent ? publication.outcome() : new Published("", 0);
        } finally {
            publication.free();
        }
    }

    /**
     * Ends a topic: nothing is published to it any more ({@code SSECAST_TOPIC_ENDED}). Its readers get what is left; the streams whose
     * topics have all ended then end for good, and their clients do not come back. One that comes for it later gets what the history
     * has of it, and the same end; one that has all of it is answered 204. With a store this is so in all processes. Ending it twice
     * changes nothing, and a topic that was not there is an empty one that has ended.
     */
    public void endTopic(String topic) {
        Library.Failure failure = new Library.Failure();
        Library.Slice.Value name = Library.Slice.of(topic);
        SsecastException.check(handle.use(hub -> Library.INSTANCE.ssecast_hub_end_topic(hub, name, failure)), failure);
    }

    /**
     * Tells a producer that nobody reads its topic any more: the future completes when the topic has had a reader since this call and
     * then had none for so long, in no process that shares the store. While there has never been a reader it does not. A producer
     * that is done cancels it. The end of the topic and closing the hub end the interest.
     */
    public CompletableFuture<Void> whenUnread(String topic, long afterMs) {
        return handle.use(hub -> UnreadWatch.start(hub, topic, afterMs));
    }

    /** Open connections of this process. */
    public long connections() {
        return stats().connections;
    }

    /** How many events were given to connections of this process. */
    public long delivered() {
        return stats().delivered;
    }

    /** How the store is. */
    public StoreState store() {
        return StoreState.values()[stats().store];
    }

    /**
     * The counters as OpenMetrics text, which Prometheus scrapes: the body of a response whose {@code Content-Type} is
     * {@code application/openmetrics-text; version=1.0.0; charset=utf-8}.
     */
    public String metrics() {
        // No text is longer.
        byte[] buffer = new byte[8192];
        LongByReference length = new LongByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(
            handle.use(hub -> Library.INSTANCE.ssecast_hub_metrics(hub, buffer, buffer.length, length, failure)), failure);
        return new String(buffer, 0, (int) length.getValue(), StandardCharsets.UTF_8);
    }

    private Library.Stats stats() {
        Library.Stats stats = new Library.Stats();
        stats.size = stats.size();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(handle.use(hub -> Library.INSTANCE.ssecast_hub_stats(hub, stats, failure)), failure);
        return stats;
    }

    /** What a client gets that can't have a stream now. */
    Library.Unavailable unavailable(String method, String accept) {
        Library.Unavailable answer = new Library.Unavailable();
        answer.size = answer.size();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(handle.use(hub -> Library.INSTANCE.ssecast_hub_unavailable(
            hub, Library.Slice.of(method), Library.Slice.of(accept), answer, failure)), failure);
        return answer;
    }

    /** Opens an HTTP/1.1 endpoint, such as {@code 127.0.0.1:8080}, whose streams cost no thread and no object here. */
    public Listener listen(String address, Listener.Route route) {
        return listen(address, route, request -> 0);
    }

    /**
     * The same. {@code replay} says what the stream of a client without a last event ID begins with: so many of the last events, of
     * all its topics together, or {@link #REPLAY_ALL}; it goes on live behind them, without a gap.
     */
    public Listener listen(String address, Listener.Route route, ToLongFunction<Request> replay) {
        return listen(new ListenerConfig().address(address), route.decision(replay));
    }

    /** The same with all options: CORS and headers, and what each request is answered, as {@link Answer} says. */
    public Listener listen(ListenerConfig config, Listener.Decision decide) {
        return handle.use(hub -> new Listener(hub, config, decide));
    }

    /** Makes a stream that the caller writes. {@code lastEventId} is null for a client that is new, and begins live. */
    public Subscription subscribe(List<String> topics, String lastEventId) {
        return subscribe(topics, lastEventId, 0);
    }

    /** The same; one that is new begins with so many of the last events, of all its topics together, or {@link #REPLAY_ALL}. */
    public Subscription subscribe(List<String> topics, String lastEventId, long replay) {
        return handle.use(hub -> {
            while (true) {
                Subscription made = Subscription.open(hub, poller(hub), topics, lastEventId, replay);
                if (made != null) return made;
            }
        });
    }

    /**
     * Gives the bytes of streams to a reactive server: each subscriber has a stream of its own, and gets no more batches than it asks
     * for. What it has not asked for waits in the hub's history, and past its limits it is a slow client. Signals come on the thread that
     * asks, and on the one thread that waits for all streams of the hub: a subscriber must not block it. {@code lastEventId} is null for
     * a client that is new, and then {@code replay} is how many of the last events it begins with. A client that can't have a stream gets
     * an {@link SsecastException}.
     */
    public Flow.Publisher<ByteBuffer> publisher(List<String> topics, String lastEventId, long replay) {
        return new StreamPublisher(this, List.copyOf(topics), lastEventId, replay);
    }

    /** The one that runs, or a new one. */
    private Poller poller(Pointer hub) {
        polling.lock();
        try {
            if (poller == null || !poller.runs()) poller = Poller.open(hub);
            return poller;
        } finally {
            polling.unlock();
        }
    }

    /** Ends all streams after the events that were published, and returns at once. After the grace the rest is dropped. */
    public void end(long graceMs) {
        Library.Failure failure = new Library.Failure();
        SsecastException.check(handle.use(hub -> Library.INSTANCE.ssecast_hub_close(hub, null, graceMs, failure)), failure);
    }

    /**
     * Waits until the hub has ended and all is over, for so long at most, and returns whether that is so. Not in a route.
     */
    public boolean awaitEnd(long timeoutMs) {
        byte[] over = new byte[1];
        Library.Failure failure = new Library.Failure();
        long begin = System.nanoTime();
        do {
            // In short turns, so that a thread which closes the hub meanwhile does not wait for all of it.
            long left = Math.max(0, timeoutMs - (System.nanoTime() - begin) / 1_000_000);
            long turn = Math.min(left, TURN_MS);
            SsecastException.check(
                handle.use(hub -> Library.INSTANCE.ssecast_hub_wait_closed(hub, turn, over, failure)), failure);
            if (left <= turn) break;
        } while (over[0] == 0);
        return over[0] != 0;
    }

    /**
     * Frees the hub once every stream that the library writes has what was published, or a second has passed; {@link #end} sets
     * another time. It may run beside every other call, and closing twice does nothing.
     */
    @Override
    public void close() {
        handle.useIfOpen(hub -> Library.INSTANCE.ssecast_hub_close(hub, null, GRACE_MS, new Library.Failure()));
        Library.INSTANCE.ssecast_hub_free(handle.take());
    }
}
