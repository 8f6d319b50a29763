//! A stream in a server of axum: `cargo run --example axum --features axum`, then `curl -N http://127.0.0.1:8080/ticks`.
//! Ctrl-C ends the streams first, and the server when the last one is out.

use std::io;
use std::time::Duration;

use axum::{Router, extract::State, http::request::Parts, routing::get};
use ssecast::{Close, Config, Event, EventSourceResponse, Hub};
use tokio::net::TcpListener;

fn app(hub: Hub) -> Router {
    Router::new().route("/ticks", get(ticks)).with_state(hub)
}

async fn ticks(State(hub): State<Hub>, request: Parts) -> EventSourceResponse {
    EventSourceResponse::new(&hub, ["ticks"], &request)
}

/// Serves until it is told to stop. Every client gets what was published by then.
pub(crate) async fn serve(
    listener: TcpListener,
    hub: Hub,
    stop: impl Future + Send + 'static,
) -> io::Result<()> {
    let app = app(hub.clone());
    let stopping = async move {
        stop.await;
        let last = Close { event: Some(Event::data("see you soon").event("bye")), ..Close::default() };
        hub.close(&last).expect("the event is one");
    };
    axum::serve(listener, app).with_graceful_shutdown(stopping).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Hub::new(Config::default())?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let publisher = hub.clone();
    tokio::spawn(async move {
        for tick in 0_u64.. {
            let text = tick.to_string();
            if publisher.publish("ticks", &Event::data(&text).event("tick")).is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    serve(listener, hub, tokio::signal::ctrl_c()).await?;
    Ok(())
}
