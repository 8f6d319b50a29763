package ssecast;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Reference;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** The interest in whether a topic is read, until its future is completed or cancelled. */
final class UnreadWatch {
    // The library calls it until it is freed: this reference keeps the garbage collector from it.
    private static final Set<UnreadWatch> OPEN = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<Void> future = new CompletableFuture<>();
    // Another thread completes it: what depends on it may take long, and frees the watch.
    private final Calls.Stub unread =
        Calls.INSTANCE.stub(Library.UnreadCallback.class, userData -> future.completeAsync(() -> null));

    static CompletableFuture<Void> start(Pointer hub, String topic, long afterMs) {
        UnreadWatch watch = new UnreadWatch();
        PointerByReference made = new PointerByReference();
        Library.Failure failure = new Library.Failure();
        Library.Slice.Value name = Library.Slice.of(topic);
        OPEN.add(watch);
        int result = Library.INSTANCE.ssecast_hub_when_unread(hub, name, afterMs, watch.unread.pointer(), null, made, failure);
        Reference.reachabilityFence(name);
        if (result != Library.OK) OPEN.remove(watch);
        SsecastException.check(result, failure);
        watch.future.whenComplete((nothing, error) -> {
            // It waits for a call that is under way.
            Library.INSTANCE.ssecast_unread_watch_free(made.getValue());
            OPEN.remove(watch);
        });
        return watch.future;
    }
}
