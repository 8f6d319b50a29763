use std::convert::Infallible;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};
use ssecast::{Error, ErrorKind};

use crate::error::{Result, entry, wrong_type};
use crate::value::{digits, number, text};

/// An option as the caller gave it, or not at all: `None` is a value, and means off.
pub(crate) enum Given<'py> {
    Default,
    Value(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'py> {
    type Error = Infallible;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> std::result::Result<Self, Infallible> {
        Ok(Self::Value(value.to_owned()))
    }
}

impl Given<'_> {
    /// A count or a number of bytes.
    pub(crate) fn limit(&self, option: &'static str, default: usize) -> Result<usize> {
        match self {
            Self::Default => Ok(default),
            Self::Value(value) => count(option, value, "an int"),
        }
    }

    /// A count or a number of bytes, or no cap.
    pub(crate) fn cap(&self, option: &'static str, default: Option<usize>) -> Result<Option<usize>> {
        match self {
            Self::Default => Ok(default),
            Self::Value(value) if value.is_none() => Ok(None),
            Self::Value(value) => count(option, value, "an int, or None to turn it off").map(Some),
        }
    }

    /// Seconds, or off.
    pub(crate) fn time(&self, option: &'static str, default: Option<Duration>) -> Result<Option<Duration>> {
        match self {
            Self::Default => Ok(default),
            Self::Value(value) if value.is_none() => Ok(None),
            Self::Value(value) => {
                seconds(option, value, "a number of seconds, or None to turn it off").map(Some)
            }
        }
    }

    /// Seconds.
    pub(crate) fn duration(&self, option: &'static str, default: Duration) -> Result<Duration> {
        match self {
            Self::Default => Ok(default),
            Self::Value(value) => seconds(option, value, "a number of seconds"),
        }
    }

    /// A string, or off.
    pub(crate) fn name(&self, option: &'static str, default: Option<String>) -> Result<Option<String>> {
        match self {
            Self::Default => Ok(default),
            Self::Value(value) if value.is_none() => Ok(None),
            Self::Value(value) if value.is_instance_of::<PyString>() => {
                Ok(Some(text(value, option, ErrorKind::InvalidOption)?.to_string()))
            }
            Self::Value(value) => Err(wrong_type(option, "a str, or None to turn it off", value)),
        }
    }

    /// One of two words: whether it is the second.
    pub(crate) fn choice(&self, option: &'static str, words: [&str; 2]) -> Result<bool> {
        let Self::Value(value) = self else { return Ok(false) };
        let must = format!("{:?} or {:?}", words[0], words[1]);
        if !value.is_instance_of::<PyString>() {
            return Err(wrong_type(option, &must, value));
        }
        let given = text(value, option, ErrorKind::InvalidOption)?;
        match words.iter().position(|word| *word == &*given) {
            Some(index) => Ok(index == 1),
            None => Err(invalid(option, format!("must be {must}, not {:?}", &*given))),
        }
    }
}

/// Seconds as an argument of a call.
pub(crate) fn seconds(name: &'static str, value: &Bound<'_, PyAny>, expected: &str) -> Result<Duration> {
    let Some(number) = number(value) else { return Err(wrong_type(name, expected, value)) };
    Duration::try_from_secs_f64(number)
        .map_err(|_| invalid(name, format!("must be a number of seconds, zero or more, not {number:?}")))
}

/// What a client without a last event ID begins with: a number of events, or "all", which is the greatest number.
#[pyfunction]
pub fn replay_count(replay: &Bound<'_, PyAny>) -> Result<usize> {
    entry(|| {
        if !replay.is_instance_of::<PyString>() {
            return count("replay", replay, "an int or 'all'");
        }
        match &*text(replay, "replay", ErrorKind::InvalidOption)? {
            "all" => Ok(usize::MAX),
            given => Err(invalid("replay", format!("must be a number of events or \"all\", not {given:?}"))),
        }
    })
}

fn count(option: &'static str, value: &Bound<'_, PyAny>, expected: &str) -> Result<usize> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(wrong_type(option, expected, value));
    }
    value.extract().map_err(|_| {
        let given = digits(value).unwrap_or_else(|_| "one of so many digits".to_owned());
        invalid(option, format!("must be a whole number, zero or more, not {given}"))
    })
}

fn invalid(option: &'static str, problem: String) -> crate::error::Failure {
    Error::new(ErrorKind::InvalidOption, option, problem).into()
}
