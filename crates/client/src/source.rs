use std::time::Duration;

use ssecast_codec::{Error, ErrorKind, Flow, Item, Message, Parser};
use url::Url;

use crate::backoff::Backoff;
use crate::loss::{Cause, Loss};
use crate::options::Options;
use crate::request::Request;
use crate::response::{Response, Step};

/// The most redirects in a row, as in the Fetch Standard.
const MAX_REDIRECTS: u32 = 20;

/// The states of `EventSource`, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// There is no connection yet, or no longer one.
    Connecting = 0,
    /// The answer is being read.
    Open = 1,
    /// There will be no further connection.
    Closed = 2,
}

/// A source of events that reconnects and resumes. The crate's page shows its states.
///
/// ```
/// use ssecast_client::{Cause, Options, Response, Source, State, Step};
/// let mut source = Source::new("https://example.com/stream", Options::default())?;
/// assert_eq!(source.request().url, "https://example.com/stream");
///
/// let answer = Response { status: 200, content_type: Some("text/event-stream"), ..Response::default() };
/// assert_eq!(source.respond(&answer), Step::Read);
/// let mut received = Vec::new();
/// source.feed(b"id: 7\ndata: one\n\n", |message| received.push(message.data.to_owned())).unwrap();
/// assert_eq!(received, ["one"]);
///
/// let loss = source.lose(Cause::Ended);
/// assert!(loss.retry_in.is_some());
/// assert_eq!(source.request().last_event_id, "7");
/// # Ok::<(), ssecast_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    url: Url,
    options: Options,
    state: State,
    parser: Parser,
    backoff: Backoff,
    hop: Hop,
}

/// Where the connection under way goes, after the redirects so far.
#[derive(Clone, Debug)]
struct Hop {
    url: Url,
    method: String,
    body: bool,
    credentials: bool,
    redirects: u32,
}

impl Hop {
    fn first(url: &Url, options: &Options) -> Self {
        Self { url: url.clone(), method: options.method.clone(), body: true, credentials: true, redirects: 0 }
    }

    /// Follows a redirect, by the rules of the Fetch Standard.
    fn follow(&mut self, response: &Response<'_>, location: &str) -> Result<(), String> {
        if self.redirects == MAX_REDIRECTS {
            return Err(format!("more than {MAX_REDIRECTS} redirects"));
        }
        let url = self.url.join(location).map_err(|error| format!("a redirect to {location:?}: {error}"))?;
        if !is_http(&url) {
            return Err(format!("a redirect to {location:?}, which is not http or https"));
        }
        let post = self.method == "POST";
        let read = matches!(self.method.as_str(), "GET" | "HEAD");
        if (matches!(response.status, 301 | 302) && post) || (response.status == 303 && !read) {
            "GET".clone_into(&mut self.method);
            self.body = false;
        }
        self.credentials &= url.origin() == self.url.origin();
        self.url = url;
        self.redirects += 1;
        Ok(())
    }
}

impl Source {
    /// Makes a source in the state [`Connecting`](State::Connecting).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] names the option that can't work, `url` among them; [`ErrorKind::InvalidId`].
    pub fn new(url: &str, options: Options) -> Result<Self, Error> {
        options.validate()?;
        let invalid = |problem| Error::new(ErrorKind::InvalidOption, "url", problem);
        let url = Url::parse(url).map_err(|error| invalid(format!("{url:?} is no URL: {error}")))?;
        if !is_http(&url) {
            return Err(invalid(format!("begins with {}:, not with http: or https:", url.scheme())));
        }
        Ok(Self {
            state: State::Connecting,
            parser: Parser::with_max_event_bytes(options.max_event_bytes)
                .with_last_event_id(&options.last_event_id),
            backoff: Backoff::new(options.seed),
            hop: Hop::first(&url, &options),
            url,
            options,
        })
    }

    /// What to send now. The host does so while the source is [`Connecting`](State::Connecting).
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        Request {
            url: self.hop.url.as_str(),
            method: &self.hop.method,
            body: self.hop.body,
            credentials: self.hop.credentials,
            last_event_id: self.parser.last_event_id(),
        }
    }

    /// Takes the head of the answer, and says what to do with the rest of it.
    pub fn respond(&mut self, response: &Response<'_>) -> Step {
        if self.state != State::Connecting {
            return Step::Lost(Loss {
                cause: Cause::Network("the source is not connecting".into()),
                retry_in: None,
            });
        }
        if let (true, Some(location)) = (response.is_redirect(), response.location) {
            return match self.hop.follow(response, location) {
                Ok(()) => Step::Redirect,
                Err(problem) => Step::Lost(self.lose(Cause::Network(problem))),
            };
        }
        if response.status != 200 {
            let mut loss = self.lose(Cause::Status(response.status));
            loss.retry_in = loss.retry_in.map(|wait| wait.max(response.retry_after().unwrap_or_default()));
            return Step::Lost(loss);
        }
        if !response.is_event_stream() {
            return Step::Lost(
                self.lose(Cause::ContentType(response.content_type.unwrap_or_default().into())),
            );
        }
        self.state = State::Open;
        Step::Read
    }

    /// Takes a chunk of the answer's body and calls `sink` with each event in it. A sink that returns
    /// [`Break`](std::ops::ControlFlow::Break) closes the source: nothing follows, not even from this chunk (SPEC 27).
    /// A source that is not open takes nothing.
    ///
    /// # Errors
    /// The connection is lost: an event was larger than the limit. The host gives the answer up.
    pub fn feed<F: Flow>(
        &mut self,
        chunk: &[u8],
        mut sink: impl FnMut(Message<'_>) -> F,
    ) -> Result<(), Loss> {
        if self.state != State::Open {
            return Ok(());
        }
        let (backoff, state) = (&mut self.backoff, &mut self.state);
        let fed = self.parser.feed(chunk, |item| {
            let Item::Event(message) = item else { return std::ops::ControlFlow::Continue(()) };
            backoff.reset();
            if sink(message).is_break() {
                *state = State::Closed;
                return std::ops::ControlFlow::Break(());
            }
            std::ops::ControlFlow::Continue(())
        });
        fed.map_err(|_| self.lose(Cause::TooLarge))
    }

    /// Notes that there is no connection, or no longer one: it could not be made, was cut, idle, or came to its end. An
    /// incomplete event is discarded (SPEC 15), and the last event ID stays.
    pub fn lose(&mut self, cause: Cause) -> Loss {
        self.parser.finish();
        self.hop = Hop::first(&self.url, &self.options);
        let again = match &cause {
            Cause::Status(status) => self.options.retry.statuses.contains(status),
            Cause::ContentType(_) => false,
            Cause::Network(_) | Cause::Ended | Cause::TooLarge | Cause::Idle => true,
        };
        if self.state == State::Closed || !again {
            self.state = State::Closed;
            return Loss { cause, retry_in: None };
        }
        self.state = State::Connecting;
        let stated = self.parser.retry().map(Duration::from_millis);
        Loss { cause, retry_in: Some(self.backoff.next(&self.options.retry, stated)) }
    }

    /// Closes the source for good. The host gives up the connection, or the wait for one.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.parser.finish();
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The URL that every reconnect begins at (SPEC 22).
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The origin of events: that of the URL which the redirects led to, such as `https://example.com` (SPEC 22).
    #[must_use]
    pub fn origin(&self) -> String {
        self.hop.url.origin().ascii_serialization()
    }

    /// The last event ID: what the next connection resumes from. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The silence after which the host calls [`lose`](Self::lose) with [`Cause::Idle`].
    #[must_use]
    pub fn idle(&self) -> Option<Duration> {
        self.options.idle
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}
