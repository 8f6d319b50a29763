//! The server lost what it had acknowledged. Every client is told, and no id stands for two events.

use ssecast_hub::StoreState;

use crate::proxy::Proxy;
use crate::rig::{Connection, EPOCH, hub, hub_keeping, publish, wait_for_state};
use crate::server::{Redis, wait_until};

#[test]
fn a_server_that_comes_back_without_its_data_has_another_epoch() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    let old: Vec<String> = (1..=3).map(|number| publish(&hub, &number.to_string())).collect();
    redis.kill();
    redis.start_again();
    // Nobody publishes, and the client is told.
    assert_eq!(connection.read_until(EPOCH), ["1", "2", "3", EPOCH]);
    let new = publish(&hub, "4");
    assert!(new.ends_with("-1") && !old.contains(&new), "{new}");
    assert_eq!(connection.read_until("4"), ["1", "2", "3", EPOCH, "4"]);
    wait_for_state(&hub, StoreState::Ready);
}

#[test]
fn a_log_that_is_removed_while_all_are_connected_has_another_epoch() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (one, two) = (hub(&redis.url()), hub(&redis.url()));
    let mut connections = [Connection::new(&one, None), Connection::new(&two, None)];
    let old = publish(&one, "1");
    for connection in &mut connections {
        connection.read_until("1");
    }
    redis.ask::<String>("FLUSHALL");
    let new = publish(&two, "2");
    assert!(new.ends_with("-1") && new != old, "{new}");
    for connection in &mut connections {
        assert_eq!(connection.read_until("2"), ["1", EPOCH, "2"]);
    }
    // Without a publication it is found out too.
    redis.ask::<String>("FLUSHALL");
    for connection in &mut connections {
        assert_eq!(connection.read_until(EPOCH), ["1", EPOCH, "2", EPOCH]);
    }
    // All have the same one.
    let (first, second) = (publish(&one, "3"), publish(&two, "4"));
    assert_eq!(first.replace("-1", "-2"), second);
    for connection in &mut connections {
        assert_eq!(connection.read_until("4"), ["1", EPOCH, "2", EPOCH, "3", "4"]);
    }
}

#[test]
fn a_replica_that_lacks_the_end_is_no_second_truth() {
    let Some(primary) = Redis::start(&["--repl-diskless-sync-delay", "0"]) else { return };
    let port = primary.port.to_string();
    let Some(replica) = Redis::start(&["--replicaof", &format!("127.0.0.1 {port}")]) else { return };
    let proxy = Proxy::to(primary.port);
    // One process has seen what the replica lacks; another one had not asked for a while.
    let hub = hub_keeping(&proxy.url(), 2);
    let mut connection = Connection::new(&hub, None);
    let early: Vec<String> = (1..=3).map(|number| publish(&hub, &number.to_string())).collect();
    wait_until("it is replicated", || replica.ask::<u64>("XLEN {ssecast}:log") == 3);
    replica.ask::<String>("REPLICAOF NO ONE");
    let lost: Vec<String> = (4..=7).map(|number| publish(&hub, &number.to_string())).collect();
    connection.read_until("7");
    let other = hub_keeping(&replica.url(), 2);
    let mut there = Connection::new(&other, Some(&early[1]));
    // The other process publishes more than was lost, and more than is kept.
    let again: Vec<String> = (0..100).map(|number| publish(&other, &format!("again {number}"))).collect();
    assert_eq!(again[0], lost[0], "the promoted one gives the number again");
    drop(primary);
    proxy.lead_to(replica.port);
    // Whoever saw both says so, and everybody follows.
    assert_eq!(connection.read_until(EPOCH).last(), Some(&EPOCH));
    assert_eq!(there.read_until(EPOCH).last(), Some(&EPOCH));
    let (one, two) = (publish(&hub, "new"), publish(&other, "newer"));
    assert!(one.ends_with("-1") && two == one.replace("-1", "-2"), "{one} {two}");
    assert!(!again.contains(&one) && !lost.contains(&one) && !early.contains(&one));
    for connection in [&mut connection, &mut there] {
        let seen = connection.read_until("newer");
        assert_eq!(seen[seen.len() - 3..], [EPOCH, "new", "newer"]);
    }
}

#[test]
fn a_backup_that_is_put_back_is_no_second_truth() {
    let Some(mut redis) = Redis::start(&["--dbfilename", "log.rdb"]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "1");
    redis.ask::<String>("SAVE");
    let backup = std::fs::read(redis.folder.path().join("log.rdb")).unwrap();
    let lost = publish(&hub, "2");
    redis.ask::<String>("SAVE");
    redis.kill();
    // What it saved last is there again: nothing happened.
    redis.start_again();
    publish(&hub, "3");
    assert_eq!(connection.read_until("3"), ["1", "2", "3"]);
    redis.kill();
    std::fs::write(redis.folder.path().join("log.rdb"), backup).unwrap();
    redis.start_again();
    let new = publish(&hub, "4");
    assert!(new.ends_with("-1") && new[..10] != lost[..10], "{new}");
    assert_eq!(connection.read_until("4"), ["1", "2", "3", EPOCH, "4"]);
}

#[test]
fn keys_that_redis_evicted_are_a_loss_that_is_told() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    for (number, key) in ["log", "meta"].into_iter().enumerate() {
        publish(&hub, &number.to_string());
        connection.read_until(&number.to_string());
        assert_eq!(redis.ask::<u64>(&format!("DEL {{ssecast}}:{key}")), 1);
        let new = publish(&hub, &format!("after {key}"));
        assert!(new.ends_with("-1"), "{key}: {new}");
        let seen = connection.read_until(&format!("after {key}"));
        assert_eq!(seen[seen.len() - 2], EPOCH, "{key}");
    }
    // What others would have missed is not hidden from a process that starts now.
    redis.ask::<u64>("DEL {ssecast}:log");
    let late = crate::rig::hub(&redis.url());
    let mut there = Connection::new(&late, None);
    assert!(publish(&late, "late").ends_with("-1"));
    there.read_until("late");
}
