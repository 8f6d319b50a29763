package ssecast;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import java.util.List;
import java.util.function.Function;

/**
 * A stream that a listener serves, for the program: what is sent to it reaches this client alone. It goes on whether it is kept or not.
 * The methods return false once it has ended, or is ending. Any thread may use it.
 */
public final class Stream {
    private static final int SERVER = 1;

    private final long id;
    private final Pointer handle;

    Stream(long id, Pointer handle) {
        this.id = id;
        this.handle = handle;
        Library.CLEANER.register(this, () -> Library.INSTANCE.ssecast_connection_free(handle));
    }

    /** Names the stream: no other one of this process ever has it. */
    public long id() {
        return id;
    }

    /** Sends an event behind everything that was published and sent before. */
    public boolean send(Event event) {
        Library.NativeEvent fields = new Library.NativeEvent(event);
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, connection -> Library.INSTANCE.ssecast_connection_send(connection, fields, failure));
    }

    /** Adds and removes topics: what is published from here on counts. */
    public boolean changeTopics(List<String> add, List<String> remove) {
        Library.Slice added = Library.Slice.array(add), removed = Library.Slice.array(remove);
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, connection -> Library.INSTANCE.ssecast_connection_change_topics(
            connection, added, add.size(), removed, remove.size(), failure));
    }

    /** How many bytes were sent to it alone and have not gone out yet. */
    public long pendingBytes() {
        LongByReference pending = new LongByReference();
        Library.Failure failure = new Library.Failure();
        goesOn(failure, connection -> Library.INSTANCE.ssecast_connection_pending_bytes(connection, pending, failure));
        return pending.getValue();
    }

    /** Ends it after everything that was published and sent before. An {@code EventSource} comes back, and resumes. */
    public boolean end() {
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, connection -> Library.INSTANCE.ssecast_connection_detach(connection, failure));
    }

    /** Ends it for good: its client does not come back. Also false if the client can't be told: then it ends, and the client comes back. */
    public boolean finish() {
        Library.Failure failure = new Library.Failure();
        try {
            return goesOn(failure, connection -> Library.INSTANCE.ssecast_connection_finish(connection, failure));
        } catch (SsecastException refused) {
            if (refused.result == Library.TOO_MUCH_PENDING) return false;
            throw refused;
        }
    }

    /** Throws the client out at once. */
    public boolean disconnect() {
        Library.Failure failure = new Library.Failure();
        return goesOn(failure, connection -> Library.INSTANCE.ssecast_connection_disconnect(connection, SERVER, failure));
    }

    private boolean goesOn(Library.Failure failure, Function<Pointer, Integer> call) {
        int result = call.apply(handle);
        java.lang.ref.Reference.reachabilityFence(this);
        if (result == Library.ENDED) return false;
        SsecastException.check(result, failure);
        return true;
    }
}
