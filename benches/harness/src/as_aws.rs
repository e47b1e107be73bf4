//! AWS's shape: each bucket is a host with a certificate of its own, a network round trip away, and S3 takes its time.
//! What waits for S3 waits for answers one after the other, which one fast server on loopback does not show.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, REGION};
use rustls::ServerConfig;

use crate::http::{Delays, Wait};
use crate::tls::Chain;

/// How far away S3 is, and how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) round_trip: Duration,
    /// Until the first byte of an answer to a GET or HEAD.
    pub(crate) read: Duration,
    /// The same for a PUT.
    pub(crate) write: Duration,
}

impl Default for Shape {
    /// Assumed (`benches/README.md` says why).
    fn default() -> Self {
        Self {
            round_trip: Duration::from_millis(1),
            read: Duration::from_millis(15),
            write: Duration::from_millis(25),
        }
    }
}

impl Shape {
    pub(crate) fn delays(self) -> Delays {
        Delays {
            tcp: self.round_trip,
            tls: self.round_trip,
            read: self.read,
            write: self.write,
        }
    }

    /// For people.
    pub(crate) fn sentence(self) -> String {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        format!(
            "Assumed: TCP and TLS {} ms each, GET and HEAD {} ms, PUT {} ms",
            ms(self.round_trip),
            ms(self.read),
            ms(self.write)
        )
    }
}

/// The two hosts of a run: their servers' addresses and certificates, and the file by which the function finds them.
pub(crate) struct Hosts {
    pub(crate) servers: Vec<(IpAddr, Arc<ServerConfig>)>,
    pub(crate) file: PathBuf,
}

impl Hosts {
    /// Those of the `number`th run: the system may not have given up the addresses of the one before.
    pub(crate) fn new(chain: &Chain, directory: &Path, number: u32) -> Result<Self, String> {
        let first = u32::from(Ipv4Addr::new(127, 1, 0, 2)) + 2 * (number % MOST_PAIRS);
        let mut lines = "127.0.0.1 localhost\n".to_owned();
        let mut servers = Vec::new();
        for (bucket, address) in [PRIVATE_BUCKET, PUBLIC_BUCKET].into_iter().zip(first..) {
            let address = Ipv4Addr::from(address);
            let name = format!("{bucket}.s3.{REGION}.amazonaws.com");
            lines.push_str(&format!("{address} {name}\n"));
            let tls = chain.server(&name).map_err(|error| error.to_string())?;
            servers.push((IpAddr::V4(address), tls));
        }
        let file = directory.join("hosts");
        std::fs::write(&file, lines).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Self { servers, file })
    }
}

/// How much of the time between two points S3 was waited for, for whatever it was.
pub(crate) fn waited(waits: &[Wait], from: Instant, to: Instant) -> Duration {
    let mut spans: Vec<_> = waits
        .iter()
        .map(|wait| (wait.from.max(from), wait.to.min(to)))
        .filter(|(begin, end)| begin < end)
        .collect();
    spans.sort_unstable();
    let mut total = Duration::ZERO;
    let mut counted = from;
    for (begin, end) in spans {
        total += end.saturating_duration_since(begin.max(counted));
        counted = counted.max(end);
    }
    total
}

/// How many answers were waited for one after the other: as many as there are without an overlap.
pub(crate) fn in_sequence(waits: &[Wait], from: Instant, to: Instant) -> usize {
    let answers = waits
        .iter()
        .filter(|wait| wait.is_answer && wait.from >= from && wait.from < to);
    let mut spans: Vec<_> = answers.map(|wait| (wait.to, wait.from)).collect();
    spans.sort_unstable();
    let mut last = from;
    let mut count = 0;
    for (end, begin) in spans {
        if begin >= last {
            (last, count) = (end, count + 1);
        }
    }
    count
}

/// Of addresses, all of them this machine's own.
const MOST_PAIRS: u32 = 10_000;
/// In the samples.
pub(crate) const SECTION: &str = "as AWS";
/// The template's default.
pub(crate) const MEGABYTES: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_counted_once_and_in_sequence() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let wait = |from, to, is_answer| Wait {
            from: at(from),
            to: at(to),
            is_answer,
        };
        let waits = [
            wait(30, 55, true),
            // Before the event, at its begin, beside another.
            wait(0, 5, true),
            wait(5, 12, false),
            wait(12, 27, true),
            wait(14, 29, true),
            wait(55, 80, true),
        ];
        let waited = waited(&waits, at(10), at(70));
        assert_eq!(waited, Duration::from_millis(2 + 17 + 25 + 15));
        assert_eq!(in_sequence(&waits, at(10), at(100)), 3);
        assert_eq!(in_sequence(&waits, at(0), at(11)), 1);
        assert_eq!(in_sequence(&[], at(0), at(11)), 0);
    }
}
