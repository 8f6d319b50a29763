//! What a store is used for is bounded, and bad use is refused with what to do.

use std::process::Command;
use std::time::Duration;

use ssecast_hub::{Config, ErrorKind, Hub};
use ssecast_store_redis::RedisStore;

use crate::rig::{Connection, hub, hub_keeping, publish, try_publish};
use crate::server::Redis;

#[test]
fn the_log_stays_small_however_much_is_published() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hubs = [0, 1].map(|_| hub_keeping(&redis.url(), 20));
    let mut largest = 0;
    for number in 0..3000 {
        publish(&hubs[number / 10 % 2], &"x".repeat(100));
        if number % 500 == 499 {
            largest = largest.max(redis.ask::<u64>("XLEN {ssecast}:log"));
        }
    }
    assert!(largest <= 20 + 2 * 64 + 1, "{largest} entries");
    let bytes: u64 = ["log", "topics", "marks", "meta"]
        .into_iter()
        .map(|key| redis.ask::<u64>(&format!("MEMORY USAGE {{ssecast}}:{key}")))
        .sum();
    assert!(bytes < 200_000, "{bytes} bytes");
    let keys: Vec<String> = redis.ask("KEYS *");
    assert_eq!(keys.len(), 4, "{keys:?}");
}

#[test]
fn what_writers_leave_behind_goes_when_new_ones_come() {
    let Some(redis) = Redis::start(&[]) else { return };
    publish(&hub(&redis.url()), "1");
    let writers = || {
        let fields: Vec<String> = redis.ask("HKEYS {ssecast}:meta");
        fields.into_iter().filter(|field| field.starts_with("writer:")).collect::<Vec<_>>()
    };
    let first = writers();
    publish(&hub(&redis.url()), "2");
    assert_eq!(writers().len(), 2);
    // As it is a minute later.
    let record: String = redis.ask(&format!("HGET {{ssecast}}:meta {}", first[0]));
    let (record, _until) = record.rsplit_once(' ').unwrap();
    let mut change = redis::cmd("HSET");
    change.arg("{ssecast}:meta").arg(&first[0]).arg(format!("{record} 1"));
    change.exec(&mut redis.connect()).unwrap();
    publish(&hub(&redis.url()), "3");
    assert!(writers().len() == 2 && !writers().contains(&first[0]), "{:?}", writers());
}

#[test]
fn topics_that_are_forgotten_leave_nothing_behind() {
    let Some(redis) = Redis::start(&[]) else { return };
    let config = Config {
        store: Some(RedisStore::new(&redis.url()).unwrap().into()),
        history: ssecast_hub::History { events: Some(0), ..Default::default() },
        max_topics: 10,
        ..Default::default()
    };
    let hub = Hub::new(config).unwrap();
    let event = ssecast_hub::Event { data: Some("x"), ..Default::default() };
    for number in 0..1000 {
        hub.publish(&format!("topic {}", number / 5), &event).unwrap();
    }
    let states: u64 = redis.ask("HLEN {ssecast}:topics");
    assert!(states <= 40, "{states} states");
}

#[test]
fn a_prefix_is_a_log_of_its_own_and_so_is_a_database() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hubs = ["", "?prefix=a", "/1", "/1?prefix=a%20b"].map(|rest| hub(&(redis.url() + rest)));
    for hub in &hubs {
        assert!(publish(hub, "x").ends_with("-1"));
    }
    let mut keys: Vec<String> = redis.ask("KEYS *log");
    keys.sort();
    assert_eq!(keys, ["{a}:log", "{ssecast}:log"]);
}

#[test]
fn a_user_needs_few_rights_and_errors_never_show_the_password() {
    let Some(redis) = Redis::start(&[]) else { return };
    // As the documentation of the crate says.
    let rights = include_str!("../../src/lib.rs")
        .lines()
        .find_map(|line| line.strip_prefix("//! ACL SETUSER "))
        .unwrap()
        .replace("a-password", "secret");
    redis.ask::<String>(&format!("ACL SETUSER {rights}"));
    redis.ask::<String>("ACL SETUSER weak on >secret +@all -evalsha -eval ~*");
    let server = format!("127.0.0.1:{}", redis.port);
    let hub = hub_keeping(&format!("redis://ssecast:secret@{server}"), 1);
    let mut connection = Connection::new(&hub, None);
    for number in 0..200 {
        publish(&hub, &number.to_string());
    }
    assert_eq!(connection.read_until("199").last(), Some(&"199"));
    let refused: Vec<redis::Value> = redis.ask("ACL LOG");
    assert!(refused.is_empty(), "{refused:?}");
    for (url, words) in [
        (format!("redis://ssecast:wrong-secret@{server}"), "refuses this user or password"),
        (format!("redis://nobody:secret@{server}"), "refuses this user or password"),
        (format!("redis://weak:secret@{server}"), "give it the rights"),
        (format!("redis://{server}/999"), "has no such database"),
    ] {
        let error = try_publish(&crate::rig::hub(&url), "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains(&server) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn keys_of_other_programs_and_of_newer_versions_are_left_alone() {
    let Some(redis) = Redis::start(&[]) else { return };
    for (command, words) in [
        ("SET {a}:meta x", "another program"),
        ("HSET {b}:meta field x", "another program"),
        ("SET {c}:log x", "another program"),
        ("HSET {d}:meta format 2 epoch x", "made by a newer ssecast"),
    ] {
        redis::cmd("HSET").arg("unrelated").arg("a").arg("b").exec(&mut redis.connect()).unwrap();
        let _: redis::Value = redis.ask(command);
        let prefix = &command.split('{').nth(1).unwrap()[..1];
        let hub = hub(&format!("{}?prefix={prefix}", redis.url()));
        let error = try_publish(&hub, "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreFormat, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        let keys: Vec<String> = redis.ask(&format!("KEYS {{{prefix}}}*"));
        assert_eq!(keys.len(), 1, "{keys:?}");
    }
}

#[test]
fn a_server_without_memory_says_so_and_goes_on_when_it_has_some() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "1");
    redis.ask::<String>("CONFIG SET maxmemory 1");
    let error = try_publish(&hub, "2").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreFull, "{error}");
    assert!(error.to_string().contains("raise maxmemory"), "{error}");
    redis.ask::<String>("CONFIG SET maxmemory 0");
    assert!(publish(&hub, "3").ends_with("-2"));
    assert_eq!(connection.read_until("3"), ["1", "3"]);
}

#[test]
fn a_server_that_takes_no_writes_says_why_and_works_when_it_takes_them() {
    let Some(redis) = Redis::start(&[]) else { return };
    let store = RedisStore::new(&redis.url()).unwrap().into();
    let publish_timeout = Duration::from_millis(200);
    let hub = Hub::new(Config { store: Some(store), publish_timeout, ..Config::default() }).unwrap();
    publish(&hub, "1");
    redis.ask::<String>("CONFIG SET min-replicas-to-write 1");
    let error = try_publish(&hub, "2").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(
        error.to_string().contains("takes no writes") && error.to_string().contains("NOREPLICAS"),
        "{error}"
    );
    redis.ask::<String>("CONFIG SET min-replicas-to-write 0");
    assert!(publish(&hub, "3").ends_with("-2"));
    // It may become a replica: then another one has to be found, by the same name.
    redis.ask::<String>("REPLICAOF 127.0.0.1 1");
    let error = try_publish(&hub, "4").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(error.to_string().contains("READONLY"), "{error}");
    redis.ask::<String>("REPLICAOF NO ONE");
    assert!(publish(&hub, "5").ends_with("-3"));
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

#[test]
fn a_server_whose_certificate_is_vouched_for_is_used_and_another_one_is_not() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no openssl to make certificates with");
        eprintln!("skipped, as there is no openssl to make certificates with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    for name in ["ca", "other"] {
        let (key, certificate) = (path(&format!("{name}.key")), path(&format!("{name}.pem")));
        openssl(&format!("req -x509 {NEW_KEY} -days 2 -subj /CN={name} -keyout {key} -out {certificate}"));
    }
    std::fs::write(path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    openssl(&format!(
        "req {NEW_KEY} -subj /CN=localhost -keyout {} -out {}",
        path("own.key"),
        path("request")
    ));
    openssl(&format!(
        "x509 -req -in {} -CA {} -CAkey {} -CAcreateserial -days 2 -extfile {} -out {}",
        path("request"),
        path("ca.pem"),
        path("ca.key"),
        path("names"),
        path("own.pem")
    ));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (certificate, key) = (path("own.pem"), path("own.key"));
    let options = [
        ["--tls-port", &port],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
    ];
    let Some(_redis) = Redis::start(&options.concat()) else { return };
    let server = format!("rediss://127.0.0.1:{port}");
    let hub = hub(&format!("{server}?ca={}", path("ca.pem")));
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "1");
    assert_eq!(connection.read_until("1"), ["1"]);
    for url in [format!("{server}?ca={}", path("other.pem")), server] {
        let error = try_publish(&crate::rig::hub(&url), "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
