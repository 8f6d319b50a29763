//! Nothing is left behind: descriptors and threads are counted in a process where nothing else runs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod rig;

use std::sync::{Mutex, MutexGuard, PoisonError};

use rig::{Client, Rig, eventually, quiet, tcp};
use ssecast_engine::{Framing, Reason};

/// The tests count what belongs to the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn descriptors() -> usize {
    count("/proc/self/fd")
}

fn engine_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    // The timer's thread stays: it serves the whole process.
    names.filter(|name| name.starts_with("ssecast-") && !name.starts_with("ssecast-timer")).count()
}

#[test]
fn thousands_of_connections_leave_no_descriptor_behind_however_they_end() {
    let _alone = alone();
    let before = descriptors();
    {
        let mut rig = Rig::new(quiet());
        for round in 0..250 {
            let mut streams: Vec<_> = (0..40)
                .map(|number| match number % 4 {
                    3 => rig.release(&["t"], tcp(), Framing::Chunked),
                    _ => rig.connect(&["t"]),
                })
                .collect();
            rig.publish("t", "1");
            for (number, (id, mut client)) in streams.drain(..).enumerate() {
                match (number + round) % 6 {
                    0 => client.reset(),
                    1 => {}
                    2 => {
                        rig.connections.end(id, Reason::Server);
                        client.read_events(1);
                        rig.end_of(id);
                    }
                    3 => drop(rig.connections.remove(id, Reason::Client)),
                    4 => {
                        client.read_events(1);
                        client.reset();
                        rig.connections.remove(id, Reason::Client);
                    }
                    _ => rig.connections.end(id, Reason::Server),
                }
            }
            // The engine was not told of the others; it finds out when it sends to them.
            while rig.hub.stats().connections > 0 {
                rig.publish("t", "a probe");
                rig.turn();
                std::thread::yield_now();
            }
            rig.held.clear();
        }
    }
    eventually("all descriptors are closed", || descriptors() <= before);
}

#[test]
fn threads_end_with_the_last_handle_and_the_last_connection() {
    let _alone = alone();
    let (descriptors_before, threads_before) = (descriptors(), engine_threads());
    for _ in 0..20 {
        let mut rig = Rig::new(quiet());
        let (id, client) = rig.connect(&["t"]);
        let (_, mut other) = rig.connect(&["t"]);
        eventually("a thread has a name", || engine_threads() > 0);
        rig.publish("t", "1");
        other.read_events(1);
        rig.connections.remove(id, Reason::Client);
        drop(client);
        drop(rig);
        other.read_to_end();
    }
    eventually("all threads have ended", || engine_threads() <= threads_before);
    eventually("all descriptors are closed", || descriptors() <= descriptors_before);
}

#[test]
fn a_thread_goes_on_while_a_connection_needs_it_though_nobody_can_attach_another() {
    let _alone = alone();
    let mut rig = Rig::new(quiet());
    let mut clients: Vec<Client> = (0..3).map(|_| rig.connect(&["t"]).1).collect();
    rig.sockets = ssecast_engine::Sockets::new(1);
    for number in 1..=100 {
        rig.publish("t", "1");
        clients.iter_mut().for_each(|client| assert_eq!(client.read_events(number).len(), number));
    }
}

/// The time that the process has worked, in ticks of its clock.
fn work() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn thousands_of_idle_connections_cost_no_time() {
    let _alone = alone();
    let mut rig = Rig::new(ssecast_engine::Config::default());
    let mut clients: Vec<Client> = (0..1500).map(|_| rig.connect(&["t"]).1).collect();
    rig.publish("t", "1");
    clients.iter_mut().for_each(|client| assert_eq!(client.read_events(1).len(), 1));
    let wakes = rig.wakes.count();
    let before = work();
    // Time itself is what is measured here: nothing is waited for.
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(work() - before <= 5, "{} ticks of work while nothing happened", work() - before);
    assert!(rig.wakes.count() <= wakes + 1);
}
