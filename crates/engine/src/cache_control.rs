/// The `Cache-Control` of a stream's response, if the host wants this one: it stays, and what it lacks is added. A stream
/// must not be stored for others, and `no-transform` keeps compression from holding its events back.
///
/// ```
/// use ssecast_engine::cache_control;
/// assert_eq!(cache_control(""), "no-cache, no-transform");
/// assert_eq!(cache_control("private, no-store"), "private, no-store, no-transform");
/// assert_eq!(cache_control("public, max-age=60"), "public, max-age=60, no-cache, no-transform");
/// ```
#[must_use]
pub fn cache_control(wanted: &str) -> String {
    let mut directives: Vec<&str> = directives(wanted).collect();
    let has = |directives: &[&str], names: &[&str]| {
        directives.iter().any(|directive| names.iter().any(|name| directive.eq_ignore_ascii_case(name)))
    };
    // `no-cache="Set-Cookie"` is about that header alone, and so is less than `no-cache`.
    if !has(&directives, &["no-cache", "no-store"]) {
        directives.push("no-cache");
    }
    if !has(&directives, &["no-transform"]) {
        directives.push("no-transform");
    }
    directives.join(", ")
}

/// The directives of a header, which are separated by commas outside of quotes.
fn directives(header: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_separator = move |character: char| {
        let escaped = std::mem::take(&mut is_escaped);
        match character {
            '\\' if is_quoted && !escaped => is_escaped = true,
            '"' if !escaped => is_quoted = !is_quoted,
            _ => {}
        }
        character == ',' && !is_quoted
    };
    header.split(is_separator).map(str::trim).filter(|directive| !directive.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_stays_and_is_never_weakened() {
        for (wanted, is) in [
            (" , ", "no-cache, no-transform"),
            ("no-store", "no-store, no-transform"),
            ("No-Store, NO-TRANSFORM", "No-Store, NO-TRANSFORM"),
            ("no-cache", "no-cache, no-transform"),
            ("private", "private, no-cache, no-transform"),
            ("no-storey", "no-storey, no-cache, no-transform"),
            ("no-cache=\"Set-Cookie\"", "no-cache=\"Set-Cookie\", no-cache, no-transform"),
            ("a=\"no-store, no-transform\"", "a=\"no-store, no-transform\", no-cache, no-transform"),
            ("a=\"\\\", no-store\"", "a=\"\\\", no-store\", no-cache, no-transform"),
        ] {
            assert_eq!(cache_control(wanted), is, "{wanted}");
        }
    }
}
