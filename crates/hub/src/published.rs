/// What became of a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The event's id: the publisher's own, or `<epoch>-<sequence>`.
    pub id: String,
    /// The connections of this process that read the topic at that moment.
    pub subscribers: usize,
}
