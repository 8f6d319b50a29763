package ssecast;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A hub's topics as a publisher of the bytes of streams: each subscriber has a stream of its own. */
record StreamPublisher(Hub hub, List<String> topics, String lastEventId, long replay) implements Flow.Publisher<ByteBuffer> {
    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
        Subscription source;
        try {
            source = hub.subscribe(topics, lastEventId, replay);
        } catch (SsecastException refused) {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long count) {}

                @Override
                public void cancel() {}
            });
            subscriber.onError(refused);
            return;
        }
        Delivery delivery = new Delivery(subscriber, source);
        subscriber.onSubscribe(delivery);
        source.onReady(delivery::deliver);
        delivery.deliver();
    }

    /** Gives a subscriber so many batches as it has asked for. What it has not asked for waits in the hub's history. */
    private static final class Delivery implements Flow.Subscription {
        private final Flow.Subscriber<? super ByteBuffer> subscriber;
        private final Subscription source;
        private final AtomicLong demand = new AtomicLong();
        // Signals come one after another: who finds it above zero leaves the work to the one who is at it.
        private final AtomicInteger work = new AtomicInteger();
        private final AtomicBoolean ended = new AtomicBoolean();

        Delivery(Flow.Subscriber<? super ByteBuffer> subscriber, Subscription source) {
            this.subscriber = subscriber;
            this.source = source;
        }

        @Override
        public void request(long count) {
            if (count <= 0) {
                if (end()) subscriber.onError(new IllegalArgumentException("request must be for one or more, not " + count));
                return;
            }
            demand.accumulateAndGet(count, (had, more) -> had + more < 0 ? Long.MAX_VALUE : had + more);
            deliver();
        }

        @Override
        public void cancel() {
            end();
        }

        /** Ends the stream, once. */
        private boolean end() {
            boolean first = ended.compareAndSet(false, true);
            if (first) source.close();
            return first;
        }

        void deliver() {
            if (work.getAndIncrement() != 0) return;
            int seen = 1;
            do {
                try {
                    while (demand.get() > 0 && !ended.get()) {
                        byte[] bytes = source.poll();
                        if (bytes == null) {
                            finish();
                            break;
                        }
                        demand.updateAndGet(left -> left == Long.MAX_VALUE ? left : left - 1);
                        subscriber.onNext(ByteBuffer.wrap(bytes));
                    }
                } catch (RuntimeException defect) {
                    // A subscriber must not throw; its stream ends with it.
                    if (end()) subscriber.onError(defect);
                }
                seen = work.addAndGet(-seen);
            } while (seen != 0);
        }

        private void finish() {
            if (!source.isOver() || ended.get()) return;
            Reason reason = source.reason();
            if (!end()) return;
            if (reason == Reason.LAGGED || reason == Reason.ERROR) {
                subscriber.onError(SsecastException.of("SSECAST_ENDED", Library.ENDED, "subscription", "ended: " + reason));
            } else {
                subscriber.onComplete();
            }
        }
    }
}
