use crate::refusal::Refusal;

/// What a request asks for: a path, and what stands behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: String,
    pub(crate) raw_path: String,
    pub(crate) raw_query: Option<String>,
    pub(crate) query: Vec<(String, String)>,
}

impl Target {
    /// Reads a target in origin form or absolute form (RFC 9112, 3.2), or the asterisk of OPTIONS.
    pub(crate) fn parse(target: &str, method: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::saying(400, "the request's target is not valid");
        if target == "*" && method == "OPTIONS" || method == "CONNECT" {
            return Ok(Self { path: target.into(), raw_path: target.into(), ..Self::default() });
        }
        let target =
            if target.starts_with('/') { target } else { origin_form(target).ok_or_else(invalid)? };
        if target.contains('#') {
            return Err(invalid());
        }
        let (raw_path, raw_query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        // What the authority of an absolute form is followed by may be the query at once.
        let raw_path = if raw_path.is_empty() { "/" } else { raw_path };
        let path = percent_encoding::percent_decode_str(raw_path).decode_utf8().map_err(|_| invalid())?;
        let query = form_urlencoded::parse(raw_query.unwrap_or_default().as_bytes());
        Ok(Self {
            path: path.into_owned(),
            raw_path: raw_path.to_owned(),
            raw_query: raw_query.map(str::to_owned),
            query: query.into_owned().collect(),
        })
    }
}

/// What of `http://host/path?query` an origin form would be.
fn origin_form(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_http && authority > 0).then(|| &rest[authority..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(target: &str) -> Option<(String, Vec<(String, String)>)> {
        Target::parse(target, "GET").ok().map(|target| (target.path, target.query))
    }

    fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_target_is_a_path_and_a_query() {
        for (target, path, query) in [
            ("/", "/", &[][..]),
            ("/a%20b/%E2%82%AC", "/a b/€", &[]),
            ("/?", "/", &[]),
            ("/?topic=a&topic=b%26c&d", "/", &[("topic", "a"), ("topic", "b&c"), ("d", "")]),
            ("/?a=1+2%2B", "/", &[("a", "1 2+")]),
            ("/?a=%ff", "/", &[("a", "\u{fffd}")]),
            ("/100%", "/100%", &[]),
            ("//a", "//a", &[]),
            ("http://host", "/", &[]),
            ("http://host?a=b", "/", &[("a", "b")]),
            ("HTTP://host:80/p?a=b://c", "/p", &[("a", "b://c")]),
            ("https://[::1]:8080/p", "/p", &[]),
        ] {
            assert_eq!(parse(target), Some((path.to_owned(), pairs(query))), "{target}");
        }
    }

    #[test]
    fn what_is_neither_a_path_nor_a_url_is_refused() {
        for target in
            ["*", "host:443", "path", "http:///path", "ftp://host/", "/a#b", "http://host#a", "/%ff", ""]
        {
            assert_eq!(parse(target), None, "{target}");
        }
        assert!(Target::parse("*", "OPTIONS").is_ok());
    }
}
