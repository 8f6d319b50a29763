use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Stands between hubs and a server: it can lead to another server, and cut connections in the middle of an answer.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    target: AtomicU16,
    /// The next answer to a script that appends is cut.
    cuts: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            target: AtomicU16::new(port),
            cuts: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let here = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", here.target.load(Ordering::SeqCst))) else {
                    continue;
                };
                let kept = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                here.connections.lock().unwrap().extend(kept);
                let appends = Arc::new(AtomicBool::new(false));
                let [client_too, server_too] = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                let appended = Arc::clone(&appends);
                thread::spawn(move || {
                    pump(client, server, |bytes| {
                        let of_a_writer = bytes.windows(7).any(|window| window == b"writer:");
                        appended.store(of_a_writer, Ordering::SeqCst);
                        bytes.len()
                    });
                });
                let state = Arc::clone(&here);
                thread::spawn(move || {
                    pump(server_too, client_too, |bytes| {
                        let is_answer = appends.load(Ordering::SeqCst) && bytes.starts_with(b"*");
                        if is_answer && state.cuts.swap(false, Ordering::SeqCst) { 7 } else { bytes.len() }
                    });
                });
            }
        });
        Self { port: own, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Has the next answer to an append cut in the middle.
    pub(crate) fn cut_the_next_answer(&self) {
        self.state.cuts.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_cut(&self) -> bool {
        !self.state.cuts.load(Ordering::SeqCst)
    }

    /// Leads to another server from now on.
    pub(crate) fn lead_to(&self, port: u16) {
        self.state.target.store(port, Ordering::SeqCst);
        for connection in self.state.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Copies until the end, and of each piece as much as it may.
fn pump(mut from: TcpStream, mut to: TcpStream, mut allowed: impl FnMut(&[u8]) -> usize) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let allowed = allowed(&buffer[..length]);
        if to.write_all(&buffer[..allowed]).is_err() || allowed < length {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
