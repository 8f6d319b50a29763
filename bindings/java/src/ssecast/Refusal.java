package ssecast;

import com.sun.jna.Native;
import java.nio.charset.StandardCharsets;

/** The response to a client whose stream could not be opened: a stream that ends at once, or a status. */
record Refusal(int status, long retryAfter, byte[] body) {
    private static final Refusal DEFECT = new Refusal(500, 0, new byte[0]);
    /** The client has all that there was: it need not come back. */
    private static final Refusal OVER = new Refusal(204, 0, new byte[0]);

    static Refusal of(SsecastException why, Hub hub, String method, String accept) {
        if (why.result == Library.TOPIC_ENDED) return OVER;
        if (Library.INSTANCE.ssecast_is_unavailable(why.result) == 0) return DEFECT;
        Library.Unavailable answer = hub.unavailable(method, accept);
        return new Refusal(answer.status, answer.retryAfter, Native.toString(answer.body, "UTF-8").getBytes(StandardCharsets.UTF_8));
    }
}
