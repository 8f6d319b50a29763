//! The load client of `make bench`: opens connections to one server, counts what arrives, and checks that every
//! event arrives once and in order. `load <port> <clients>`; commands come on standard input, answers are lines of
//! JSON.
//!
//! `begin` starts a run; `finish <events> <milliseconds>` waits for the rest of it and answers with the report;
//! `stall` stops reading from one client. The end of the input ends the process.

use std::io;
use std::time::{Duration, Instant};

use ssecast_bench_load::clients::Clients;
use ssecast_bench_load::commands::Commands;
use ssecast_bench_load::system::{processor_time, raise_descriptor_limit};

/// A run under way, and how it is to end.
#[derive(Default)]
struct Run {
    processor_time: Duration,
    finish: Option<(u64, Instant)>,
}

fn main() -> io::Result<()> {
    let usage = || io::Error::other("usage: load <port> <clients>");
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok()).ok_or_else(usage)?;
    let count = arguments.next().and_then(|count| count.parse().ok()).ok_or_else(usage)?;
    raise_descriptor_limit();
    let (mut clients, mut commands, mut run) =
        (Clients::new(port, count)?, Commands::default(), Run::default());
    let mut joined = false;
    loop {
        if clients.poll(20)? {
            let Some(lines) = commands.read()? else { return Ok(()) };
            for line in lines {
                obey(&line, &mut clients, &mut run)?;
            }
        }
        if clients.have_joined() && !std::mem::replace(&mut joined, true) {
            println!("{{\"joined\":{count}}}");
        }
        if let Some((events, deadline)) = run.finish {
            let late = Instant::now() >= deadline;
            let missing = if late || clients.may_have_all(events) { clients.missing(events) } else { 1 };
            if missing == 0 || late {
                clients.report.missing = missing;
                clients.report.processor_time = processor_time() - run.processor_time;
                println!("{}", clients.report);
                run.finish = None;
            }
        }
    }
}

fn obey(line: &str, clients: &mut Clients, run: &mut Run) -> io::Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["begin"] => {
            clients.begin();
            *run = Run { processor_time: processor_time(), finish: None };
            println!("{{}}");
        }
        ["finish", events, milliseconds] => {
            let number = |word: &str| word.parse::<u64>().map_err(io::Error::other);
            let deadline = Instant::now() + Duration::from_millis(number(milliseconds)?);
            run.finish = Some((number(events)?, deadline));
        }
        ["stall"] => {
            clients.stall()?;
            println!("{{}}");
        }
        _ => return Err(io::Error::other(format!("unknown command: {line}"))),
    }
    Ok(())
}
