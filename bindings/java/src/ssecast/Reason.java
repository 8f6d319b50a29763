package ssecast;

/** Why a stream ended, in the order of {@code ssecast_reason}. */
public enum Reason {
    CLIENT,
    SERVER,
    SHUTDOWN,
    LAGGED,
    ERROR
}
