import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import ssecast.Event;
import ssecast.Hub;
import ssecast.HubConfig;
import ssecast.Listener;

/** A worker in Java, as worker.c is one in C. */
public final class Worker {
    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Hub hub = new Hub(new HubConfig().store(arguments[0]));
             Listener listener = hub.listen("127.0.0.1:0", request -> List.of("news"),
                 request -> request.path().equals("/all") ? Hub.REPLAY_ALL : 0)) {
            System.out.println("http://127.0.0.1:" + listener.port() + "/");
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.equals("!end")) {
                    hub.endTopic("news");
                    System.out.println("ended");
                } else {
                    System.out.println(hub.publish("news", new Event(line, "said")).id());
                }
            }
        }
    }
}
