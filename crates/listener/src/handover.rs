use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use ssecast_engine::{ConnectionId, Host, Socket, Sockets, Transfer, WorkerHandle};
use ssecast_hub::{Error, Hub, Reader, Reason, Subscriber, Subscription};

use crate::pending_connection::Asked;
use crate::router::Streams;
use crate::ticket::Allowed;

/// Hands connections over to the engine, where they are streams.
pub(crate) struct Handover {
    hub: Hub,
    reader: Reader,
    sockets: Sockets,
    streams: Arc<Streams>,
}

/// What a stream needs before its connection is handed over.
pub(crate) struct Prepared {
    worker: Arc<WorkerHandle>,
    subscriber: Subscriber,
}

impl Handover {
    pub(crate) fn new(hub: &Hub, streams: Arc<Streams>) -> Self {
        // The reader registers subscribers and delivers nothing.
        Self { hub: hub.clone(), reader: hub.reader(Arc::new(|| {})), sockets: Sockets::shared(), streams }
    }

    /// Subscribes for a request. To HEAD the answer is that to GET, and there is no stream behind it: then it is `None`.
    pub(crate) fn prepare(
        &mut self,
        subscription: &Subscription<'_>,
        is_head: bool,
    ) -> Result<Option<Prepared>, Error> {
        if is_head {
            return self.hub.check_subscription(subscription).map(|()| None);
        }
        let worker = self.sockets.worker()?;
        Ok(Some(Prepared { worker, subscriber: self.reader.subscribe(subscription)? }))
    }

    /// Hands a connection over: from here on it is a stream.
    pub(crate) fn attach(
        &mut self,
        stream: TcpStream,
        prepared: Prepared,
        head: Vec<u8>,
        asked: &Asked,
        allowed: &Allowed,
    ) {
        let Prepared { worker, subscriber } = prepared;
        let (name, host) = (asked.ticket.connection, self.host(allowed));
        // It fails when the client has left just now.
        let Ok(socket) = Socket::take(OwnedFd::from(stream), worker, Bytes::from(head)) else {
            return self.never_began(name, allowed, Reason::Client);
        };
        let transfer = Transfer { framing: asked.framing, released: true, name, host };
        let _ = socket.attach(&self.hub, subscriber, transfer);
        // The topics that changed while it was this reader's are the thread's to look at.
        self.reader.changed(&mut Vec::new());
    }

    /// The stream of a request that was allowed will never begin.
    pub(crate) fn never_began(&self, connection: ConnectionId, allowed: &Allowed, reason: Reason) {
        self.host(allowed).ended(connection, reason, false);
    }

    /// What is told what becomes of a stream.
    fn host(&self, allowed: &Allowed) -> Arc<dyn Host> {
        match &allowed.host {
            Some(host) => Arc::new(host.clone()),
            None => Arc::clone(&self.streams) as Arc<dyn Host>,
        }
    }
}
