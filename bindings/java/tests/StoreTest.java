import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import ssecast.Event;
import ssecast.Hub;
import ssecast.HubConfig;
import ssecast.Listener;
import ssecast.SsecastException;
import ssecast.StoreState;

/** Hubs on one store, in this process and in another. A test that fails ends the program. */
public final class StoreTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private static Hub hub(String store) {
        HubConfig config = new HubConfig().store(store);
        config.threads = 1;
        return new Hub(config);
    }

    private static Listener listener(Hub hub) {
        return hub.listen("127.0.0.1:0", request -> List.of("ticks"));
    }

    private static void threadsPublishThroughAStoreWhileOthersRead(String store) throws Exception {
        int clients = 8, publishers = 4, events = 50;
        ExecutorService threads = Executors.newCachedThreadPool();
        try (Hub one = hub(store); Hub other = hub(store); Listener first = listener(one); Listener second = listener(other)) {
            List<Future<List<String>>> readers = new ArrayList<>();
            for (int at = 0; at < clients; at++) {
                var client = new SsecastTest.Client((at % 2 == 0 ? first : second).port(), "/", null);
                readers.add(threads.submit(() -> {
                    List<String> seen = new ArrayList<>();
                    while (seen.size() < publishers * events) seen.add(client.data());
                    return seen;
                }));
            }
            for (int at = 0; at < publishers; at++) {
                int publisher = at;
                threads.submit(() -> {
                    for (int event = 0; event < events; event++) {
                        (publisher % 2 == 0 ? one : other).publish("ticks", new Event(publisher + "-" + event));
                    }
                });
            }
            List<String> seen = readers.get(0).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            for (Future<List<String>> reader : readers) {
                SsecastTest.check(reader.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).equals(seen), "all see one order");
            }
            int[] next = new int[publishers];
            for (String data : seen) {
                int publisher = Integer.parseInt(data.substring(0, 1));
                SsecastTest.check(data.equals(publisher + "-" + next[publisher]++), data + " comes in its order");
            }
            SsecastTest.check(one.store() == StoreState.READY, "the store works");
        } finally {
            threads.shutdownNow();
        }
    }

    private static void aClientComesBackToAnotherHubOfTheStore(String store) throws Exception {
        try (Hub one = hub(store); Hub other = hub(store); Listener listener = listener(other)) {
            String id = one.publish("ticks", new Event("seen")).id();
            one.publish("ticks", new Event("missed"));
            try (var client = new SsecastTest.Client(listener.port(), "/", id)) {
                one.publish("ticks", new Event("live"));
                client.expect("missed");
                client.expect("live");
            }
        }
    }

    /** Publishes until it is ended. */
    private static void publishForever(String store) {
        try (Hub hub = hub(store)) {
            for (int event = 0; ; event++) {
                hub.publish("ticks", new Event(String.valueOf(event)));
                if (event == 0) System.out.println("publishing");
            }
        }
    }

    private static void signal(Process process, String name) throws Exception {
        SsecastTest.check(new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor() == 0, "it is told");
    }

    private static void closingBesideAPublicationThatWaitsEndsBoth(String store) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        Process process = new ProcessBuilder(
            ProcessHandle.current().info().command().orElseThrow(), "-Djna.library.path=" + System.getProperty("jna.library.path"),
            "-cp", System.getProperty("java.class.path"), "StoreTest", store).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            Hub hub = hub(store);
            SsecastTest.check(process.inputReader().readLine().equals("publishing"), "the other process publishes");
            HubConfig config = new HubConfig().store(store);
            config.publishTimeoutMs = 50;
            try (Hub impatient = new Hub(config)) {
                // It is stopped at random, until it had the store.
                for (SsecastException late = null; late == null; ) {
                    signal(process, "CONT");
                    signal(process, "STOP");
                    try {
                        impatient.publish("ticks", new Event("0"));
                    } catch (SsecastException exception) {
                        late = exception;
                        SsecastTest.check(late.code.equals("SSECAST_STORE_TIMED_OUT") && late.field.equals("store"), late.getMessage());
                    }
                }
                SsecastTest.check(impatient.store() == StoreState.DEGRADED, "the store can't be used");
            }
            Future<SsecastException> waiting = threads.submit(() -> SsecastTest.failure(() -> hub.publish("ticks", new Event("1"))));
            long began = System.nanoTime();
            hub.close();
            SsecastException late = waiting.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            // Which of them was first is open.
            SsecastTest.check(List.of("SSECAST_STORE_TIMED_OUT", "SSECAST_CLOSED").contains(late.code), late.getMessage());
            SsecastTest.check(System.nanoTime() - began < PATIENCE.toNanos(), "neither waits for long");
        } finally {
            process.destroyForcibly().waitFor();
            threads.shutdownNow();
        }
    }

    private static void aStoreIsNamedByItsText(String store) throws IOException {
        SsecastException refused = SsecastTest.failure(() -> hub("events"));
        SsecastTest.check(refused.code.equals("SSECAST_INVALID_OPTION") && refused.field.equals("store"), refused.getMessage());
        Files.createFile(Path.of(store.substring("file:".length())));
        try (Hub hub = hub(store); Hub memory = new Hub()) {
            SsecastTest.check(memory.store() == StoreState.NONE, "it has no store");
            SsecastTest.check(hub.store() == StoreState.UNOPENED, "nothing is opened yet");
            refused = SsecastTest.failure(() -> hub.publish("ticks", new Event("1")));
            SsecastTest.check(refused.code.equals("SSECAST_STORE_FORMAT"), refused.getMessage());
            SsecastTest.check(hub.store() == StoreState.DEGRADED, "it can't be used");
        }
    }

    interface Test {
        void run(String store) throws Exception;
    }

    private static void test(String name, Test test) throws Exception {
        Path folder = Files.createTempDirectory("ssecast-store-");
        try {
            test.run("file:" + folder.resolve("events"));
        } finally {
            // A thread that lets go of the store may remove a file of its own meanwhile.
            SsecastTest.eventually("the folder is gone", () -> {
                try (Stream<Path> inside = Files.walk(folder)) {
                    inside.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
                } catch (IOException | UncheckedIOException meanwhile) {
                    return false;
                }
                return !Files.exists(folder);
            });
        }
        System.out.println("ok " + name);
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) publishForever(arguments[0]);
        test("threads publish through a store while others read", StoreTest::threadsPublishThroughAStoreWhileOthersRead);
        test("a client comes back to another hub of the store", StoreTest::aClientComesBackToAnotherHubOfTheStore);
        test("closing beside a publication that waits ends both", StoreTest::closingBesideAPublicationThatWaitsEndsBoth);
        test("a store is named by its text", StoreTest::aStoreIsNamedByItsText);
        System.exit(0);
    }
}
