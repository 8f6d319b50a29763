use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use reqwest::{Client, Method, RequestBuilder};
use ssecast_codec::{Error, ErrorKind, LastEventId, Received};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::loss::{Cause, Loss};
use crate::options::Options;
use crate::response::{Response, Step};
use crate::source::{Source, State};

/// So much of a chunk is parsed at once: what is ready and not yet taken is bounded, whatever the chunk.
const PIECE: usize = 16 << 10;

/// Changes a request before it is sent.
type Prepare = Box<dyn FnMut(RequestBuilder) -> BoxFuture<'static, RequestBuilder> + Send>;

/// What happens to an [`EventSource`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// A connection stands, and its events follow.
    Open,
    /// An event came.
    Event(Received),
    /// There is no connection, or no longer one. If `retry_in` says so it is made again; otherwise the stream ends.
    Lost(Loss),
}

/// The reconnecting client, on reqwest: a `Stream` of what happens.
///
/// It connects when it is polled first, waits, and resumes with the last event ID, until it is dropped or the server says that there is no
/// more. It reads no further than it is polled, and starts no task. It needs tokio, as reqwest does.
///
/// ```no_run
/// use futures_util::StreamExt;
/// use ssecast_client::{EventSource, Update};
/// # async fn example() -> Result<(), ssecast_client::Error> {
/// let mut source = EventSource::new("https://example.com/stream")?;
/// while let Some(update) = source.next().await {
///     match update {
///         Update::Open => println!("connected"),
///         Update::Event(event) => println!("{}: {}", event.event, event.data),
///         Update::Lost(loss) => eprintln!("{}; again in {:?}", loss.cause, loss.retry_in),
///     }
/// }
/// # Ok(()) }
/// ```
pub struct EventSource {
    source: Source,
    client: Client,
    prepare: Option<Prepare>,
    phase: Phase,
    chunk: Bytes,
    ready: VecDeque<Update>,
    last_event_id: LastEventId,
    /// Runs while the server is waited for.
    idle: Option<Pin<Box<Sleep>>>,
}

enum Phase {
    /// A request is to be sent.
    Ready,
    Requesting(BoxFuture<'static, reqwest::Result<reqwest::Response>>),
    Reading(BoxStream<'static, reqwest::Result<Bytes>>),
    Waiting(Pin<Box<Sleep>>),
    Closed,
}

/// Makes an [`EventSource`] that differs from the usual one.
///
/// ```
/// use std::time::Duration;
/// use ssecast_client::EventSource;
/// # async fn token() -> String { String::new() }
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// let source = EventSource::builder("https://example.com/stream")
///     .options(|options| {
///         options.idle = Some(Duration::from_secs(60));
///         options.retry.statuses = vec![502, 503, 504];
///     })
///     // Asked anew for every connection, so that the token may change.
///     .request(|request| async { request.bearer_auth(token().await) })
///     .build()?;
/// # Ok::<(), ssecast_client::Error>(())
/// ```
#[must_use]
pub struct EventSourceBuilder {
    url: String,
    options: Options,
    client: Option<Client>,
    prepare: Option<Prepare>,
}

impl EventSource {
    /// Makes a source with the usual options.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] if the URL is none.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::builder(url).build()
    }

    /// Begins to make a source.
    pub fn builder(url: &str) -> EventSourceBuilder {
        EventSourceBuilder { url: url.into(), options: Options::default(), client: None, prepare: None }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.source.state()
    }

    /// The last event ID: what the next connection resumes from. It may be that of an event which was not taken yet.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }

    /// Closes the source: nothing follows, and the connection is given up. Dropping it does the same.
    pub fn close(&mut self) {
        self.source.close();
        self.ready.clear();
        self.chunk.clear();
        (self.phase, self.idle) = (Phase::Closed, None);
    }

    fn send(&mut self) -> Phase {
        let request = self.source.request();
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        let builder = self.client.request(method.clone(), request.url);
        let url = request.url.parse();
        let (body, credentials) = (request.body, request.credentials);
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers() {
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
            {
                headers.insert(name, value);
            }
        }
        let prepared = self
            .prepare
            .as_mut()
            .map(|prepare| prepare(self.client.request(method.clone(), self.source.url())));
        Phase::Requesting(Box::pin(async move {
            let prepared = match prepared {
                Some(prepared) => prepared.await,
                None => builder,
            };
            let (client, request) = prepared.build_split();
            let mut request = request?;
            *request.method_mut() = method;
            if let Ok(url) = url {
                *request.url_mut() = url;
            }
            if !body {
                *request.body_mut() = None;
            }
            for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].into_iter().filter(|_| !credentials) {
                request.headers_mut().remove(name);
            }
            request.headers_mut().extend(headers);
            client.execute(request).await
        }))
    }

    fn respond(&mut self, response: reqwest::Response) -> Phase {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let head = Response {
            status: response.status().as_u16(),
            content_type: header("content-type"),
            location: header("location"),
            retry_after: header("retry-after"),
            date: header("date"),
        };
        match self.source.respond(&head) {
            Step::Read => {
                self.ready.push_back(Update::Open);
                Phase::Reading(Box::pin(response.bytes_stream()))
            }
            Step::Redirect => Phase::Ready,
            Step::Lost(loss) => self.lost(loss),
        }
    }

    fn lose(&mut self, cause: Cause) -> Phase {
        let loss = self.source.lose(cause);
        self.lost(loss)
    }

    fn lost(&mut self, loss: Loss) -> Phase {
        let wait = loss.retry_in;
        (self.idle, self.chunk) = (None, Bytes::new());
        self.ready.push_back(Update::Lost(loss));
        // As far ahead as the clock goes, if a stream asks for more.
        let until = |wait| {
            Instant::now().checked_add(wait).unwrap_or_else(|| Instant::now() + Duration::from_secs(1 << 30))
        };
        wait.map_or(Phase::Closed, |wait| Phase::Waiting(Box::pin(sleep_until(until(wait)))))
    }

    /// Parses a piece of the chunk at hand.
    fn parse(&mut self) -> Option<Phase> {
        let piece = self.chunk.split_to(self.chunk.len().min(PIECE));
        let (ready, last_event_id) = (&mut self.ready, &mut self.last_event_id);
        let fed = self.source.feed(&piece, |message| {
            if **last_event_id != *message.last_event_id {
                *last_event_id = message.last_event_id.into();
            }
            ready.push_back(Update::Event(Received::of(&message, last_event_id)));
            ControlFlow::Continue(())
        });
        fed.err().map(|loss| self.lost(loss))
    }

    /// Whether the server has been silent for too long.
    fn is_idle(&mut self, context: &mut Context<'_>) -> bool {
        let Some(idle) = self.source.idle() else { return false };
        let timer = self.idle.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + idle)));
        timer.as_mut().poll(context).is_ready()
    }
}

impl Stream for EventSource {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        let this = self.get_mut();
        loop {
            if let Some(update) = this.ready.pop_front() {
                return Poll::Ready(Some(update));
            }
            if !this.chunk.is_empty() {
                if let Some(phase) = this.parse() {
                    this.phase = phase;
                }
                continue;
            }
            let next = match &mut this.phase {
                Phase::Closed => return Poll::Ready(None),
                Phase::Ready => this.send(),
                Phase::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    Phase::Ready
                }
                Phase::Requesting(response) => match response.as_mut().poll(context) {
                    Poll::Ready(Ok(response)) => {
                        this.idle = None;
                        this.respond(response)
                    }
                    Poll::Ready(Err(error)) => this.lose(network(&error)),
                    Poll::Pending if this.is_idle(context) => this.lose(Cause::Idle),
                    Poll::Pending => return Poll::Pending,
                },
                Phase::Reading(body) => match body.as_mut().poll_next(context) {
                    Poll::Ready(Some(Ok(chunk))) => {
                        (this.chunk, this.idle) = (chunk, None);
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => this.lose(network(&error)),
                    Poll::Ready(None) => this.lose(Cause::Ended),
                    Poll::Pending if this.is_idle(context) => this.lose(Cause::Idle),
                    Poll::Pending => return Poll::Pending,
                },
            };
            this.phase = next;
        }
    }
}

/// What the client says, with the causes behind it: its own text alone is "error sending request".
fn network(error: &reqwest::Error) -> Cause {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Cause::Network(text)
}

impl EventSourceBuilder {
    /// Changes the [`Options`].
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Sends requests with this client: its proxies, certificates and timeouts hold. It had better not follow redirects
    /// (`redirect::Policy::none()`), so that the source does, by the standard's rules.
    pub fn client(self, client: Client) -> Self {
        Self { client: Some(client), ..self }
    }

    /// Prepares each request, with headers or a body of the caller's. It is asked anew for every connection. Another method
    /// is an option: a redirect may change it.
    pub fn request<P, F>(self, mut prepare: P) -> Self
    where
        P: FnMut(RequestBuilder) -> F + Send + 'static,
        F: Future<Output = RequestBuilder> + Send + 'static,
    {
        let prepare: Prepare = Box::new(move |request| Box::pin(prepare(request)));
        Self { prepare: Some(prepare), ..self }
    }

    /// Makes the source. It connects when it is polled first.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] names the option that can't work; [`ErrorKind::InvalidId`].
    pub fn build(self) -> Result<EventSource, Error> {
        let Self { url, options, client, prepare } = self;
        let last_event_id = options.last_event_id.as_str().into();
        let source = Source::new(&url, options)?;
        let client =
            match client {
                Some(client) => client,
                None => Client::builder().redirect(reqwest::redirect::Policy::none()).build().map_err(
                    |error| Error::new(ErrorKind::Internal, "client", format!("could not be made: {error}")),
                )?,
            };
        Ok(EventSource {
            source,
            client,
            prepare,
            phase: Phase::Ready,
            chunk: Bytes::new(),
            ready: VecDeque::new(),
            last_event_id,
            idle: None,
        })
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource").field("source", &self.source).finish_non_exhaustive()
    }
}

impl fmt::Debug for EventSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, options, .. } = self;
        f.debug_struct("EventSourceBuilder")
            .field("url", url)
            .field("options", options)
            .finish_non_exhaustive()
    }
}
