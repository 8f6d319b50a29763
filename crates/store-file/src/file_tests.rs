use super::*;
use ssecast_hub::{Pending, Position};

/// Applies nothing but the numbers, of which it keeps ten; and the entry that it appends next.
#[derive(Default)]
struct Numbers(Option<Position>, Option<Vec<u8>>);

impl Replica for Numbers {
    fn position(&self) -> Option<Position> {
        self.0
    }

    fn begin(&mut self, epoch: Epoch, _forgotten: u64) {
        self.0 = Some(Position { epoch, sequence: 0 });
    }

    fn restore_topic(&mut self, _topic: &str, _state: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn apply(&mut self, sequence: u64, _entry: &[u8]) -> Result<(), Error> {
        self.0 = self.0.map(|position| Position { sequence, ..position });
        Ok(())
    }

    fn would_refuse(&self) -> bool {
        false
    }

    fn pending(&mut self, index: usize) -> Option<Pending<'_>> {
        self.1.as_deref().filter(|_| index == 0).map(|bytes| Pending { bytes, is_conditional: false })
    }

    fn appended(&mut self, _index: usize, sequence: u64) -> Result<(), Error> {
        let entry = self.1.take().unwrap_or_default();
        self.apply(sequence, &entry)
    }

    fn has_expired(&mut self, sequence: u64, _entry: &ssecast_hub::Entry<'_>) -> bool {
        self.0.is_some_and(|position| sequence + 10 < position.sequence)
    }

    fn topic_state(&mut self, _topic: &str, _out: &mut Vec<u8>) -> bool {
        true
    }

    fn has_topic(&mut self, _topic: &str) -> bool {
        true
    }
}

fn entry(bytes: usize) -> Vec<u8> {
    let block = [b"x".repeat(bytes), b"\n".to_vec()].concat();
    let entry = ssecast_hub::Entry {
        kind: ssecast_hub::EntryKind::Event,
        at: 1,
        fingerprint: 2,
        topic: "t",
        id: None,
        block: &block,
    };
    let mut out = Vec::new();
    entry.encode_into(&mut out);
    out
}

/// Appends an entry of so many bytes, and returns its number.
fn append(file: &LogFile, bytes: usize, numbers: &mut Numbers) -> u64 {
    numbers.1 = Some(entry(bytes));
    assert_eq!(file.append(numbers, soon()), Ok(1));
    numbers.0.unwrap().sequence
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[test]
fn a_disk_that_may_need_space_for_any_write_is_not_written_through_the_map() {
    for (durability, count) in [(Durability::Processes, 2000), (Durability::Machine, 10)] {
        let folder = tempfile::tempdir().unwrap();
        let file = LogFile::open(Folder::open(folder.path()).unwrap(), durability, soon()).unwrap();
        let mut state = file.state();
        (state.through_map, state.env) = (false, None);
        drop(state);
        let mut numbers = Numbers::default();
        for number in 1..=count {
            assert_eq!(append(&file, 3000, &mut numbers), number);
        }
        let length = fs::metadata(folder.path().join("log")).unwrap().len();
        assert!(length <= 3 << 20, "{length} bytes");
        file.close();
        let mut again = Numbers::default();
        let file = LogFile::open(Folder::open(folder.path()).unwrap(), durability, soon()).unwrap();
        file.catch_up(&mut again, soon()).unwrap();
        assert_eq!(again.0, numbers.0);
    }
}

#[test]
fn a_log_whose_end_was_lost_gives_no_number_again_under_the_same_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::open(Folder::open(folder.path()).unwrap(), Durability::Processes, soon()).unwrap();
    let mut numbers = Numbers::default();
    append(&file, 1, &mut numbers);
    let known = numbers.0.unwrap();
    numbers.0 = Some(Position { sequence: 3, ..known });
    assert_eq!(append(&file, 1, &mut numbers), 2);
    assert!(numbers.0.unwrap().epoch != known.epoch);
}
