package example;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;

/**
 * Writes a publisher of bytes to the response of a servlet, without a thread: it asks for the next batch when the container can take it.
 * The container's writer and the publisher's thread take turns under one lock.
 */
final class ServletStream implements WriteListener, Flow.Subscriber<ByteBuffer>, AsyncListener {
    private final AsyncContext async;
    private final ServletOutputStream out;
    private Flow.Subscription source;
    private boolean asked, flushing, ended;

    private ServletStream(AsyncContext async, ServletOutputStream out) {
        this.async = async;
        this.out = out;
    }

    static void start(HttpServletRequest request, HttpServletResponse response, Flow.Publisher<ByteBuffer> publisher) throws IOException {
        response.setContentType("text/event-stream;charset=utf-8");
        response.setHeader("Cache-Control", "no-cache, no-transform");
        response.setHeader("X-Accel-Buffering", "no");
        AsyncContext async = request.startAsync();
        async.setTimeout(0);
        ServletStream stream = new ServletStream(async, response.getOutputStream());
        async.addListener(stream);
        publisher.subscribe(stream);
        stream.out.setWriteListener(stream);
    }

    @Override
    public synchronized void onSubscribe(Flow.Subscription given) {
        source = given;
    }

    @Override
    public void onWritePossible() throws IOException {
        proceed();
    }

    /** Flushes what was written, and then asks for more, as far as the container can take it. */
    private void proceed() throws IOException {
        synchronized (this) {
            if (ended || asked || !out.isReady()) return;
            if (flushing) {
                flushing = false;
                out.flush();
                if (!out.isReady()) return;
            }
            asked = true;
        }
        source.request(1);
    }

    @Override
    public void onNext(ByteBuffer bytes) {
        try {
            synchronized (this) {
                if (ended) return;
                asked = false;
                flushing = true;
                out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
            }
            proceed();
        } catch (IOException | IllegalStateException gone) {
            end();
        }
    }

    @Override
    public void onError(Throwable why) {
        end();
    }

    @Override
    public void onComplete() {
        end();
    }

    private void end() {
        synchronized (this) {
            if (ended) return;
            ended = true;
        }
        source.cancel();
        async.complete();
    }

    @Override
    public void onError(AsyncEvent event) {
        end();
    }

    @Override
    public void onTimeout(AsyncEvent event) {
        end();
    }

    @Override
    public void onComplete(AsyncEvent event) {
        synchronized (this) {
            ended = true;
        }
        source.cancel();
    }

    @Override
    public void onStartAsync(AsyncEvent event) {}
}
