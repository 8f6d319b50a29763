//! The scenarios that every language's client runs (tests/client), by `EventSource` against the scripted server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use ssecast_client::{EventSource, Loss, Options, State, Update};

/// Far longer than anything takes: what never comes fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(50);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The scripted server. It ends with its standard input.
struct Server {
    ports: Value,
    child: Child,
    _input: ChildStdin,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new("node")
            .arg(root().join("tests/client/server.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs the scripted server");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line with the ports");
        let input = child.stdin.take().expect("a pipe");
        Self { ports: serde_json::from_str(&line).expect("the ports"), child, _input: input }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn duration(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_millis)
}

fn configure(options: &mut Options, given: &Value) {
    if let Some(method) = given["method"].as_str() {
        options.method = method.into();
    }
    if let Some(id) = given["lastEventId"].as_str() {
        options.last_event_id = id.into();
    }
    if let Some(limit) = given["maxEventBytes"].as_u64() {
        options.max_event_bytes = limit as usize;
    }
    options.idle = duration(&given["idle"]);
    let (retry, given) = (&mut options.retry, &given["retry"]);
    retry.jitter = given["jitter"].as_f64().unwrap_or(0.0);
    retry.growth = given["growth"].as_f64().unwrap_or(retry.growth);
    retry.first = duration(&given["first"]).unwrap_or(retry.first);
    retry.longest = duration(&given["longest"]).unwrap_or(retry.longest);
    let statuses = given["statuses"].as_array().into_iter().flatten();
    retry.statuses = statuses.filter_map(|status| u16::try_from(status.as_u64()?).ok()).collect();
}

/// What the log says of an update; two entries where a loss closes the source.
fn entries(update: &Update) -> Vec<Value> {
    match update {
        Update::Open => vec!["open".into()],
        Update::Event(event) => vec![serde_json::json!({
            "event": event.event, "data": event.data, "lastEventId": &*event.last_event_id
        })],
        Update::Lost(Loss { cause, retry_in }) => {
            let mut entry = serde_json::json!({ "error": cause.name() });
            if let ssecast_client::Cause::Status(status) = cause {
                entry["status"] = (*status).into();
            }
            let closed = retry_in.is_none().then(|| "closed".into());
            std::iter::once(entry).chain(closed).collect()
        }
    }
}

fn is_expected(found: &Value, expected: &Value) -> bool {
    match expected["data"]["length"].as_u64() {
        Some(length) => found["data"].as_str().is_some_and(|data| data.len() as u64 == length),
        None => found == expected,
    }
}

async fn run(scenario: &Value, index: usize, server: &Server, client: &reqwest::Client) {
    let name = scenario["name"].as_str().expect("a name");
    let given = scenario["options"].clone();
    let (scheme, port) = if scenario["tls"] == true { ("https", "https") } else { ("http", "http") };
    let url = format!("{scheme}://127.0.0.1:{}/rust/{index}", server.ports[port]);
    let close_after = given["closeAfter"].as_u64();
    let expected = scenario["log"].as_array().expect("a log");

    let mut source = EventSource::builder(&url)
        .client(client.clone())
        .options(|options| configure(options, &given))
        .request(move |mut request| {
            for (name, value) in given["headers"].as_object().into_iter().flatten() {
                request = request.header(name, value.as_str().expect("a text"));
            }
            if let Some(body) = given["body"].as_str() {
                request = request.body(body.to_owned());
            }
            std::future::ready(request)
        })
        .build()
        .expect("the options work");

    let mut log = Vec::new();
    let mut events = 0;
    while log.len() < expected.len() {
        let update = tokio::time::timeout(PATIENCE, source.next()).await;
        let Some(update) = update.unwrap_or_else(|_| panic!("{name}: nothing follows {log:?}")) else {
            break;
        };
        log.extend(entries(&update));
        events += u64::from(matches!(update, Update::Event(_)));
        if close_after == Some(events) {
            source.close();
            log.push("closed".into());
        }
    }
    let good = log.len() == expected.len()
        && log.iter().zip(expected).all(|(found, expected)| is_expected(found, expected));
    assert!(good, "{name}: {log:?}, not {expected:?}");
    source.close();
    assert_eq!((source.next().await, source.state()), (None, State::Closed), "{name}");
    drop(source);

    loop {
        let report = client
            .get(format!("{url}/report"))
            .send()
            .await
            .expect("a report")
            .bytes()
            .await
            .expect("its body");
        let report: Value = serde_json::from_slice(&report).expect("JSON");
        if report["open"] == 0 {
            assert_eq!(report["problems"], Value::Array(Vec::new()), "{name}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_client_does_what_every_scenario_says() {
    rustls::crypto::ring::default_provider().install_default().expect("the only one");
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // The certificate is its own authority, which rustls takes from no server.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .expect("a client");
    let scenarios = std::fs::read(root().join("tests/client/scenarios.json")).expect("the scenarios");
    let scenarios: Vec<Value> = serde_json::from_slice(&scenarios).expect("JSON");
    let server = Server::start();
    let runs = scenarios.iter().enumerate().map(|(index, scenario)| run(scenario, index, &server, &client));
    futures_util::future::join_all(runs).await;
}
