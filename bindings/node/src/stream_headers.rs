use napi_derive::napi;

/// The names and values of the headers that make a response a stream. `cache_control` is the value that the
/// application wants, empty if it wants none.
#[napi]
pub fn stream_headers(cache_control: String) -> Vec<Vec<String>> {
    let headers = ssecast::stream_headers(Some(&cache_control));
    headers.into_iter().map(|(name, value)| vec![name.to_owned(), value.into_owned()]).collect()
}
