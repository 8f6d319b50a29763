package example;

import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import ssecast.Event;
import ssecast.Hub;

/** {@code Main mvc} or {@code Main webflux}: every client of http://127.0.0.1:3000/stream gets the seconds since it started. */
public final class Main {
    @Configuration(proxyBeanMethods = false)
    public static class Topics {
        @Bean(destroyMethod = "close")
        Hub hub() {
            return new Hub();
        }
    }

    public static ConfigurableApplicationContext start(String kind, int port) {
        boolean reactive = kind.equals("webflux");
        return new SpringApplicationBuilder(Topics.class, reactive ? WebFlux.class : Mvc.class)
            .web(reactive ? WebApplicationType.REACTIVE : WebApplicationType.SERVLET)
            .properties("server.port=" + port, "server.address=127.0.0.1", "server.tomcat.max-connections=20000",
                "spring.main.banner-mode=off", "logging.level.root=error")
            .run();
    }

    public static void main(String[] arguments) throws InterruptedException {
        Hub hub = start(arguments.length > 0 ? arguments[0] : "mvc", 3000).getBean(Hub.class);
        for (int now = 0; ; now++) {
            hub.publish("ticks", new Event(String.valueOf(now), "tick"));
            Thread.sleep(1000);
        }
    }
}
