use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use mio::unix::SourceFd;
use mio::{Interest, Poll, Waker};
use ssecast_engine::os_error;
use ssecast_hub::{Error, ErrorKind, Hub, OptionKey};

use crate::command_queue::CommandQueue;
use crate::config::ListenerConfig;
use crate::http_server::{HttpServer, LISTENING, WAKE};
use crate::router::{Router, Streams};

/// How many connections the system may hold that were not accepted yet.
const BACKLOG: i32 = 4096;

/// An HTTP/1.1 endpoint of a hub: a listening socket and one thread, which hears requests until they are complete,
/// asks a [`Router`] what they get, and hands those with a stream to the engine's threads ([`Sockets::shared`
/// ](ssecast_engine::Sockets::shared)). An idle client costs what an attached socket costs, and no thread.
///
/// It speaks plain HTTP/1.1 and HTTP/1.0, and every response is the last one of its connection: what a client sends
/// behind its request is never executed. TLS and HTTP/2 are for a proxy in front of it. Requests that can't have a
/// stream are answered without the router: 400, 404, 405, 406, 408, 413, 431, 503, 505; preflights, too. What is
/// answered 503 here and waits for an event stream, as an `EventSource` does, gets a stream that ends at once instead,
/// so that it comes back ([`Unavailable`](ssecast_engine::Unavailable)).
///
/// Nothing happens before [`bind`](Self::bind). [`close`](Self::close), or dropping it, ends the endpoint but no
/// stream: these end with [`Hub::close`]. To shut down, close the listener first, so that no client comes any more, then
/// the hub. In a child of the process that made it, the listener does nothing.
///
/// ```
/// use std::io::{Read, Write};
/// use ssecast_engine::{Config, Event, Hub};
/// use ssecast_listener::{Listener, ListenerConfig, Request, Responder};
/// let hub = Hub::new(Config::default())?;
/// let listener = Listener::bind(
///     &hub,
///     ("127.0.0.1", 0),
///     ListenerConfig::default(),
///     |request: Request, responder: Responder| match request.path() {
///         "/ticks" => _ = responder.allow(&["ticks"]),
///         _ => _ = responder.refuse(404),
///     },
/// )?;
///
/// let mut client = std::net::TcpStream::connect(listener.address()).unwrap();
/// client.write_all(b"GET /ticks HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
/// while hub.publish("ticks", &Event { data: Some("1"), ..Event::default() })?.subscribers == 0 {}
/// let mut response = String::new();
/// while !response.contains("data: 1\n\n") {
///     let mut buffer = [0; 4096];
///     let length = client.read(&mut buffer).unwrap();
///     response.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
/// }
/// assert!(response.starts_with("HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), ssecast_engine::Error>(())
/// ```
pub struct Listener {
    queue: Arc<CommandQueue>,
    address: SocketAddr,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Listener {
    /// Binds an address and starts to listen; port 0 takes a free one. Of several addresses the first that can be
    /// bound is taken.
    ///
    /// # Errors
    /// [`InvalidOption`](ErrorKind::InvalidOption) names an option that is out of its range, or `address` if none
    /// can be bound; [`TooManyDescriptors`](ErrorKind::TooManyDescriptors); [`Closed`](ErrorKind::Closed).
    pub fn bind(
        hub: &Hub,
        address: impl ToSocketAddrs,
        config: ListenerConfig,
        router: impl Router,
    ) -> Result<Self, Error> {
        config.validate()?;
        if hub.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "hub", "is closed"));
        }
        let listening = TcpListener::bind(address).map_err(|error| failed(&error))?;
        let (listening, address, poll, waker) = open(listening).map_err(|error| failed(&error))?;
        let queue = Arc::new(CommandQueue::new(hub, waker, config.cors.is_some()));
        let streams = Streams(Box::new(router));
        let http_server = HttpServer::new(hub, Arc::clone(&queue), poll, listening, config, streams);
        let http_server = http_server.map_err(|error| failed(&error))?;
        let thread = ssecast_engine::spawn("ssecast-listen", move || http_server.run())
            .map_err(|error| failed(&error))?;
        Ok(Self { queue, address, thread: Mutex::new(Some(thread)) })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the endpoint, without waiting for it: the thread stops accepting, answers 503 to every client that has no
    /// stream yet, and ends. Streams go on.
    pub fn close(&self) {
        self.queue.close();
    }
}

impl Drop for Listener {
    /// Closes the endpoint, and waits for its thread: about a quarter of a second at most, beyond a call of the
    /// router's that is under way. If the router itself drops it, on the listener's thread, it does not wait.
    fn drop(&mut self) {
        self.close();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if !self.queue.is_here() {
            // The thread is the parent's, and not even let go of here.
            std::mem::forget((thread, Arc::clone(&self.queue)));
        } else if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Makes a bound socket one that a poll tells of.
fn open(listening: TcpListener) -> io::Result<(TcpListener, SocketAddr, Poll, Waker)> {
    let address = listening.local_addr()?;
    listening.set_nonblocking(true)?;
    // As many as a burst of clients that come back at once; the standard library asks for few.
    rustix::net::listen(listening.as_fd(), BACKLOG)?;
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    poll.registry().register(&mut SourceFd(&listening.as_raw_fd()), LISTENING, Interest::READABLE)?;
    Ok((listening, address, poll, waker))
}

fn failed(error: &io::Error) -> Error {
    os_error(error, ErrorKind::InvalidOption, OptionKey::Address, "can't be listened on")
}
