use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{AsyncTask, Either, FnArgs, Function, Object, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, Task};
use napi_derive::napi;
use ssecast::{
    Error, ErrorKind, Listener, ListenerConfig, OriginDecision, QueryTopics, Refusal, Replay, Request,
    Responder, Router,
};

use crate::error::{Result, entry, internal};
use crate::hub::NativeHub;
use crate::options::Options;

/// How many requests may wait for the event loop; one more is answered 503.
const WAITING: usize = 4096;

/// An HTTP/1.1 endpoint of a hub. It keeps the event loop alive until it is closed.
#[napi]
pub struct NativeListener {
    listener: Option<Listener>,
    address: SocketAddr,
    question: Arc<Question>,
}

/// A request for a stream.
#[napi(object, object_from_js = false)]
pub struct NativeRequest {
    pub method: String,
    /// The path and the query as the client sent them.
    pub url: String,
    /// The path, decoded.
    pub path: String,
    /// By names in lower case. Values are Latin-1, and joined where a name comes more than once, as in Node.
    pub headers: BTreeMap<String, String>,
    pub address: String,
    pub port: u16,
    /// Empty if there is none.
    pub last_event_id: String,
}

/// Answers one request, once. If JavaScript collects it without an answer, the request is answered 500.
#[napi]
pub struct NativeResponder(Responder);

#[napi]
impl NativeResponder {
    /// Gives the client a stream of these topics.
    #[napi]
    pub fn allow(&self, topics: Vec<String>) -> Result<()> {
        entry(|| self.0.allow(&texts(&topics)).map(drop))
    }

    /// Gives the client a stream of the topics that it has named. None, too many, or one that can't be a topic is
    /// answered 400.
    #[napi]
    pub fn allow_named(&self, topics: Vec<String>) -> Result<()> {
        entry(|| {
            self.0.allow_named(&texts(&topics));
            Ok(())
        })
    }

    /// Answers with a status, and perhaps the names and values of headers, and a body.
    #[napi]
    pub fn refuse(
        &self,
        status: f64,
        headers: Option<Vec<(String, String)>>,
        body: Option<Uint8Array>,
    ) -> Result<()> {
        entry(|| {
            if status.fract() != 0.0 || !(0.0..=f64::from(u16::MAX)).contains(&status) {
                let problem = format!("must be 204 or from 400 to 599, not {status}");
                return Err(Error::new(ErrorKind::InvalidOption, "status", problem));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            let status = status as u16;
            let body = body.map(|bytes| bytes.to_vec());
            self.0.refuse_with(Refusal { status, headers: headers.unwrap_or_default(), body }).map(drop)
        })
    }
}

/// Says once whether pages of a request's origin may read the answer. If JavaScript collects it undecided, the request is
/// answered 500.
#[napi]
pub struct NativeOriginDecision(OriginDecision);

#[napi]
impl NativeOriginDecision {
    #[napi]
    pub fn decide(&self, allowed: bool) -> Result<()> {
        entry(|| {
            self.0.decide(allowed);
            Ok(())
        })
    }

    /// Answers 500.
    #[napi]
    pub fn fail(&self) -> Result<()> {
        entry(|| {
            self.0.fail();
            Ok(())
        })
    }
}

#[napi]
impl NativeListener {
    /// Listens on the first of the addresses that can be had. `options` has either `topics` or `queryTopics`, or else
    /// `ask` is called with each request, on the event loop; it must not throw. If `cors.decided`, it is called with each
    /// request's origin first.
    #[napi(
        constructor,
        ts_args_type = "hub: NativeHub, addresses: Array<string>, options: object, \
                        ask: (request: NativeRequest, answer: NativeResponder | NativeOriginDecision) => void"
    )]
    pub fn new(
        hub: &NativeHub,
        addresses: Vec<String>,
        options: Object<'_>,
        ask: Function<'_, FnArgs<Arguments>, ()>,
    ) -> Result<Self> {
        entry(|| {
            let (port, config, topics) = read(&options)?;
            let address = |address: &String| {
                let address: IpAddr = address.parse().map_err(|error| {
                    Error::new(ErrorKind::InvalidOption, "host", format!("is {address}, an {error}"))
                })?;
                Ok(SocketAddr::new(address, port))
            };
            let addresses: Vec<SocketAddr> =
                addresses.iter().map(address).collect::<std::result::Result<_, Error>>()?;
            let question = Arc::new(Question::new(&ask)?);
            let routes = Routes { topics, question: Arc::clone(&question) };
            let listener = Listener::bind(&hub.hub, &addresses[..], config, routes)?;
            Ok(Self { address: listener.address(), listener: Some(listener), question })
        })
    }

    #[napi(getter)]
    pub fn address(&self) -> String {
        self.address.ip().to_string()
    }

    #[napi(getter)]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes the listener. The promise resolves when its thread has ended.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&mut self) -> AsyncTask<Closing> {
        let listener = self.listener.take();
        if let Some(listener) = &listener {
            listener.close();
        }
        self.question.withdraw();
        AsyncTask::new(Closing(listener))
    }
}

/// Waits for a listener's thread. The event loop must not wait for it itself.
pub struct Closing(Option<Listener>);

impl Task for Closing {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        drop(self.0.take());
        Ok(())
    }

    fn resolve(&mut self, _: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

/// Which topics a client may read.
enum Topics {
    Always(Vec<String>),
    /// Those that the query names.
    Query,
    /// JavaScript decides.
    Asked,
}

/// The router of a listener.
struct Routes {
    topics: Topics,
    question: Arc<Question>,
}

impl Router for Routes {
    fn route(&self, request: Request, responder: Responder) {
        match &self.topics {
            // They were checked when the listener was made.
            Topics::Always(topics) => drop(responder.allow(&texts(topics))),
            Topics::Query => QueryTopics.route(request, responder),
            Topics::Asked => self.question.ask(Asked(Some((request, Answer::Stream(responder))))),
        }
    }

    fn allows_origin(&self, _: &str, request: Request, decision: OriginDecision) {
        self.question.ask(Asked(Some((request, Answer::Origin(decision)))));
    }
}

fn texts(topics: &[String]) -> Vec<&str> {
    topics.iter().map(String::as_str).collect()
}

/// The function of JavaScript that decides on a request, until it is withdrawn. It keeps the event loop alive, and what
/// it refers to.
struct Question(Mutex<Option<Arc<Ask>>>);

type Ask = ThreadsafeFunction<Asked, (), FnArgs<Arguments>, Status, false, false, WAITING>;

/// What JavaScript is asked with.
type Arguments = (NativeRequest, Either<NativeResponder, NativeOriginDecision>);

impl Question {
    fn new(ask: &Function<'_, FnArgs<Arguments>, ()>) -> std::result::Result<Self, Error> {
        let builder = ask.build_threadsafe_function::<Asked>().max_queue_size::<WAITING>();
        let ask = builder.build_callback(|context| {
            let mut asked = context.value;
            let gone = || napi::Error::from_reason("there is no request");
            let (request, answer) = asked.0.take().ok_or_else(gone)?;
            let answer = match answer {
                Answer::Stream(responder) => Either::A(NativeResponder(responder)),
                Answer::Origin(decision) => Either::B(NativeOriginDecision(decision)),
            };
            Ok(FnArgs::from((NativeRequest::from(&request), answer)))
        });
        Ok(Self(Mutex::new(Some(Arc::new(ask.map_err(internal)?)))))
    }

    fn ask(&self, asked: Asked) {
        let ask = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(ask) = ask {
            ask.call(asked, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn withdraw(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// A request on its way to the event loop. If the queue is full or the listener closes, it is dropped, and answered as
/// a request that can have no stream at the moment.
struct Asked(Option<(Request, Answer)>);

/// What JavaScript is asked for.
enum Answer {
    Stream(Responder),
    Origin(OriginDecision),
}

impl Drop for Asked {
    fn drop(&mut self) {
        match &self.0 {
            Some((_, Answer::Stream(responder))) => _ = responder.unavailable(),
            Some((_, Answer::Origin(decision))) => _ = decision.unavailable(),
            None => {}
        }
    }
}

impl From<&Request> for NativeRequest {
    fn from(request: &Request) -> Self {
        let mut headers = BTreeMap::new();
        for (name, value) in request.headers() {
            let value: String = value.iter().copied().map(char::from).collect();
            let name = name.to_ascii_lowercase();
            let separator = if name == "cookie" { "; " } else { ", " };
            headers
                .entry(name)
                .and_modify(|values: &mut String| *values = format!("{values}{separator}{value}"))
                .or_insert(value);
        }
        let query = request.raw_query().map(|query| format!("?{query}")).unwrap_or_default();
        Self {
            method: request.method().to_owned(),
            url: request.raw_path().to_owned() + &query,
            path: request.path().to_owned(),
            headers,
            address: request.peer().ip().to_string(),
            port: request.peer().port(),
            last_event_id: request.last_event_id().unwrap_or_default().to_owned(),
        }
    }
}

/// Reads the options of `hub.listen` that are not JavaScript's own.
fn read(object: &Object<'_>) -> std::result::Result<(u16, ListenerConfig, Topics), Error> {
    let default = ListenerConfig::default();
    let mut options = Options::new(object, "");
    let port = options.limit("port", 0)?;
    let port = u16::try_from(port)
        .map_err(|_| Error::new(ErrorKind::InvalidOption, "port", "must be from 0 to 65535"))?;
    let topics = match (options.texts("topics")?, options.flag("queryTopics")?) {
        (Some(topics), _) => {
            topics.iter().try_for_each(|topic| ssecast::check_topic(topic))?;
            Topics::Always(topics)
        }
        (None, Some(true)) => Topics::Query,
        (None, _) => Topics::Asked,
    };
    let cors =
        options.object("cors", "{ origin: 'https://app.example' }")?.map(|object| crate::cors::read(&object));
    let config = ListenerConfig {
        path: options.text("path")?,
        cors: cors.transpose()?,
        headers: options.pairs("headers")?,
        max_head_bytes: options.limit("maxHeadBytes", default.max_head_bytes)?,
        max_headers: options.limit("maxHeaders", default.max_headers)?,
        head_time: options.wait("headMs", default.head_time)?,
        answer_time: options.wait("answerMs", default.answer_time)?,
        max_pending: options.limit("maxPending", default.max_pending)?,
        replay: Replay::Last(options.limit("replay", 0)?),
    };
    options.finish()?;
    Ok((port, config, topics))
}
