package ssecast;

import com.sun.jna.Callback;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Cleaner;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What is used of ssecast.h, as it stands there. Numbers that are unsigned there keep their bits here. */
interface Library extends com.sun.jna.Library {
    Library INSTANCE = NativeLibrary.load(Library.class);

    int OK = 0, CLOSED = 10, TOPIC_ENDED = 20, NULL_POINTER = 100, WOULD_BLOCK = 103, ENDED = 104, TOO_MUCH_PENDING = 105;
    /** Frees what objects have that nothing refers to any more. */
    Cleaner CLEANER = Cleaner.create();

    /** Stands for a real zero, where zero leaves a number out or to its default. */
    long ZERO = -2;

    /** Borrows memory, which lives as long as this object. */
    @FieldOrder({"data", "len"})
    class Slice extends Structure {
        public Pointer data;
        public long len;

        public static final class Value extends Slice implements ByValue {}

        /** A text, or null for one that is left out. */
        static Value of(String text) {
            Value slice = new Value();
            slice.set(text);
            return slice;
        }

        void set(String text) {
            if (text != null) set(text.getBytes(StandardCharsets.UTF_8));
        }

        void set(byte[] bytes) {
            if (bytes == null) return;
            Memory memory = new Memory(Math.max(1, bytes.length));
            memory.write(0, bytes, 0, bytes.length);
            data = memory;
            len = bytes.length;
        }

        /** An array of texts, or null if there is none. */
        static Slice array(List<String> texts) {
            if (texts.isEmpty()) return null;
            Slice[] slices = (Slice[]) new Slice().toArray(texts.size());
            for (int at = 0; at < slices.length; at++) {
                slices[at].set(texts.get(at));
                slices[at].write();
            }
            return slices[0];
        }

        byte[] bytes() {
            return data == null ? null : data.getByteArray(0, Math.toIntExact(len));
        }

        String text() {
            byte[] bytes = bytes();
            return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
        }
    }

    @FieldOrder({"result", "osError", "limit", "field", "option", "problem", "message"})
    class Failure extends Structure {
        public int result, osError;
        public long limit;
        public byte[] field = new byte[60], option = new byte[60];
        public byte[] problem = new byte[200], message = new byte[256];

        static final int BYTES = 592;

        public Failure() {}

        /** One that the library has written there. */
        Failure(Pointer at) {
            super(at);
            read();
        }
    }

    @FieldOrder({"size", "event", "id", "data", "comment", "retry"})
    class NativeEvent extends Structure {
        public long size;
        public Slice event = new Slice(), id = new Slice(), data = new Slice(), comment = new Slice();
        public long retry;

        NativeEvent(Event fields) {
            size = size();
            event.set(fields.event());
            id.set(fields.id());
            data.set(fields.data());
            comment.set(fields.comment());
            if (fields.retryMs() != null) retry = fields.retryMs() == 0 ? ZERO : fields.retryMs();
        }
    }

    @FieldOrder({"size", "connections", "topics", "published", "delivered", "bytes", "historyEvents", "heldBytes", "lagging",
        "lagBytes", "disconnectsClient", "disconnectsServer", "disconnectsShutdown", "disconnectsLagged", "disconnectsError",
        "resetsEpoch", "resetsExpired", "resetsUnknown", "resetsLagged", "backlogBytes", "refused", "store", "reserved"})
    class Stats extends Structure {
        public long size, connections, topics, published, delivered, bytes, historyEvents, heldBytes, lagging, lagBytes;
        public long disconnectsClient, disconnectsServer, disconnectsShutdown, disconnectsLagged, disconnectsError;
        public long resetsEpoch, resetsExpired, resetsUnknown, resetsLagged, backlogBytes, refused;
        public int store, reserved;
    }

    @FieldOrder({"size", "status", "reserved", "retryAfter", "body"})
    class Unavailable extends Structure {
        public long size;
        public int status, reserved;
        public long retryAfter;
        public byte[] body = new byte[48];
    }

    /** Headers as the library has them: pairs of slices, whose texts lie behind them. Null if there is none. */
    static Memory headers(List<String[]> headers) {
        if (headers.isEmpty()) return null;
        List<byte[]> texts = new ArrayList<>();
        for (String[] header : headers) {
            for (String text : header) texts.add(text.getBytes(StandardCharsets.UTF_8));
        }
        long slices = 16L * texts.size(), at = slices;
        Memory memory = new Memory(slices + 1 + texts.stream().mapToLong(text -> text.length).sum());
        for (int index = 0; index < texts.size(); index++) {
            byte[] text = texts.get(index);
            memory.setPointer(16L * index, memory.share(at));
            memory.setLong(16L * index + 8, text.length);
            memory.write(at, text, 0, text.length);
            at += text.length;
        }
        return memory;
    }

    @FieldOrder({"size", "status", "reserved", "headers", "headersLen", "body"})
    class NativeRefusal extends Structure {
        public long size;
        public int status, reserved;
        public Pointer headers;
        public long headersLen;
        public Slice body = new Slice();
    }

    interface OpenCallback extends Callback {
        void opened(Pointer userData, Pointer connection);
    }

    interface CloseCallback extends Callback {
        void closed(Pointer userData, int reason, byte cut);
    }

    @FieldOrder({"size", "topics", "topicsLen", "replay", "headers", "headersLen", "onOpen", "onClose", "onDrain", "userData"})
    class StreamConfig extends Structure {
        public long size;
        public Pointer topics;
        public long topicsLen, replay;
        public Pointer headers;
        public long headersLen;
        public Pointer onOpen, onClose, onDrain, userData;
    }

    @FieldOrder({"size", "topics", "topicsLen", "lastEventId", "framing", "reserved", "replay", "poller", "userData"})
    class SubscriptionConfig extends Structure {
        public long size;
        public Pointer topics;
        public long topicsLen;
        public Slice lastEventId = new Slice();
        public int framing, reserved;
        public long replay;
        public Pointer poller, userData;
    }

    interface UnreadCallback extends Callback {
        void unread(Pointer userData);
    }

    interface RouteCallback extends Callback {
        void decide(Pointer userData, Pointer request, Pointer responder);
    }

    interface OriginCallback extends Callback {
        int allows(Pointer userData, Slice.Value origin, Pointer request);
    }

    @FieldOrder({"size", "address", "path", "headers", "headersLen", "corsOrigins", "corsOriginsLen", "corsMaxAgeMs",
        "maxHeadBytes", "maxHeaders", "headMs", "answerMs", "maxPending", "corsCredentials", "queryTopics", "route", "onOpen",
        "onClose", "onDrain", "userData", "replay", "corsAllows"})
    class ListenConfig extends Structure {
        public long size;
        public Slice address = new Slice(), path = new Slice();
        public Pointer headers;
        public long headersLen;
        public Pointer corsOrigins;
        public long corsOriginsLen, corsMaxAgeMs, maxHeadBytes, maxHeaders, headMs, answerMs, maxPending;
        public int corsCredentials, queryTopics;
        public Pointer route, onOpen, onClose, onDrain, userData;
        public long replay;
        public Pointer corsAllows;
    }

    String ssecast_result_text(int result);

    int ssecast_hub_config_init(HubConfig config, long size);

    int ssecast_hub_new(HubConfig config, PointerByReference hub, Failure error);

    void ssecast_hub_free(Pointer hub);

    int ssecast_hub_publish(Pointer hub, Slice.Value topic, Pointer event, Pointer published, Pointer error);

    int ssecast_hub_end_topic(Pointer hub, Slice.Value topic, Failure error);

    int ssecast_hub_when_unread(
        Pointer hub, Slice.Value topic, long afterMs, Pointer unread, Pointer userData, PointerByReference watch, Failure error);

    void ssecast_unread_watch_free(Pointer watch);

    int ssecast_hub_close(Pointer hub, NativeEvent event, long graceMs, Failure error);

    int ssecast_hub_wait_closed(Pointer hub, long timeoutMs, byte[] over, Failure error);

    int ssecast_hub_metrics(Pointer hub, byte[] buffer, long capacity, LongByReference length, Failure error);

    int ssecast_hub_stats(Pointer hub, Stats stats, Failure error);

    int ssecast_subscription_config_init(SubscriptionConfig config, long size);

    int ssecast_hub_subscribe(Pointer hub, SubscriptionConfig config, PointerByReference subscription, Failure error);

    void ssecast_subscription_free(Pointer subscription);

    int ssecast_subscription_send(Pointer subscription, NativeEvent event, Failure error);

    int ssecast_subscription_change_topics(
        Pointer subscription, Slice add, long addLen, Slice remove, long removeLen, Failure error);

    int ssecast_subscription_pending_bytes(Pointer subscription, LongByReference bytes, Failure error);

    int ssecast_poller_new(Pointer hub, PointerByReference poller, Failure error);

    int ssecast_poller_descriptor(Pointer poller);

    int ssecast_poller_next(Pointer poller, Pointer subscription, Pointer error);

    void ssecast_poller_free(Pointer poller);

    int ssecast_connection_stream(Pointer connection, LongByReference stream, Failure error);

    int ssecast_connection_send(Pointer connection, NativeEvent event, Failure error);

    int ssecast_connection_change_topics(Pointer connection, Slice add, long addLen, Slice remove, long removeLen, Failure error);

    int ssecast_connection_pending_bytes(Pointer connection, LongByReference bytes, Failure error);

    int ssecast_connection_detach(Pointer connection, Failure error);

    int ssecast_connection_finish(Pointer connection, Failure error);

    int ssecast_connection_disconnect(Pointer connection, int reason, Failure error);

    void ssecast_connection_free(Pointer connection);

    int ssecast_subscription_next(Pointer subscription, Pointer bytes, Pointer error);

    int ssecast_subscription_end(Pointer subscription, Failure error);

    int ssecast_subscription_finish(Pointer subscription, Failure error);

    byte ssecast_is_finished(Slice.Value lastEventId);

    Slice.Value ssecast_last_event_id(Slice.Value header, Slice.Value query);

    int ssecast_stream_headers(Slice.Value cacheControl, byte[] buffer, long capacity, LongByReference length, Failure error);

    byte ssecast_is_unavailable(int result);

    int ssecast_hub_unavailable(Pointer hub, Slice.Value method, Slice.Value accept, Unavailable unavailable, Failure error);

    int ssecast_subscription_reason(Pointer subscription, IntByReference reason, Failure error);

    int ssecast_listen_config_init(ListenConfig config, long size);

    int ssecast_hub_listen(Pointer hub, ListenConfig config, PointerByReference listener, Failure error);

    short ssecast_listener_port(Pointer listener);

    void ssecast_listener_free(Pointer listener);

    Slice.Value ssecast_request_path(Pointer request);

    Slice.Value ssecast_request_query_value(Pointer request, String name);

    Slice.Value ssecast_request_header(Pointer request, String name);

    int ssecast_responder_allow_stream(Pointer responder, StreamConfig config, Failure error);

    int ssecast_responder_refuse_with(Pointer responder, NativeRefusal refusal, Failure error);

    void ssecast_responder_free(Pointer responder);
}
