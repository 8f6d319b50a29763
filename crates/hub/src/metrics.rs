//! The counters as a scraper reads them. Sixteen families of plain numbers need no registry: a client library would keep a second
//! copy of each counter, and could not say in one moment what they are.

use std::fmt::{self, Write as _};

use crate::hub::Hub;
use crate::reset::ResetReason;
use crate::stats::{Reason, Stats, StoreState};

impl Hub {
    /// Writes the counters as `OpenMetrics` text, which Prometheus scrapes: the body of a response whose `Content-Type` is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`. Every name begins with `ssecast_`, and they are the same in all
    /// languages. There is no label but the reasons of ends and resets, and so there are as many lines however many topics and
    /// clients there are: less than 8 KiB.
    ///
    /// ```
    /// use ssecast_hub::{Config, Event, Hub};
    /// let hub = Hub::new(Config::default())?;
    /// hub.publish("ticks", &Event::data("1"))?;
    /// let text = hub.metrics();
    /// assert!(text.contains("\nssecast_published_events_total 1\n") && text.ends_with("# EOF\n"));
    /// # Ok::<(), ssecast_hub::Error>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::with_capacity(4 << 10);
        // A text takes whatever is written to it.
        let _ = write(&self.stats(), &mut text);
        text
    }
}

fn write(stats: &Stats, out: &mut String) -> fmt::Result {
    for (name, kind, help, value) in [
        ("ssecast_connections", "gauge", "Open connections.", stats.connections),
        ("ssecast_topics", "gauge", "Topics that have subscribers or had events.", stats.topics),
        (
            "ssecast_published_events",
            "counter",
            "Events published, with a store by all processes.",
            stats.published,
        ),
        (
            "ssecast_delivered_events",
            "counter",
            "Events handed over to connections, each counted for each of them.",
            stats.delivered,
        ),
        (
            "ssecast_delivered_bytes",
            "counter",
            "Bytes handed over to connections, without the framing of HTTP.",
            stats.bytes,
        ),
        ("ssecast_history_events", "gauge", "Events in the history of all topics.", stats.history_events),
        ("ssecast_held_bytes", "gauge", "Memory that events cost.", stats.held_bytes),
        (
            "ssecast_lagging_connections",
            "gauge",
            "Connections that something waits for because they did not take it yet.",
            stats.lagging,
        ),
        ("ssecast_lag_bytes", "gauge", "Bytes that wait for the slowest connection.", stats.lag_bytes),
        ("ssecast_backlog_bytes", "gauge", "Bytes that no connection was offered yet.", stats.backlog_bytes),
        (
            "ssecast_refused_requests",
            "counter",
            "Clients that were told that they can have no stream for the moment.",
            stats.refused,
        ),
    ] {
        describe(out, name, kind, help)?;
        let suffix = if kind == "counter" { "_total" } else { "" };
        writeln!(out, "{name}{suffix} {value}")?;
    }
    describe(out, "ssecast_disconnects", "counter", "Connections ended, by reason.")?;
    for reason in Reason::ALL {
        let count = stats.disconnects(reason);
        writeln!(out, "ssecast_disconnects_total{{reason=\"{reason}\"}} {count}")?;
    }
    describe(out, "ssecast_resets", "counter", "Reset events sent, by reason.")?;
    for reason in ResetReason::ALL {
        let count = stats.resets(reason);
        writeln!(out, "ssecast_resets_total{{reason=\"{reason}\"}} {count}")?;
    }
    if let Some(store) = stats.store {
        describe(out, "ssecast_store_state", "stateset", "How the store is.")?;
        for state in [StoreState::Unopened, StoreState::Ready, StoreState::Degraded] {
            let is_so = u8::from(state == store);
            writeln!(out, "ssecast_store_state{{ssecast_store_state=\"{state}\"}} {is_so}")?;
        }
    }
    out.write_str("# EOF\n")
}

/// Writes what describes a metric. The unit of one that has one is the end of its name.
fn describe(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# TYPE {name} {kind}")?;
    if name.ends_with("_bytes") {
        writeln!(out, "# UNIT {name} bytes")?;
    }
    writeln!(out, "# HELP {name} {help}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// What every language's suite compares with, too.
    const FRESH: &str = include_str!("../../../tests/vectors/metrics.txt");

    #[test]
    fn the_metrics_of_a_hub_that_has_done_nothing_are_the_shared_vector() {
        assert_eq!(Hub::new(Config::default()).unwrap().metrics(), FRESH);
    }

    #[test]
    fn the_text_has_a_bound_whatever_the_numbers_are() {
        let most = u64::MAX;
        let stats = Stats {
            connections: most,
            topics: most,
            published: most,
            store: Some(StoreState::Degraded),
            delivered: most,
            bytes: most,
            history_events: most,
            held_bytes: most,
            lagging: most,
            lag_bytes: most,
            backlog_bytes: most,
            refused: most,
            disconnects: [most; Reason::ALL.len()],
            resets: [most; ResetReason::ALL.len()],
        };
        let mut text = String::new();
        write(&stats, &mut text).unwrap();
        assert!(text.len() < 8 << 10, "{}", text.len());
        assert_eq!(text.matches(&most.to_string()).count(), 11 + Reason::ALL.len() + ResetReason::ALL.len());
        assert!(text.contains("ssecast_store_state{ssecast_store_state=\"degraded\"} 1\n"));
        assert_eq!(text.matches("ssecast_store_state=").count(), 3);
    }
}
