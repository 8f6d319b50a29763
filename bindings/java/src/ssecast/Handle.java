package ssecast;

import com.sun.jna.Pointer;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;

/** A pointer of the library's that is taken away once: not while a call uses it, and every later call finds null. */
final class Handle {
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private Pointer pointer;

    private final String name;

    Handle(String name, Pointer pointer) {
        this.name = name;
        this.pointer = pointer;
    }

    /** Calls the library with the pointer. Once it was taken away the call fails with {@code SSECAST_CLOSED}. */
    <T> T use(Function<Pointer, T> call) {
        lock.readLock().lock();
        try {
            if (pointer == null) throw SsecastException.closed(name);
            return call.apply(pointer);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** The same; null once it was taken away. */
    <T> T useIfOpen(Function<Pointer, T> call) {
        lock.readLock().lock();
        try {
            return pointer == null ? null : call.apply(pointer);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Takes the pointer away, for its caller to free: outside the lock, as the library may wait for calls from its threads. */
    Pointer take() {
        lock.writeLock().lock();
        try {
            Pointer taken = pointer;
            pointer = null;
            return taken;
        } finally {
            lock.writeLock().unlock();
        }
    }
}
