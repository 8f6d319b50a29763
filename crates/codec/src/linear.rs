//! SPEC 17 without a clock: every byte that is looked at or copied is counted.

use alloc::vec::Vec;

use proptest::prelude::*;

use crate::{Parser, line::work};

/// The work for each byte of `input`, fed in chunks of `size`.
fn work_per_byte(input: &[u8], size: usize) -> f64 {
    let mut parser = Parser::new();
    work::take();
    for chunk in input.chunks(size) {
        parser.feed(chunk, |_| ()).expect("below the limit");
    }
    f64::from(u32::try_from(work::take()).expect("small"))
        / f64::from(u32::try_from(input.len()).expect("small"))
}

#[test]
fn spec_17_a_long_line_costs_the_same_order_in_any_chunks() {
    let mut input = b"data: ".to_vec();
    input.resize(256 << 10, b'x');
    input.extend_from_slice(b"\n\n");
    assert!(work_per_byte(&input, usize::MAX) <= 1.01);
    for size in [1, 64, 1_400, 65_536] {
        // Looked at once, copied once; and once more each where chunks are small.
        assert!(work_per_byte(&input, size) <= 4.01, "{size}");
    }
}

#[test]
fn spec_17_many_data_lines_cost_the_same_order_in_any_chunks() {
    let input = b"data: 0123456789\n".repeat(10_000);
    for size in [1, 7, 64, 1_400, usize::MAX] {
        // Looked at twice, copied as it comes, copied to the data.
        assert!(work_per_byte(&input, size) <= 4.01, "{size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spec_17_work_is_linear_for_any_stream(
        bytes in proptest::collection::vec(any::<u8>(), 1..1_000),
        size in 1..300_usize,
    ) {
        let decide = |byte: u8| b"\r\n:".get(usize::from(byte / 16)).copied().unwrap_or(byte);
        let input: Vec<u8> = bytes.into_iter().map(decide).collect();
        // Looked at and copied as it comes; one invalid byte is three bytes of text, looked at, and copied to the line and
        // to the data.
        prop_assert!(work_per_byte(&input, size) <= 11.01);
    }
}
