package ssecast;

import com.sun.jna.Native;

/** A call that failed: {@code code} is stable, such as {@code SSECAST_CLOSED}, and the message says how to mend {@code field}. */
public final class SsecastException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public final String code;
    public final String field;
    /** The system's error that is behind it, such as {@code EADDRINUSE}, or 0. */
    public final int errno;
    final int result;

    private SsecastException(Library.Failure failure) {
        super(message(failure));
        result = failure.result;
        code = Library.INSTANCE.ssecast_result_text(failure.result);
        field = field(failure);
        errno = failure.osError;
    }

    private SsecastException(String code, int result, String field, String problem) {
        super(field + " " + problem);
        this.code = code;
        this.result = result;
        this.field = field;
        errno = 0;
    }

    static SsecastException of(String code, int result, String field, String problem) {
        return new SsecastException(code, result, field, problem);
    }

    /** A call that came after the end of its object. */
    static SsecastException closed(String field) {
        return of("SSECAST_CLOSED", Library.CLOSED, field, "is closed");
    }

    private static String message(Library.Failure failure) {
        String field = field(failure), option = option(failure), message = field + " " + text(failure.problem);
        if (failure.limit != 0) return message + "; " + option + " allows " + Long.toUnsignedString(failure.limit);
        return option.isEmpty() || option.equals(field) ? message : message + " (" + option + ")";
    }

    private static String field(Library.Failure failure) {
        String field = text(failure.field);
        return field.equals(text(failure.option)) ? option(failure) : field;
    }

    /** The name that the option has in {@link HubConfig}; empty if the failure is about none. */
    private static String option(Library.Failure failure) {
        StringBuilder name = new StringBuilder();
        for (String word : text(failure.option).split("_")) {
            name.append(name.length() == 0 ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.toString();
    }

    private static String text(byte[] bytes) {
        return Native.toString(bytes, "UTF-8");
    }

    static void check(int result, Library.Failure failure) {
        if (result != Library.OK) throw new SsecastException(failure);
    }
}
