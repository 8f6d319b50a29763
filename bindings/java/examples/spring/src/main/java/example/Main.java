package example;

import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import ssecast.Event;
import ssecast.Hub;

/** {@code Main mvc} or {@code Main webflux}: every client of http://127.0.0.1:3000/stream gets the seconds since it started. */
public final class Main {
    public static ConfigurableApplicationContext start(String kind, int port, Hub hub) {
        boolean reactive = kind.equals("webflux");
        return new SpringApplicationBuilder(reactive ? WebFlux.class : Mvc.class)
            .initializers(context -> ((GenericApplicationContext) context).registerBean(Hub.class, () -> hub))
            .web(reactive ? WebApplicationType.REACTIVE : WebApplicationType.SERVLET)
            .properties("server.port=" + port, "server.address=127.0.0.1", "server.tomcat.max-connections=20000",
                "spring.main.banner-mode=off", "logging.level.root=error")
            .run();
    }

    public static void main(String[] arguments) throws InterruptedException {
        Hub hub = new Hub();
        start(arguments.length > 0 ? arguments[0] : "mvc", 3000, hub);
        for (int now = 0; ; now++) {
            hub.publish("ticks", new Event(String.valueOf(now), "tick"));
            Thread.sleep(1000);
        }
    }
}
