use std::time::Duration;

use ssecast_hub::{Error, ErrorKind};

/// What a preflight may ask for: what clients of event streams send that a page may not send just so.
const HEADERS: &str = "Authorization, Cache-Control, Content-Type, Last-Event-ID";

/// Which pages of other origins may read the streams.
///
/// ```
/// use ssecast_engine::{Cors, Origins};
/// let origins = Origins::List(vec!["https://app.example".into()]);
/// let cors = Cors { origins, credentials: true, ..Cors::default() };
/// # let _ = cors;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The origins. Default any.
    pub origins: Origins,
    /// Whether pages may send cookies. With it, any origin means whichever asks, by its name. Default no.
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight. Default a day.
    pub max_age: Duration,
}

/// A choice of origins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Every origin.
    #[default]
    Any,
    /// These, as browsers spell them: scheme, host, and the port unless it is the scheme's own.
    List(Vec<String>),
}

impl Default for Cors {
    fn default() -> Self {
        Self { origins: Origins::Any, credentials: false, max_age: Duration::from_secs(86_400) }
    }
}

impl Cors {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let Origins::List(origins) = &self.origins else { return Ok(()) };
        // An origin that no browser sends would allow nobody, without a word.
        let is_origin = |origin: &String| {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin == "null"
                || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*']))
        };
        match origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(()),
            Some(origin) => {
                let problem = format!("must be like https://app.example, without a path; {origin:?} is not");
                Err(Error::new(ErrorKind::InvalidOption, "cors.origins", problem))
            }
        }
    }

    /// The header lines that every response has for a request of that origin.
    pub(crate) fn lines(&self, origin: Option<&[u8]>) -> String {
        if self.origins == Origins::Any && !self.credentials {
            return "Access-Control-Allow-Origin: *\r\n".into();
        }
        let origin = origin.filter(|origin| origin.iter().all(u8::is_ascii_graphic));
        let origin = origin.and_then(|origin| std::str::from_utf8(origin).ok());
        let allowed = origin.filter(|origin| match &self.origins {
            Origins::Any => true,
            Origins::List(origins) => origins.iter().any(|allowed| allowed == origin),
        });
        // The answer depends on the origin also when it is no.
        let Some(allowed) = allowed else { return "Vary: Origin\r\n".into() };
        let credentials = if self.credentials { "Access-Control-Allow-Credentials: true\r\n" } else { "" };
        format!("Access-Control-Allow-Origin: {allowed}\r\n{credentials}Vary: Origin\r\n")
    }

    /// The further lines of the answer to a preflight.
    pub(crate) fn preflight(&self) -> String {
        let age = self.max_age.as_secs();
        format!(
            "Access-Control-Allow-Methods: GET, HEAD\r\nAccess-Control-Allow-Headers: {HEADERS}\r\n\
             Access-Control-Max-Age: {age}\r\n"
        )
    }
}
