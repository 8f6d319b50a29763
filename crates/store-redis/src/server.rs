//! The servers that this process uses, each once: all stores with one address share its connections. A child that was
//! forked begins with none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use redis::{Cmd, Value};
use ssecast_hub::process::PerProcess;
use ssecast_hub::{Epoch, Error, Position};

use crate::address::Address;
use crate::connection::{Attempt, Connection};
use crate::marks::Mark;
use crate::open::Open;
use crate::page::Page;
use crate::recent::Recent;
use crate::script::{FOLLOW, Script};
use crate::watchers::Watchers;

static SERVERS: PerProcess<Mutex<Vec<Weak<Server>>>> = PerProcess::new();

/// A log in Redis, as one process uses it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) connection: Arc<Connection>,
    pub(crate) keys: Vec<String>,
    pub(crate) watchers: Watchers,
    recent: Mutex<Recent>,
    /// The greatest life of a log that was seen.
    life: AtomicU64,
    /// A replica could not take what the tail brought.
    pub(crate) is_behind: AtomicBool,
}

/// Where a replica is, as it says to a script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: Option<Position>,
    /// Of the entry at the position.
    pub(crate) mark: Option<Mark>,
}

impl Server {
    /// The server of an address, which all sessions of this process share.
    pub(crate) fn of(address: &Address) -> Arc<Self> {
        let servers = SERVERS.get_or_init(Mutex::default);
        let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.retain(|server| server.strong_count() > 0);
        let known = servers.iter().filter_map(Weak::upgrade);
        if let Some(server) = known.into_iter().find(|server| server.connection.address() == address) {
            return server;
        }
        let server = Arc::new(Self {
            connection: Arc::new(Connection::new(address.clone())),
            keys: ["meta", "log", "topics", "marks"].map(|name| address.key(name)).into(),
            watchers: Watchers::default(),
            recent: Mutex::default(),
            life: AtomicU64::new(0),
            is_behind: AtomicBool::new(false),
        });
        servers.push(Arc::downgrade(&server));
        server
    }

    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of a script with what every script takes, and a field of the log's description that it wants.
    pub(crate) fn call(&self, script: &Script, whole: bool, place: Place, field: &str) -> Result<Cmd, Error> {
        let mut call = script.call(whole, &self.keys);
        call.arg(Epoch::random()?.to_string()).arg(self.life.load(Ordering::Relaxed));
        match place.position {
            Some(Position { epoch, sequence }) => call.arg(epoch.to_string()).arg(sequence),
            None => call.arg("").arg(0),
        };
        call.arg(place.mark.as_ref().map_or(&[][..], |mark| &mark[..])).arg(field);
        Ok(call)
    }

    /// Makes a request of a script, and reads the page that it answers.
    pub(crate) fn request(
        &self,
        deadline: Instant,
        unknown: Option<&str>,
        mut make: impl FnMut(&Attempt<'_>) -> Result<Cmd, Error>,
    ) -> Result<Page, Error> {
        let mut page = None;
        let note = |open: &mut Open, answer: Value| {
            let read = Page::read(answer);
            if let Ok(page) = &read {
                open.note_time(page.now);
            }
            page = Some(read);
        };
        self.connection.request(deadline, unknown, &mut make, note)?;
        let page = page.unwrap_or_else(|| Err(crate::page::strange()))?;
        self.note(&page);
        Ok(page)
    }

    /// Asks for what a replica lacks. `states` are the sweeps that it has the topics' states of.
    pub(crate) fn follow(&self, place: Place, states: Option<u64>, deadline: Instant) -> Result<Page, Error> {
        let make = |attempt: &Attempt<'_>| {
            let mut call = self.call(&FOLLOW, attempt.whole, place, "")?;
            call.arg(sweeps(states)).arg(1);
            Ok(call)
        };
        self.request(deadline, None, make)
    }

    pub(crate) fn note(&self, page: &Page) {
        self.life.fetch_max(page.life, Ordering::Relaxed);
    }
}

/// Sweeps that a replica has the states of, as an argument.
pub(crate) fn sweeps(states: Option<u64>) -> i64 {
    states.map_or(-1, u64::cast_signed)
}
