use std::borrow::Cow;

use redis::RedisError;
use ssecast_hub::{Error, ErrorKind};

pub(crate) fn unavailable(problem: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::StoreUnavailable, "store", problem)
}

pub(crate) fn timed_out(problem: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::StoreTimedOut, "store", problem)
}

pub(crate) fn format(problem: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::StoreFormat, "store", problem)
}

/// What to do about an answer that is an error.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server does not have the script yet.
    NoScript,
    /// Another node of the cluster has the keys.
    Moved(String, u16),
    /// It may be otherwise in a moment, on another connection.
    NotNow(Error),
    /// Trying again does not help.
    Final(Error),
}

/// What an error of the server means. `name` says which server, without the password.
pub(crate) fn of_the_server(error: &RedisError, name: &str) -> Refusal {
    let text = [error.code().unwrap_or_default(), error.detail().unwrap_or_default()].join(" ");
    let has = |words: &str| text.contains(words);
    if has("NOSCRIPT") {
        return Refusal::NoScript;
    }
    if has("MOVED")
        && let Some((node, _slot)) = error.redirect_node()
        && let Some((host, port)) = node.rsplit_once(':')
        && let Ok(port) = port.parse()
    {
        return Refusal::Moved(host.to_owned(), port);
    }
    let told = |problem: &str| format!("{problem}: {name} says {text:?}");
    if has("used memory > 'maxmemory'") {
        let problem = told("is full: raise maxmemory, or keep a shorter history");
        return Refusal::Final(Error::new(ErrorKind::StoreFull, "store", problem));
    }
    if has("WRONGTYPE") {
        return Refusal::Final(format(told("has keys of another program: name another prefix")));
    }
    if has("NOPERM") {
        return Refusal::Final(unavailable(told(
            "does not let this user do what it has to: give it the rights",
        )));
    }
    if has("NOREPLICAS") || has("MISCONF") {
        return Refusal::Final(unavailable(told("takes no writes")));
    }
    let passing =
        ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "ASK ", "BUSY ", "UNBLOCKED"];
    if passing.into_iter().any(has) {
        return Refusal::NotNow(unavailable(told("can't be used at the moment")));
    }
    Refusal::Final(unavailable(told("refuses")))
}

/// Why no connection was made. The second is true if another try makes no difference.
pub(crate) fn of_connecting(error: &RedisError, name: &str) -> (Error, bool) {
    let text = error.to_string();
    let has = |words: &str| text.contains(words);
    if has("WRONGPASS")
        || has("NOAUTH")
        || has("NOPERM")
        || error.kind() == redis::ErrorKind::AuthenticationFailed
    {
        let problem =
            format!("can't be used: {name} refuses this user or password; look at the URL ({text})");
        return (unavailable(problem), true);
    }
    if has("DB index is out of range") || has("database number") || has("SELECT is not allowed") {
        let problem = format!("can't be used: {name} has no such database; look at the URL ({text})");
        return (unavailable(problem), true);
    }
    (unavailable(format!("can't be reached: {name}: {text}")), false)
}
