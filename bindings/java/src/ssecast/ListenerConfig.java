package ssecast;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiPredicate;

/** How a listener answers. Times are in milliseconds; what is not set has the default of {@code ssecast_listen_config}. */
public final class ListenerConfig {
    String address, path;
    final List<String[]> headers = new ArrayList<>();
    List<String> corsOrigins = List.of();
    BiPredicate<String, Request> corsAllows;
    boolean corsCredentials;
    long corsMaxAgeMs, maxHeadBytes, maxHeaders, headMs, answerMs, maxPending, replay;

    /** A host and a port, such as {@code 0.0.0.0:8080}; port 0 takes a free one. The default is {@code 127.0.0.1:0}. */
    public ListenerConfig address(String hostAndPort) {
        address = hostAndPort;
        return this;
    }

    /** The only path that there is; any other is answered 404. */
    public ListenerConfig path(String only) {
        path = only;
        return this;
    }

    /** Adds a header of every stream's response. */
    public ListenerConfig header(String name, String value) {
        headers.add(new String[] {name, value});
        return this;
    }

    /**
     * The origins whose pages may read the streams, and the refusals, such as {@code https://app.example}; a single {@code *} stands for
     * all. Preflights are answered.
     */
    public ListenerConfig corsOrigins(String... origins) {
        corsOrigins = List.of(origins);
        return this;
    }

    /**
     * Decides on the origin of each request, instead of {@link #corsOrigins}: whether its pages may read the answer, which may be a
     * refusal. It is asked on the listener's thread, before the route, and must return soon. If it throws, the request is answered 500,
     * which the page may not read, and JNA's {@code CallbackExceptionHandler} gets what was thrown, as it does from a route.
     *
     * <pre>{@code config.corsAllows((origin, request) -> origin.endsWith(".app.example"));}</pre>
     */
    public ListenerConfig corsAllows(BiPredicate<String, Request> decides) {
        corsAllows = decides;
        return this;
    }

    /** Pages of these origins may send cookies. They must be named then, not {@code *}. */
    public ListenerConfig corsCredentials(boolean allowed) {
        corsCredentials = allowed;
        return this;
    }

    /** How long a browser may remember the answer to a preflight. */
    public ListenerConfig corsMaxAgeMs(long milliseconds) {
        corsMaxAgeMs = milliseconds == 0 ? Library.ZERO : milliseconds;
        return this;
    }

    /** The most bytes of a request's head. */
    public ListenerConfig maxHeadBytes(long most) {
        maxHeadBytes = most;
        return this;
    }

    /** The most headers of a request. */
    public ListenerConfig maxHeaders(long most) {
        maxHeaders = most;
        return this;
    }

    /** How long a head may take. */
    public ListenerConfig headMs(long milliseconds) {
        headMs = milliseconds;
        return this;
    }

    /** How long the route may take. */
    public ListenerConfig answerMs(long milliseconds) {
        answerMs = milliseconds;
        return this;
    }

    /** The most connections that are no streams. */
    public ListenerConfig maxPending(long most) {
        maxPending = most;
        return this;
    }

    /** What a client without a last event ID begins with: so many of the last events, or {@link Hub#REPLAY_ALL}. */
    public ListenerConfig replay(long events) {
        replay = events;
        return this;
    }
}
