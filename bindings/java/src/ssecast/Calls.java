package ssecast;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;

/** How functions of C are called, and given functions of Java's. */
abstract class Calls {
    /** The one of the JDK where there is one, from version 22 on: a call by JNA takes many times as long. */
    static final Calls INSTANCE = choose();

    /** A function of Java's for C. It may be called as long as this object is reachable. */
    record Stub(Pointer pointer, Object kept) {}

    /** Loads a library by its path, or by its name where the system finds it. The methods of {@code type} are called as in C. */
    abstract <T extends com.sun.jna.Library> T load(String library, Class<T> type);

    abstract <T extends Callback> Stub stub(Class<T> type, T function);

    /** Calls {@code ssecast_hub_publish}, at which time is spent most often. */
    abstract int publish(Pointer hub, Publication publication);

    /** Its class is compiled for version 22, and only found there. */
    private static Calls choose() {
        if (Runtime.version().feature() >= 22 && !"jna".equals(System.getProperty("ssecast.calls"))) {
            try {
                return (Calls) Class.forName("ssecast.ForeignCalls").getDeclaredConstructor().newInstance();
            } catch (ReflectiveOperationException absent) {
                // Compiled without it, by an older JDK.
            }
        }
        return new JnaCalls();
    }
}
