//! A server of its own: `cargo run --example listener`, then `curl -N 'http://127.0.0.1:8080/?topic=ticks'`.

use std::time::Duration;

use ssecast::{Config, Error, Event, Hub, Listener, ListenerConfig, QueryTopics};

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let hub = Hub::new(Config::default())?;
    let listener = Listener::bind(&hub, address, ListenerConfig::default(), QueryTopics)?;
    println!("listening on http://{}", listener.address());
    for tick in 0_u64.. {
        hub.publish("ticks", &Event { data: Some(&tick.to_string()), ..Event::default() })?;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}
