//! What a hub does, one file for each noun.

mod backlog;
mod close;
mod ends;
mod finish;
mod heartbeat;
mod history;
mod ids;
mod limits;
mod private;
mod replay;
mod resume;
mod rig;
mod slow_client;
mod stats;
mod threads;
mod topics;
mod unread;
mod wake;
