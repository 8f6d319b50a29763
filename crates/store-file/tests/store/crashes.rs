use std::collections::BTreeMap;
use std::time::Duration;

use ssecast_hub::Store;
use ssecast_store_file::FileStore;

use crate::child::Process;
use crate::replica::{Events, soon};

/// splitmix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut number = *state;
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Two processes write, one of them is killed at a random moment and replaced; this one reads all the time. `SSECAST_SEED` gives
/// the moments again.
#[test]
fn a_writer_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    let seed = std::env::var("SSECAST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("SSECAST_SEED={seed}");
    let mut state = seed;
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::default();
    store.catch_up(&mut events, soon()).unwrap();
    let mut steady = Process::start("writer", folder.path());
    steady.order("1000000");
    let mut acknowledged = BTreeMap::new();
    let mut note = |line: String| {
        let (number, text) = line.split_once(' ').unwrap();
        assert_eq!(acknowledged.insert(number.parse::<u64>().unwrap(), text.to_owned()), None, "given twice");
    };
    for _ in 0..8 {
        let mut victim = Process::start("writer", folder.path());
        victim.order("1000000");
        note(victim.line().unwrap());
        std::thread::sleep(Duration::from_micros(random(&mut state) % 20_000));
        store.catch_up(&mut events, soon()).unwrap();
        victim.kill();
        while let Some(line) = victim.line() {
            note(line);
        }
        // The other one goes on at once.
        for _ in 0..100 {
            note(steady.line().unwrap());
        }
    }
    steady.kill();
    while let Some(line) = steady.line() {
        note(line);
    }
    store.catch_up(&mut events, soon()).unwrap();
    let log: BTreeMap<_, _> = events.topics["t"]
        .events
        .iter()
        .map(|(number, text)| (*number, text.trim_end().to_owned()))
        .collect();
    assert_eq!(events.begun, 1);
    for (number, text) in &acknowledged {
        // What this reader was too late for is known to be gone.
        match log.get(number) {
            Some(found) => assert_eq!(found, text),
            None => {
                assert!(events.topics["t"].lost.contains(number), "{number} is gone, and nothing says so");
            }
        }
    }
    let lost = &events.topics["t"].lost;
    let mut all: Vec<u64> = log.keys().chain(lost).copied().collect();
    all.sort_unstable();
    assert_eq!(all, (1..=events.head()).collect::<Vec<_>>(), "every number once");
    // Those that were written and not acknowledged are the last of their writers: one a process.
    let unacknowledged = log.keys().filter(|number| !acknowledged.contains_key(number)).count();
    assert!(unacknowledged <= 9, "{unacknowledged}");
}

#[test]
fn a_log_that_a_power_cut_may_have_harmed_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::default();
    events.publish(&store, "t", "1\n").unwrap();
    let epoch = events.epoch();
    // As a process leaves it that the power cut ends.
    let unsynced = std::fs::read(folder.path().join("unsynced")).unwrap();
    drop(store);
    std::fs::write(folder.path().join("unsynced"), &unsynced).unwrap();
    assert_eq!(Events::read(&FileStore::new(folder.path())).epoch(), epoch, "the machine was not restarted");
    std::fs::write(folder.path().join("unsynced"), b"another start of the machine").unwrap();
    let store = FileStore::new(folder.path());
    assert_eq!(events.publish(&store, "t", "2\n").unwrap(), 1);
    assert!(events.epoch() != epoch);
    assert_eq!((events.begun, events.texts("t")), (2, vec!["2"]));
}
