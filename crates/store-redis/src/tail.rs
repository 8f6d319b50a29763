//! One thread of the process reads what is appended, for all stores with one address.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use redis::Value;
use ssecast_hub::{Entry, Error, Position};

use crate::connection::PAUSE;
use crate::failure::{Refusal, unavailable};
use crate::marks::{Mark, mark};
use crate::open::{Open, Outcome};
use crate::page::{Page, stream};
use crate::script::FOLLOW;
use crate::server::{Place, Server};

/// How long a read waits for an entry. Then the log is looked at: it may have been removed, or the server gone.
const BLOCK: Duration = Duration::from_millis(500);
/// How much longer an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most packs of one read.
const PACKS: usize = 32;
/// The longest pause between two attempts to connect.
const MAX_PAUSE: Duration = Duration::from_millis(480);

thread_local! {
    /// The server whose sessions this thread is telling.
    static TELLING: Cell<usize> = const { Cell::new(0) };
}

/// Whether this thread is telling sessions of a server that there is something: what the tail has read is all then.
pub(crate) fn is_telling(server: &Arc<Server>) -> bool {
    TELLING.get() == Arc::as_ptr(server) as usize
}

/// Tells the sessions of a server, or one of them.
pub(crate) fn tell(server: &Arc<Server>, session: Option<u64>) {
    let before = TELLING.replace(Arc::as_ptr(server) as usize);
    server.watchers.tell(session);
    TELLING.set(before);
}

/// Starts the thread, unless there is one.
pub(crate) fn start(server: &Arc<Server>, has_thread: &mut bool) -> Result<(), Error> {
    if *has_thread {
        return Ok(());
    }
    server.recent().forget();
    let mut tail = Tail { server: Arc::clone(server), open: None, mark: None, pause: PAUSE };
    let thread = ssecast_hub::spawn("ssecast-store", move || tail.run());
    thread.map_err(|error| unavailable(format!("could not start the thread that watches it: {error}")))?;
    *has_thread = true;
    Ok(())
}

struct Tail {
    server: Arc<Server>,
    open: Option<Open>,
    /// Of the last entry that was read.
    mark: Option<Mark>,
    pause: Duration,
}

impl Tail {
    /// Reads until nobody wants to be told.
    fn run(&mut self) {
        while !self.server.watchers.is_over() {
            let has_news = match self.read() {
                Ok(has_news) => {
                    self.pause = PAUSE;
                    has_news
                }
                Err(error) => {
                    self.open = None;
                    let first = self.server.recent().failure.replace(error).is_none();
                    if first {
                        tell(&self.server, None);
                    }
                    thread::sleep(self.pause);
                    self.pause = MAX_PAUSE.min(self.pause * 2);
                    continue;
                }
            };
            if has_news | self.server.is_behind.swap(false, Ordering::Relaxed) {
                tell(&self.server, None);
            }
        }
    }

    /// Waits for the next entries. Returns whether there is anything that sessions have to know.
    fn read(&mut self) -> Result<bool, Error> {
        let Some(open) = &mut self.open else {
            self.open = Some(self.server.connection.connect().map_err(|failure| failure.error)?);
            self.check()?;
            let mut recent = self.server.recent();
            (recent.failure, recent.connections) = (None, recent.connections + 1);
            return Ok(true);
        };
        let Some((_, life, last)) = self.server.recent().last() else { return self.check() };
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(PACKS).arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&self.server.keys[1]).arg(format!("{life}-{last}"));
        let answer = open.exchange(&read, BLOCK + PATIENCE, self.server.connection.address());
        let packs = stream(self.answer(answer)?)?;
        if packs.iter().any(|(of, _)| *of != life) || packs.is_empty() {
            return self.check();
        }
        if let Some((number, entry)) = packs.last().and_then(|(_, pack)| pack.entries().last()) {
            debug_assert!(number > last, "ids of a stream grow");
            self.mark = Some(mark(&Entry::decode(entry)?));
        }
        let mut recent = self.server.recent();
        packs.into_iter().for_each(|(_, pack)| recent.push(pack));
        Ok(true)
    }

    /// Looks whether the log is the one that was read. Returns whether it is another one.
    fn check(&mut self) -> Result<bool, Error> {
        let before = self.server.recent().last();
        let position = before.map(|(epoch, _, sequence)| Position { epoch, sequence });
        let place = Place { position, mark: self.mark };
        let page = self.follow(place)?;
        self.server.note(&page);
        let mut recent = self.server.recent();
        if before.is_some_and(|(epoch, ..)| epoch == page.epoch) {
            return Ok(false);
        }
        recent.begin(page.epoch, page.life, page.head);
        self.mark = None;
        Ok(true)
    }

    fn follow(&mut self, place: Place) -> Result<Page, Error> {
        let Some(open) = &mut self.open else { return Err(unavailable("is not connected")) };
        for whole in [false, true] {
            let mut call = self.server.call(&FOLLOW, whole, place, "")?;
            call.arg(-1).arg(0);
            match open.exchange(&call, PATIENCE, self.server.connection.address()) {
                Outcome::Refused(Refusal::NoScript) => {}
                outcome => return Page::read(self.answer(outcome)?),
            }
        }
        Err(unavailable("can't be used: the server takes no scripts"))
    }

    fn answer(&self, outcome: Outcome) -> Result<Value, Error> {
        match outcome {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Lost(error) | Outcome::Refused(Refusal::NotNow(error) | Refusal::Final(error)) => {
                Err(error)
            }
            Outcome::Refused(Refusal::Moved(host, port)) => {
                self.server.connection.move_to(host, port);
                Err(unavailable("can't be used: its keys are on another node of the cluster"))
            }
            Outcome::Refused(Refusal::NoScript) => {
                Err(unavailable("can't be used: the server takes no scripts"))
            }
        }
    }
}
