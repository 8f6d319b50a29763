/// A socket, or what can be polled like one: a `SOCKET` of Winsock.
#[cfg(windows)]
pub type ssecast_socket = usize;
/// A socket, or what can be polled like one: a file descriptor.
#[cfg(not(windows))]
pub type ssecast_socket = std::ffi::c_int;
