import java.util.List;
import ssecast.Event;
import ssecast.Hub;
import ssecast.Listener;

/** A whole server: every client of http://127.0.0.1:3000/stream gets the seconds since it started. The argument is another port. */
public final class Server {
    public static void main(String[] arguments) throws InterruptedException {
        String port = arguments.length > 0 ? arguments[0] : "3000";
        Hub hub = new Hub();
        Listener listener = hub.listen(
            "127.0.0.1:" + port, request -> request.path().equals("/stream") ? List.of("ticks") : null);
        System.out.println("http://127.0.0.1:" + listener.port() + "/stream");
        for (int now = 0; ; now++) {
            hub.publish("ticks", new Event(String.valueOf(now), "tick"));
            Thread.sleep(1000);
        }
    }
}
