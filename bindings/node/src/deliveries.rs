use napi::Env;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use ssecast::{Batch, Content, Delivery, Error, Reason};

use crate::connection_id::number;
use crate::value::buffer;

/// What to do for connections, in this order: write, tell of what is out, end.
#[napi(object, object_from_js = false)]
pub struct NativeDeliveries<'env> {
    /// The numbers of the connections to write to.
    pub writes: Vec<f64>,
    /// For each of them the index of its buffer.
    pub write_buffers: Vec<u32>,
    /// Bytes, each shared by all connections that write them.
    pub buffers: Vec<BufferSlice<'env>>,
    /// The connections for which everything that was sent to them alone is out.
    pub drained: Vec<f64>,
    pub ends: Vec<NativeEnd>,
    /// Whether there is more: call again.
    pub more: bool,
}

/// The end of a connection.
#[napi(object, object_from_js = false)]
pub struct NativeEnd {
    pub connection: f64,
    pub reason: &'static str,
    /// The connection did not take all that it was given: cut it, instead of ending the response.
    pub cut: bool,
}

impl<'env> NativeDeliveries<'env> {
    pub(crate) fn new(env: &'env Env, deliveries: Vec<Delivery>, more: bool) -> Result<Self, Error> {
        let mut taken = Self {
            writes: Vec::with_capacity(deliveries.len()),
            write_buffers: Vec::with_capacity(deliveries.len()),
            buffers: Vec::new(),
            drained: Vec::new(),
            ends: Vec::new(),
            more,
        };
        // Connections at the same place get the same batch, mostly one after the other.
        let mut last: Option<Batch> = None;
        for delivery in deliveries {
            let connection = number(delivery.connection);
            let mut end = |reason: Reason, cut| {
                taken.ends.push(NativeEnd { connection, reason: reason.name(), cut });
            };
            match delivery.content {
                Content::Drained => taken.drained.push(connection),
                Content::End(reason) => end(reason, false),
                Content::Cut(reason) => end(reason, true),
                Content::Batch(batch) => {
                    if !last.as_ref().is_some_and(|last| last.is_same(&batch)) {
                        taken.buffers.push(buffer(env, &batch.bytes())?);
                        last = Some(batch);
                    }
                    taken.writes.push(connection);
                    taken.write_buffers.push(taken.buffers.len() as u32 - 1);
                }
            }
        }
        Ok(taken)
    }
}
