//! What scripted servers begin with: a port, and the head of a request (`tests/end_to_end/` has one too).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};

use socket2::SockRef;

/// Listens on a loopback port.
pub(crate) fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    // What is not read is to hold the sender up, however much memory this machine's sockets may take.
    SockRef::from(&listener)
        .set_recv_buffer_size(RECEIVE_BUFFER)
        .expect("it can be made smaller");
    listener
}

/// The first line of a request, and its headers, with names in lower case; `None` if there is no further one.
pub(crate) fn read_head(
    reader: &mut BufReader<&TcpStream>,
) -> Option<(String, BTreeMap<String, String>)> {
    let mut line = || {
        let mut line = String::new();
        let count = reader.read_line(&mut line).ok()?;
        (count > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line()?.split_once(':') {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some((first, headers))
}

const RECEIVE_BUFFER: usize = 64 << 10;
