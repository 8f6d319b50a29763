use std::fmt;
use std::time::Duration;

use crate::latency::Latency;

/// What the clients saw in one run.
#[derive(Default)]
pub struct Report {
    pub latency: Latency,
    pub deliveries: u64,
    /// Events that a connection got after a later one or twice.
    pub repeated: u64,
    /// Events that a connection did not get, though it got a later one.
    pub skipped: u64,
    /// Events that did not arrive in time.
    pub missing: u64,
    /// Connections that ended, the stalled one aside.
    pub cut: u64,
    /// Chunks of the transfer coding: a server's sends, if it makes a chunk of each.
    pub chunks: u64,
    pub bytes: u64,
    pub reads: u64,
    /// When the first event was published and the last one arrived.
    pub first: Option<u64>,
    pub last: u64,
    pub processor_time: Duration,
}

impl Report {
    pub fn event(&mut self, sequence: u64, sent_at: u64, next: u64, now: u64) {
        self.deliveries += 1;
        self.latency.record(now.saturating_sub(sent_at));
        self.first = Some(self.first.map_or(sent_at, |first| first.min(sent_at)));
        self.last = now;
        self.skipped += sequence.saturating_sub(next);
        self.repeated += u64::from(sequence < next);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [
            ("deliveries", self.deliveries),
            ("repeated", self.repeated),
            ("skipped", self.skipped),
            ("missing", self.missing),
            ("cut", self.cut),
            ("chunks", self.chunks),
            ("bytes", self.bytes),
            ("reads", self.reads),
            ("elapsedNs", self.last.saturating_sub(self.first.unwrap_or(self.last))),
            ("p50Ns", self.latency.quantile(0.5)),
            ("p99Ns", self.latency.quantile(0.99)),
            ("maxNs", self.latency.max()),
            ("cpuNs", self.processor_time.as_nanos() as u64),
        ];
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        write!(f, "{{{}}}", fields.join(","))
    }
}
