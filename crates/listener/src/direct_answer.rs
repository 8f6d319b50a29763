//! What the listener answers by its options alone, without asking the router.

use ssecast_engine::{Origins, allows_event_stream};

use crate::config::ListenerConfig;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::response::lines;

impl ListenerConfig {
    /// The header lines by which pages of other origins may read the response; without a request, those for every origin.
    pub(crate) fn cors_lines(&self, request: Option<&Request>) -> String {
        let origin = request.and_then(|request| request.header("origin"));
        self.cors.as_ref().map(|cors| lines(&cors.headers(origin))).unwrap_or_default()
    }

    /// The origin of a request that the router decides on.
    pub(crate) fn asked_origin<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let cors = self.cors.as_ref().filter(|cors| cors.origins == Origins::Decided)?;
        cors.origin(request.header("origin"))
    }

    /// The header lines, as the router has decided on the request's origin.
    pub(crate) fn decided_cors_lines(&self, request: &Request, allowed: bool) -> String {
        let origin = request.header("origin");
        self.cors.as_ref().map(|cors| lines(&cors.decided(origin, |_| allowed))).unwrap_or_default()
    }

    /// What a request is answered without the router, with further header lines.
    pub(crate) fn answer(&self, request: &Request) -> Option<(Refusal, String)> {
        const ALLOW: &str = "Allow: GET, HEAD, OPTIONS\r\n";
        let refusal = |status, detail| Some((Refusal::saying(status, detail), String::new()));
        let is_here = self.path.as_ref().is_none_or(|path| path == request.raw_path());
        if !is_here && request.raw_path() != "*" {
            return refusal(404, "there is nothing at this path");
        }
        match request.method() {
            "GET" | "HEAD" => {}
            "OPTIONS" => {
                let asks = request.header("access-control-request-method").is_some();
                let preflight = self.cors.as_ref().filter(|_| asks);
                let preflight = preflight.map(|cors| lines(&cors.preflight("GET, HEAD")));
                return Some((Refusal::new(204), preflight.unwrap_or_else(|| ALLOW.into())));
            }
            _ => return Some((Refusal::saying(405, "streams are read with GET"), ALLOW.into())),
        }
        match request.has_body() {
            Ok(false) => {}
            Ok(true) => return refusal(413, "a request for a stream has no body"),
            Err(invalid) => return Some((invalid, String::new())),
        }
        if !allows_event_stream(request.values("accept")) {
            return refusal(406, "there is text/event-stream here, and nothing else");
        }
        None
    }
}
