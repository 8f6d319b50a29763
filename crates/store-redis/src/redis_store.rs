use std::sync::Arc;
use std::time::Instant;

use ssecast_hub::process::PerProcess;
use ssecast_hub::{Error, Replica, Store, Wake, Watch};

use crate::address::Address;
use crate::session::Session;
use crate::watch::RedisWatch;

/// A [`Store`] in Redis. Nothing is opened before the first use, and each process connects for itself.
#[derive(Debug)]
pub struct RedisStore {
    address: Address,
    here: PerProcess<Session>,
}

impl RedisStore {
    /// The store of a URL, as `redis://user:password@host:6379/0?prefix=app`; by TLS with `rediss://`. The user, the password, the
    /// port (6379), the database (0) and the prefix of the keys (`ssecast`) may be left out. `ca=/path/to/authorities.pem` says
    /// who vouches for the server, instead of those whom the system trusts.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](ssecast_hub::ErrorKind::InvalidOption) for any other text. It never shows the password. A server
    /// that can't be reached is no error: each use says so until it can.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self { address: Address::parse(url)?, here: PerProcess::new() })
    }

    fn here(&self) -> &Session {
        self.here.get_or_init(|| Session::new(&self.address))
    }
}

impl Store for RedisStore {
    fn append(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        self.here().append(replica, deadline)
    }

    fn catch_up(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        self.here().catch_up(replica, deadline)
    }

    fn watch(&self, wake: Arc<dyn Wake>, _deadline: Instant) -> Result<Box<dyn Watch>, Error> {
        let session = self.here();
        Ok(Box::new(RedisWatch::new(&session.server, session.number, wake)?))
    }
}
