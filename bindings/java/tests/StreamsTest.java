import com.sun.jna.Callback;
import com.sun.jna.Native;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import ssecast.Answer;
import ssecast.Event;
import ssecast.Hub;
import ssecast.HubConfig;
import ssecast.Listener;
import ssecast.ListenerConfig;
import ssecast.Reason;
import ssecast.SsecastException;
import ssecast.Stream;
import ssecast.Subscription;

/** Publishers, and what a listener's route says of a stream. A test that fails ends the program. */
public final class StreamsTest {
    private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** A subscriber that keeps what it gets. */
    private static final class Reader implements Flow.Subscriber<ByteBuffer> {
        final StringBuffer text = new StringBuffer();
        final AtomicInteger batches = new AtomicInteger();
        volatile Flow.Subscription subscription;
        volatile Throwable error;
        volatile boolean complete;
        private final long first;

        Reader(long first) {
            this.first = first;
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
            if (first > 0) given.request(first);
        }

        @Override
        public void onNext(ByteBuffer bytes) {
            text.append(StandardCharsets.UTF_8.decode(bytes));
            batches.incrementAndGet();
        }

        @Override
        public void onError(Throwable why) {
            error = why;
        }

        @Override
        public void onComplete() {
            complete = true;
        }
    }

    private static Hub quiet() {
        HubConfig config = new HubConfig();
        config.retryMs = HubConfig.OFF;
        return new Hub(config);
    }

    private static void manySubscribersHaveOneThreadAndMissNothing() throws Exception {
        try (Hub hub = new Hub()) {
            Flow.Publisher<ByteBuffer> publisher = hub.publisher(List.of("ticks"), null, 0);
            List<Reader> readers = new ArrayList<>();
            int threads = Thread.activeCount();
            for (int at = 0; at < 100; at++) {
                Reader reader = new Reader(Long.MAX_VALUE);
                publisher.subscribe(reader);
                readers.add(reader);
            }
            SsecastTest.check(Thread.activeCount() <= threads + 1, "one thread waits for all of them");
            for (int at = 0; at < 500; at++) hub.publish("ticks", new Event("n" + at));
            for (Reader reader : readers) {
                SsecastTest.eventually("all have come", () -> reader.text.indexOf("data: n499\n\n") >= 0);
                for (int at = 0, from = 0; at < 500; at++) {
                    from = reader.text.indexOf("data: n" + at + "\n\n", from);
                    SsecastTest.check(from >= 0, "n" + at + " is there, in its order");
                }
            }
            hub.end(1000);
            for (Reader reader : readers) SsecastTest.eventually("its end", () -> reader.complete);
            SsecastTest.check(hub.awaitEnd(1000), "nothing is left");
        }
    }

    private static void aSubscriberGetsNoMoreThanItAsksFor() throws Exception {
        try (Hub hub = quiet()) {
            Reader reader = new Reader(0);
            hub.publisher(List.of("ticks"), null, 0).subscribe(reader);
            for (int at = 0; at < 10; at++) hub.publish("ticks", new Event("n" + at));
            reader.subscription.request(1);
            SsecastTest.eventually("the first", () -> reader.batches.get() == 1);
            hub.publish("ticks", new Event("later"));
            Thread.sleep(20);
            SsecastTest.check(reader.batches.get() == 1, "it has not asked for the second");
            reader.subscription.request(10);
            SsecastTest.eventually("the rest", () -> reader.text.indexOf("data: later\n") > reader.text.indexOf("data: n9\n"));
            reader.subscription.cancel();
            SsecastTest.eventually("it is gone", () -> hub.connections() == 0);
            reader.subscription.request(1);
            SsecastTest.check(reader.error == null && !reader.complete, "it is told nothing after that");
            Reader wrong = new Reader(0);
            hub.publisher(List.of(), null, 0).subscribe(wrong);
            wrong.subscription.request(0);
            SsecastTest.check(wrong.error instanceof IllegalArgumentException, "what it asks for is an error");
        }
    }

    private static void aSubscriberIsToldWhyThereIsNoStream() throws Exception {
        Hub hub = new Hub();
        hub.publish("answer", new Event("all of it"));
        hub.endTopic("answer");
        Reader finite = new Reader(Long.MAX_VALUE), none = new Reader(1), late = new Reader(1);
        hub.publisher(List.of("answer"), null, Hub.REPLAY_ALL).subscribe(finite);
        SsecastTest.eventually("the end of the topic", () -> finite.complete);
        SsecastTest.check(finite.text.indexOf("data: all of it\n\n") >= 0, finite.text.toString());
        hub.publisher(List.of(""), null, 0).subscribe(none);
        SsecastTest.check(none.error instanceof SsecastException wrong && wrong.code.equals("SSECAST_INVALID_TOPIC"), "" + none.error);
        hub.close();
        hub.publisher(List.of("ticks"), null, 0).subscribe(late);
        SsecastTest.check(late.error instanceof SsecastException closed && closed.code.equals("SSECAST_CLOSED"), "" + late.error);
    }

    private static void aSubscriptionIsSentToAndChangedAlone() {
        try (Hub hub = quiet(); Subscription subscription = hub.subscribe(List.of("ticks"), null)) {
            SsecastTest.check(subscription.send(new Event("alone")), "it is sent");
            SsecastTest.check(subscription.changeTopics(List.of("news"), List.of("ticks")), "it is changed");
            hub.publish("ticks", new Event("not for it"));
            hub.publish("news", new Event("for it"));
            SsecastTest.check(subscription.end() && !subscription.end() && !subscription.send(new Event("late")), "it ends once");
            StringBuilder text = new StringBuilder();
            for (byte[] bytes = subscription.next(); bytes != null; bytes = subscription.next()) text.append(new String(bytes, StandardCharsets.UTF_8));
            SsecastTest.check(text.indexOf("data: alone\n") >= 0 && text.indexOf("data: for it\n") >= 0, text.toString());
            SsecastTest.check(subscription.pendingBytes() == 0, "all of it is taken");
            SsecastTest.check(text.indexOf("not for it") < 0 && subscription.isOver() && subscription.poll() == null, text.toString());
        }
    }

    private static void aThreadThatIsInterruptedWaitsNoMore() throws Exception {
        try (Hub hub = quiet(); Subscription subscription = hub.subscribe(List.of(), null)) {
            Thread waiting = new Thread(() -> SsecastTest.check(
                subscription.next() == null && Thread.currentThread().isInterrupted(), "it is told so"));
            waiting.start();
            waiting.interrupt();
            waiting.join();
            SsecastTest.check(!subscription.isOver(), "the stream goes on");
        }
    }

    private static HttpResponse<java.util.stream.Stream<String>> get(int port, String path, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
        if (headers.length > 0) request.headers(headers);
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofLines());
    }

    private static void aRouteSaysWhatIsAnsweredAndWhoAClientIs() throws Exception {
        Map<String, Stream> streams = new ConcurrentHashMap<>();
        Map<String, Reason> ended = new ConcurrentHashMap<>();
        ListenerConfig config = new ListenerConfig().path("/stream").header("X-From", "listener")
            .corsOrigins("https://app.example").corsCredentials(true);
        try (Hub hub = new Hub(); Listener listener = hub.listen(config, request -> {
            String user = request.query("user");
            if (user == null) return Answer.refuse(401).header("WWW-Authenticate", "Bearer").body("Sign in first.");
            if (user.equals("guest")) return Answer.refuse(302).header("Location", "/sign-in");
            if (user.equals("nobody")) return null;
            return Answer.allow("ticks").header("Set-Cookie", "user=" + user).replay(Hub.REPLAY_ALL)
                .onOpen(stream -> streams.put(user, stream)).onClose(reason -> ended.put(user, reason));
        })) {
            hub.publish("ticks", new Event("before"));
            HttpResponse<java.util.stream.Stream<String>> refused = get(listener.port(), "/stream", "Origin", "https://app.example");
            SsecastTest.check(refused.statusCode() == 401 && refused.body().toList().equals(List.of("Sign in first.")), "" + refused);
            SsecastTest.check(refused.headers().firstValue("www-authenticate").orElse("").equals("Bearer"), "" + refused.headers());
            SsecastTest.check(refused.headers().firstValue("access-control-allow-origin").orElse("").equals("https://app.example")
                && refused.headers().firstValue("access-control-allow-credentials").orElse("").equals("true"), "" + refused.headers());
            SsecastTest.check(get(listener.port(), "/stream?user=guest").statusCode() == 302, "it is redirected");
            SsecastTest.check(get(listener.port(), "/stream?user=nobody").statusCode() == 403, "it is forbidden");
            SsecastTest.check(get(listener.port(), "/elsewhere").statusCode() == 404, "there is one path");

            HttpResponse<java.util.stream.Stream<String>> ann = get(listener.port(), "/stream?user=ann");
            SsecastTest.check(ann.headers().firstValue("set-cookie").orElse("").equals("user=ann")
                && ann.headers().firstValue("x-from").orElse("").equals("listener"), "" + ann.headers());
            SsecastTest.eventually("ann is there", () -> streams.containsKey("ann"));
            get(listener.port(), "/stream?user=bob");
            SsecastTest.eventually("bob is there", () -> streams.containsKey("bob"));
            Stream stream = streams.get("ann");
            SsecastTest.check(stream.id() != streams.get("bob").id(), "each has an id of its own");
            SsecastTest.check(stream.send(new Event("alone")) && stream.changeTopics(List.of("news"), List.of("ticks")), "it is sent to");
            hub.publish("ticks", new Event("not for ann"));
            hub.publish("news", new Event("last"));
            stream.pendingBytes();
            SsecastTest.check(stream.finish() && !stream.end() && !stream.send(new Event("late")), "it is finished once");
            List<String> lines = ann.body().filter(line -> line.startsWith("data: ")).toList();
            SsecastTest.check(lines.equals(List.of("data: before", "data: alone", "data: last")), "" + lines);
            SsecastTest.eventually("ann has ended", () -> ended.get("ann") == Reason.SERVER);
            SsecastTest.check(streams.get("bob").disconnect(), "bob is thrown out");
            SsecastTest.eventually("bob has ended", () -> ended.get("bob") == Reason.SERVER);
        }
    }

    private static String answered(int port, String method, String path, String origin) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).headers("Origin", origin)
            .headers("Access-Control-Request-Method", "GET").method(method, HttpRequest.BodyPublishers.noBody()).build();
        HttpResponse<java.util.stream.Stream<String>> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofLines());
        answer.body().close();
        return answer.statusCode() + " " + answer.headers().firstValue("access-control-allow-origin").orElse("");
    }

    /** A value as {@code bindings/c/tests/vectors.py} writes it; null if it is left out. */
    private static String value(ByteBuffer vectors) {
        StringBuilder length = new StringBuilder();
        for (char next = (char) vectors.get(); next != ':'; next = (char) vectors.get()) length.append(next);
        if (length.toString().equals("-")) return null;
        byte[] bytes = new byte[Integer.parseInt(length.toString())];
        vectors.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static void aRefusalIsSentOrNamesTheFieldThatCanNotBe(String file) throws Exception {
        AtomicReference<Answer> refusal = new AtomicReference<>();
        AtomicReference<Throwable> defect = new AtomicReference<>();
        Callback.UncaughtExceptionHandler handler = Native.getCallbackExceptionHandler();
        Native.setCallbackExceptionHandler((callback, thrown) -> defect.set(thrown));
        ByteBuffer vectors = ByteBuffer.wrap(Files.readAllBytes(Path.of(file)));
        int count = 0;
        try (Hub hub = new Hub(); Listener listener = hub.listen(new ListenerConfig().corsOrigins("*"), request -> refusal.get())) {
            for (; value(vectors).equals("refusal"); count++) {
                String name = value(vectors);
                int status = Integer.parseInt(value(vectors));
                Answer answer = Answer.refuse(status);
                for (int headers = Integer.parseInt(value(vectors)); headers > 0; headers--) {
                    String header = value(vectors);
                    answer.header(header, value(vectors));
                }
                String body = value(vectors), field = value(vectors);
                if (body != null) answer.body(body);
                refusal.set(answer);
                String answered = answered(listener.port(), "GET", "/", "https://app.example");
                SsecastTest.check(answered.equals((field == null ? status : 500) + " *"), name + ": " + answered);
                if (field == null) continue;
                // It is told after the answer: by a thread of the library.
                SsecastTest.eventually(name, () -> defect.get() != null);
                Throwable thrown = defect.getAndSet(null);
                SsecastTest.check(thrown instanceof SsecastException wrong && wrong.field.equals(field), name + ": " + thrown);
            }
        } finally {
            Native.setCallbackExceptionHandler(handler);
        }
        SsecastTest.check(count > 20, count + " vectors");
    }

    private static void aFunctionDecidesOnOriginsAndRefusesWhenItThrows() throws Exception {
        List<Throwable> defects = new CopyOnWriteArrayList<>();
        Callback.UncaughtExceptionHandler handler = Native.getCallbackExceptionHandler();
        Native.setCallbackExceptionHandler((callback, defect) -> defects.add(defect));
        IllegalStateException thrown = new IllegalStateException("a defect of the program");
        ListenerConfig config = new ListenerConfig().corsCredentials(true).corsAllows((origin, request) -> {
            if (request.path().equals("/throw")) throw thrown;
            return origin.equals("https://app.example");
        });
        try (Hub hub = new Hub(); Listener listener = hub.listen(
            config, request -> request.path().equals("/private") ? Answer.refuse(403) : Answer.allow("ticks"))) {
            for (String[] asked : new String[][] {
                {"GET", "/", "200 "}, {"GET", "/private", "403 "}, {"OPTIONS", "/", "204 "}, {"DELETE", "/", "405 "}}) {
                String allowed = answered(listener.port(), asked[0], asked[1], "https://app.example");
                String other = answered(listener.port(), asked[0], asked[1], "https://other.example");
                SsecastTest.check(allowed.equals(asked[2] + "https://app.example") && other.equals(asked[2]), allowed + ", " + other);
            }
            String answer = answered(listener.port(), "GET", "/throw", "https://app.example");
            SsecastTest.check(answer.equals("500 ") && defects.equals(List.of(thrown)), answer + defects);
            SsecastException both =
                SsecastTest.failure(() -> hub.listen(config.corsOrigins("https://app.example"), request -> null));
            SsecastTest.check(both.field.equals("corsOrigins"), both.field);
        } finally {
            Native.setCallbackExceptionHandler(handler);
        }
    }

    private static void whatCanNotBeAnsweredIsADefect() throws Exception {
        try (Hub hub = new Hub()) {
            String problem = SsecastTest.failure(() -> hub.listen(new ListenerConfig().corsOrigins("*").corsCredentials(true), r -> null)).getMessage();
            SsecastTest.check(problem.contains("cors"), problem);
        }
    }

    private static void publishingBesideClosingIsPublishedOrClosed() throws Exception {
        for (int round = 0; round < 50; round++) {
            Hub hub = new Hub();
            List<Throwable> defects = new ArrayList<>();
            List<Thread> threads = new ArrayList<>();
            for (int at = 0; at < 4; at++) {
                Thread thread = new Thread(() -> {
                    try {
                        while (true) hub.publish("ticks", new Event("x"));
                    } catch (SsecastException closed) {
                        if (!closed.code.equals("SSECAST_CLOSED")) throw closed;
                    }
                });
                thread.setUncaughtExceptionHandler((where, defect) -> defects.add(defect));
                thread.start();
                threads.add(thread);
            }
            hub.close();
            for (Thread thread : threads) thread.join();
            SsecastTest.check(defects.isEmpty(), "" + defects);
        }
    }

    private interface Test {
        void run() throws Exception;
    }

    private static void test(String name, Test test) throws Exception {
        test.run();
        System.out.println("ok " + name);
    }

    public static void main(String[] arguments) throws Exception {
        test("many subscribers have one thread, and miss nothing", StreamsTest::manySubscribersHaveOneThreadAndMissNothing);
        test("a subscriber gets no more than it asks for", StreamsTest::aSubscriberGetsNoMoreThanItAsksFor);
        test("a subscriber is told why there is no stream", StreamsTest::aSubscriberIsToldWhyThereIsNoStream);
        test("a subscription is sent to and changed alone", StreamsTest::aSubscriptionIsSentToAndChangedAlone);
        test("a thread that is interrupted waits no more", StreamsTest::aThreadThatIsInterruptedWaitsNoMore);
        test("a route says what is answered, and who a client is", StreamsTest::aRouteSaysWhatIsAnsweredAndWhoAClientIs);
        test("a function decides on origins, and refuses when it throws",
            StreamsTest::aFunctionDecidesOnOriginsAndRefusesWhenItThrows);
        test("a refusal is sent, or names the field that can't be",
            () -> aRefusalIsSentOrNamesTheFieldThatCanNotBe(arguments[0]));
        test("what can't be answered is a defect", StreamsTest::whatCanNotBeAnsweredIsADefect);
        test("publishing beside closing is published or closed", StreamsTest::publishingBesideClosingIsPublishedOrClosed);
        System.exit(0);
    }
}
