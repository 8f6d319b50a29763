/// A language that errors speak to. Each spells the options in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// `max_event_bytes`, `history.age`.
    Rust,
    /// `maxEventBytes`, `history.ms`.
    JavaScript,
    /// `max_event_bytes`, `history.seconds`.
    Python,
    /// `max_event_bytes`, `history_ms`.
    C,
}

/// Declares the options, each with its name in Rust, JavaScript, Python and C.
macro_rules! options {
    ($($(#[$doc:meta])* $key:ident $rust:literal $javascript:literal $python:literal $c:literal;)*) => {
        /// An option, as errors name it: the same in every language, which spells it with [`name`](Self::name).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OptionKey {
            $($(#[$doc])* $key,)*
        }

        impl OptionKey {
            /// Every option.
            pub const ALL: &'static [Self] = &[$(Self::$key,)*];

            /// What the option is called in a language.
            ///
            /// ```
            /// use ssecast_codec::{Language, OptionKey};
            /// assert_eq!(OptionKey::HistoryAge.name(Language::Rust), "history.age");
            /// assert_eq!(OptionKey::HistoryAge.name(Language::JavaScript), "history.ms");
            /// ```
            #[must_use]
            pub const fn name(self, language: Language) -> &'static str {
                let [rust, javascript, python, c] = match self {
                    $(Self::$key => [$rust, $javascript, $python, $c],)*
                };
                match language {
                    Language::Rust => rust,
                    Language::JavaScript => javascript,
                    Language::Python => python,
                    Language::C => c,
                }
            }
        }
    };
}

options! {
    /// What each topic keeps for clients that come back.
    History "history" "history" "history" "history";
    /// The longest time that an event is kept.
    HistoryAge "history.age" "history.ms" "history.seconds" "history_ms";
    /// The most bytes that may wait for one client.
    SlowClientBytes "slow_client.bytes" "slowClient.bytes" "slow_client.bytes" "slow_client_bytes";
    /// The longest time in which a client takes nothing.
    SlowClientTime "slow_client.time" "slowClient.ms" "slow_client.seconds" "slow_client_ms";
    /// What happens to a slow client.
    SlowClientPolicy "slow_client.policy" "slowClient.policy" "slow_client.policy" "slow_client_policy";
    /// The silence after which a heartbeat is sent.
    Heartbeat "heartbeat" "heartbeatMs" "heartbeat" "heartbeat_ms";
    /// The type of the event that tells of lost events.
    ResetEvent "reset_event" "resetEvent" "reset_event" "reset_event";
    /// The most connections at once.
    MaxConnections "max_connections" "maxConnections" "max_connections" "max_connections";
    /// The most topics at once.
    MaxTopics "max_topics" "maxTopics" "max_topics" "max_topics";
    /// The most bytes of one event.
    MaxEventBytes "max_event_bytes" "maxEventBytes" "max_event_bytes" "max_event_bytes";
    /// The most bytes that may wait to be offered to connections.
    MaxBacklogBytes "max_backlog_bytes" "maxBacklogBytes" "max_backlog_bytes" "max_backlog_bytes";
    /// How long a topic that has ended is known.
    KeepEnded "keep_ended" "keepEndedMs" "keep_ended" "keep_ended_ms";
    /// Where a hub's log is kept.
    Store "store" "store" "store" "store";
    /// What a client without a last event ID begins with.
    Replay "replay" "replay" "replay" "replay";
    /// How long an event waits for the store.
    PublishTimeout "publish_timeout" "publishTimeoutMs" "publish_timeout" "publish_timeout_ms";
    /// How many threads write a hub's streams.
    Threads "threads" "threads" "threads" "threads";
    /// Where a listener listens.
    Address "address" "port" "address" "address";
    /// The only path that a listener answers.
    Path "path" "path" "path" "path";
    /// What a stream's response has besides.
    Headers "headers" "headers" "headers" "headers";
    /// The origins whose pages may read the streams.
    CorsOrigins "cors.origins" "cors.origin" "cors" "cors_origins";
    /// Whether they may do so with credentials.
    CorsCredentials "cors.credentials" "cors.credentials" "credentials" "cors_credentials";
    /// The most bytes of a request's head.
    MaxHeadBytes "max_head_bytes" "maxHeadBytes" "max_head_bytes" "max_head_bytes";
    /// The most headers of a request.
    MaxHeaders "max_headers" "maxHeaders" "max_headers" "max_headers";
    /// The most connections that are no streams.
    MaxPending "max_pending" "maxPending" "max_pending" "max_pending";
    /// How long a request's head may take.
    HeadTime "head_time" "headMs" "head_time" "head_ms";
    /// How long the router may take to answer.
    AnswerTime "answer_time" "answerMs" "answer_time" "answer_ms";
    /// The method of a client's request.
    Method "method" "method" "method" "method";
    /// What a client resumes from to begin with.
    LastEventId "last_event_id" "lastEventId" "last_event_id" "last_event_id";
    /// The silence after which a client gives a connection up.
    Idle "idle" "idleMs" "idle" "idle_ms";
    /// By how much each wait before a connection is longer than the one before.
    RetryGrowth "retry.growth" "retry.growth" "retry.growth" "retry_growth_percent";
    /// The part of such a wait by which it may be longer at random.
    RetryJitter "retry.jitter" "retry.jitter" "retry.jitter" "retry_jitter_percent";
    /// The statuses after which a client tries again.
    RetryStatuses "retry.statuses" "retry.statuses" "retry.statuses" "retry_statuses";
}
