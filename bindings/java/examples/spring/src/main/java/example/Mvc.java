package example;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import ssecast.Hub;

/** Streams from Spring MVC: no thread for each, and an event is encoded once for all clients. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class Mvc {
    @RestController
    static class Streams {
        private final Hub hub;

        Streams(Hub hub) {
            this.hub = hub;
        }

        @GetMapping({"/", "/stream"})
        void stream(
            @RequestHeader(name = "Last-Event-ID", required = false) String lastEventId,
            HttpServletRequest request,
            HttpServletResponse response) throws IOException {
            ServletStream.start(request, response, hub.publisher(List.of("ticks"), lastEventId, 0));
        }
    }
}
