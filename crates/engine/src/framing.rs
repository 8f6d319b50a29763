/// How a response's body is framed on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1.1's chunked transfer coding.
    Chunked,
    /// As it is: the end of the connection ends the body.
    Raw,
}
