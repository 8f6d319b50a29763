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
        super(spell(failure, failure.message));
        result = failure.result;
        code = Library.INSTANCE.ssecast_result_text(failure.result);
        field = spell(failure, failure.field);
        errno = failure.osError;
    }

    /** A text that may name an option, with the name that it has in {@link HubConfig}. */
    private static String spell(Library.Failure failure, byte[] bytes) {
        String text = Native.toString(bytes, "UTF-8");
        String option = Native.toString(failure.option, "UTF-8");
        if (option.isEmpty()) return text;
        StringBuilder name = new StringBuilder();
        for (String word : option.split("_")) {
            name.append(name.length() == 0 ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return text.replace(option, name);
    }

    static void check(int result, Library.Failure failure) {
        if (result != Library.OK) throw new SsecastException(failure);
    }
}
