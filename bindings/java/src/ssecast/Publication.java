package ssecast;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;

/**
 * The topic and the event of a publication, what becomes of it and its failure, in one block of memory: JNA's structures cost more than
 * publishing does. So does a new block; a few are kept for the next publications. The offsets are those of ssecast.h.
 */
final class Publication {
    private static final int EVENT = 80, PUBLISHED = 72, SUBSCRIBERS = 8, ID = 16, ID_BYTES = 56, RETRY = 72;
    /** Where each begins: the event first. */
    private static final int FAILURE = EVENT + PUBLISHED, TOPIC = FAILURE + Library.Failure.BYTES, TEXTS = TOPIC + 16;

    private static final Queue<Publication> KEPT = new ArrayBlockingQueue<>(16);
    private static final int LEAST_BYTES = 4096, MOST_BYTES_KEPT = 65536;

    private final Memory memory;
    private final long address;
    private final Pointer topic, published, failure;

    private Publication(int bytes) {
        memory = new Memory(Math.max(bytes, LEAST_BYTES));
        address = Pointer.nativeValue(memory);
        topic = memory.share(TOPIC);
        published = memory.share(EVENT);
        failure = memory.share(FAILURE);
    }

    /** To be given back with {@link #free}. */
    static Publication of(String topic, Event event) {
        byte[][] texts = {bytes(event.event()), bytes(event.id()), bytes(event.data()), bytes(event.comment()), bytes(topic)};
        // An empty text has an address, too.
        int length = TEXTS + 1;
        for (byte[] text : texts) length += text == null ? 0 : text.length;
        Publication kept = KEPT.poll();
        Publication publication = kept == null || kept.memory.size() < length ? new Publication(length) : kept;
        publication.set(texts, event.retryMs(), length);
        return publication;
    }

    private void set(byte[][] texts, Long retry, int length) {
        ByteBuffer block = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        block.putLong(0, EVENT).putLong(EVENT, PUBLISHED);
        int at = TEXTS;
        for (int field = 0; field < texts.length; field++) {
            byte[] text = texts[field];
            if (text == null) continue;
            int slice = field < 4 ? 8 + 16 * field : TOPIC;
            block.putLong(slice, address + at).putLong(slice + 8, text.length).put(at, text);
            at += text.length;
        }
        if (retry != null) block.putLong(RETRY, retry == 0 ? Library.ZERO : retry);
        memory.write(0, block.array(), 0, length);
    }

    private static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    void free() {
        if (memory.size() <= MOST_BYTES_KEPT) KEPT.offer(this);
    }

    Pointer topic() {
        return topic;
    }

    Pointer event() {
        return memory;
    }

    Pointer published() {
        return published;
    }

    Pointer failure() {
        return failure;
    }

    Published outcome() {
        ByteBuffer outcome = ByteBuffer.wrap(memory.getByteArray(EVENT, PUBLISHED)).order(ByteOrder.nativeOrder());
        int end = ID;
        while (end < ID + ID_BYTES && outcome.get(end) != 0) end++;
        return new Published(new String(outcome.array(), ID, end - ID, StandardCharsets.UTF_8), outcome.getLong(SUBSCRIBERS));
    }
}
