use ssecast_codec::{EventStream, Parser};
use ssecast_engine::{ByteStream, Error, Hub, Subscription};

/// The events of a hub's topics, in this process. Dropping it ends the subscription.
pub type Events = EventStream<ByteStream, bytes::Bytes>;

/// Reads topics in this process, as a client would that is never cut: a stream of events for a task of any runtime. It is a
/// connection of the hub's like any other, with a replay, reset events, and the limits for slow clients; it ends with the hub.
///
/// ```
/// use futures_util::StreamExt;
/// use ssecast::{Config, Event, Hub, Subscription, subscribe};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::new(Config::default())?;
/// let mut events = subscribe(&hub, &Subscription { topics: &["ticks"], ..Subscription::default() })?;
/// let published = hub.publish("ticks", &Event::data("1").event("tick"))?;
/// let event = events.next().await.expect("the hub is open")?;
/// assert_eq!((&*event.event, &*event.data), ("tick", "1"));
/// assert_eq!(*event.last_event_id, published.id);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of [`ByteStream::open`].
pub fn subscribe(hub: &Hub, subscription: &Subscription<'_>) -> Result<Events, Error> {
    let parser = Parser::new().with_last_event_id(subscription.last_event_id.unwrap_or_default());
    Ok(EventStream::with_parser(ByteStream::open(hub, subscription)?, parser))
}
