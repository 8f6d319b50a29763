use ssecast::codec::retry_from_f64;
use ssecast::{Error, ErrorKind, Event};

use crate::call::Call;
use crate::texts::{Text, Texts};
use crate::value::{bytes, digits, kind_of, name};

/// The fields of an event.
#[derive(Default)]
pub(crate) struct Fields {
    data: Option<Text>,
    event: Option<Text>,
    id: Option<Text>,
    retry: Option<u64>,
    comment: Option<Text>,
}

impl Fields {
    pub(crate) fn event<'t>(&self, texts: &'t Texts) -> Result<Event<'t>, Error> {
        let get = |text: Option<Text>, field| text.map(|text| texts.get(text, field)).transpose();
        Ok(Event {
            event: get(self.event, "event")?,
            id: get(self.id, "id")?,
            retry: self.retry,
            data: get(self.data, "data")?,
            comment: get(self.comment, "comment")?,
        })
    }
}

impl Call {
    /// Reads the fields of an event: the arguments `data, given, event, id, retry, comment`, beginning with `first`. The
    /// bits of `given` say which of the fields after it are there: to learn that a value is undefined costs as much as to
    /// read a string.
    pub(crate) fn fields(&self, first: usize, texts: &mut Texts) -> Result<Fields, Error> {
        let mut fields = Fields { data: self.data(first, texts)?, ..Fields::default() };
        if self.count() <= first + 1 {
            return Ok(fields);
        }
        let given = self.unsigned(first + 1).unwrap_or_default();
        if given & 1 != 0 {
            fields.event = self.text(first + 2, texts, "event", ErrorKind::InvalidEvent)?;
        }
        if given & 2 != 0 {
            fields.id = self.id(first + 3, texts)?;
        }
        if given & 4 != 0 {
            fields.retry = self.retry(first + 4)?;
        }
        if given & 8 != 0 {
            fields.comment = self.text(first + 5, texts, "comment", ErrorKind::InvalidData)?;
        }
        Ok(fields)
    }

    /// A string, or bytes that are UTF-8.
    fn data(&self, index: usize, texts: &mut Texts) -> Result<Option<Text>, Error> {
        let Some(value) = self.value(index) else { return Ok(None) };
        if let Some(text) = texts.read(self.env().raw(), value)? {
            return Ok(Some(text));
        }
        match bytes(self.env().raw(), value) {
            Some(bytes) => Ok(Some(texts.copy(&bytes))),
            None => self.text(index, texts, "data", ErrorKind::InvalidData),
        }
    }

    /// A string, or a whole number for its digits.
    fn id(&self, index: usize, texts: &mut Texts) -> Result<Option<Text>, Error> {
        match self.number(index) {
            Some(number) => Ok(Some(texts.copy(digits(number)?.as_bytes()))),
            None => self.text(index, texts, "id", ErrorKind::InvalidId),
        }
    }

    fn retry(&self, index: usize) -> Result<Option<u64>, Error> {
        if let Some(number) = self.number(index) {
            return retry_from_f64(number).map(Some);
        }
        let Some(value) = self.value(index) else { return Ok(None) };
        match kind_of(self.env().raw(), value)? {
            napi::ValueType::Undefined | napi::ValueType::Null => Ok(None),
            other => {
                let problem = format!("must be a whole number of milliseconds, not {}", name(other));
                Err(Error::new(ErrorKind::InvalidRetry, "retry", problem))
            }
        }
    }
}
