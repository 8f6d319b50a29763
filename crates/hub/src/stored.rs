//! What a hub does differently when its log is in a store.

use std::time::{Duration, Instant};

use ssecast_codec::{Error, ErrorKind, Event};

use crate::applier::Applier;
use crate::clock::millis;
use crate::entry::{Entry, EntryKind};
use crate::frame::encode_block;
use crate::notice::{NOTICES, Notice, Saying};
use crate::shared::Shared;
use crate::stats::StoreState;
use crate::store_link::StoreLink;
use crate::sync::Arc;

/// How long a publication waits for the store, and the connection that opens it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long other connections wait, which may keep a whole event loop waiting. While the store is known not to be free they
/// don't wait at all.
const CONNECTING: Duration = Duration::from_millis(100);

/// Publishes an event. Returns its id, and how many connections of this process read its topic.
pub(crate) fn publish(
    hub: &Arc<Shared>,
    link: &StoreLink,
    topic: &str,
    event: &Event<'_>,
) -> Result<(String, usize), Error> {
    let block = encode_block(event, hub.config.max_event_bytes)?;
    let mut bytes = Vec::with_capacity(block.len() + topic.len() + 64);
    let at = millis(hub.since_1970());
    let entry = Entry {
        kind: EntryKind::Event,
        at,
        fingerprint: link.fingerprint(),
        topic,
        id: event.id,
        block: &block,
    };
    entry.encode_into(&mut bytes);
    let deadline = Instant::now() + PATIENCE;
    let mut applier = Applier::new(hub, Some((topic, event.id, block.len())));
    let outcome = link.store.append(&bytes, &mut applier, deadline);
    note(link, &outcome);
    answer(hub, &applier);
    outcome?;
    Ok(std::mem::take(&mut applier.applied))
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
    let mut applier = Applier::new(hub, None);
    let outcome = link.store.catch_up(&mut applier, deadline);
    note(link, &outcome);
    answer(hub, &applier);
    outcome
}

/// Has another process answered that wants to know of this one's readers.
fn answer(hub: &Shared, applier: &Applier<'_>) {
    if let (true, Some(heard)) = (applier.has_heard, hub.notice_heard.get()) {
        heard();
    }
}

/// Tells the other processes something about readers.
pub(crate) fn say(hub: &Arc<Shared>, link: &StoreLink, items: Vec<(Saying, String)>) -> Result<(), Error> {
    // What is said is of no use to a process that does not hear the answers.
    prepare(hub, None)?;
    let block = Notice { process: link.process(), items }.encode();
    let (at, fingerprint) = (millis(hub.since_1970()), link.fingerprint());
    let mut bytes = Vec::new();
    let entry = Entry { kind: EntryKind::Notice, at, fingerprint, topic: NOTICES, id: None, block: &block };
    entry.encode_into(&mut bytes);
    let outcome = link.store.append(&bytes, &mut Applier::new(hub, None), Instant::now() + PATIENCE);
    note(link, &outcome);
    outcome.map(drop)
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
