use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use napi::bindgen_prelude::{Function, Object, Uint32Array, Unknown};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, sys};
use napi_derive::napi;
use ssecast::{
    Close, Error, ErrorKind, Event, Hub, LoopConnections, Published, Reason, Replay, Subscription,
    Unavailable,
};

#[cfg(unix)]
use ssecast::{Framing, Sockets};

use crate::call::{Call, function};
use crate::connection_id::{id, number};
use crate::deliveries::NativeDeliveries;
#[cfg(unix)]
use crate::descriptor::borrow;
use crate::error::{Result, entry, internal};
use crate::options::{self, DeliveryOptions};
use crate::stats::NativeStats;
use crate::texts::Texts;
use crate::topics::names;
use crate::unavailable::NativeUnavailable;

/// A hub, and the connections that one event loop delivers to.
#[napi]
pub struct NativeHub {
    pub(crate) hub: Hub,
    connections: Rc<LoopConnections>,
    #[cfg(unix)]
    sockets: Sockets,
    delivery: DeliveryOptions,
}

/// The state of the function that publishes.
struct Publisher {
    hub: Hub,
    /// The number of subscribers goes here: an object to return would cost more.
    subscribers: Uint32Array,
    /// Those of the last event that was published, by a call that returned its id.
    topic: String,
    event: Option<String>,
}

impl Publisher {
    /// `topic, data, given, event, id, retry, comment`, or `data` alone for the topic and the type of the last call: to read
    /// two strings more would cost a sixth of what publishing does.
    fn publish(&mut self, call: &Call, texts: &mut Texts) -> std::result::Result<sys::napi_value, Error> {
        if call.count() == 1 {
            let fields = call.fields(0, texts)?;
            let event = Event { event: self.event.as_deref(), ..fields.event(texts)? };
            let published = self.hub.publish(&self.topic, &event)?;
            return self.answer(call, &published);
        }
        let topic = call.topic(0, texts)?;
        let fields = call.fields(1, texts)?;
        let (topic, event) = (texts.get(topic, "topic")?, fields.event(texts)?);
        let published = self.hub.publish(topic, &event)?;
        let answer = self.answer(call, &published)?;
        topic.clone_into(&mut self.topic);
        self.event = event.event.map(Into::into);
        Ok(answer)
    }

    fn answer(&mut self, call: &Call, published: &Published) -> std::result::Result<sys::napi_value, Error> {
        // SAFETY: JavaScript waits for the call under way, and nothing else in Rust refers to the memory.
        if let Some(subscribers) = unsafe { self.subscribers.as_mut() }.first_mut() {
            *subscribers = published.subscribers as u32;
        }
        call.string(&published.id)
    }
}

fn send(
    connections: &mut Rc<LoopConnections>,
    call: &Call,
    texts: &mut Texts,
) -> std::result::Result<sys::napi_value, Error> {
    let connection = id(call.number(0).unwrap_or(-1.0));
    let fields = call.fields(1, texts)?;
    call.boolean(connections.send(connection, &fields.event(texts)?)?)
}

fn close(hub: &mut Hub, call: &Call, texts: &mut Texts) -> std::result::Result<sys::napi_value, Error> {
    let grace_ms = call.number(0).unwrap_or(f64::NAN);
    let fields = (call.count() > 1).then(|| call.fields(1, texts)).transpose()?;
    let grace = Duration::try_from_secs_f64(grace_ms / 1000.0).map_err(|_| {
        let problem = format!("must be a non-negative number of milliseconds, not {grace_ms}");
        Error::new(ErrorKind::InvalidOption, "graceMs", problem)
    })?;
    let event = fields.as_ref().map(|fields| fields.event(texts)).transpose()?;
    hub.close(&Close { event, grace })?;
    Ok(ptr::null_mut())
}

#[napi]
impl NativeHub {
    /// Makes a hub. `wake` is called on the event loop when `take` has something to give.
    #[napi(constructor, ts_args_type = "options: object, wake: () => void")]
    pub fn new(options: Object<'_>, wake: Function<'_, (), ()>) -> Result<Self> {
        entry(|| {
            let (config, delivery) = options::read(&options)?;
            let hub = Hub::new(config)?;
            let wake = wake.build_threadsafe_function::<()>().weak::<true>().build().map_err(internal)?;
            let connections = LoopConnections::new(&hub, move || {
                // It fails only when the event loop ends, and then there is nothing to wake.
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            });
            Ok(Self {
                hub,
                connections: Rc::new(connections),
                #[cfg(unix)]
                sockets: delivery.threads.map_or_else(Sockets::shared, Sockets::new),
                delivery,
            })
        })
    }

    /// Makes the function that publishes an event; with the data alone, one of the topic and the type of its last call that
    /// returned. It returns the event's id, and puts into `subscribers` how many connections read the topic.
    #[napi(
        ts_return_type = "(...call: [topic: unknown, data: unknown, given?: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown] | [data: unknown]) => string"
    )]
    pub fn publisher<'env>(&self, env: &'env Env, subscribers: Uint32Array) -> Result<Object<'env>> {
        let publisher = Publisher { hub: self.hub.clone(), subscribers, topic: String::new(), event: None };
        entry(|| function(env, "publish", Rc::new(RefCell::new(publisher)), Publisher::publish))
    }

    /// Ends a topic, for good.
    #[napi]
    pub fn end_topic(&self, topic: String) -> Result<()> {
        entry(|| self.hub.end_topic(&topic))
    }

    /// Registers a connection and returns its number. It gets nothing before `resume` or `attachSocket`. Without a last
    /// event ID it begins with so many of the last events, or with all if that is infinity.
    #[napi]
    pub fn open(&self, topics: Vec<Unknown<'_>>, last_event_id: Option<String>, replay: f64) -> Result<f64> {
        entry(|| {
            subscription(topics, last_event_id.as_deref(), replay, |it| {
                self.connections.open_paused(it).map(number)
            })
        })
    }

    /// Checks whether `open` would register a connection now.
    #[napi]
    pub fn check(&self, topics: Vec<Unknown<'_>>, last_event_id: Option<String>, replay: f64) -> Result<()> {
        entry(|| subscription(topics, last_event_id.as_deref(), replay, |it| self.hub.check_subscription(it)))
    }

    /// Whether connections may be handed to engine threads.
    #[napi(getter)]
    pub fn attaches(&self) -> bool {
        cfg!(unix) && !self.delivery.pull
    }

    /// Hands a connection to an engine thread, which writes to a duplicate of the descriptor. Fails when it is not
    /// that of a connected stream socket, or is attached already; the connection is then as it was.
    #[napi]
    #[cfg_attr(not(unix), allow(unused_variables))]
    pub fn attach_socket(
        &self,
        connection: f64,
        descriptor: i32,
        chunked: bool,
        released: bool,
    ) -> Result<()> {
        entry(|| {
            #[cfg(not(unix))]
            return Err(Error::new(ErrorKind::InvalidSocket, "socket", "can't be attached on this system"));
            #[cfg(unix)]
            {
                let socket = borrow(&descriptor)?;
                let framing = if chunked { Framing::Chunked } else { Framing::Raw };
                self.connections.attach_socket(&self.sockets, id(connection), socket, framing, released)
            }
        })
    }

    /// Takes the deliveries of at most `limit` connections.
    #[napi]
    pub fn take<'env>(&self, env: &'env Env, limit: u32) -> Result<NativeDeliveries<'env>> {
        entry(|| {
            let mut deliveries = Vec::new();
            let more = self.connections.take(limit as usize, &mut deliveries);
            NativeDeliveries::new(env, deliveries, more)
        })
    }

    /// Notes that a connection's writer is full.
    #[napi]
    pub fn pause(&self, connection: f64) -> Result<()> {
        entry(|| {
            self.connections.pause(id(connection));
            Ok(())
        })
    }

    /// Notes that a connection's writer has drained.
    #[napi]
    pub fn resume(&self, connection: f64) -> Result<()> {
        entry(|| {
            self.connections.resume(id(connection));
            Ok(())
        })
    }

    /// Makes the function that sends an event to one connection alone, and returns whether it was taken.
    #[napi(
        ts_return_type = "(connection: number, data: unknown, given?: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown) => boolean"
    )]
    pub fn sender<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        entry(|| function(env, "send", Rc::new(RefCell::new(Rc::clone(&self.connections))), send))
    }

    /// How many bytes sent to this connection alone were not taken yet.
    #[napi]
    pub fn pending_bytes(&self, connection: f64) -> Result<u32> {
        entry(|| Ok(self.connections.pending_bytes(id(connection)) as u32))
    }

    /// How often the socket of a connection that an engine thread writes to has taken something.
    #[napi]
    #[allow(clippy::cast_precision_loss, reason = "it is compared with an earlier one, and no more")]
    pub fn writes(&self, connection: f64) -> Result<f64> {
        entry(|| Ok(self.connections.writes(id(connection)) as f64))
    }

    /// Adds and removes topics of a connection; returns whether it is still there.
    #[napi]
    pub fn change_topics(
        &self,
        connection: f64,
        add: Vec<Unknown<'_>>,
        remove: Vec<Unknown<'_>>,
    ) -> Result<bool> {
        entry(|| {
            let (add, remove) = (names(add)?, names(remove)?);
            let add: Vec<&str> = add.iter().map(String::as_str).collect();
            let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
            self.connections.change_topics(id(connection), &add, &remove)
        })
    }

    /// Ends a connection after all that was sent before.
    #[napi]
    pub fn end(&self, connection: f64, reason: String) -> Result<()> {
        entry(|| {
            self.connections.end(id(connection), reason.parse()?);
            Ok(())
        })
    }

    /// Ends a connection after all that was sent before, for good: a client that comes back is answered 204. Returns
    /// whether the client will be told.
    #[napi]
    pub fn finish(&self, connection: f64) -> Result<bool> {
        entry(|| Ok(self.connections.finish(id(connection), Reason::Server)))
    }

    /// Removes a connection that is gone. Returns whether it is removed by now; otherwise its end follows.
    #[napi]
    pub fn remove(&self, connection: f64, reason: String) -> Result<bool> {
        entry(|| Ok(self.connections.remove(id(connection), reason.parse()?)))
    }

    /// Makes the function that closes the hub: connections end within the grace period. The fields are those of a last
    /// event, if there are any.
    #[napi(
        ts_return_type = "(graceMs: number, data?: unknown, given?: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown) => void"
    )]
    pub fn closer<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        entry(|| function(env, "close", Rc::new(RefCell::new(self.hub.clone())), close))
    }

    /// Has `ended` called when the hub was closed and its last connection has ended. The event loop stays alive for it.
    #[napi(ts_args_type = "ended: () => void")]
    pub fn await_end(&self, ended: Function<'_, (), ()>) -> Result<()> {
        entry(|| {
            let ended = ended.build_threadsafe_function::<()>().build().map_err(internal)?;
            let hub = self.hub.clone();
            let wait = move || {
                let _ = hub.wait_closed(Duration::MAX);
                ended.call((), ThreadsafeFunctionCallMode::NonBlocking);
            };
            let started = thread::Builder::new().name("ssecast-close".into()).spawn(wait);
            started.map(drop).map_err(|error| {
                Error::new(ErrorKind::Internal, "thread", format!("could not be started: {error}"))
            })
        })
    }

    /// The answer to a client that can't have a stream at the moment.
    #[napi]
    pub fn unavailable<'env>(
        &self,
        env: &'env Env,
        method: String,
        accept: String,
    ) -> Result<NativeUnavailable<'env>> {
        entry(|| NativeUnavailable::new(env, Unavailable::new(&self.hub, &method, [accept.as_bytes()])))
    }

    /// Whether the hub was closed.
    #[napi(getter)]
    pub fn closed(&self) -> bool {
        self.hub.is_closed()
    }

    /// Writes the counters as `OpenMetrics` text.
    #[napi]
    pub fn metrics(&self) -> Result<String> {
        entry(|| Ok(self.hub.metrics()))
    }

    /// Reads the counters.
    #[napi]
    pub fn stats(&self) -> Result<NativeStats> {
        entry(|| Ok(NativeStats::from(self.hub.stats())))
    }
}

/// The environment ends (a terminated worker), or JavaScript collected the hub: nothing can publish any more. The
/// engine threads must not keep its streams open.
impl Drop for NativeHub {
    fn drop(&mut self) {
        let _ = self.hub.close(&Close { event: None, grace: Duration::ZERO });
    }
}

/// Calls with the subscription that these are.
fn subscription<T>(
    topics: Vec<Unknown<'_>>,
    last_event_id: Option<&str>,
    replay: f64,
    call: impl FnOnce(&Subscription<'_>) -> std::result::Result<T, Error>,
) -> std::result::Result<T, Error> {
    let topics = names(topics)?;
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    #[allow(clippy::cast_sign_loss, reason = "JavaScript has checked it; infinity is the greatest number")]
    let replay = Replay::Last(replay as usize);
    call(&Subscription { topics: &topics, last_event_id, replay })
}
