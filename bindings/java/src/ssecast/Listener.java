package ssecast;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Reference;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiPredicate;
import java.util.function.ToLongFunction;

/** An HTTP/1.1 endpoint of a hub, for programs that have no HTTP server or want none in between. */
public final class Listener implements AutoCloseable {
    /** Decides on a request, on the listener's thread: the topics that the client may read, or null to answer 403. */
    @FunctionalInterface
    public interface Route {
        List<String> topics(Request request);

        /** The same as a decision. {@code replay} says what a client without a last event ID begins with. */
        default Decision decision(ToLongFunction<Request> replay) {
            return request -> {
                List<String> topics = topics(request);
                return topics == null ? Answer.refuse(403) : Answer.allow(topics).replay(replay.applyAsLong(request));
            };
        }
    }

    /** Decides on a request, on the listener's thread; it must return soon. Null is answered 403. */
    @FunctionalInterface
    public interface Decision {
        Answer answer(Request request);
    }

    // The library calls a listener's route until it is closed: this reference keeps the garbage collector from it.
    private static final Set<Listener> OPEN = ConcurrentHashMap.newKeySet();
    // The answers whose streams have not ended, by the number that the library has for each.
    private static final Map<Long, Answer> STREAMS = new ConcurrentHashMap<>();
    private static final AtomicLong LAST = new AtomicLong();

    private static final Calls.Stub ON_OPEN = Calls.INSTANCE.stub(Library.OpenCallback.class, (userData, connection) -> {
        LongByReference id = new LongByReference();
        Library.INSTANCE.ssecast_connection_stream(connection, id, null);
        Stream stream = new Stream(id.getValue(), connection);
        Answer answer = STREAMS.get(Pointer.nativeValue(userData));
        if (answer != null && answer.onOpen != null) answer.onOpen.accept(stream);
    });
    private static final Calls.Stub ON_CLOSE = Calls.INSTANCE.stub(Library.CloseCallback.class, (userData, reason, cut) -> {
        Answer answer = STREAMS.remove(Pointer.nativeValue(userData));
        if (answer != null && answer.onClose != null) answer.onClose.accept(Reason.values()[reason]);
    });

    private final Handle handle;
    private final Calls.Stub route;
    private final Calls.Stub allows;

    Listener(Pointer hub, ListenerConfig options, Decision decide) {
        // A route that throws is a defect of the program: its responder is freed without an answer, and the client gets 500.
        route = Calls.INSTANCE.stub(Library.RouteCallback.class, (userData, request, responder) -> {
            try {
                Answer answer = decide.answer(new Request(request));
                give(responder, answer == null ? Answer.refuse(403) : answer);
            } finally {
                Library.INSTANCE.ssecast_responder_free(responder);
            }
        });
        allows = options.corsAllows == null ? null : allows(options.corsAllows);
        Library.ListenConfig config = new Library.ListenConfig();
        Library.INSTANCE.ssecast_listen_config_init(config, config.size());
        if (options.address != null) config.address.set(options.address);
        config.path.set(options.path);
        Memory headers = Library.headers(options.headers);
        config.headers = headers;
        config.headersLen = options.headers.size();
        Library.Slice origins = Library.Slice.array(options.corsOrigins);
        config.corsOrigins = origins == null ? null : origins.getPointer();
        config.corsOriginsLen = options.corsOrigins.size();
        config.corsMaxAgeMs = options.corsMaxAgeMs;
        config.maxHeadBytes = options.maxHeadBytes;
        config.maxHeaders = options.maxHeaders;
        config.headMs = options.headMs;
        config.answerMs = options.answerMs;
        config.maxPending = options.maxPending;
        config.corsCredentials = options.corsCredentials ? 1 : 0;
        config.replay = options.replay;
        config.route = route.pointer();
        config.corsAllows = allows == null ? null : allows.pointer();
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_listen(hub, config, made, failure), failure);
        Reference.reachabilityFence(headers);
        Reference.reachabilityFence(origins);
        handle = new Handle("listener", made.getValue());
        OPEN.add(this);
    }

    private static Calls.Stub allows(BiPredicate<String, Request> decides) {
        return Calls.INSTANCE.stub(Library.OriginCallback.class, new Library.OriginCallback() {
            @Override
            public int allows(Pointer userData, Library.Slice.Value origin, Pointer request) {
                try {
                    return decides.test(origin.text(), new Request(request)) ? 1 : 0;
                } catch (Throwable defect) {
                    Native.getCallbackExceptionHandler().uncaughtException(this, defect);
                    return -1;
                }
            }
        });
    }

    private static void give(Pointer responder, Answer answer) {
        Library.Failure failure = new Library.Failure();
        int result = answer.topics == null ? refuse(responder, answer, failure) : allow(responder, answer, failure);
        // A client that has left needs no answer.
        if (result != Library.ENDED) SsecastException.check(result, failure);
    }

    private static int refuse(Pointer responder, Answer answer, Library.Failure failure) {
        Library.NativeRefusal refusal = new Library.NativeRefusal();
        refusal.size = refusal.size();
        refusal.status = answer.status;
        Memory headers = Library.headers(answer.headers);
        refusal.headers = headers;
        refusal.headersLen = answer.headers.size();
        refusal.body.set(answer.body);
        int result = Library.INSTANCE.ssecast_responder_refuse_with(responder, refusal, failure);
        Reference.reachabilityFence(headers);
        return result;
    }

    private static int allow(Pointer responder, Answer answer, Library.Failure failure) {
        Library.StreamConfig stream = new Library.StreamConfig();
        stream.size = stream.size();
        Library.Slice topics = Library.Slice.array(answer.topics);
        stream.topics = topics == null ? null : topics.getPointer();
        stream.topicsLen = answer.topics.size();
        if (answer.replay != null) stream.replay = answer.replay == 0 ? Library.ZERO : answer.replay;
        Memory headers = Library.headers(answer.headers);
        stream.headers = headers;
        stream.headersLen = answer.headers.size();
        boolean isToldOf = answer.onOpen != null || answer.onClose != null;
        long number = LAST.incrementAndGet();
        if (isToldOf) {
            // The end may be told before the call returns.
            STREAMS.put(number, answer);
            stream.onOpen = ON_OPEN.pointer();
            stream.onClose = ON_CLOSE.pointer();
            stream.userData = new Pointer(number);
        }
        int result = Library.INSTANCE.ssecast_responder_allow_stream(responder, stream, failure);
        if (result != Library.OK) STREAMS.remove(number);
        Reference.reachabilityFence(headers);
        Reference.reachabilityFence(topics);
        return result;
    }

    /** The port that it has, or 0 once it is closed. */
    public int port() {
        Short port = handle.useIfOpen(Library.INSTANCE::ssecast_listener_port);
        return port == null ? 0 : Short.toUnsignedInt(port);
    }

    /** Accepts no connection any more. Streams go on until the hub ends them. */
    @Override
    public void close() {
        Library.INSTANCE.ssecast_listener_free(handle.take());
        OPEN.remove(this);
    }
}
