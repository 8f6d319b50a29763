//! What a publication through Redis costs, how soon other processes have it, and how many events a second there may be, beside
//! a bare loop that appends to a stream and reads it with the same library.
//!
//! `cargo bench -p ssecast-store-redis`. The other processes are this program again; the server is that of the tests.
#![allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "times are short")]
#![allow(clippy::unwrap_used, reason = "it is a measurement")]

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use redis::Value;
use ssecast_hub::{Config, Event, History, Hub, Next, SlowClient, Subscription};
use ssecast_store_redis::RedisStore;

/// Bytes of an event's data: its entry has about 150.
const DATA: usize = 100;
/// Events of one measurement of throughput.
const EVENTS: usize = 300_000;
/// Events that are kept: all of a measurement, so that a reader which is slower than the publisher still finds them.
const KEPT: usize = 2 * EVENTS;
/// Events that are sent at once.
const BATCH: usize = 64;
/// Events of one measurement of latency, 1000 a second.
const PACED: usize = 3000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    match (argument(1), argument(2), argument(3).and_then(|count| count.parse().ok())) {
        (Some("reader"), Some(url), Some(clients)) => return reader(url, clients),
        (Some("publisher"), Some(url), Some(count)) => return publisher(url, count),
        (Some("tail"), Some(url), _) => return tail(url),
        (Some("appender"), Some(url), Some(count)) => return appender(url, count),
        _ => {}
    }
    let Some(server) = Server::start() else { return };

    print("append alone, one event a call: bare", alone_bare(&server.url()));
    print("append alone, one event a call: Hub::publish", alone(&server.url()));
    print("append alone, one event a call: in memory", alone(""));

    for (name, reading, publishing) in [("bare", "tail", "appender"), ("hubs", "reader", "publisher")] {
        paced(&format!("1000/s, 4 processes: {name}"), &server.url(), reading, publishing);
    }
    let mut rates = Vec::new();
    for (name, reading, publishing) in [("bare", "tail", "appender"), ("hubs", "reader", "publisher")] {
        rates.push(throughput(&format!("end to end: {name}"), &server, reading, publishing));
    }
    println!("hubs against bare: {:.2}", rates[1] / rates[0]);
    paced_cost("500/s: bare", &server, "tail", "appender", 1);
    for clients in [1, 1000] {
        paced_cost(&format!("500/s, {clients} clients: hubs"), &server, "reader", "publisher", clients);
    }
}

/// A server of the tests' kind. It is killed at the end.
struct Server(Child, u16);

impl Server {
    fn start() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/redis/provide.sh");
        let output = Command::new("sh").arg(script).output().unwrap();
        if !output.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(String::from_utf8(output.stdout).unwrap().trim());
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let this = Self(child, port);
        while redis::Client::open(this.url()).unwrap().get_connection().is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        Some(this)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.1)
    }

    /// The processor's time that it has used, in seconds.
    fn used(&self) -> f64 {
        let info: String = redis::cmd("INFO").arg("cpu").query(&mut connect(&self.url())).unwrap();
        let of =
            |key: &str| info.lines().find_map(|line| line.strip_prefix(key)?.parse::<f64>().ok()).unwrap();
        of("used_cpu_sys:") + of("used_cpu_user:")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process of this program.
struct Process(Child, Option<ChildStdin>, BufReader<ChildStdout>);

impl Process {
    fn start(part: &str, url: &str, count: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([part, url, &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut this = Self(child, input, output);
        assert_eq!(this.line(), "ready");
        this
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.2.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn order(&mut self, order: &str) {
        writeln!(self.1.as_mut().unwrap(), "{order}").unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.1 = None;
        let _ = self.0.wait();
    }
}

fn connect(url: &str) -> redis::Connection {
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64)
}

/// The data of an event that is published now: when, and what fills it.
fn data() -> String {
    format!("{:0>20}{:x>fill$}", now(), "", fill = DATA - 20)
}

fn time_of(data: &[u8]) -> u64 {
    str::from_utf8(&data[..20]).unwrap().parse().unwrap()
}

fn at(sorted: &[u64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize] as f64 / 1000.0
}

fn print(what: &str, mut times: Vec<u64>) {
    times.sort_unstable();
    println!("{what:48} median {:>8.1} µs  p99 {:>8.1} µs", at(&times, 0.5), at(&times, 0.99));
}

fn flush(url: &str) {
    redis::cmd("FLUSHALL").exec(&mut connect(url)).unwrap();
}

fn xadd(data: &str) -> redis::Cmd {
    let mut append = redis::cmd("XADD");
    append.arg("bare").arg("MAXLEN").arg("~").arg(KEPT).arg("*").arg("e").arg(data);
    append
}

fn alone_bare(url: &str) -> Vec<u64> {
    let mut connection = connect(url);
    let append = |_| {
        let begin = Instant::now();
        xadd(&data()).exec(&mut connection).unwrap();
        begin.elapsed().as_nanos() as u64
    };
    (0..20_000).map(append).collect()
}

fn hub(url: &str) -> Hub {
    let store = Some(url).filter(|url| !url.is_empty()).map(|url| RedisStore::new(url).unwrap().into());
    let history = History { events: Some(KEPT), bytes: None, age: None };
    let slow_client = SlowClient { bytes: usize::MAX, ..SlowClient::default() };
    Hub::new(Config { store, history, slow_client, retry: None, heartbeat: None, ..Config::default() })
        .unwrap()
}

fn alone(url: &str) -> Vec<u64> {
    let hub = hub(url);
    let publish = |_| {
        let begin = Instant::now();
        hub.publish("ticks", &Event { data: Some(&data()), ..Event::default() }).unwrap();
        begin.elapsed().as_nanos() as u64
    };
    (0..20_000).map(publish).collect()
}

/// Two processes read, two publish 500 events a second each.
fn paced(what: &str, url: &str, reading: &str, publishing: &str) {
    flush(url);
    let mut readers = [0, 1].map(|_| Process::start(reading, url, 1));
    let mut publishers = [0, 1].map(|_| Process::start(publishing, url, PACED / 2));
    publishers.iter_mut().for_each(|publisher| publisher.order("paced"));
    publishers.iter_mut().for_each(|publisher| assert_eq!(publisher.line(), "done"));
    let mut times = Vec::new();
    for reader in &mut readers {
        reader.order(&format!("{PACED}"));
        times.extend(reader.line().split(' ').map(|time| time.parse::<u64>().unwrap()));
    }
    print(what, times);
}

/// What an event costs the server with so many clients of one process.
fn paced_cost(what: &str, server: &Server, reading: &str, publishing: &str, clients: usize) {
    flush(&server.url());
    let mut reader = Process::start(reading, &server.url(), clients);
    let mut publisher = Process::start(publishing, &server.url(), PACED / 2);
    let used = server.used();
    publisher.order("paced");
    reader.order(&format!("{}", PACED / 2));
    reader.line();
    let cost = (server.used() - used) * 1e6 / (PACED / 2) as f64;
    println!("{what:48} {cost:>6.1} µs of the server's processor for each event");
}

/// One process publishes as fast as it can, one reads.
fn throughput(what: &str, server: &Server, reading: &str, publishing: &str) -> f64 {
    flush(&server.url());
    let mut reader = Process::start(reading, &server.url(), 1);
    let mut publisher = Process::start(publishing, &server.url(), EVENTS);
    let (begin, used) = (Instant::now(), server.used());
    publisher.order("fast");
    reader.order(&format!("{EVENTS}"));
    reader.line();
    let rate = EVENTS as f64 / begin.elapsed().as_secs_f64();
    let cost = (server.used() - used) * 1e6 / EVENTS as f64;
    println!("{what:48} {rate:>9.0} events/s  {cost:>6.2} µs of the server's processor for each");
    rate
}

/// Publishes at the pace of the order.
fn publisher(url: &str, count: usize) {
    let hub = hub(url);
    hub.publish("first", &Event { data: Some("1"), ..Event::default() }).unwrap();
    println!("ready");
    for order in stdin().lines().map_while(Result::ok) {
        if order == "paced" {
            let begin = Instant::now();
            for number in 0..count {
                wait_until(begin + Duration::from_millis(2) * number as u32);
                hub.publish("ticks", &Event { data: Some(&data()), ..Event::default() }).unwrap();
            }
            println!("done");
            continue;
        }
        let (told, outcomes) = channel();
        let mut waiting = 0;
        for _ in 0..count {
            if waiting == 4096 {
                outcomes.recv().unwrap();
                waiting -= 1;
            }
            let told = told.clone();
            let done = move |published: Result<_, _>| told.send(published.is_ok()).unwrap();
            hub.publish_then("ticks", &Event { data: Some(&data()), ..Event::default() }, done).unwrap();
            waiting += 1;
        }
        drop(told);
        assert!(outcomes.iter().all(|ok| ok));
        println!("done");
    }
}

/// Sleeps until shortly before, so that the measurement does not measure the sleep.
fn wait_until(instant: Instant) {
    while let Some(left) = instant.checked_duration_since(Instant::now()) {
        thread::sleep(left.min(Duration::from_millis(1)));
    }
}

/// Reads with so many clients, of which one notes how long each event took. Then it says these times for as many as an order says.
fn reader(url: &str, clients: usize) {
    let hub = hub(url);
    let (told, woken) = channel();
    let mut reader = hub.reader(Arc::new(move || told.send(()).unwrap_or_default()));
    let topics = Subscription { topics: &["ticks"], ..Subscription::default() };
    let mut subscribers: Vec<_> = (0..clients).map(|_| reader.subscribe(&topics).unwrap()).collect();
    println!("ready");
    thread::spawn(move || {
        let mut times: Vec<u64> = Vec::new();
        let orders = orders();
        let mut wanted = usize::MAX;
        loop {
            for (index, subscriber) in subscribers.iter_mut().enumerate() {
                while let Next::Batch(batch) = reader.next(subscriber) {
                    if index == 0 {
                        let arrived = now();
                        let bytes = batch.bytes();
                        let data = bytes
                            .split(|byte| *byte == b'\n')
                            .filter_map(|line| line.strip_prefix(b"data: "));
                        times.extend(data.map(|data| arrived - time_of(data)));
                    }
                }
            }
            let head = reader.changed(&mut Vec::new());
            reader.note_progress(head, 0, 0);
            wanted = orders.try_recv().unwrap_or(wanted);
            say(&mut times, &mut wanted);
            let _ = woken.recv_timeout(Duration::from_millis(10));
        }
    })
    .join()
    .unwrap();
}

/// How many times are wanted. When there are no more orders, the process ends.
fn orders() -> std::sync::mpsc::Receiver<usize> {
    let (order, orders) = channel();
    thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            order.send(line.parse().unwrap()).unwrap();
        }
        std::process::exit(0);
    });
    orders
}

fn say(times: &mut Vec<u64>, wanted: &mut usize) {
    if times.len() >= *wanted {
        let words: Vec<String> = times.iter().map(u64::to_string).collect();
        let mut out = stdout().lock();
        writeln!(out, "{}", words.join(" ")).and_then(|()| out.flush()).unwrap();
        times.clear();
        *wanted = usize::MAX;
    }
}

/// Appends to a bare stream at the pace of the order.
fn appender(url: &str, count: usize) {
    let mut connection = connect(url);
    println!("ready");
    for order in stdin().lines().map_while(Result::ok) {
        let begin = Instant::now();
        let size = if order == "paced" { 1 } else { BATCH };
        for number in 0..count.div_ceil(size) {
            if order == "paced" {
                wait_until(begin + Duration::from_millis(2) * number as u32);
            }
            let mut batch = redis::pipe();
            for _ in 0..size.min(count - number * size) {
                batch.add_command(xadd(&data())).ignore();
            }
            batch.exec(&mut connection).unwrap();
        }
        println!("done");
    }
}

/// Reads a bare stream.
fn tail(url: &str) {
    let mut connection = connect(url);
    let (mut last, mut times, mut wanted) = ("0".to_owned(), Vec::new(), usize::MAX);
    println!("ready");
    let orders = orders();
    loop {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(1024).arg("BLOCK").arg(10).arg("STREAMS").arg("bare").arg(&last);
        let answer: Value = read.query(&mut connection).unwrap();
        let arrived = now();
        if let Value::Array(streams) = answer {
            let Value::Array(stream) = &streams[0] else { unreachable!() };
            let Value::Array(entries) = &stream[1] else { unreachable!() };
            for entry in entries {
                let Value::Array(entry) = entry else { unreachable!() };
                let (Value::BulkString(id), Value::Array(fields)) = (&entry[0], &entry[1]) else {
                    unreachable!()
                };
                last = String::from_utf8(id.clone()).unwrap();
                let Value::BulkString(data) = &fields[1] else { unreachable!() };
                times.push(arrived - time_of(data));
            }
        }
        wanted = orders.try_recv().unwrap_or(wanted);
        say(&mut times, &mut wanted);
    }
}
