//! A TCP proxy that lets connections down.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::random::Random;

/// Forwards connections to `upstream` and gives its own address. Fates are drawn from `seed`; whenever one
/// says that the process is to be killed, it tells `killer`. Ends with the test's process.
pub(crate) fn start(upstream: String, seed: u64, killer: Sender<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        let mut random = Random(seed);
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&upstream) else {
                continue;
            };
            let fate = Fate::draw(&mut random);
            let killer = killer.clone();
            thread::spawn(move || connect(client, server, fate, killer));
        }
    });
    format!("http://{address}")
}

/// What happens to a connection once so many bytes have passed in one direction.
#[derive(Clone, Copy, Debug)]
struct Fate {
    what: What,
    is_upwards: bool,
    after_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The connection is cut: a request or an answer gets truncated.
    Cut,
    /// The process is killed.
    Kill,
    /// Nothing moves for a while.
    Delay,
}

impl Fate {
    fn draw(random: &mut Random) -> Self {
        let what = match random.below(10) {
            0..=5 => What::Cut,
            6 | 7 => What::Kill,
            _ => What::Delay,
        };
        let is_upwards = random.below(2) == 0;
        Self {
            what,
            is_upwards,
            after_bytes: random.below(60_000),
        }
    }
}

fn connect(client: TcpStream, server: TcpStream, fate: Fate, killer: Sender<()>) {
    // Otherwise each request waits 40 ms: what is passed on in pieces waits for acknowledgements that the
    // other side delays.
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let left = Arc::new(Mutex::new(Some((fate, killer))));
    let pairs = [(&client, &server, true), (&server, &client, false)];
    thread::scope(|scope| {
        for (from, to, is_upwards) in pairs {
            let left = Arc::clone(&left);
            scope.spawn(move || pump(from, to, is_upwards, &left));
        }
    });
}

fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    is_upwards: bool,
    left: &Mutex<Option<(Fate, Sender<()>)>>,
) {
    let mut passed = 0;
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        passed += count as u64;
        let due = left
            .lock()
            .expect("no pump panics")
            .take_if(|(fate, _)| fate.is_upwards == is_upwards && fate.after_bytes < passed);
        match due.map(|(fate, killer)| (fate.what, killer)) {
            Some((What::Cut, _)) => {
                let _ = to.write_all(&buffer[..count / 2]);
                break;
            }
            Some((What::Kill, killer)) => {
                let _ = killer.send(());
            }
            // The delay is the point here; nothing waits for it to be over.
            Some((What::Delay, _)) => thread::sleep(Duration::from_millis(50)),
            None => {}
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
