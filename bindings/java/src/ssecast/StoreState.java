package ssecast;

/** How a hub's store is. */
public enum StoreState {
    /** The hub has none: its log is in the memory of this process. */
    NONE,
    /** This process has not used it yet. */
    UNOPENED,
    /** It works. */
    READY,
    /** Its last use failed. Streams go on, and events are refused until it works again. */
    DEGRADED
}
