import example.Main;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;
import ssecast.Event;
import ssecast.Hub;
import ssecast.HubConfig;

/**
 * A server of {@code make bench-native}: {@code listener}, {@code webflux}, {@code mvc} or {@code emitter}. It does what servers/server.mjs
 * says: commands come on standard input, answers are lines of JSON.
 */
public final class Bench {
    /** A server may be so many events ahead of its slowest client, as far as it knows; then it waits. */
    private static final int AHEAD = 16;

    private interface Server {
        int port();

        void publish(String data);

        long count();

        /** How many events each client was given, as a mean of all. */
        long delivered();
    }

    /** A server whose streams are a hub's. */
    private record Streams(Hub hub, int port) implements Server {
        @Override
        public void publish(String data) {
            hub.publish("ticks", new Event(data));
        }

        @Override
        public long count() {
            return hub.connections();
        }

        @Override
        public long delivered() {
            return hub.delivered() / Math.max(1, hub.connections());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @Import(Controller.class)
    public static class Emitters {}

    /** What people write by hand: a set of emitters, and a loop that sends to each. */
    @RestController
    public static class Controller {
        final Set<SseEmitter> emitters = ConcurrentHashMap.newKeySet();

        @GetMapping("/")
        SseEmitter stream() throws IOException {
            SseEmitter emitter = new SseEmitter(0L);
            // The head goes out with the first event.
            emitter.send(SseEmitter.event().comment("connected"));
            emitter.onCompletion(() -> emitters.remove(emitter));
            emitter.onError(gone -> emitters.remove(emitter));
            emitters.add(emitter);
            return emitter;
        }
    }

    /** It waits for each of its clients by itself. */
    private record Emitting(Controller controller, int port, AtomicLong sent) implements Server {
        @Override
        public void publish(String data) {
            sent.incrementAndGet();
            for (SseEmitter emitter : controller.emitters) {
                try {
                    emitter.send(SseEmitter.event().data(data));
                } catch (IOException | IllegalStateException gone) {
                    controller.emitters.remove(emitter);
                }
            }
        }

        @Override
        public long count() {
            return controller.emitters.size();
        }

        @Override
        public long delivered() {
            return sent.get();
        }
    }

    private static int port(ConfigurableApplicationContext context) {
        return ((WebServerApplicationContext) context).getWebServer().getPort();
    }

    private static Server start(String name) {
        HubConfig config = new HubConfig();
        // More than while the system's buffers are uneven.
        config.slowClientBytes = 32 << 20;
        Hub hub = new Hub(config);
        switch (name) {
            case "listener":
                return new Streams(hub, hub.listen("127.0.0.1:0", request -> List.of("ticks")).port());
            case "emitter":
                ConfigurableApplicationContext emitting = new SpringApplicationBuilder(Emitters.class).web(WebApplicationType.SERVLET)
                    .properties(Map.of("server.port", "0", "server.tomcat.max-connections", "20000", "spring.main.banner-mode", "off",
                        "logging.level.root", "error")).run();
                return new Emitting(emitting.getBean(Controller.class), port(emitting), new AtomicLong());
            default:
                return new Streams(hub, port(Main.start(name, 0, hub)));
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        // Spring's words are for people.
        System.setOut(System.err);
        Server server = start(arguments[0]);
        answers.println("{\"port\":" + server.port() + "}");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "publish" -> publish(answers, server, Integer.parseInt(words[1]), Double.parseDouble(words[2]), Long.parseLong(words[3]));
                case "count" -> answers.println("{\"count\":" + server.count() + "}");
                default -> {
                    System.gc();
                    answers.println("{}");
                }
            }
        }
        System.exit(0);
    }

    private static void publish(PrintStream answers, Server server, int bytes, double rate, long milliseconds) throws InterruptedException {
        long[] calls = new long[1 << 22];
        long began = System.nanoTime(), before = server.delivered();
        int published = 0;
        for (long elapsed = 0; elapsed < milliseconds * 1_000_000 && published < calls.length; elapsed = System.nanoTime() - began) {
            if (rate > 0) {
                long due = (long) (published * 1e9 / rate) - elapsed;
                if (due > 0) Thread.sleep(due / 1_000_000, (int) (due % 1_000_000));
            } else if (published % AHEAD == 0 && published - (server.delivered() - before) > AHEAD) {
                Thread.sleep(1);
                continue;
            }
            // With the marker that the load client looks for: see load/src/marker.rs.
            String data = "@%010d %019d".formatted(published, System.nanoTime());
            data += "x".repeat(Math.max(0, bytes - data.length()));
            long called = System.nanoTime();
            server.publish(data);
            calls[published++] = System.nanoTime() - called;
        }
        long[] sorted = Arrays.copyOf(calls, published);
        Arrays.sort(sorted);
        answers.printf("{\"published\":%d,\"blockedMeanNs\":%d,\"blockedP99Ns\":%d}%n",
            published, Arrays.stream(sorted).sum() / published, sorted[published * 99 / 100]);
    }
}
