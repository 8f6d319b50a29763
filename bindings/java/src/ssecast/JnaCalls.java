package ssecast;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Native;
import com.sun.jna.Pointer;

/** Calls by JNA, in every Java. */
final class JnaCalls extends Calls {
    @Override
    <T extends com.sun.jna.Library> T load(String library, Class<T> type) {
        return Native.load(library, type);
    }

    @Override
    <T extends Callback> Stub stub(Class<T> type, T function) {
        return new Stub(CallbackReference.getFunctionPointer(function), function);
    }

    @Override
    int publish(Pointer hub, Publication publication) {
        Library.Slice.Value topic = new Library.Slice.Value();
        topic.data = publication.topic().getPointer(0);
        topic.len = publication.topic().getLong(8);
        return Library.INSTANCE.ssecast_hub_publish(hub, topic, publication.event(), publication.published(), publication.failure());
    }
}
