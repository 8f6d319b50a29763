import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import ssecast.Event;
import ssecast.Hub;
import ssecast.HubConfig;
import ssecast.Listener;
import ssecast.Published;
import ssecast.Reason;
import ssecast.SsecastException;
import ssecast.StreamHandler;
import ssecast.Subscription;

/** The Java classes on real sockets, with the JDK's own HTTP client. A test that fails ends the program. */
public final class SsecastTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE).build();

    /** What serves a hub's topic `ticks`, until it is closed. */
    interface Endpoint extends AutoCloseable {
        int port();

        @Override
        void close();
    }

    interface Server {
        Endpoint start(Hub hub) throws IOException;
    }

    private static Endpoint listener(Hub hub) {
        Listener listener = hub.listen("127.0.0.1:0", request -> switch (request.path()) {
            case "/forbidden" -> null;
            case "/defect" -> throw new IllegalStateException("a defect of the program, which this test wants to see");
            default -> List.of(request.query("topic") == null ? "ticks" : request.query("topic"));
        });
        return new Endpoint() {
            @Override
            public int port() {
                return listener.port();
            }

            @Override
            public void close() {
                listener.close();
            }
        };
    }

    private static Endpoint httpServer(Hub hub) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        ExecutorService threads = Executors.newCachedThreadPool();
        server.setExecutor(threads);
        server.createContext("/", new StreamHandler(hub, "ticks"));
        server.start();
        return new Endpoint() {
            @Override
            public int port() {
                return server.getAddress().getPort();
            }

            @Override
            public void close() {
                server.stop(0);
                threads.shutdown();
                try {
                    check(threads.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS), "the server's threads end");
                } catch (InterruptedException interrupted) {
                    throw new AssertionError(interrupted);
                }
            }
        };
    }

    static final class Client implements AutoCloseable {
        private final BufferedReader lines;

        Client(int port, String path, String lastEventId) throws Exception {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
            if (lastEventId != null) request.header("Last-Event-ID", lastEventId);
            HttpResponse<InputStream> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));
            check(response.statusCode() == 200, "the status is " + response.statusCode());
            String type = response.headers().firstValue("Content-Type").orElse("none");
            check(type.equals("text/event-stream; charset=utf-8"), "the content type is " + type);
        }

        /** The data of the next event that has some, or null at the end. */
        String data() throws IOException {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("data: ")) return line.substring(6);
            }
            return null;
        }

        void expect(String expected) throws IOException {
            String data = data();
            check(expected.equals(data), data + " came, and not " + expected);
        }

        @Override
        public void close() throws IOException {
            lines.close();
        }
    }

    private static void everyClientGetsEveryEventInOrder(Server server) throws Exception {
        int clients = 50, events = 200;
        ExecutorService readers = Executors.newFixedThreadPool(clients);
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub)) {
            List<Future<?>> all = new ArrayList<>();
            for (int at = 0; at < clients; at++) {
                Client client = new Client(endpoint.port(), "/", null);
                all.add(readers.submit(() -> {
                    for (int event = 0; event < events; event++) client.expect(String.valueOf(event));
                    return null;
                }));
            }
            eventually("all are connected", () -> hub.connections() == clients);
            for (int event = 0; event < events; event++) {
                check(hub.publish("ticks", new Event(String.valueOf(event))).subscribers() == clients, "all are reached");
            }
            for (Future<?> one : all) one.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            hub.end(1000);
        } finally {
            readers.shutdownNow();
        }
    }

    private static void aClientComesBackWithItsIdAndMissesNothing(Server server) throws Exception {
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub)) {
            String id = hub.publish("ticks", new Event("seen")).id();
            hub.publish("ticks", new Event("missed"));
            try (Client client = new Client(endpoint.port(), "/", id)) {
                hub.publish("ticks", new Event("live, \u00e4\u20ac"));
                client.expect("missed");
                client.expect("live, \u00e4\u20ac");
            }
            hub.end(1000);
        }
    }

    private static void aClientThatLeavesIsNoticed(Server server) throws Exception {
        // Without a descriptor of its client's the JDK's server notices when it writes.
        HubConfig config = new HubConfig();
        config.heartbeatMs = 100;
        try (Hub hub = new Hub(config); Endpoint endpoint = server.start(hub)) {
            new Client(endpoint.port(), "/", null).close();
            eventually("it is gone", () -> hub.connections() == 0);
        }
    }

    private static void endingTheHubEndsEveryStreamAndRefusesTheNext(Server server) throws Exception {
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub)) {
            Client client = new Client(endpoint.port(), "/", null);
            hub.publish("ticks", new Event("last"));
            hub.end(PATIENCE.toMillis());
            client.expect("last");
            check(client.data() == null, "the stream ends, and is not cut");
            check(status("GET", endpoint, "/") == 503, "the next one is refused");
            Published late = hub.publish("ticks", new Event("late"));
            check(late.id().isEmpty() && late.subscribers() == 0, "it publishes no more");
            check(failure(() -> hub.publish("", new Event("late"))).code.equals("SSECAST_INVALID_TOPIC"), "what is wrong stays wrong");
            check(hub.awaitEnd(PATIENCE.toMillis()) && hub.connections() == 0, "all is over");
            check(hub.metrics().contains("\nssecast_connections 0\n") && hub.metrics().endsWith("# EOF\n"), "it is measured");
        }
    }

    private static void aNewClientBeginsWithHistory() throws Exception {
        try (Hub hub = new Hub()) {
            hub.publish("ticks", new Event("1"));
            String second = hub.publish("ticks", new Event("2")).id();
            hub.publish("ticks", new Event("3"));
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(Executors.newCachedThreadPool());
            server.createContext("/two", new StreamHandler(hub, 2, "ticks"));
            server.createContext("/all", new StreamHandler(hub, Hub.REPLAY_ALL, "ticks"));
            server.start();
            Listener listener = hub.listen("127.0.0.1:0", request -> List.of("ticks"),
                request -> request.path().equals("/all") ? Hub.REPLAY_ALL : 2);
            for (int port : new int[] {listener.port(), server.getAddress().getPort()}) {
                try (Client two = new Client(port, "/two", null); Client all = new Client(port, "/all", null);
                     Client resumed = new Client(port, "/all", second)) {
                    for (String data : List.of("2", "3")) two.expect(data);
                    for (String data : List.of("1", "2", "3")) all.expect(data);
                    resumed.expect("3");
                }
            }
            try (Subscription last = hub.subscribe(List.of("ticks"), null, 1)) {
                StringBuilder text = new StringBuilder();
                while (!text.toString().contains("data: 3\n")) text.append(new String(last.next(), StandardCharsets.UTF_8));
                check(!text.toString().contains("data: 2\n"), "it begins with the last one");
            }
            listener.close();
            hub.end(1000);
            server.stop(0);
        }
    }

    private static void aTopicThatEndsEndsItsStreams(Server server) throws Exception {
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub); Client client = new Client(endpoint.port(), "/", null)) {
            String last = hub.publish("ticks", new Event("1")).id();
            hub.endTopic("ticks");
            client.expect("1");
            check(client.data() == null, "the stream ends");
            check(failure(() -> hub.publish("ticks", new Event("2"))).code.equals("SSECAST_TOPIC_ENDED"), "it has ended");
            for (String id : List.of(last, "ssecast-finished")) {
                HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + endpoint.port() + "/"))
                    .header("Last-Event-ID", id).build();
                int status = HTTP.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
                check(status == 204, "with the id " + id + " the status is " + status);
            }
            hub.end(1000);
        }
    }

    private static void aProducerIsToldWhenItsTopicIsUnread() throws Exception {
        try (Hub hub = new Hub()) {
            CompletableFuture<Void> told = hub.whenUnread("ticks", 1), cancelled = hub.whenUnread("ticks", 1);
            check(cancelled.cancel(false), "it can be cancelled");
            try (Subscription reader = hub.subscribe(List.of("ticks"), null)) {
                check(reader.next() != null && !told.isDone(), "there is a reader");
            }
            told.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            check(cancelled.isCancelled(), "it stays so");
            check(failure(() -> hub.whenUnread("", 1)).code.equals("SSECAST_INVALID_TOPIC"), "what is wrong is named");
        }
    }

    private static void aRouteDecides() throws Exception {
        try (Hub hub = new Hub(); Endpoint endpoint = listener(hub)) {
            check(status("GET", endpoint, "/forbidden") == 403, "it is forbidden");
            check(status("GET", endpoint, "/defect") == 500, "a route that throws is a defect");
            try (Client client = new Client(endpoint.port(), "/?topic=others", null)) {
                hub.publish("ticks", new Event("not for it"));
                hub.publish("others", new Event("for it"));
                client.expect("for it");
            }
        }
    }

    private static void aListenerWhoseObjectIsNotKeptGoesOn() throws Exception {
        try (Hub hub = new Hub()) {
            int port = hub.listen("127.0.0.1:0", request -> List.of("ticks")).port();
            for (int at = 0; at < 5; at++) {
                System.gc();
                new Client(port, "/", null).close();
            }
        }
    }

    private static void aSubscriptionSaysWhyItEnded() {
        try (Hub hub = new Hub(); Subscription subscription = hub.subscribe(List.of("a", "b"), null)) {
            StringBuilder text = new StringBuilder();
            hub.publish("b", new Event("two", "tick", "7", "for people", 5000L));
            hub.end(1000);
            for (byte[] bytes = subscription.next(); bytes != null; bytes = subscription.next()) {
                text.append(new String(bytes, StandardCharsets.UTF_8));
            }
            for (String line : List.of("id: 7\n", "event: tick\n", "retry: 5000\n", ": for people\n", "data: two\n")) {
                check(text.indexOf(line) >= 0, line + " is in " + text);
            }
            check(subscription.reason() == Reason.SHUTDOWN, "the reason is " + subscription.reason());
        }
    }

    private static void aSubscriptionIsFinishedForGood() {
        try (Hub hub = new Hub(); Subscription subscription = hub.subscribe(List.of("ticks"), null)) {
            StringBuilder text = new StringBuilder();
            hub.publish("ticks", new Event("last"));
            check(subscription.finish() && !subscription.finish(), "it is finished once");
            for (byte[] bytes = subscription.next(); bytes != null; bytes = subscription.next()) {
                text.append(new String(bytes, StandardCharsets.UTF_8));
            }
            int id = text.indexOf("data: last\n\nid: ");
            check(id >= 0, text.toString());
            check(Subscription.isFinished(text.substring(id + "data: last\n\nid: ".length()).strip()), text.toString());
            check(!Subscription.isFinished("1") && !Subscription.isFinished(null), "no other id is");
            check(subscription.reason() == Reason.SERVER, "the reason is " + subscription.reason());
        }
    }

    private static void aClientWhoseStreamWasFinishedIsAnswered204(Server server) throws Exception {
        String id;
        try (Hub hub = new Hub(); Subscription subscription = hub.subscribe(List.of(), null)) {
            subscription.finish();
            String text = "";
            for (byte[] bytes = subscription.next(); bytes != null; bytes = subscription.next()) {
                text += new String(bytes, StandardCharsets.UTF_8);
            }
            id = text.substring(text.lastIndexOf("id: ") + 4).strip();
        }
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub)) {
            check(status("GET", endpoint, "/", "Last-Event-ID", id) == 204, "by the header");
            check(status("GET", endpoint, "/?lastEventId=" + id) == 204, "by the query");
            check(hub.connections() == 0, "no stream is opened");
        }
    }

    private static void anEventSourceThatIsRefusedComesBack(Server server) throws Exception {
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub)) {
            hub.end(0);
            URI address = URI.create("http://127.0.0.1:" + endpoint.port() + "/");
            HttpRequest request = HttpRequest.newBuilder(address).header("Accept", "text/event-stream").build();
            HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
            check(response.statusCode() == 200 && response.body().startsWith("retry: "), response + response.body());
            check(response.headers().firstValue("Content-Type").get().equals("text/event-stream; charset=utf-8"), "its type");
            response = HTTP.send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString());
            check(response.statusCode() == 503 && response.headers().firstValue("Retry-After").isPresent(), response.toString());
        }
    }

    private static void whatIsClosedRefusesEveryCall() {
        Hub hub = new Hub();
        Subscription subscription = hub.subscribe(List.of("ticks"), null);
        Listener listener = hub.listen("127.0.0.1:0", request -> null);
        for (int twice = 0; twice < 2; twice++) {
            subscription.close();
            listener.close();
            hub.close();
        }
        SsecastException closed = failure(() -> hub.publish("ticks", new Event("x")));
        check(closed.field.equals("hub") && closed.code.equals("SSECAST_CLOSED"), "the hub is closed: " + closed.code);
        check(failure(hub::connections).field.equals("hub"), "the hub has no counters any more");
        check(subscription.next() == null, "the subscription is closed");
        check(failure(subscription::reason).field.equals("subscription"), "the subscription has no reason any more");
        check(listener.port() == 0, "the listener is closed");
    }

    private static void closingBesideOtherCallsBreaksNone() throws Exception {
        for (int round = 0; round < 100; round++) {
            Hub hub = new Hub();
            Listener listener = hub.listen("127.0.0.1:0", request -> null);
            Subscription subscription = hub.subscribe(List.of("ticks"), null);
            List<Thread> threads = new ArrayList<>();
            for (int at = 0; at < 3; at++) {
                threads.add(new Thread(() -> {
                    try {
                        while (true) hub.publish("ticks", new Event("x"));
                    } catch (SsecastException closed) {
                        check(closed.field.equals("hub"), closed.getMessage());
                    }
                }));
            }
            threads.add(new Thread(() -> {
                while (listener.port() != 0) {}
            }));
            threads.add(new Thread(() -> {
                while (subscription.next() != null) {}
            }));
            threads.forEach(Thread::start);
            subscription.close();
            listener.close();
            hub.close();
            for (Thread thread : threads) {
                thread.join(PATIENCE.toMillis());
                check(!thread.isAlive(), "every call has returned");
            }
        }
    }

    private static void aSubscriptionThatWaitsEndsWhenItIsClosed() throws Exception {
        try (Hub hub = new Hub()) {
            Subscription subscription = hub.subscribe(List.of("ticks"), null);
            Thread waiting = new Thread(() -> {
                while (subscription.next() != null) {}
            });
            waiting.start();
            subscription.close();
            waiting.join(PATIENCE.toMillis());
            check(!waiting.isAlive(), "its wait is over");
        }
    }

    private static void whatIsWrongIsNamed() {
        try (Hub hub = new Hub()) {
            SsecastException wrong = failure(() -> hub.publish("ticks", new Event("x", "a\nb")));
            check(wrong.code.equals("SSECAST_INVALID_EVENT") && wrong.field.equals("event"), wrong.code + " " + wrong.field);
            check(wrong.getMessage().startsWith("event"), wrong.getMessage());
            check(failure(() -> hub.publish("", new Event("x"))).code.equals("SSECAST_INVALID_TOPIC"), "no topic");
            check(failure(() -> hub.listen("nowhere", request -> null)).field.equals("address"), "no address");
            Published published = hub.publish("ticks", new Event("", null, "own", null, null));
            check(published.id().isEmpty() && published.subscribers() == 0, published.toString());
            HubConfig config = new HubConfig();
            check(config.heartbeatMs == 15_000 && config.maxConnections == 100_000, "the defaults");
            config.maxConnections = HubConfig.ZERO;
            SsecastException named = failure(() -> new Hub(config));
            check(named.field.equals("maxConnections") && named.getMessage().startsWith("maxConnections "), named.getMessage());
            config.maxConnections = 0;
            config.maxEventBytes = 100;
            try (Hub small = new Hub(config); Listener first = small.listen("127.0.0.1:0", request -> null)) {
                String message = failure(() -> small.publish("ticks", new Event("x".repeat(200)))).getMessage();
                check(message.contains("maxEventBytes allows 100"), message);
                SsecastException taken = failure(() -> small.listen("127.0.0.1:" + first.port(), request -> null));
                check(taken.errno != 0 && taken.field.equals("address"), taken.errno + " " + taken.getMessage());
            }
        }
    }

    private static void whatDoesNotGetIsRefused(Server server) throws Exception {
        try (Hub hub = new Hub(); Endpoint endpoint = server.start(hub)) {
            check(status("POST", endpoint, "/") == 405 && hub.connections() == 0, "it is refused");
        }
    }

    private static int status(String method, Endpoint endpoint, String path, String... headers) throws Exception {
        URI address = URI.create("http://127.0.0.1:" + endpoint.port() + path);
        HttpRequest.Builder request = HttpRequest.newBuilder(address).method(method, HttpRequest.BodyPublishers.noBody());
        if (headers.length > 0) request.headers(headers);
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    }

    static SsecastException failure(Runnable call) {
        try {
            call.run();
        } catch (SsecastException failure) {
            return failure;
        }
        throw new AssertionError("it did not fail");
    }

    static void eventually(String what, BooleanSupplier condition) throws InterruptedException {
        for (long began = System.nanoTime(); !condition.getAsBoolean(); Thread.sleep(1)) {
            check(System.nanoTime() - began < PATIENCE.toNanos(), "it did not come about that " + what);
        }
    }

    static void check(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    public static void main(String[] arguments) throws Exception {
        for (boolean listens : new boolean[] {true, false}) {
            Server server = listens ? SsecastTest::listener : SsecastTest::httpServer;
            String by = listens ? ", by the listener" : ", by the JDK's HTTP server";
            everyClientGetsEveryEventInOrder(server);
            System.out.println("ok every client gets every event in order" + by);
            aClientComesBackWithItsIdAndMissesNothing(server);
            System.out.println("ok a client comes back with its id and misses nothing" + by);
            aClientThatLeavesIsNoticed(server);
            System.out.println("ok a client that leaves is noticed" + by);
            endingTheHubEndsEveryStreamAndRefusesTheNext(server);
            System.out.println("ok ending the hub ends every stream and refuses the next" + by);
            aClientWhoseStreamWasFinishedIsAnswered204(server);
            System.out.println("ok a client whose stream was finished is answered 204" + by);
            anEventSourceThatIsRefusedComesBack(server);
            System.out.println("ok an EventSource that is refused comes back" + by);
            aTopicThatEndsEndsItsStreams(server);
            System.out.println("ok a topic that ends ends its streams" + by);
            whatDoesNotGetIsRefused(server);
            System.out.println("ok what does not get is refused" + by);
        }
        aNewClientBeginsWithHistory();
        System.out.println("ok a new client begins with history");
        aProducerIsToldWhenItsTopicIsUnread();
        System.out.println("ok a producer is told when its topic is unread");
        aRouteDecides();
        System.out.println("ok a route decides");
        aListenerWhoseObjectIsNotKeptGoesOn();
        System.out.println("ok a listener whose object is not kept goes on");
        closingBesideOtherCallsBreaksNone();
        System.out.println("ok closing beside other calls breaks none");
        aSubscriptionThatWaitsEndsWhenItIsClosed();
        System.out.println("ok a subscription that waits ends when it is closed");
        aSubscriptionSaysWhyItEnded();
        System.out.println("ok a subscription says why it ended");
        aSubscriptionIsFinishedForGood();
        System.out.println("ok a subscription is finished for good");
        whatIsClosedRefusesEveryCall();
        System.out.println("ok what is closed refuses every call");
        whatIsWrongIsNamed();
        System.out.println("ok what is wrong is named");
        System.exit(0);
    }
}
