import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import ssecast.Event;
import ssecast.Hub;
import ssecast.StreamHandler;

/** A server whose requests run on virtual threads, of which two run at once: more streams than that do not stop it. For Java 21 and later. */
public final class VirtualThreadsTest {
    private static final int STREAMS = 6;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    public static void main(String[] arguments) throws Exception {
        // The executor is not in Java 17, which this is compiled for.
        ExecutorService threads = (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        List<Socket> clients = new ArrayList<>();
        try (Hub hub = new Hub()) {
            server.setExecutor(threads);
            server.createContext("/stream", new StreamHandler(hub, "ticks"));
            server.createContext("/other", exchange -> {
                exchange.sendResponseHeaders(204, -1);
                exchange.close();
            });
            server.start();
            int port = server.getAddress().getPort();
            for (int at = 0; at < STREAMS; at++) {
                Socket client = new Socket(InetAddress.getLoopbackAddress(), port);
                client.setSoTimeout((int) PATIENCE.toMillis());
                client.getOutputStream().write("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                clients.add(client);
            }
            SsecastTest.eventually("all have a stream", () -> hub.connections() == STREAMS);
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/other")).timeout(PATIENCE).build();
            int status = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
            SsecastTest.check(status == 204, "another request is answered " + status);
            hub.publish("ticks", new Event("one for all"));
            for (Socket client : clients) {
                BufferedReader lines = new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8));
                while (!lines.readLine().equals("data: one for all")) {}
            }
        }
        for (Socket client : clients) client.close();
        server.stop(0);
        System.out.println("ok streams on virtual threads leave the threads below them to others");
        System.exit(0);
    }
}
