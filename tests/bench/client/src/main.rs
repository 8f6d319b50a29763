//! Measures the clients of Rust: `ssecast-bench-client <client> <port>` prints one line of JSON. A process for each, so that none has
//! another's memory. All of them run on one thread of tokio.

use std::time::Instant;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// The type of an event, and its data.
type Event = (String, String);

fn open(client: &str, url: &str) -> BoxStream<'static, Event> {
    match client {
        "ssecast" => ssecast(url),
        "reqwest-eventsource" => reqwest_eventsource(url),
        "eventsource-client" => eventsource_client(url),
        other => panic!("there is no client {other}"),
    }
}

fn ssecast(url: &str) -> BoxStream<'static, Event> {
    use ssecast_client::{EventSource, Update};
    let source = EventSource::new(url).expect("a URL");
    source
        .filter_map(async |update| match update {
            Update::Event(event) => Some((event.event.to_string(), event.data.to_string())),
            Update::Open | Update::Lost(_) => None,
        })
        .boxed()
}

fn reqwest_eventsource(url: &str) -> BoxStream<'static, Event> {
    use reqwest_eventsource::{Event, EventSource};
    EventSource::get(url)
        .filter_map(async |update| match update {
            Ok(Event::Message(message)) => Some((message.event, message.data)),
            Ok(Event::Open) | Err(_) => None,
        })
        .boxed()
}

fn eventsource_client(url: &str) -> BoxStream<'static, Event> {
    use eventsource_client::{Client, ClientBuilder, SSE};
    let transport = launchdarkly_sdk_transport::HyperTransport::builder().build_http().expect("a transport");
    let client = ClientBuilder::for_url(url).expect("a URL").build_with_transport(transport);
    let updates = client.stream();
    stream::once(async move { updates })
        .flatten()
        .try_filter_map(async |update| match update {
            SSE::Event(event) => Ok(Some((event.event_type, event.data))),
            SSE::Connected(_) | SSE::Comment(_) => Ok(None),
        })
        .filter_map(async |update| update.ok())
        .boxed()
}

/// Microseconds of wall and of this process's processor time for one event.
async fn saturate(client: &str, url: &str, events: u32) -> (f64, f64) {
    let mut source = open(client, url);
    let mut count = 0;
    let mut begun = (Instant::now(), processor());
    while let Some((event, _)) = source.next().await {
        if event == "end" {
            break;
        }
        if count == 0 {
            begun = (Instant::now(), processor());
        }
        count += 1;
    }
    assert_eq!(count, events, "{client} lost events");
    (begun.0.elapsed().as_secs_f64() * 1e6 / f64::from(count), (processor() - begun.1) / f64::from(count))
}

fn processor() -> f64 {
    microseconds(ClockId::ProcessCPUTime)
}

fn microseconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// When an event was written, in microseconds.
fn written(data: &str) -> f64 {
    data.split(' ').next().and_then(|time| time.parse::<f64>().ok()).expect("a time") / 1000.0
}

/// Resident memory in bytes.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("statm");
    status.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("pages") * 4096.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let client = &arguments.next().expect("a client");
    let base = &format!("http://127.0.0.1:{}", arguments.next().expect("a port"));
    let quick = std::env::var_os("QUICK").is_some();
    let events = if quick { 20_000 } else { 100_000 };

    let mut result = json!({ "language": "Rust", "client": client });
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..5 {
        let (wall, cpu) = saturate(client, &format!("{base}/saturating?events={events}&piece={}", 16 << 10), events).await;
        best = (best.0.min(wall), best.1.min(cpu));
    }
    result["wall"] = Value::from(best.0);
    result["cpu"] = Value::from(best.1);

    let idle = processor();
    let mut times = Vec::new();
    let mut source = open(client, &format!("{base}/paced?events=3000&rate=1000"));
    while let Some((event, data)) = source.next().await {
        if event == "end" {
            break;
        }
        times.push(microseconds(ClockId::Monotonic) - written(&data));
    }
    drop(source);
    result["alone"] = Value::from((processor() - idle) / times.len() as f64);
    times.sort_by(f64::total_cmp);
    result["p50"] = Value::from(times[times.len() / 2]);
    result["p99"] = Value::from(times[times.len() * 99 / 100]);

    let sources = if quick { 200 } else { 1000 };
    let before = memory();
    let mut opened: Vec<_> = (0..sources).map(|_| open(client, &format!("{base}/idle"))).collect();
    futures_util::future::join_all(opened.iter_mut().map(|source| source.next())).await;
    result["memory"] = Value::from((memory() - before) / f64::from(sources));
    println!("{result}");
}
