use redis::Value;
use ssecast_hub::{Epoch, Error};

use crate::failure;
use crate::pack::{Pack, damaged};

/// What a script answers: what the log is, and what a replica lacks of it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: Status,
    pub(crate) epoch: Epoch,
    /// The first part of the ids of the stream's entries. A later epoch has a greater one.
    pub(crate) life: u64,
    pub(crate) head: u64,
    pub(crate) forgotten: u64,
    /// How often entries were removed.
    pub(crate) sweeps: u64,
    /// The server's clock, in microseconds since 1970.
    pub(crate) now: u64,
    /// What is known of topics that lost entries, if the replica lacks some.
    pub(crate) states: Option<Vec<State>>,
    pub(crate) packs: Vec<Pack>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Only that.
    Page,
    /// Nothing was appended: there was something before it.
    Behind,
    /// Nothing was appended: it is another process's turn.
    Busy,
    /// Nothing was appended: it was too late.
    Late,
    /// Appended: the number of the last entry. The page is what comes before the first one.
    Appended(u64),
}

/// What is known of a topic's entries that are gone.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) topic: String,
    /// The number of the last one that was removed.
    pub(crate) last: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The version of the keys that is written, and the only one that is read.
const FORMAT: u64 = 1;

impl Page {
    pub(crate) fn read(answer: Value) -> Result<Self, Error> {
        let Value::Array(fields) = answer else { return Err(strange()) };
        let mut fields = fields.into_iter();
        let status = bytes(fields.next())?;
        let status = match &*status {
            b"page" => Status::Page,
            b"behind" => Status::Behind,
            b"busy" => Status::Busy,
            b"late" => Status::Late,
            b"appended" => Status::Appended(0),
            b"newer" => {
                return Err(failure::format(format!(
                    "was made by a newer ssecast (its format is {}, and this one knows {FORMAT}): update this process, \
                     or name another prefix",
                    integer(fields.next().as_ref())?
                )));
            }
            b"foreign" => {
                return Err(failure::format(format!(
                    "has a key of another program, {:?}: name another prefix",
                    String::from_utf8_lossy(&bytes(fields.next())?)
                )));
            }
            _ => return Err(strange()),
        };
        let epoch = Epoch::parse(&bytes(fields.next())?).ok_or_else(damaged)?;
        let mut number = || integer(fields.next().as_ref());
        let (life, head, _removed, forgotten, sweeps, now) =
            (number()?, number()?, number()?, number()?, number()?, number()?);
        let mut page =
            Self { status, epoch, life, head, forgotten, sweeps, now, states: None, packs: Vec::new() };
        if status != Status::Late {
            page.states = states(fields.next())?;
            page.packs = packs(fields.next(), life)?;
        }
        if status == Status::Appended(0) {
            page.status = Status::Appended(integer(fields.next().as_ref())?);
        }
        Ok(page)
    }

    /// Whether a replica that has applied this has everything there was.
    pub(crate) fn is_whole(&self, at: u64) -> bool {
        self.packs.last().map_or(at, |pack| pack.last) >= self.head
    }
}

pub(crate) fn strange() -> Error {
    failure::unavailable("can't be used: the server answers what Redis would not")
}

fn bytes(value: Option<Value>) -> Result<Vec<u8>, Error> {
    match value {
        Some(Value::BulkString(bytes)) => Ok(bytes),
        Some(Value::SimpleString(text)) => Ok(text.into_bytes()),
        _ => Err(strange()),
    }
}

fn integer(value: Option<&Value>) -> Result<u64, Error> {
    match value {
        Some(Value::Int(number)) => u64::try_from(*number).map_err(|_| strange()),
        _ => Err(strange()),
    }
}

fn states(value: Option<Value>) -> Result<Option<Vec<State>>, Error> {
    let Some(Value::Array(fields)) = value else { return Ok(None) };
    let mut states = Vec::with_capacity(fields.len() / 2);
    let mut fields = fields.into_iter();
    while let Some(topic) = fields.next() {
        let (topic, mut state) = (bytes(Some(topic))?, bytes(fields.next())?);
        let topic = String::from_utf8(topic).map_err(|_| damaged())?;
        let space = state.iter().position(|byte| *byte == b' ').ok_or_else(damaged)?;
        let last = str::from_utf8(&state[..space]).ok().and_then(|text| text.parse().ok());
        let last = last.ok_or_else(damaged)?;
        states.push(State { topic, last, bytes: state.split_off(space + 1) });
    }
    Ok(Some(states))
}

fn packs(value: Option<Value>, life: u64) -> Result<Vec<Pack>, Error> {
    let Some(Value::Array(packs)) = value else { return Err(strange()) };
    let pack = |pack| {
        let Value::Array(fields) = pack else { return Err(strange()) };
        let mut fields = fields.into_iter();
        let (of, last) = id(&bytes(fields.next())?)?;
        if of != life {
            return Err(damaged());
        }
        Pack::read(last, bytes(fields.next())?)
    };
    packs.into_iter().map(pack).collect()
}

/// The two parts of an entry's id: the life, and the number.
fn id(text: &[u8]) -> Result<(u64, u64), Error> {
    let parts = str::from_utf8(text).ok().and_then(|text| text.split_once('-'));
    let numbers = parts.and_then(|(life, number)| Some((life.parse().ok()?, number.parse().ok()?)));
    numbers.ok_or_else(damaged)
}

/// What a blocked read of the stream answers: packs, each with its life.
pub(crate) fn stream(answer: Value) -> Result<Vec<(u64, Pack)>, Error> {
    let Value::Array(streams) = answer else { return Ok(Vec::new()) };
    let Some(Value::Array(stream)) = streams.into_iter().next() else { return Err(strange()) };
    let Some(Value::Array(entries)) = stream.into_iter().nth(1) else { return Err(strange()) };
    let pack = |entry| {
        let Value::Array(fields) = entry else { return Err(strange()) };
        let mut fields = fields.into_iter();
        let (life, last) = id(&bytes(fields.next())?)?;
        let Some(Value::Array(pairs)) = fields.next() else { return Err(damaged()) };
        Ok((life, Pack::read(last, bytes(pairs.into_iter().nth(1))?)?))
    };
    entries.into_iter().map(pack).collect()
}
