use std::collections::BTreeMap;

use napi_derive::napi;
use ssecast::{Reason, ResetReason, Stats, StoreState};

/// The counters of a hub.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    pub connections: f64,
    pub topics: f64,
    pub published: f64,
    pub delivered: f64,
    pub bytes: f64,
    pub history_events: f64,
    pub held_bytes: f64,
    pub lagging: f64,
    pub lag_bytes: f64,
    pub backlog_bytes: f64,
    pub refused: f64,
    pub store: Option<&'static str>,
    pub disconnects: BTreeMap<String, f64>,
    pub resets: BTreeMap<String, f64>,
}

impl From<Stats> for NativeStats {
    #[allow(clippy::cast_precision_loss, reason = "JavaScript's numbers; exact to 2^53")]
    fn from(stats: Stats) -> Self {
        let disconnects =
            Reason::ALL.map(|reason| (reason.name().to_owned(), stats.disconnects(reason) as f64));
        let resets = ResetReason::ALL.map(|reason| (reason.name().to_owned(), stats.resets(reason) as f64));
        Self {
            connections: stats.connections as f64,
            topics: stats.topics as f64,
            published: stats.published as f64,
            delivered: stats.delivered as f64,
            bytes: stats.bytes as f64,
            history_events: stats.history_events as f64,
            held_bytes: stats.held_bytes as f64,
            lagging: stats.lagging as f64,
            lag_bytes: stats.lag_bytes as f64,
            backlog_bytes: stats.backlog_bytes as f64,
            refused: stats.refused as f64,
            store: stats.store.map(StoreState::name),
            disconnects: disconnects.into(),
            resets: resets.into(),
        }
    }
}
