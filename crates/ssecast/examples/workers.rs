//! One hub in several processes: start it twice, with two addresses and the same folder,
//! `cargo run --features store-file --example workers -- 127.0.0.1:8080 ./events`.
//! Every line that one of them reads is an event for the clients of both, `curl -N 'http://127.0.0.1:8080/?topic=lines'`. A
//! client that comes back to the other one, or after a restart, goes on where it was.

#[cfg(unix)]
fn main() -> Result<(), ssecast::Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let folder = arguments.next().unwrap_or_else(|| "./events".into());
    serve(&address, folder.as_ref())
}

/// Publishes what the standard input has, until it ends.
#[cfg(unix)]
pub(crate) fn serve(address: &str, folder: &std::path::Path) -> Result<(), ssecast::Error> {
    use ssecast::{Config, Event, FileStore, Hub, Listener, ListenerConfig, QueryTopics};

    let hub = Hub::new(Config { store: Some(FileStore::new(folder).into()), ..Config::default() })?;
    let listener = Listener::bind(&hub, address, ListenerConfig::default(), QueryTopics)?;
    println!("listening on http://{}", listener.address());
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let published = hub.publish("lines", &Event { data: Some(&line), ..Event::default() })?;
        println!("published {}", published.id);
    }
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
