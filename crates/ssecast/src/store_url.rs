use ssecast_engine::{Error, ErrorKind, OptionKey, SharedStore};

/// The store that a text names, as every language's option `store` takes it. Nothing is opened yet.
///
/// `file:./events` or `file:///var/lib/events` is a folder; a relative one is in the working directory of now. As in any URL,
/// `%20` is a space, and `%3F` and `%23` are a question mark and a hash. `file:./events?durability=machine` has an event survive
/// the machine, not only the processes. It needs the feature `store-file`.
///
/// `redis://user:password@host:6379/0?prefix=app` is a Redis or Valkey server, and `rediss://` one with TLS: see `RedisStore::new`. It
/// needs the feature `store-redis`.
///
/// ```
/// use ssecast::{Config, Hub, open_store};
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("file:{}/events", folder.path().display());
/// let hub = Hub::new(Config { store: Some(open_store(&url)?), ..Config::default() })?;
/// assert!(open_store("./events").unwrap_err().to_string().starts_with("store must begin with file:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::InvalidOption`] for any other text, for a folder on a system that is no Unix, and for a store whose feature is
/// not enabled. None shows a password.
pub fn open_store(url: &str) -> Result<SharedStore, Error> {
    match url.split_once(':') {
        Some(("file", rest)) => open_file(rest, url),
        Some(("redis" | "rediss", _)) => open_redis(url),
        _ => {
            // There may be a password in what was meant as a server.
            let given = if url.contains('@') { String::new() } else { format!(", and is {url:?}") };
            invalid(format!(
                "must begin with file: and name a folder, as file:./events, or with redis:// and name a server, as \
                 redis://localhost:6379{given}"
            ))
        }
    }
}

#[cfg(feature = "store-redis")]
fn open_redis(url: &str) -> Result<SharedStore, Error> {
    Ok(crate::RedisStore::new(url)?.into())
}

#[cfg(not(feature = "store-redis"))]
fn open_redis(_: &str) -> Result<SharedStore, Error> {
    invalid("can't be in Redis: this was built without the feature store-redis")
}

fn invalid<T>(problem: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOption, OptionKey::Store, problem.into()))
}

#[cfg(not(all(unix, feature = "store-file")))]
fn open_file(_: &str, _: &str) -> Result<SharedStore, Error> {
    invalid("can't be in a file: that needs a Unix, and the feature store-file")
}

/// What follows `file:`.
#[cfg(all(unix, feature = "store-file"))]
fn open_file(rest: &str, url: &str) -> Result<SharedStore, Error> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::{Path, absolute};

    use percent_encoding::percent_decode_str;

    use crate::{Durability, FileStore};

    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    // After two slashes comes a host, of which there is none.
    let path = match path.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(path) => {
            return invalid(format!(
                "must name no host but a folder, as file:/{path} or file:./{path}, and is {url:?}"
            ));
        }
        None => path,
    };
    if path.is_empty() {
        return invalid(format!("must name a folder, as file:./events, and is {url:?}"));
    }
    if path.contains('#') {
        return invalid(format!("must have %23 for a #, and is {url:?}"));
    }
    let path: Vec<u8> = percent_decode_str(path).collect();
    if path.contains(&0) {
        return invalid(format!("must have no NUL, and is {url:?}"));
    }
    let durability = match query {
        None => Durability::default(),
        Some("durability=processes") => Durability::Processes,
        Some("durability=machine") => Durability::Machine,
        Some(_) => {
            return invalid(format!(
                "may end with ?durability=processes or ?durability=machine alone (write %3F for a ? in a name), and is {url:?}"
            ));
        }
    };
    match absolute(Path::new(OsStr::from_bytes(&path))) {
        Ok(path) => Ok(FileStore::new(path).with_durability(durability).into()),
        Err(error) => invalid(format!("can't be found, as the working directory is unknown: {error}")),
    }
}

#[cfg(all(test, unix, feature = "store-file", feature = "store-redis"))]
mod tests {
    use std::env::current_dir;

    use super::*;

    #[test]
    fn a_text_names_a_server() {
        let store = format!("{:?}", open_store("rediss://u:secret@host/2?prefix=a").unwrap());
        assert!(store.contains("rediss://host:6379/2?prefix=a") && !store.contains("secret"), "{store}");
    }

    #[test]
    fn a_text_names_a_folder_or_is_refused() {
        let here = |name: &str| current_dir().unwrap().join(name).display().to_string();
        for (url, path, durability) in [
            ("file:./events", &*here("events"), "Processes"),
            ("file:/a b", "/a b", "Processes"),
            ("file:///a/b", "/a/b", "Processes"),
            ("file:e", &here("e"), "Processes"),
            ("file:///a%20b/c%3F%23%25", "/a b/c?#%", "Processes"),
            ("file:/100%", "/100%", "Processes"),
            ("file:///%C3%BC?durability=machine", "/ü", "Machine"),
            ("file:/a?durability=processes", "/a", "Processes"),
        ] {
            let store = format!("{:?}", open_store(url).unwrap());
            let expected = format!("path: {path:?}, durability: {durability}");
            assert!(store.contains(&expected), "{store}");
        }
        for (url, problem) in [
            ("", "begin with file:"),
            ("events", "begin with file:"),
            ("FILE:x", "begin with file:"),
            ("http://user:secret@localhost", "redis://localhost:6379"),
            ("redis:localhost", "must begin with redis://"),
            ("redis://:secret@localhost/x", "database number"),
            ("file:", "name a folder"),
            ("file:///?", "durability="),
            ("file://", "name no host"),
            ("file://host/events", "file:/host/events"),
            ("file:./a#b", "%23"),
            ("file:./a%00", "NUL"),
            ("file:./a?durability=disk", "?durability=machine"),
            ("file:./a?sync=1", "?durability=machine"),
            ("file:./a?durability=machine&x=1", "?durability=machine"),
        ] {
            let error = open_store(url).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, "store"), "{url}");
            assert!(error.problem().contains(problem), "{url}: {error}");
            assert!(!error.problem().contains("secret"), "{error}");
        }
    }
}
