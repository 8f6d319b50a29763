package ssecast;

import com.sun.jna.Memory;
import java.nio.charset.StandardCharsets;

/**
 * The topic and the event of a publication, what becomes of it and its failure, in one block of memory: JNA's structures cost more than publishing
 * does. The offsets are those of ssecast.h.
 */
final class Publication {
    private static final int EVENT = 80, PUBLISHED = 72, SUBSCRIBERS = 8, ID = 16, ID_BYTES = 56;
    /** Where each begins: the event first. */
    private static final int FAILURE = EVENT + PUBLISHED, TOPIC = FAILURE + Library.Failure.BYTES, TEXTS = TOPIC + 16;

    private final Memory memory;

    Publication(String topic, Event event) {
        byte[][] texts = {bytes(event.event()), bytes(event.id()), bytes(event.data()), bytes(event.comment()), bytes(topic)};
        int length = TEXTS, at = TEXTS;
        for (byte[] text : texts) length += text == null ? 0 : text.length;
        // An empty text has an address, too.
        memory = new Memory(length + 1);
        memory.clear(TEXTS);
        memory.setLong(0, EVENT);
        memory.setLong(EVENT, PUBLISHED);
        for (int field = 0; field < texts.length; field++) {
            byte[] text = texts[field];
            if (text == null) continue;
            long slice = field < 4 ? 8 + 16L * field : TOPIC;
            memory.setPointer(slice, memory.share(at));
            memory.setLong(slice + 8, text.length);
            memory.write(at, text, 0, text.length);
            at += text.length;
        }
        Long retry = event.retryMs();
        if (retry != null) memory.setLong(72, retry == 0 ? Library.ZERO : retry);
    }

    private static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    com.sun.jna.Pointer topic() {
        return memory.share(TOPIC);
    }

    com.sun.jna.Pointer topicText() {
        return memory.getPointer(TOPIC);
    }

    long topicLength() {
        return memory.getLong(TOPIC + 8);
    }

    com.sun.jna.Pointer event() {
        return memory;
    }

    com.sun.jna.Pointer published() {
        return memory.share(EVENT);
    }

    com.sun.jna.Pointer failure() {
        return memory.share(FAILURE);
    }

    Published outcome() {
        byte[] id = memory.getByteArray(EVENT + ID, ID_BYTES);
        int end = 0;
        while (end < id.length && id[end] != 0) end++;
        return new Published(new String(id, 0, end, StandardCharsets.UTF_8), memory.getLong(EVENT + SUBSCRIBERS));
    }
}
