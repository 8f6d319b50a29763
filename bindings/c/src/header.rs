use crate::slice::ssecast_slice;

/// A header of a request or of a response.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_header {
    pub name: ssecast_slice,
    pub value: ssecast_slice,
}

impl ssecast_header {
    /// Its texts must outlive what is made of it.
    pub(crate) fn new(name: &str, value: &str) -> Self {
        Self { name: ssecast_slice::new(name.as_bytes()), value: ssecast_slice::new(value.as_bytes()) }
    }
}
