use ssecast_engine::{Error, ErrorKind, OptionKey, SharedStore};

use crate::FileStore;

/// The store that a text names, as every language's option `store` takes it: `file:./events` or `file:///var/lib/events`, a
/// folder. Nothing is opened yet.
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
/// [`ErrorKind::InvalidOption`] for any other text.
pub fn open_store(url: &str) -> Result<SharedStore, Error> {
    let path = url.strip_prefix("file:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        // After two slashes comes a host, of which there is none.
        Some(path) if !path.is_empty() && (path.starts_with('/') || !url.starts_with("file://")) => {
            Ok(FileStore::new(path).into())
        }
        _ => {
            let problem =
                format!("must begin with file: and name a folder, as file:./events, and is {url:?}");
            Err(Error::new(ErrorKind::InvalidOption, OptionKey::Store, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_folder_or_is_refused() {
        for (url, path) in
            [("file:./events", "./events"), ("file:/a b", "/a b"), ("file:///a/b", "/a/b"), ("file:e", "e")]
        {
            let store = format!("{:?}", open_store(url).unwrap());
            assert!(store.contains(&format!("{path:?}")), "{store}");
        }
        for url in ["", "events", "file:", "file://", "file://host/events", "redis://localhost", "FILE:x"] {
            let error = open_store(url).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, "store"), "{url}");
        }
    }
}
