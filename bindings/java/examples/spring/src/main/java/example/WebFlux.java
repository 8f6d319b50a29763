package example;

import java.util.List;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import reactor.adapter.JdkFlowAdapter;
import reactor.core.publisher.Mono;
import ssecast.Hub;

/** Streams from Spring WebFlux: its connections ask for the next batch when they can take it. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class WebFlux {
    @RestController
    static class Streams {
        private final Hub hub;

        Streams(Hub hub) {
            this.hub = hub;
        }

        @GetMapping({"/", "/stream"})
        Mono<Void> stream(@RequestHeader(name = "Last-Event-ID", required = false) String lastEventId, ServerHttpResponse response) {
            response.getHeaders().setContentType(MediaType.TEXT_EVENT_STREAM);
            response.getHeaders().set(HttpHeaders.CACHE_CONTROL, "no-cache, no-transform");
            return response.writeAndFlushWith(JdkFlowAdapter.flowPublisherToFlux(hub.publisher(List.of("ticks"), lastEventId, 0))
                .map(bytes -> Mono.just(response.bufferFactory().wrap(bytes))));
        }
    }
}
