use std::time::{Duration, Instant};

use redis::{Cmd, ConnectionLike, Value};
use ssecast_hub::Error;

use crate::address::Address;
use crate::failure::{self, Refusal, timed_out, unavailable};

/// Why no connection was made.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Another try makes no difference.
    pub(crate) is_final: bool,
}

/// A connection that was made.
pub(crate) struct Open {
    redis: redis::Connection,
    /// The server's clock, in microseconds, was at least that at this time.
    clock: (Instant, u64),
    /// How long an answer took lately.
    pub(crate) trip: Duration,
}

/// What comes of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Value),
    /// No answer came. The request may have been carried out.
    Lost(Error),
    Refused(Refusal),
}

impl Open {
    /// Connects. This may take longer than `timeout` when a name is looked up.
    pub(crate) fn connect(
        address: &Address,
        node: Option<&(String, u16)>,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        if address.is_encrypted() && rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = address.client(node).map_err(|error| Failure { error, is_final: true })?;
        let redis = client.get_connection_with_timeout(timeout).map_err(|error| {
            let (error, is_final) = failure::of_connecting(&error, &address.to_string());
            Failure { error, is_final }
        })?;
        let mut this = Self { redis, clock: (Instant::now(), 0), trip: Duration::ZERO };
        let time = match this.exchange(&redis::cmd("TIME"), timeout, address) {
            Outcome::Answer(time) => redis::from_redis_value::<(u64, u64)>(time).ok(),
            Outcome::Lost(error) | Outcome::Refused(Refusal::NotNow(error) | Refusal::Final(error)) => {
                // TLS begins with the first request. Time makes no certificate another one.
                let is_final = error.problem().contains("invalid peer certificate");
                return Err(Failure { error, is_final });
            }
            Outcome::Refused(_) => None,
        };
        let (seconds, micros) = time.ok_or_else(|| {
            let error = unavailable(format!("can't be used: {address} does not tell its time"));
            Failure { error, is_final: false }
        })?;
        this.note_time(seconds * 1_000_000 + micros);
        Ok(this)
    }

    /// Notes what the server's clock was in the last answer.
    pub(crate) fn note_time(&mut self, micros: u64) {
        self.clock = (Instant::now(), micros);
    }

    /// What the server's clock is at least at a time, in microseconds.
    pub(crate) fn time_at(&self, instant: Instant) -> u64 {
        let (at, micros) = self.clock;
        match instant.checked_duration_since(at) {
            Some(later) => micros + later.as_micros() as u64,
            None => micros.saturating_sub((at - instant).as_micros() as u64),
        }
    }

    /// Sends a request and waits for the answer.
    pub(crate) fn exchange(&mut self, request: &Cmd, patience: Duration, address: &Address) -> Outcome {
        let begin = Instant::now();
        let mut run = || {
            self.redis.set_read_timeout(Some(patience))?;
            self.redis.set_write_timeout(Some(patience))?;
            self.redis.req_command(request)?.extract_error()
        };
        let outcome = run();
        self.trip = begin.elapsed();
        match outcome {
            Ok(answer) => Outcome::Answer(answer),
            Err(error) if error.is_timeout() => {
                Outcome::Lost(timed_out(format!("did not answer in time: {address}")))
            }
            Err(error) if error.is_io_error() || error.kind() == redis::ErrorKind::Parse => {
                Outcome::Lost(unavailable(format!("was cut off: {address}: {error}")))
            }
            Err(error) => Outcome::Refused(failure::of_the_server(&error, &address.to_string())),
        }
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}
