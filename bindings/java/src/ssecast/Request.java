package ssecast;

import com.sun.jna.Pointer;

/** What a route decides on. It is gone when the route returns. */
public final class Request {
    private final Pointer handle;

    Request(Pointer handle) {
        this.handle = handle;
    }

    /** The path, decoded. */
    public String path() {
        return Library.INSTANCE.ssecast_request_path(handle).text();
    }

    /** The first value of a name in the query, decoded, or null. */
    public String query(String name) {
        return Library.INSTANCE.ssecast_request_query_value(handle, name).text();
    }

    /** The first value of a header, or null. */
    public String header(String name) {
        return Library.INSTANCE.ssecast_request_header(handle, name).text();
    }
}
