use crate::retry::saturating_digits;

/// One line that is not blank, read by SPEC 5 to 11.
pub(crate) enum Field<'a> {
    Data(&'a str),
    Event(&'a str),
    Id(&'a str),
    Retry(u64),
    Comment(&'a str),
    /// An unknown name, or a value that the rules tell us to leave out.
    Ignored,
}

impl<'a> Field<'a> {
    /// Whether the line stays in memory until its block is dispatched.
    #[inline]
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Data(_) | Self::Event(_) | Self::Id(_))
    }

    #[inline]
    pub(crate) fn of(line: &'a str) -> Self {
        if let Some(value) = value_of(line, "data") {
            return Self::Data(value);
        }
        match line.as_bytes().first() {
            Some(b':') => Self::Comment(without_space(&line[1..])),
            Some(b'e') => value_of(line, "event").map_or(Self::Ignored, Self::Event),
            Some(b'i') => {
                value_of(line, "id").filter(|id| !id.contains('\0')).map_or(Self::Ignored, Self::Id)
            }
            Some(b'r') => {
                value_of(line, "retry").and_then(saturating_digits).map_or(Self::Ignored, Self::Retry)
            }
            _ => Self::Ignored,
        }
    }
}

/// So many bytes of a line say which field it is: the longest known name and its colon.
pub(crate) const LONGEST_NAME: usize = "event:".len();

/// Whether a line has the name of a field that stays in memory until its block is dispatched, whatever its value is.
pub(crate) fn is_name_kept(line: &str) -> bool {
    ["data", "event", "id"].iter().any(|name| value_of(line, name).is_some())
}

/// Whether a line means anything by its name: a comment does.
pub(crate) fn is_name_known(line: &str) -> bool {
    line.starts_with(':') || is_name_kept(line) || value_of(line, "retry").is_some()
}

/// Where the value begins if this is a data line that has one. A branch, which processors foresee, is faster than a sum.
#[inline]
pub(crate) fn data_start(line: &str) -> Option<usize> {
    if line.starts_with("data: ") {
        Some("data: ".len())
    } else if line.starts_with("data:") {
        Some("data:".len())
    } else {
        None
    }
}

/// The value of a line whose name is `name`; a name alone has an empty value (SPEC 6).
#[inline]
fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    match rest.strip_prefix(':') {
        Some(value) => Some(without_space(value)),
        None => rest.is_empty().then_some(rest),
    }
}

/// Drops one leading space, and only one (SPEC 5).
#[inline]
fn without_space(value: &str) -> &str {
    value.strip_prefix(' ').unwrap_or(value)
}
