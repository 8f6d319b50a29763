//! Content negotiation: whether a client takes an event stream (RFC 9110, 12.5.1).

/// Whether these values of Accept allow `text/event-stream`. The most specific range decides; without any, every
/// type will do.
#[must_use]
pub fn allows_event_stream<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let (best, is_empty) = most_specific(values.into_iter());
    best.map_or(is_empty, |(_, wanted)| wanted)
}

/// Whether these values of Accept name `text/event-stream` itself, as browsers' `EventSource` does.
pub(crate) fn names_event_stream<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    matches!(most_specific(values), (Some((NAMED, true)), _))
}

/// The most specific range that the type is in, by its place in [`RANGES`], and whether it is wanted; and whether there
/// is no range at all.
fn most_specific<'a>(values: impl Iterator<Item = &'a [u8]>) -> (Option<(usize, bool)>, bool) {
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
    (best, is_empty)
}

/// The ranges that the type is in, the most specific last.
const RANGES: [&str; 3] = ["*/*", "text/*", "text/event-stream"];

/// The place of the type itself.
const NAMED: usize = RANGES.len() - 1;

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
        for (accept, allowed, named) in [
            ("", true, false),
            ("*/*", true, false),
            ("text/*", true, false),
            ("text/event-stream", true, true),
            ("TEXT/Event-Stream; charset=utf-8", true, true),
            ("application/json, */*;q=0.1", true, false),
            ("application/json, text/event-stream;q=0.5", true, true),
            ("application/json", false, false),
            ("text/html, application/xhtml+xml", false, false),
            ("text/event-stream;q=0, */*", false, false),
            ("*/*;q=0, text/event-stream", true, true),
            ("text/*;q=0.0, */*", false, false),
            ("text/event-streams", false, false),
            (",,", true, false),
        ] {
            assert_eq!(allows_event_stream([accept.as_bytes()].into_iter()), allowed, "{accept:?}");
            assert_eq!(names_event_stream([accept.as_bytes()].into_iter()), named, "{accept:?}");
        }
        assert!(allows_event_stream(std::iter::empty()));
        assert!(!names_event_stream(std::iter::empty()));
        assert!(allows_event_stream([&b"text/html"[..], b"text/event-stream"].into_iter()));
    }
}
