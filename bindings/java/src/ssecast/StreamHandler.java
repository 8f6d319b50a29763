package ssecast;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Set;

/**
 * Streams topics from the JDK's own HTTP server, which has no descriptor to give: each stream keeps a thread of the server's
 * executor. Where there may be many, {@link Hub#listen} costs less.
 */
public final class StreamHandler implements HttpHandler {
    private static final Set<String> BUSY = Set.of("SSECAST_CLOSED", "SSECAST_TOO_MANY_CONNECTIONS", "SSECAST_TOO_MANY_DESCRIPTORS");

    private final Hub hub;
    private final List<String> topics;

    public StreamHandler(Hub hub, String... topics) {
        this.hub = hub;
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
        String lastEventId = exchange.getRequestHeaders().getFirst("Last-Event-ID");
        if (Subscription.isFinished(lastEventId)) {
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
            return;
        }
        Subscription subscription;
        try {
            subscription = hub.subscribe(topics, lastEventId);
        } catch (SsecastException refused) {
            exchange.getResponseHeaders().set("Retry-After", "2");
            exchange.sendResponseHeaders(BUSY.contains(refused.code) ? 503 : 500, -1);
            exchange.close();
            return;
        }
        try (exchange; subscription) {
            Headers headers = exchange.getResponseHeaders();
            headers.set("Content-Type", "text/event-stream; charset=utf-8");
            headers.set("Cache-Control", "no-cache, no-transform");
            headers.set("X-Accel-Buffering", "no");
            exchange.sendResponseHeaders(200, 0);
            OutputStream body = exchange.getResponseBody();
            for (byte[] bytes = subscription.next(); bytes != null; bytes = subscription.next()) {
                body.write(bytes);
                body.flush();
            }
        }
    }
}
