/// The interest of one reader in one topic.
#[derive(Debug)]
pub(crate) struct Interest {
    pub(crate) reader: usize,
    /// How many of the reader's subscribers have the topic.
    pub(crate) subscribers: usize,
    /// The topic stands in the reader's list of changed topics.
    pub(crate) changed: bool,
}
