/// What an event survives once [`append`](ssecast_hub::Store::append) has returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// The end of any process, by whatever signal. After a power cut or a crash of the system the history is gone: the log
    /// begins anew with another epoch, and every client that comes back is told so.
    #[default]
    Processes,
    /// A power cut too. Each append waits for the disk.
    Machine,
}
