use napi::bindgen_prelude::Unknown;
use napi_derive::napi;
use ssecast::{Error, ErrorKind};

use crate::error::{Result, entry};
use crate::value::text;

/// Throws if a topic's name is not valid.
#[napi]
pub fn check_topic(topic: String) -> Result<()> {
    entry(|| ssecast::check_topic(&topic))
}

/// The names of topics, as JavaScript has given them.
pub(crate) fn names(topics: Vec<Unknown<'_>>) -> std::result::Result<Vec<String>, Error> {
    topics.into_iter().map(name).collect()
}

fn name(topic: Unknown<'_>) -> std::result::Result<String, Error> {
    let missing = || Error::new(ErrorKind::InvalidTopic, "topic", "must be a string, and is missing");
    text(Some(topic), "topic", ErrorKind::InvalidTopic)?.ok_or_else(missing)
}
