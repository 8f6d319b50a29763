use ssecast::ConnectionId;

/// The number by which JavaScript knows a connection.
#[allow(clippy::cast_precision_loss, reason = "ids are below 2^53")]
pub(crate) fn number(connection: ConnectionId) -> f64 {
    connection.to_number() as f64
}

/// The connection with this number.
#[allow(clippy::cast_sign_loss, reason = "a number that never was an id names no connection")]
pub(crate) fn id(connection: f64) -> ConnectionId {
    ConnectionId::from_number(connection as u64)
}
