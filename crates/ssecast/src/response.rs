use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, ORIGIN, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, request::Parts};
use http_body::{Body, Frame, SizeHint};
use ssecast_engine::{
    ByteStream, Cors, Cut, Error, ErrorKind, Hub, Replay, Subscription, Unavailable, allows_event_stream,
    last_event_id, stream_headers,
};

/// A response that is a stream of topics: for axum, and with [`respond`](Self::respond) for everything that stands on the
/// crates `http` and `http-body`, as hyper, tower and warp do.
///
/// A client that comes back resumes by its `Last-Event-ID`, in the header or in the query's `lastEventId`. One whose topics have
/// ended, and that has everything, is answered 204. While the hub can take no client, one that comes back by itself, as an
/// `EventSource` does, gets a stream that ends at once, and any other one 503 with `Retry-After`
/// ([`Unavailable`]). One that accepts no `text/event-stream` is answered 406.
///
/// ```
/// # #[cfg(feature = "axum")] mod example {
/// use axum::{Router, extract::State, http::request::Parts, routing::get};
/// use ssecast::{EventSourceResponse, Hub};
///
/// async fn ticks(State(hub): State<Hub>, request: Parts) -> EventSourceResponse {
///     EventSourceResponse::new(&hub, ["ticks"], &request)
/// }
///
/// fn app(hub: Hub) -> Router {
///     Router::new().route("/ticks", get(ticks)).with_state(hub)
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it opens no stream unless it is returned, or asked to respond"]
pub struct EventSourceResponse {
    hub: Hub,
    topics: Vec<String>,
    last_event_id: Option<String>,
    replay: Replay,
    headers: HeaderMap,
    method: Method,
    accept: Vec<HeaderValue>,
    origin: Option<HeaderValue>,
    cors: Option<Cors>,
}

/// What a response needs to know of its request. Its whole head says everything; its headers alone say no `lastEventId` of
/// the query, and are those of a GET.
///
/// It is implemented for `&Parts`, `&Request<B>` and `&HeaderMap`.
pub trait RequestHead {
    /// The headers.
    fn headers(&self) -> &HeaderMap;

    /// The method.
    fn method(&self) -> Method {
        Method::GET
    }

    /// The query.
    fn query(&self) -> Option<&str> {
        None
    }
}

impl RequestHead for &HeaderMap {
    fn headers(&self) -> &HeaderMap {
        self
    }
}

impl RequestHead for &Parts {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn method(&self) -> Method {
        self.method.clone()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

impl<B> RequestHead for &http::Request<B> {
    fn headers(&self) -> &HeaderMap {
        http::Request::headers(self)
    }

    fn method(&self) -> Method {
        http::Request::method(self).clone()
    }

    fn query(&self) -> Option<&str> {
        self.uri().query()
    }
}

impl EventSourceResponse {
    /// A stream of these topics for the client that made the request. It is opened when it is returned.
    #[allow(clippy::needless_pass_by_value, reason = "all that implement it are references")]
    pub fn new(
        hub: &Hub,
        topics: impl IntoIterator<Item = impl Into<String>>,
        request: impl RequestHead,
    ) -> Self {
        let headers = request.headers();
        let id = headers.get("last-event-id").map(HeaderValue::as_bytes);
        let parameter = request.query().and_then(|query| {
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lastEventId").map(|(_, id)| id)
        });
        Self {
            hub: hub.clone(),
            topics: topics.into_iter().map(Into::into).collect(),
            last_event_id: last_event_id(id, parameter.as_deref()),
            replay: Replay::default(),
            headers: HeaderMap::new(),
            method: request.method(),
            accept: headers.get_all(ACCEPT).into_iter().cloned().collect(),
            origin: headers.get(ORIGIN).cloned(),
            cors: None,
        }
    }

    /// What the stream begins with if the client has no last event ID.
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// The id to resume from, whatever the request says.
    pub fn last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = Some(id.into()).filter(|id| !id.is_empty());
        self
    }

    /// A header that the response has, whatever becomes of the stream. Of `Cache-Control`, what a stream needs is added to it
    /// ([`cache_control`](crate::cache_control())); `Content-Type` is the stream's own.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Which pages of other origins may read the response. Preflights are the router's to answer, as for its other routes.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Opens the stream, and makes the response of any framework that stands on `http`.
    ///
    /// ```
    /// use http::Request;
    /// use ssecast::{Config, EventSourceResponse, Hub};
    /// let hub = Hub::new(Config::default())?;
    /// let request = Request::get("/ticks").header("last-event-id", "7").body(())?;
    /// let response = EventSourceResponse::new(&hub, ["ticks"], &request).respond()?;
    /// assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`], [`ErrorKind::InvalidOption`] for CORS that can't be meant so, and
    /// [`ErrorKind::Internal`]. What is the client's doing, or the moment's, is a response.
    pub fn respond(self) -> Result<Response<EventSourceBody>, Error> {
        self.cors.as_ref().map_or(Ok(()), Cors::validate)?;
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        topics.iter().try_for_each(|topic| ssecast_engine::check_topic(topic))?;
        if !allows_event_stream(self.accept.iter().map(HeaderValue::as_bytes)) {
            let text = "there is text/event-stream here, and nothing else\n";
            return Ok(self.response(StatusCode::NOT_ACCEPTABLE, Some(text), None));
        }
        let last_event_id = self.last_event_id.as_deref();
        let subscription = Subscription { topics: &topics, last_event_id, replay: self.replay };
        match ByteStream::open(&self.hub, &subscription) {
            Ok(stream) => Ok(self.stream(EventSourceBody(State::Stream(stream)))),
            Err(error) if error.kind() == ErrorKind::TopicEnded => {
                Ok(self.response(StatusCode::NO_CONTENT, None, None))
            }
            Err(error) if Unavailable::answers(error.kind()) => Ok(self.unavailable()),
            Err(error) => Err(error),
        }
    }

    /// What a client is answered that there is no room for.
    fn unavailable(&self) -> Response<EventSourceBody> {
        let accept = self.accept.iter().map(HeaderValue::as_bytes);
        match Unavailable::new(&self.hub, self.method.as_str(), accept) {
            Unavailable::Stream { body, .. } => self.stream(EventSourceBody(State::Whole(Some(body)))),
            Unavailable::Status { retry_after, .. } => self.response(
                StatusCode::SERVICE_UNAVAILABLE,
                Some("there is no room for another stream\n"),
                Some(retry_after),
            ),
        }
    }

    fn stream(&self, body: EventSourceBody) -> Response<EventSourceBody> {
        let mut response = Response::new(body);
        self.add_headers(response.headers_mut());
        let wanted: Vec<&str> =
            self.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).collect();
        for (name, value) in stream_headers(Some(&wanted.join(", "))) {
            insert(response.headers_mut(), name, &value);
        }
        response
    }

    fn response(
        &self,
        status: StatusCode,
        text: Option<&'static str>,
        retry_after: Option<u64>,
    ) -> Response<EventSourceBody> {
        let body = text.map(|text| Bytes::from_static(text.as_bytes()));
        let mut response = Response::new(EventSourceBody(State::Whole(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        self.add_headers(headers);
        if text.is_some() {
            insert(headers, "content-type", "text/plain; charset=utf-8");
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    /// Those that every response has.
    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.extend(self.headers.clone());
        let Some(cors) = &self.cors else { return };
        for (name, value) in cors.headers(self.origin.as_ref().map(HeaderValue::as_bytes)) {
            if name.eq_ignore_ascii_case(VARY.as_str()) {
                headers.append(VARY, HeaderValue::from_static("Origin"));
            } else {
                insert(headers, name, &value);
            }
        }
    }
}

/// What the engine says is made of visible characters. A value that is not could only be one of the host's own headers, which
/// `http` has checked.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

/// The body of an [`EventSourceResponse`]. Dropping it ends the connection.
#[derive(Debug)]
pub struct EventSourceBody(State);

#[derive(Debug)]
enum State {
    Stream(ByteStream),
    Whole(Option<Bytes>),
}

impl EventSourceBody {
    /// What sends to this stream alone, changes its topics and ends it; `None` if there is no stream.
    #[must_use]
    pub fn handle(&self) -> Option<crate::StreamHandle> {
        match &self.0 {
            State::Stream(stream) => Some(stream.handle()),
            State::Whole(_) => None,
        }
    }
}

impl Body for EventSourceBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.get_mut().0 {
            State::Stream(stream) => {
                stream.poll_bytes(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
            State::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, State::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            State::Stream(_) => SizeHint::default(),
            State::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for EventSourceResponse {
    /// A topic that can't be one is answered 400, as a request may have named it, and a fault of the server's 500.
    fn into_response(self) -> axum_core::response::Response {
        match self.respond() {
            Ok(response) => response.map(axum_core::body::Body::new),
            Err(error) if error.kind() == ErrorKind::InvalidTopic => {
                (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
            }
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        }
    }
}
