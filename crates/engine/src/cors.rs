use std::time::Duration;

use ssecast_hub::{Error, ErrorKind, OptionKey};

/// What a preflight may ask for: what clients of event streams send that a page may not send just so.
const HEADERS: &str = "Authorization, Cache-Control, Content-Type, Last-Event-ID";

/// What nothing that a browser sends is equal to, or too much, and so is refused.
const ORIGIN_LIKE: &str = "must be an origin as browsers send it, like https://app.example";

/// A header field.
pub type Field = (&'static str, String);

/// Which pages of other origins may read the streams.
///
/// ```
/// use ssecast_engine::{Cors, Origins};
/// let origins = Origins::List(vec!["https://app.example".into()]);
/// let cors = Cors { origins, credentials: true, ..Cors::default() };
/// cors.validate()?;
/// let allowed = cors.headers(Some(b"https://app.example"));
/// assert_eq!(allowed[0], ("Access-Control-Allow-Origin", "https://app.example".to_owned()));
/// assert_eq!(cors.headers(Some(b"https://other.example")), [("Vary", "Origin".to_owned())]);
/// # Ok::<(), ssecast_engine::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The origins. Default any.
    pub origins: Origins,
    /// Whether pages may send cookies: only those of origins that are named. Default no.
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight. Default a day.
    pub max_age: Duration,
}

/// A choice of origins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Every origin.
    #[default]
    Any,
    /// These, as browsers spell them: scheme, host, and the port unless it is the scheme's own. `null` is the origin
    /// of files and of sandboxed frames, which any site can make.
    List(Vec<String>),
    /// Those that the host decides on for each request, with [`Cors::decided`].
    Decided,
}

impl Default for Cors {
    fn default() -> Self {
        Self { origins: Origins::Any, credentials: false, max_age: Duration::from_secs(86_400) }
    }
}

impl Cors {
    /// Refuses options that would allow no page at all, or more than they say.
    ///
    /// # Errors
    /// [`InvalidOption`](ErrorKind::InvalidOption) names `cors.origins` or `cors.credentials`.
    pub fn validate(&self) -> Result<(), Error> {
        let invalid = |option, problem: String| Err(Error::new(ErrorKind::InvalidOption, option, problem));
        let origins = match &self.origins {
            Origins::Any if self.credentials => {
                let problem = "can't be given to any origin: every site could then read what its visitors may read; \
                               name the origins";
                return invalid(OptionKey::CorsCredentials, problem.into());
            }
            Origins::Any | Origins::Decided => return Ok(()),
            Origins::List(origins) => origins,
        };
        if origins.is_empty() {
            return invalid(
                OptionKey::CorsOrigins,
                "must not be empty, which allows no page: leave cors out".into(),
            );
        }
        for origin in origins {
            if let Err(problem) = check_origin(origin) {
                return invalid(OptionKey::CorsOrigins, problem);
            }
            if origin == "null" && self.credentials {
                let problem = "must not have \"null\" together with credentials: every site can make a frame of that origin";
                return invalid(OptionKey::CorsOrigins, problem.into());
            }
        }
        Ok(())
    }

    /// The header fields that every response has, whatever its status, to a request with this `Origin`.
    #[must_use]
    pub fn headers(&self, origin: Option<&[u8]>) -> Vec<Field> {
        match &self.origins {
            // With credentials it was refused when it was made; here it allows no more than without.
            Origins::Any => vec![("Access-Control-Allow-Origin", "*".to_owned())],
            Origins::List(origins) => {
                self.decided(origin, |origin| origins.iter().any(|allowed| allowed == origin))
            }
            Origins::Decided => self.decided(origin, |_| false),
        }
    }

    /// The origin that a host is asked about: what can be one at all.
    #[must_use]
    #[allow(clippy::unused_self, reason = "what can be an origin is one rule for all")]
    pub fn origin<'a>(&self, origin: Option<&'a [u8]>) -> Option<&'a str> {
        let origin = origin.filter(|origin| origin.iter().all(u8::is_ascii_graphic));
        origin.and_then(|origin| std::str::from_utf8(origin).ok())
    }

    /// The same where the host decides on the origin.
    #[must_use]
    pub fn decided(&self, origin: Option<&[u8]>, allows: impl FnOnce(&str) -> bool) -> Vec<Field> {
        let allowed = self.origin(origin).filter(|origin| allows(origin));
        let mut fields = Vec::with_capacity(3);
        if let Some(origin) = allowed {
            fields.push(("Access-Control-Allow-Origin", origin.to_owned()));
            if self.credentials {
                fields.push(("Access-Control-Allow-Credentials", "true".to_owned()));
            }
        }
        // The answer depends on the origin also when it is no.
        fields.push(("Vary", "Origin".to_owned()));
        fields
    }

    /// The further fields of the answer to a preflight, for pages that may use these methods.
    #[must_use]
    pub fn preflight(&self, methods: &str) -> Vec<Field> {
        vec![
            ("Access-Control-Allow-Methods", methods.to_owned()),
            ("Access-Control-Allow-Headers", HEADERS.to_owned()),
            ("Access-Control-Max-Age", self.max_age.as_secs().to_string()),
        ]
    }
}

/// Whether a browser may send this as an origin; or else what is wrong with it.
fn check_origin(origin: &str) -> Result<(), String> {
    let wrong = |hint: &str| Err(format!("{ORIGIN_LIKE}{hint}; {origin:?} is not"));
    if origin == "null" {
        return Ok(());
    }
    if origin == "*" {
        return Err("must be \"*\" alone, which allows every origin, or a list without it".to_owned());
    }
    if origin.contains('*') {
        return wrong(", without wildcards");
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return wrong("") };
    if authority.contains(['/', '?', '#']) {
        return wrong(", without a path or a slash at the end");
    }
    if origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return wrong(", in lower case");
    }
    let (host, port) =
        match authority.rfind(':').filter(|at| authority.rfind(']').is_none_or(|end| end < *at)) {
            Some(at) => (&authority[..at], Some(&authority[at + 1..])),
            None => (authority, None),
        };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_name =
        |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let is_host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
        Some(address) => address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && is_name(host),
    };
    if !is_scheme || !is_host {
        return wrong("");
    }
    match (scheme, port) {
        (_, None) => Ok(()),
        ("http", Some("80")) | ("https", Some("443")) => {
            wrong(", without the port that its scheme has anyway")
        }
        (_, Some(port)) => {
            let is_plain = port.bytes().all(|digit| digit.is_ascii_digit()) && !port.starts_with('0');
            if is_plain && port.parse::<u16>().is_ok() { Ok(()) } else { wrong("") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validated(origins: &[&str], credentials: bool) -> Result<(), Error> {
        let origins = Origins::List(origins.iter().map(|origin| (*origin).to_owned()).collect());
        Cors { origins, credentials, ..Cors::default() }.validate()
    }

    #[test]
    fn an_origin_is_one_that_browsers_send() {
        for origin in [
            "https://a.example",
            "http://localhost:3000",
            "http://127.0.0.1:65535",
            "http://[::1]",
            "http://[::1]:8080",
            "https://a.example:80",
            "https://xn--bcher-kva.example",
            "chrome-extension://abcdefghijklmnop",
            "capacitor://localhost",
            "null",
        ] {
            validated(&[origin], false).unwrap();
            validated(&["https://first.example", origin], false).unwrap();
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused_and_named() {
        for origin in [
            "",
            " ",
            "*",
            "a.example",
            "//a.example",
            "https://",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example?query",
            "https://a.example#fragment",
            "https://A.example",
            "HTTPS://a.example",
            "https://*.a.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:",
            "https://a.example:x",
            "https://a.example:08080",
            "https://a.example:65536",
            "https://user@a.example",
            "https://bücher.example",
            "https://a.example ",
            " https://a.example",
            "https://a.example,https://b.example",
            "https://a.example\r\nSet-Cookie: a",
            "https://[::1",
            "https://[a.example]",
            "https://::1",
            "NULL",
            "null ",
            "1a://host",
        ] {
            for list in [&[origin][..], &["https://first.example", origin]] {
                let error = validated(list, false).unwrap_err();
                assert_eq!(
                    (error.kind(), error.field()),
                    (ErrorKind::InvalidOption, "cors.origins"),
                    "{origin:?}"
                );
            }
        }
        assert_eq!(validated(&[], false).unwrap_err().field(), "cors.origins");
    }

    #[test]
    fn credentials_are_for_origins_that_are_named() {
        assert!(validated(&["https://a.example"], true).is_ok());
        assert_eq!(validated(&["https://a.example", "null"], true).unwrap_err().field(), "cors.origins");
        let any = Cors { credentials: true, ..Cors::default() };
        assert_eq!(any.validate().unwrap_err().field(), "cors.credentials");
        assert_eq!(
            any.headers(Some(b"https://evil.example")),
            [("Access-Control-Allow-Origin", "*".to_owned())]
        );
    }

    #[test]
    fn what_is_no_origin_is_not_asked_about() {
        let decided = Cors { origins: Origins::Decided, credentials: true, ..Cors::default() };
        for origin in [None, Some(&b"a b"[..]), Some(b"caf\xe9"), Some(b"a\r\nb")] {
            assert_eq!(decided.decided(origin, |_| panic!("asked")), [("Vary", "Origin".to_owned())]);
        }
        assert_eq!(decided.headers(Some(b"https://a.example")), [("Vary", "Origin".to_owned())]);
        let allowed = decided.decided(Some(b"https://a.example"), |origin| origin == "https://a.example");
        assert_eq!(allowed.len(), 3);
    }
}
