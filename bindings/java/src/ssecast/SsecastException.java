package ssecast;

import com.sun.jna.Native;

/** A call that failed: {@code code} is stable, such as {@code SSECAST_CLOSED}, and the message says how to mend {@code field}. */
public final class SsecastException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public final String code;
    public final String field;
    final int result;

    private SsecastException(Library.Failure failure) {
        super(Native.toString(failure.message, "UTF-8"));
        result = failure.result;
        code = Library.INSTANCE.ssecast_result_text(failure.result);
        field = Native.toString(failure.field, "UTF-8");
    }

    static void check(int result, Library.Failure failure) {
        if (result != Library.OK) throw new SsecastException(failure);
    }
}
