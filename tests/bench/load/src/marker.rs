use std::ops::Range;

/// Begins a marker, and is nowhere else in a stream.
pub const SIGN: u8 = b'@';

/// An event's number and the time at which it was published, both of fixed width: `@0000000007 0000012345678901234`.
pub const LENGTH: usize = 31;

const SEQUENCE: Range<usize> = 1..11;
const SENT_AT: Range<usize> = 12..LENGTH;

/// The event's number, and when it was published in nanoseconds.
#[must_use]
pub fn parse(marker: &[u8]) -> (u64, u64) {
    let number = |range: Range<usize>| {
        marker[range].iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
    };
    (number(SEQUENCE), number(SENT_AT))
}

/// Writes a marker behind what is there.
pub fn write(buffer: &mut Vec<u8>, sequence: u64, sent_at: u64) {
    buffer.extend_from_slice(format!("@{sequence:010} {sent_at:019}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut buffer = Vec::new();
        write(&mut buffer, 7, 12_345_678_901_234);
        assert_eq!(buffer.len(), LENGTH);
        assert_eq!(parse(&buffer), (7, 12_345_678_901_234));
    }
}
