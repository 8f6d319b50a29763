use std::ops::Range;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use ssecast_hub::{Config, History, Policy, Replay, SlowClient};

pub(crate) const TOPICS: usize = 4;
pub(crate) const CLIENTS: usize = 6;
pub(crate) const READERS: usize = 2;

/// One step of the world outside the hub.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// With a publisher's id, if there is a number: few enough that they come again.
    Publish {
        topic: usize,
        length: usize,
        id: Option<u8>,
    },
    /// A client connects; one that was connected is cut first. No topics given are those it had before.
    Open {
        client: usize,
        reader: usize,
        topics: Option<u8>,
        from: From,
    },
    Drop {
        client: usize,
    },
    /// The connection breaks after a part of the next batch, in 256ths.
    Cut {
        client: usize,
        part: u8,
    },
    /// The client takes some batches, or is asked for nothing but to take them.
    Take {
        client: usize,
        batches: usize,
    },
    /// A reader serves all of its clients that changed, and that don't stall.
    Round {
        reader: usize,
    },
    Stall {
        client: usize,
        stalls: bool,
    },
    CheckLag {
        client: usize,
    },
    Advance {
        ms: u64,
    },
    ChangeTopics {
        client: usize,
        add: u8,
        remove: u8,
    },
    Send {
        client: usize,
        length: usize,
    },
    End {
        client: usize,
    },
    Heartbeat {
        client: usize,
    },
    /// Another reader takes the connection over.
    Adopt {
        client: usize,
        reader: usize,
    },
}

/// The last event ID that a client connects with.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// What it was sent: whatever that is.
    Seen,
    Nothing,
    /// Nothing, and it asks for a replay.
    Replay(Replay),
    OtherEpoch,
    Unknown,
    /// The hub's own id at a part of the sequence, in 256ths; also a little beyond the head.
    At(u8),
    Publisher(u8),
}

pub(crate) fn actions() -> impl Strategy<Value = Vec<Action>> {
    // Most worlds have no event that is large enough for a batch of its own: it would dwarf what else is held.
    prop_oneof![3 => Just(400), 1 => Just(50_000)].prop_flat_map(|longest| vec(action(longest), 1..140))
}

fn action(longest: usize) -> impl Strategy<Value = Action> {
    let client = || 0..CLIENTS;
    let reader = || 0..READERS;
    let length = move || prop_oneof![12 => 0..40usize, 4 => 40..400usize, 1 => longest * 3 / 5..longest];
    let topics = || 0..1u8 << TOPICS;
    let publish = (0..TOPICS, length(), weighted(0.3, 0..12u8));
    prop_oneof![
        14 => publish.prop_map(|(topic, length, id)| Action::Publish { topic, length, id }),
        5 => (client(), reader(), weighted(0.3, topics()), from())
            .prop_map(|(client, reader, topics, from)| Action::Open { client, reader, topics, from }),
        1 => client().prop_map(|client| Action::Drop { client }),
        2 => (client(), any::<u8>()).prop_map(|(client, part)| Action::Cut { client, part }),
        3 => (client(), 1..3usize).prop_map(|(client, batches)| Action::Take { client, batches }),
        4 => reader().prop_map(|reader| Action::Round { reader }),
        2 => (client(), any::<bool>()).prop_map(|(client, stalls)| Action::Stall { client, stalls }),
        2 => client().prop_map(|client| Action::CheckLag { client }),
        2 => prop_oneof![3 => 1..40u64, 1 => 100..300u64].prop_map(|ms| Action::Advance { ms }),
        1 => (client(), topics(), topics())
            .prop_map(|(client, add, remove)| Action::ChangeTopics { client, add, remove }),
        2 => (client(), length()).prop_map(|(client, length)| Action::Send { client, length }),
        1 => client().prop_map(|client| Action::End { client }),
        2 => client().prop_map(|client| Action::Heartbeat { client }),
        2 => (client(), reader()).prop_map(|(client, reader)| Action::Adopt { client, reader }),
    ]
}

fn from() -> impl Strategy<Value = From> {
    prop_oneof![
        12 => Just(From::Seen),
        1 => Just(From::Nothing),
        3 => prop_oneof![1 => Just(Replay::All), 4 => (0..20usize).prop_map(Replay::Last)].prop_map(From::Replay),
        1 => Just(From::OtherEpoch),
        1 => Just(From::Unknown),
        3 => any::<u8>().prop_map(From::At),
        2 => (0..12u8).prop_map(From::Publisher),
    ]
}

pub(crate) fn config() -> impl Strategy<Value = Config> {
    let events = prop_oneof![Just(None), (0..12usize).prop_map(Some)];
    let bytes = prop_oneof![2 => Just(None), 1 => at(100..3000).prop_map(Some), 1 => Just(Some(100_000))];
    let age = prop_oneof![2 => Just(None), 1 => (1..250u64).prop_map(Some)];
    let policy = prop_oneof![Just(Policy::Disconnect), Just(Policy::Skip)];
    let lag = prop_oneof![3 => at(100..1500), 1 => Just(100_000)];
    let backlog = prop_oneof![2 => at(300..4000), 1 => Just(64 << 20)];
    let reset = prop_oneof![4 => Just(Some("reset".to_owned())), 1 => Just(None)];
    let retry = weighted(0.5, Just(Duration::from_secs(1)));
    (events, bytes, age, (lag, backlog), policy, reset, retry).prop_map(
        |(events, bytes, age, (lag, max_backlog_bytes), policy, reset_event, retry)| {
            let events = if (events, bytes, age) == (None, None, None) { Some(100) } else { events };
            Config {
                history: History { events, bytes, age: age.map(Duration::from_millis) },
                slow_client: SlowClient { bytes: lag, time: Duration::from_millis(120), policy },
                max_backlog_bytes,
                reset_event,
                retry,
                ..Config::default()
            }
        },
    )
}

fn at(range: Range<usize>) -> impl Strategy<Value = usize> {
    range
}
