//! What a hub does differently when its log is in a store.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ssecast_codec::{Error, ErrorKind, Event};

use crate::applier::{Applier, Outcomes};
use crate::clock::millis;
use crate::entry::{Entry, EntryKind};
use crate::frame::encode_block;
use crate::notice::{NOTICES, Notice, Saying};
use crate::publication::{Done, Publication};
use crate::published::Published;
use crate::shared::Shared;
use crate::stats::StoreState;
use crate::store_link::StoreLink;
use crate::sync::{Arc, Mutex, lock};
use crate::thread::spawn;

/// How long the connection that opens the store waits for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long other connections wait, which may keep a whole event loop waiting. While the store is known not to be free they
/// don't wait at all.
const CONNECTING: Duration = Duration::from_millis(100);

/// Publishes an event, and waits until the store has it.
pub(crate) fn publish(
    hub: &Arc<Shared>,
    link: &StoreLink,
    topic: &str,
    event: &Event<'_>,
) -> Result<Published, Error> {
    let block = encode_block(event, hub.config.max_event_bytes)?;
    append_and_wait(hub, link, encode(hub, link, EntryKind::Event, topic, event.id, &block))
}

/// Ends a topic, and waits until the store has that.
pub(crate) fn end_topic(hub: &Arc<Shared>, link: &StoreLink, topic: &str) -> Result<(), Error> {
    append_and_wait(hub, link, encode(hub, link, EntryKind::End, topic, None, b"")).map(drop)
}

/// Encodes an entry of now.
fn encode(
    hub: &Shared,
    link: &StoreLink,
    kind: EntryKind,
    topic: &str,
    id: Option<&str>,
    block: &[u8],
) -> Vec<u8> {
    let (at, fingerprint) = (millis(hub.since_1970()), link.fingerprint());
    let mut bytes = Vec::new();
    Entry { kind, at, fingerprint, topic, id, block }.encode_into(&mut bytes);
    bytes
}

/// Appends an entry behind what waits, and waits until the store has it.
fn append_and_wait(hub: &Arc<Shared>, link: &StoreLink, entry: Vec<u8>) -> Result<Published, Error> {
    let outcome = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&outcome);
    let done = Box::new(move |published| *lock(&filled) = Some(published));
    let deadline = Instant::now() + hub.config.publish_timeout;
    link.queue.push(Publication::new(entry, deadline, true, done), hub.config.max_backlog_bytes)?;
    link.queue.lead_until(|| lock(&outcome).is_some(), |batch| append(hub, link, batch));
    let outcome = lock(&outcome).take();
    outcome.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "hub", "has lost an outcome")))
}

/// Has an event published, and returns at once.
pub(crate) fn publish_then(
    hub: &Arc<Shared>,
    link: &StoreLink,
    topic: &str,
    event: &Event<'_>,
    done: Done,
) -> Result<(), Error> {
    let block = encode_block(event, hub.config.max_event_bytes)?;
    let entry = encode(hub, link, EntryKind::Event, topic, event.id, &block);
    append_then(hub, link, entry, done)
}

/// Has a topic ended, and returns at once.
pub(crate) fn end_topic_then(
    hub: &Arc<Shared>,
    link: &StoreLink,
    topic: &str,
    done: Done,
) -> Result<(), Error> {
    append_then(hub, link, encode(hub, link, EntryKind::End, topic, None, b""), done)
}

/// Has an entry appended behind what waits.
fn append_then(hub: &Arc<Shared>, link: &StoreLink, entry: Vec<u8>, done: Done) -> Result<(), Error> {
    if link.queue.needs_thread() {
        start(hub, link)?;
    }
    let deadline = Instant::now() + hub.config.publish_timeout;
    link.queue.push(Publication::new(entry, deadline, false, done), hub.config.max_backlog_bytes)
}

/// Starts the thread that appends for publishers which don't wait. It keeps no hub alive that has nothing to publish.
fn start(hub: &Arc<Shared>, link: &StoreLink) -> Result<(), Error> {
    let (hub, queue) = (Arc::downgrade(hub), Arc::clone(&link.queue));
    let work = move || {
        while let Some(outcomes) = queue.wait_for_more() {
            outcomes.into_iter().for_each(|(publication, outcome)| publication.finish(outcome));
            let Some(hub) = hub.upgrade() else { break };
            let Some(link) = &hub.store else { break };
            queue.lead_once(|batch| append(&hub, link, batch));
        }
        for publication in queue.take_all() {
            publication.finish(Err(Error::new(ErrorKind::Closed, "hub", "is gone")));
        }
    };
    let started = spawn("ssecast-publish", work);
    started.map(drop).map_err(|error| {
        link.queue.has_no_thread();
        Error::new(
            ErrorKind::StoreUnavailable,
            "store",
            format!("can't be published to: no thread could be started ({error})"),
        )
    })
}

/// Appends what is at the front of what waits. Those who wait for an outcome have it then; the others' are returned.
fn append(hub: &Shared, link: &StoreLink, waiting: &mut VecDeque<Publication>) -> Outcomes {
    let deadline = waiting.front().map_or_else(Instant::now, |first| first.deadline);
    let mut applier = Applier::publishing(hub, waiting);
    // What a store does of its own must not leave the queue led for ever, nor take the outcomes along.
    let appended = catch_unwind(AssertUnwindSafe(|| link.store.append(&mut applier, deadline)));
    let appended = appended.unwrap_or_else(|_| {
        let problem =
            "panicked: it is not known whether the event is published; the panic's own message says why";
        Err(Error::new(ErrorKind::Internal, "store", problem))
    });
    note(link, &appended);
    let has_heard = applier.has_heard;
    let mut others = Vec::new();
    for (publication, outcome) in applier.outcomes(appended, deadline) {
        if publication.is_awaited {
            publication.finish(outcome);
        } else {
            others.push((publication, outcome));
        }
    }
    answer(hub, has_heard);
    others
}

/// Has what a connection needs that is to be registered: the history, and what its client may have had from another process.
pub(crate) fn prepare(hub: &Arc<Shared>, last_event_id: Option<&str>) -> Result<(), Error> {
    let Some(link) = &hub.store else { return Ok(()) };
    let patience = match link.state() {
        StoreState::Unopened => PATIENCE,
        StoreState::Ready => CONNECTING,
        StoreState::Degraded => Duration::ZERO,
    };
    let deadline = Instant::now() + patience;
    watch(hub, link, deadline)?;
    if last_event_id.is_none_or(|id| id.is_empty() || hub.log().knows(id)) {
        return Ok(());
    }
    catch_up(hub, link, deadline)
}

/// Watches the store from the first connection on, and applies what it has. A process that only publishes need not be woken.
fn watch(hub: &Arc<Shared>, link: &StoreLink, deadline: Instant) -> Result<(), Error> {
    if link.is_watching() {
        return Ok(());
    }
    let here = Arc::downgrade(hub);
    // First, so that nothing comes between.
    let watch = link.store.watch(
        Arc::new(move || {
            // A store that is not free in time is asked again: nothing else would say when it is.
            while let Some(hub) = here.upgrade() {
                let Some(link) = &hub.store else { return };
                let outcome = catch_up(&hub, link, Instant::now() + PATIENCE);
                if !outcome.is_err_and(|error| error.kind() == ErrorKind::StoreTimedOut) {
                    return;
                }
            }
        }),
        deadline,
    );
    note(link, &watch);
    let watch = watch?;
    catch_up(hub, link, deadline)?;
    link.keep(watch);
    Ok(())
}

fn catch_up(hub: &Arc<Shared>, link: &StoreLink, deadline: Instant) -> Result<(), Error> {
    let mut applier = Applier::new(hub);
    let outcome = link.store.catch_up(&mut applier, deadline);
    note(link, &outcome);
    answer(hub, applier.has_heard);
    outcome
}

/// Has another process answered that wants to know of this one's readers.
fn answer(hub: &Shared, has_heard: bool) {
    if let (true, Some(heard)) = (has_heard, hub.notice_heard.get()) {
        heard();
    }
}

/// Tells the other processes something about readers.
pub(crate) fn say(hub: &Arc<Shared>, link: &StoreLink, items: Vec<(Saying, String)>) -> Result<(), Error> {
    // What is said is of no use to a process that does not hear the answers.
    prepare(hub, None)?;
    let block = Notice { process: link.process(), items }.encode();
    append_and_wait(hub, link, encode(hub, link, EntryKind::Notice, NOTICES, None, &block)).map(drop)
}

/// Notes whether the store could be used: what a hub itself refuses says nothing of it.
fn note<T>(link: &StoreLink, outcome: &Result<T, Error>) {
    let failed = outcome.as_ref().is_err_and(|error| {
        use ErrorKind::{
            InvalidOption, StoreFormat, StoreFull, StoreTimedOut, StoreUnavailable, TooManyDescriptors,
        };
        let failures =
            [StoreUnavailable, StoreTimedOut, StoreFull, StoreFormat, InvalidOption, TooManyDescriptors];
        failures.contains(&error.kind())
    });
    link.note(!failed);
}
