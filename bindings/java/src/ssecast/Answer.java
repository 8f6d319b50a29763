package ssecast;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a listener answers a request: a stream, or a refusal.
 *
 * <pre>{@code
 * hub.listen(new ListenerConfig().address("127.0.0.1:3000"), request -> {
 *     String user = users.get(request.header("Authorization"));
 *     if (user == null) return Answer.refuse(401).header("WWW-Authenticate", "Bearer").body("Sign in first.");
 *     return Answer.allow("news").onOpen(stream -> streams.put(user, stream)).onClose(reason -> streams.remove(user));
 * });
 * }</pre>
 */
public final class Answer {
    final int status;
    final List<String> topics;
    final List<String[]> headers = new ArrayList<>();
    byte[] body;
    Long replay;
    Consumer<Stream> onOpen;
    Consumer<Reason> onClose;

    private Answer(int status, List<String> topics) {
        this.status = status;
        this.topics = topics;
    }

    /** A stream of these topics; none makes a private one. */
    public static Answer allow(String... topics) {
        return allow(List.of(topics));
    }

    public static Answer allow(List<String> topics) {
        return new Answer(200, List.copyOf(topics));
    }

    /** A status from 400 to 599; 204, by which an {@code EventSource} does not come back; or a redirect with the header Location. */
    public static Answer refuse(int status) {
        return new Answer(status, null);
    }

    /** Adds a header of this response. */
    public Answer header(String name, String value) {
        headers.add(new String[] {name, value});
        return this;
    }

    /** The body of a refusal: plain text, unless there is another Content-Type. Without one it says the status in words. */
    public Answer body(String text) {
        body = text.getBytes(StandardCharsets.UTF_8);
        return this;
    }

    /** What a client without a last event ID begins with: so many of the last events, or {@link Hub#REPLAY_ALL}; 0 begins live. */
    public Answer replay(long events) {
        replay = events;
        return this;
    }

    /** Is given the stream when it has begun, on a thread of the library; it must return soon. */
    public Answer onOpen(Consumer<Stream> told) {
        onOpen = told;
        return this;
    }

    /** Is told of the stream's end, once, also if it never began, on a thread of the library; it must return soon. */
    public Answer onClose(Consumer<Reason> told) {
        onClose = told;
        return this;
    }
}
