package ssecast;

import com.sun.jna.Memory;
import java.nio.charset.StandardCharsets;

/**
 * The event of a publication, what becomes of it and its failure, in one block of memory: JNA's structures cost more than publishing
 * does. The offsets are those of ssecast.h.
 */
final class Publication {
    private static final int EVENT = 80, PUBLISHED = 72, SUBSCRIBERS = 8, ID = 16, ID_BYTES = 56;

    private final Memory memory;

    Publication(Event event) {
        byte[][] texts = {bytes(event.event()), bytes(event.id()), bytes(event.data()), bytes(event.comment())};
        int length = EVENT + PUBLISHED + Library.Failure.BYTES;
        int at = length;
        for (byte[] text : texts) length += text == null ? 0 : text.length;
        // An empty text has an address, too.
        memory = new Memory(length + 1);
        memory.clear(EVENT + PUBLISHED + Library.Failure.BYTES);
        memory.setLong(0, EVENT);
        memory.setLong(EVENT, PUBLISHED);
        for (int field = 0; field < texts.length; field++) {
            byte[] text = texts[field];
            if (text == null) continue;
            memory.setPointer(8 + 16L * field, memory.share(at));
            memory.setLong(16 + 16L * field, text.length);
            memory.write(at, text, 0, text.length);
            at += text.length;
        }
        Long retry = event.retryMs();
        if (retry != null) memory.setLong(72, retry == 0 ? Library.ZERO : retry);
    }

    private static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    com.sun.jna.Pointer event() {
        return memory;
    }

    com.sun.jna.Pointer published() {
        return memory.share(EVENT);
    }

    com.sun.jna.Pointer failure() {
        return memory.share(EVENT + PUBLISHED);
    }

    Published outcome() {
        byte[] id = memory.getByteArray(EVENT + ID, ID_BYTES);
        int end = 0;
        while (end < id.length && id[end] != 0) end++;
        return new Published(new String(id, 0, end, StandardCharsets.UTF_8), memory.getLong(EVENT + SUBSCRIBERS));
    }
}
