package ssecast;

/** One event to publish. What is null is left out; an empty text writes its field empty. */
public record Event(String data, String event, String id, String comment, Long retryMs) {
    public Event(String data) {
        this(data, null);
    }

    public Event(String data, String event) {
        this(data, event, null, null, null);
    }
}
