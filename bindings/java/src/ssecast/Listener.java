package ssecast;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;

/** An HTTP/1.1 endpoint of a hub, for programs that have no HTTP server or want none in between. */
public final class Listener implements AutoCloseable {
    /** Decides on a request, on the listener's thread: the topics that the client may read, or null to answer 403. */
    @FunctionalInterface
    public interface Route {
        List<String> topics(Request request);
    }

    // The library calls a listener's route until it is closed: this reference keeps the garbage collector from it.
    private static final Set<Listener> OPEN = ConcurrentHashMap.newKeySet();

    private final Handle handle;
    private final Library.RouteCallback route;

    Listener(Pointer hub, String address, Route decide, ToLongFunction<Request> replay) {
        // A route that throws is a defect of the program: its responder is freed without an answer, and the client gets 500.
        route = (userData, request, responder) -> {
            try {
                Request asked = new Request(request);
                List<String> topics = decide.topics(asked);
                answer(responder, topics, topics == null ? 0 : replay.applyAsLong(asked));
            } finally {
                Library.INSTANCE.ssecast_responder_free(responder);
            }
        };
        Library.ListenConfig config = new Library.ListenConfig();
        Library.INSTANCE.ssecast_listen_config_init(config, config.size());
        config.address.set(address);
        config.route = route;
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        SsecastException.check(Library.INSTANCE.ssecast_hub_listen(hub, config, made, failure), failure);
        handle = new Handle(made.getValue());
        OPEN.add(this);
    }

    private static void answer(Pointer responder, List<String> topics, long replay) {
        Library.Failure failure = new Library.Failure();
        int result = topics == null
            ? Library.INSTANCE.ssecast_responder_refuse(responder, (short) 403, failure)
            : Library.INSTANCE.ssecast_responder_allow_with_replay(
                responder, Library.Slice.array(topics), topics.size(), replay, failure);
        // A client that has left needs no answer.
        if (result != Library.ENDED) SsecastException.check(result, failure);
    }

    public int port() {
        return Short.toUnsignedInt(handle.use(Library.INSTANCE::ssecast_listener_port));
    }

    /** Accepts no connection any more. Streams go on until the hub ends them. */
    @Override
    public void close() {
        Library.INSTANCE.ssecast_listener_free(handle.take());
        OPEN.remove(this);
    }
}
