//! Content negotiation: whether a client takes an event stream (RFC 9110, 12.5.1).

/// Whether these values of Accept allow `text/event-stream`. The most specific range decides; without any, every
/// type will do.
pub(crate) fn allows_event_stream<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut best: Option<(usize, bool)> = None;
    let mut is_empty = true;
    for value in values {
        for range in
            String::from_utf8_lossy(value).split(',').map(str::trim).filter(|range| !range.is_empty())
        {
            is_empty = false;
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let Some(rank) = RANGES.iter().position(|known| kind.eq_ignore_ascii_case(known)) else {
                continue;
            };
            let wanted = !parts.any(is_zero);
            best = match best {
                Some((known, before)) if known > rank => Some((known, before)),
                Some((known, before)) if known == rank => Some((rank, before || wanted)),
                _ => Some((rank, wanted)),
            };
        }
    }
    best.map_or(is_empty, |(_, wanted)| wanted)
}

/// The ranges that the type is in, the most specific last.
const RANGES: [&str; 3] = ["*/*", "text/*", "text/event-stream"];

/// Whether a parameter is a weight of zero, which means: not this one.
fn is_zero(parameter: &str) -> bool {
    let weight = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, allowed) in [
            ("", true),
            ("*/*", true),
            ("text/*", true),
            ("text/event-stream", true),
            ("TEXT/Event-Stream; charset=utf-8", true),
            ("application/json, */*;q=0.1", true),
            ("application/json", false),
            ("text/html, application/xhtml+xml", false),
            ("text/event-stream;q=0, */*", false),
            ("*/*;q=0, text/event-stream", true),
            ("text/*;q=0.0, */*", false),
            ("text/event-streams", false),
            (",,", true),
        ] {
            assert_eq!(allows_event_stream([accept.as_bytes()].into_iter()), allowed, "{accept:?}");
        }
        assert!(allows_event_stream(std::iter::empty()));
        assert!(allows_event_stream([&b"text/html"[..], b"text/event-stream"].into_iter()));
    }
}
