use std::time::Duration;

use napi::ValueType;
use napi::bindgen_prelude::{JsValue, Object, Unknown};
use ssecast::{Config, Error, ErrorKind, History, Policy, SlowClient, open_store};

use crate::error::internal;
use crate::value::{cast, kind, name, text};

/// Which threads write a hub's streams.
pub(crate) struct DeliveryOptions {
    /// The event loop writes them all.
    pub(crate) pull: bool,
    /// The number of engine threads for this hub alone; without it, hubs share threads.
    pub(crate) threads: Option<usize>,
}

/// Reads the options of `createHub`. An unknown one is an error: it is a mistyped one.
pub(crate) fn read(object: &Object<'_>) -> Result<(Config, DeliveryOptions), Error> {
    let default = Config::default();
    let mut options = Options::new(object, "");
    let history = options.object("history", "{ events: 100 }")?;
    let slow_client = options.object("slowClient", "{ ms: 30_000 }")?;
    let config = Config {
        history: match history {
            Some(object) => {
                let mut options = Options::new(&object, "history.");
                let History { events, bytes, age } = default.history;
                let history = History {
                    events: options.cap("history.events", events)?,
                    bytes: options.cap("history.bytes", bytes)?,
                    age: options.time("history.ms", age)?,
                };
                options.finish()?;
                history
            }
            None => default.history,
        },
        slow_client: match slow_client {
            Some(object) => {
                let mut options = Options::new(&object, "slowClient.");
                let SlowClient { bytes, time, policy } = default.slow_client;
                let slow_client = SlowClient {
                    bytes: options.limit("slowClient.bytes", bytes)?,
                    time: options.wait("slowClient.ms", time)?,
                    policy: match options.choice("slowClient.policy", ["disconnect", "skip"])? {
                        None => policy,
                        Some(0) => Policy::Disconnect,
                        Some(_) => Policy::Skip,
                    },
                };
                options.finish()?;
                slow_client
            }
            None => default.slow_client,
        },
        heartbeat: options.time("heartbeatMs", default.heartbeat)?,
        retry: options.time("retryMs", default.retry)?,
        reset_event: options.reset_event(default.reset_event)?,
        max_connections: options.limit("maxConnections", default.max_connections)?,
        max_topics: options.limit("maxTopics", default.max_topics)?,
        max_event_bytes: options.limit("maxEventBytes", default.max_event_bytes)?,
        max_backlog_bytes: options.limit("maxBacklogBytes", default.max_backlog_bytes)?,
        keep_ended: options.wait("keepEndedMs", default.keep_ended)?,
        publish_timeout: options.wait("publishTimeoutMs", default.publish_timeout)?,
        store: options.text("store")?.map(|url| open_store(&url)).transpose()?,
    };
    let delivery = DeliveryOptions {
        pull: options.choice("delivery", ["auto", "pull"])?.is_some_and(|choice| choice == 1),
        threads: options.cap("threads", None)?,
    };
    options.finish()?;
    Ok((config, delivery))
}

pub(crate) struct Options<'a> {
    object: &'a Object<'a>,
    /// The prefix of this object's options in errors, such as `history.`.
    prefix: &'static str,
    known: Vec<&'static str>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(object: &'a Object<'a>, prefix: &'static str) -> Self {
        Self { object, prefix, known: Vec::new() }
    }

    /// An option's value; `undefined` is the same as leaving it out.
    fn get(&mut self, option: &'static str) -> Result<Option<(Unknown<'a>, ValueType)>, Error> {
        let key = &option[self.prefix.len()..];
        self.known.push(key);
        let Some(value) = self.object.get::<Unknown<'_>>(key).map_err(internal)? else { return Ok(None) };
        let kind = kind(&value)?;
        Ok((kind != ValueType::Undefined).then_some((value, kind)))
    }

    /// An object, of which an example is given.
    pub(crate) fn object(
        &mut self,
        option: &'static str,
        example: &str,
    ) -> Result<Option<Object<'a>>, Error> {
        let must = || format!("must be an object such as {example}");
        match self.get(option)? {
            None => Ok(None),
            Some((value, ValueType::Object)) => {
                let object: Object<'_> = cast(&value)?;
                if object.is_array().map_err(internal)? || object.is_promise().map_err(internal)? {
                    return Err(Error::new(ErrorKind::InvalidOption, option, must()));
                }
                Ok(Some(object))
            }
            Some((_, kind)) => wrong(option, &must(), kind),
        }
    }

    /// A count or a number of bytes.
    pub(crate) fn limit(&mut self, option: &'static str, default: usize) -> Result<usize, Error> {
        Ok(self.cap(option, Some(default))?.unwrap_or(usize::MAX))
    }

    /// A count or a number of bytes, or no cap: `null`, `false` or `Infinity`.
    fn cap(&mut self, option: &'static str, default: Option<usize>) -> Result<Option<usize>, Error> {
        let Some((value, kind)) = self.get(option)? else { return Ok(default) };
        match kind {
            ValueType::Null => Ok(None),
            ValueType::Boolean if !cast::<bool>(&value)? => Ok(None),
            ValueType::Number => {
                let number: f64 = cast(&value)?;
                if number == f64::INFINITY {
                    return Ok(None);
                }
                if number.fract() != 0.0 || !(0.0..=9_007_199_254_740_991.0).contains(&number) {
                    let problem = format!("must be a non-negative whole number, not {number}");
                    return Err(Error::new(ErrorKind::InvalidOption, option, problem));
                }
                #[allow(clippy::cast_sign_loss, reason = "checked above")]
                Ok(Some(number as usize))
            }
            kind => wrong(option, "must be a number, or null to turn it off", kind),
        }
    }

    /// Milliseconds, or off.
    pub(crate) fn time(
        &mut self,
        option: &'static str,
        default: Option<Duration>,
    ) -> Result<Option<Duration>, Error> {
        let default = default.map(|time| time.as_millis() as usize);
        Ok(self.cap(option, default)?.map(|milliseconds| Duration::from_millis(milliseconds as u64)))
    }

    /// Milliseconds, or as long as it takes.
    pub(crate) fn wait(&mut self, option: &'static str, default: Duration) -> Result<Duration, Error> {
        Ok(self.time(option, Some(default))?.unwrap_or(Duration::MAX))
    }

    /// A string.
    pub(crate) fn text(&mut self, option: &'static str) -> Result<Option<String>, Error> {
        match self.get(option)? {
            None => Ok(None),
            Some((value, ValueType::String)) => cast(&value).map(Some),
            Some((_, kind)) => wrong(option, "must be a string", kind),
        }
    }

    /// Strings.
    pub(crate) fn texts(&mut self, option: &'static str) -> Result<Option<Vec<String>>, Error> {
        const MUST: &str = "must be an array of strings";
        match self.get(option)? {
            None => Ok(None),
            Some((value, ValueType::Object)) => {
                let values: Vec<Unknown<'_>> =
                    cast(&value).or_else(|_| wrong(option, MUST, ValueType::Object))?;
                let text = |value: &Unknown<'_>| match kind(value)? {
                    ValueType::String => cast(value),
                    other => wrong(option, MUST, other),
                };
                values.iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some((_, kind)) => wrong(option, MUST, kind),
        }
    }

    /// The names and values of an object whose values are strings.
    pub(crate) fn pairs(&mut self, option: &'static str) -> Result<Vec<(String, String)>, Error> {
        let Some(object) = self.object(option, "{ 'X-Mine': 'yes' }")? else { return Ok(Vec::new()) };
        let names = Object::keys(&object).map_err(internal)?;
        let pair = |name: String| {
            let value = object.get::<Unknown<'_>>(&name).map_err(internal)?;
            let value = text(value, option, ErrorKind::InvalidOption)?;
            let missing =
                || Error::new(ErrorKind::InvalidOption, option, format!("must have a value for {name}"));
            let value = value.ok_or_else(missing)?;
            Ok((name, value))
        };
        names.into_iter().map(pair).collect()
    }

    pub(crate) fn flag(&mut self, option: &'static str) -> Result<Option<bool>, Error> {
        match self.get(option)? {
            None => Ok(None),
            Some((value, ValueType::Boolean)) => cast(&value).map(Some),
            Some((_, kind)) => wrong(option, "must be true or false", kind),
        }
    }

    /// One of two words: the index of the one that it is.
    fn choice(&mut self, option: &'static str, words: [&str; 2]) -> Result<Option<usize>, Error> {
        let must = format!("must be '{}' or '{}'", words[0], words[1]);
        match self.get(option)? {
            None => Ok(None),
            Some((value, ValueType::String)) => {
                let given: String = cast(&value)?;
                let unknown =
                    || Error::new(ErrorKind::InvalidOption, option, format!("{must}, not {given:?}"));
                words.iter().position(|word| *word == given).map(Some).ok_or_else(unknown)
            }
            Some((_, kind)) => wrong(option, &must, kind),
        }
    }

    fn reset_event(&mut self, default: Option<String>) -> Result<Option<String>, Error> {
        match self.get("resetEvent")? {
            None => Ok(default),
            Some((_, ValueType::Null)) => Ok(None),
            Some((value, ValueType::Boolean)) if !cast::<bool>(&value)? => Ok(None),
            Some((value, ValueType::String)) => cast(&value).map(Some),
            Some((_, kind)) => wrong("resetEvent", "must be a string, or false to turn it off", kind),
        }
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        let keys = Object::keys(self.object).map_err(internal)?;
        match keys.iter().find(|key| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let problem = format!("is unknown; known are {}", self.known.join(", "));
                Err(Error::new(ErrorKind::InvalidOption, format!("{}{key}", self.prefix), problem))
            }
        }
    }
}

fn wrong<T>(option: &'static str, must: &str, kind: ValueType) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOption, option, format!("{must}, not {}", name(kind))))
}
