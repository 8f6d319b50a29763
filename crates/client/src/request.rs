/// What a host sends to connect. Headers of its own come beside these, but for those that these name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Where to: the source's URL, or the one that an answer redirected to.
    pub url: &'a str,
    /// The method.
    pub method: &'a str,
    /// Whether the host sends its body: not once a redirect has turned the request into a GET.
    pub body: bool,
    /// Whether the host sends its `Authorization` and `Cookie`: not once a redirect led to another origin (SPEC 22).
    pub credentials: bool,
    /// The `Last-Event-ID`, as UTF-8; empty if the header is left out (SPEC 26).
    pub last_event_id: &'a str,
}

impl<'a> Request<'a> {
    /// The headers that make it a request for an event stream (SPEC 20, 26).
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
        let id = (!self.last_event_id.is_empty()).then_some(("Last-Event-ID", self.last_event_id));
        [("Accept", "text/event-stream"), ("Cache-Control", "no-cache")].into_iter().chain(id)
    }
}
