package ssecast;

import com.sun.jna.Pointer;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;

/** A pointer of the library's that is taken away once: not while a call uses it, and every later call finds null. */
final class Handle {
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private Pointer pointer;

    Handle(Pointer pointer) {
        this.pointer = pointer;
    }

    /** Calls the library with the pointer, or with null, which it refuses. */
    <T> T use(Function<Pointer, T> call) {
        lock.readLock().lock();
        try {
            return call.apply(pointer);
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
