package ssecast;

import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;

/** How a hub behaves: {@code ssecast_hub_config} with its defaults, to change. Times are in milliseconds. */
@FieldOrder({"size", "historyEvents", "historyBytes", "historyMs", "slowClientBytes", "slowClientMs", "heartbeatMs", "retryMs",
    "resetEvent", "resetEventLength", "maxConnections", "maxTopics", "maxEventBytes", "slowClientPolicy", "threads",
    "maxBacklogBytes", "store", "storeLength", "publishTimeoutMs", "keepEndedMs"})
public final class HubConfig extends Structure {
    /** Turns off what can be off: the caps of the history, the heartbeat and the reconnection time. */
    public static final long OFF = -1;
    /** A real zero, where zero stands for the default: a history that keeps no event, a client that comes back at once. */
    public static final long ZERO = Library.ZERO;

    public long size;
    public long historyEvents, historyBytes, historyMs;
    public long slowClientBytes, slowClientMs;
    public long heartbeatMs, retryMs;
    public Pointer resetEvent;
    public long resetEventLength;
    public long maxConnections, maxTopics, maxEventBytes;
    /** 0 disconnects a client that is too slow, 1 has it skip to the newest event. */
    public int slowClientPolicy;
    public int threads;
    /** The most bytes of events that wait to be offered to connections; one more is refused. */
    public long maxBacklogBytes;
    public Pointer store;
    public long storeLength;
    /** The longest time that a publication waits for the store; then it fails, and nothing was published. */
    public long publishTimeoutMs;
    /** How long a topic that has ended is kept for those who come for it. Give all processes of a store the same. */
    public long keepEndedMs;

    public HubConfig() {
        Library.INSTANCE.ssecast_hub_config_init(this, size());
    }

    /**
     * Says where the log is kept, such as {@code file:./events}, a folder; null keeps it in the memory of this process. All
     * processes that have the same store have the same topics, events and ids, and each event reaches the clients of all of them.
     * Give all the same history. Nothing is opened before the first event or client.
     */
    public HubConfig store(String url) {
        Library.Slice text = Library.Slice.of(url);
        store = text.data;
        storeLength = text.len;
        return this;
    }
}
