//! The hub against a reference that keeps every event in a list, under random sequences of what publishers, clients
//! and time may do.

mod action;
mod reference;
mod stream;
mod world;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use ssecast_hub::{Config, Reason};

use crate::action::Action;
use crate::world::World;

fn play(config: Config, actions: &[Action], close: bool) -> World {
    let mut world = World::new(config);
    actions.iter().for_each(|action| world.act(action));
    world.finish(close);
    world
}

#[test]
fn clients_get_every_event_of_their_topics_once_and_in_order_or_are_told_of_the_loss() {
    // PROPTEST_CASES asks for more of them.
    let cases = Cases::default();
    let cases = Cases { cases: cases.cases.max(500), failure_persistence: None, ..cases };
    let met = Cell::new([0; 6]);
    let case = (action::config(), action::actions(), any::<bool>());
    let result = TestRunner::new(cases).run(&case, |(config, actions, close)| {
        let stats = play(config, &actions, close).hub().stats();
        let [epoch, expired, unknown, lagged] = stats.resets;
        let ended = [Reason::Lagged, Reason::Shutdown].map(|reason| stats.disconnects(reason));
        let times = [epoch, expired, unknown, lagged, ended[0], ended[1]];
        met.set(std::array::from_fn(|kind| met.get()[kind] + times[kind]));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let met = met.get();
    assert!(met.iter().all(|times| *times > 0), "the cases meet every kind of end and loss: {met:?}");
}
