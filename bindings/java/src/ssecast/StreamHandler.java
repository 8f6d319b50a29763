package ssecast;

import com.sun.jna.ptr.LongByReference;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.ref.Reference;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Streams topics from the JDK's own HTTP server, which has no descriptor to give: each stream keeps a thread of the server's
 * executor. Where there may be many, {@link Hub#listen} costs less.
 */
public final class StreamHandler implements HttpHandler {
    private final Hub hub;
    private final long replay;
    private final List<String> topics;

    public StreamHandler(Hub hub, String... topics) {
        this(hub, 0, topics);
    }

    /**
     * A client without a last event ID begins with so many of the last events, of all its topics together, or {@link
     * Hub#REPLAY_ALL}; its stream goes on live behind them, without a gap.
     */
    public StreamHandler(Hub hub, long replay, String... topics) {
        this.hub = hub;
        this.replay = replay;
        this.topics = List.of(topics);
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        if (!exchange.getRequestMethod().equals("GET")) {
            exchange.getResponseHeaders().set("Allow", "GET");
            exchange.sendResponseHeaders(405, -1);
            exchange.close();
            return;
        }
        String lastEventId = lastEventId(exchange);
        if (Subscription.isFinished(lastEventId)) {
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
            return;
        }
        Subscription subscription;
        try {
            subscription = hub.subscribe(topics, lastEventId, replay);
        } catch (SsecastException refused) {
            refuse(exchange, refused);
            return;
        }
        try (exchange; subscription) {
            setStreamHeaders(exchange.getResponseHeaders());
            exchange.sendResponseHeaders(200, 0);
            OutputStream body = exchange.getResponseBody();
            for (byte[] bytes = subscription.next(); bytes != null; bytes = subscription.next()) {
                body.write(bytes);
                body.flush();
            }
        }
    }

    private void refuse(HttpExchange exchange, SsecastException why) throws IOException {
        try (exchange) {
            Refusal refusal = Refusal.of(why, hub, "GET", all(exchange.getRequestHeaders(), "Accept"));
            if (refusal.status() == 200) setStreamHeaders(exchange.getResponseHeaders());
            if (refusal.retryAfter() > 0) exchange.getResponseHeaders().set("Retry-After", Long.toString(refusal.retryAfter()));
            exchange.sendResponseHeaders(refusal.status(), refusal.body().length == 0 ? -1 : refusal.body().length);
            if (refusal.body().length > 0) exchange.getResponseBody().write(refusal.body());
        }
    }

    private static String lastEventId(HttpExchange exchange) {
        String header = exchange.getRequestHeaders().getFirst("Last-Event-ID"), query = null;
        String all = exchange.getRequestURI().getRawQuery();
        for (String pair : all == null ? new String[0] : all.split("&")) {
            if (pair.startsWith("lastEventId=") && query == null) {
                query = URLDecoder.decode(pair.substring(pair.indexOf('=') + 1), StandardCharsets.UTF_8);
            }
        }
        Library.Slice.Value inHeader = Library.Slice.of(header), inQuery = Library.Slice.of(query);
        String found = Library.INSTANCE.ssecast_last_event_id(inHeader, inQuery).text();
        Reference.reachabilityFence(inHeader);
        Reference.reachabilityFence(inQuery);
        return found;
    }

    /** A {@code Cache-Control} that is there stays, and what a stream needs is added to it. */
    private static void setStreamHeaders(Headers headers) {
        byte[] buffer = new byte[1024];
        LongByReference length = new LongByReference();
        Library.Failure failure = new Library.Failure();
        Library.Slice.Value wanted = Library.Slice.of(all(headers, "Cache-Control"));
        SsecastException.check(
            Library.INSTANCE.ssecast_stream_headers(wanted, buffer, buffer.length, length, failure), failure);
        for (String line : new String(buffer, 0, (int) length.getValue(), StandardCharsets.UTF_8).split("\r\n")) {
            int colon = line.indexOf(": ");
            headers.set(line.substring(0, colon), line.substring(colon + 2));
        }
    }

    /** All values of a header as one, or null if there is none. */
    private static String all(Headers headers, String name) {
        List<String> values = headers.get(name);
        return values == null ? null : String.join(", ", values);
    }
}
