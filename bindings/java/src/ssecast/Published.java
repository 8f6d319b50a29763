package ssecast;

/** What became of an event: its id, empty if it has one of its own, and how many connections read the topic at that moment. */
public record Published(String id, long subscribers) {}
