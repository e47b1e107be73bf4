//! Name lookups for `ureq`, remembered for a while.
//!
//! `ureq` asks for one before every request, even if it then takes a connection that is open already.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// Looks a name up once and remembers its addresses for a while.
///
/// `ureq`'s own resolver starts a thread for each request as soon as a timeout is set (ureq 3.5,
/// `unversioned/resolver.rs`). This one starts one only for a name that it does not know. The system's resolver takes no
/// limit, so a lookup that takes too long is left behind in its thread. Only the request that asked waits for it.
#[derive(Clone, Debug, Default)]
pub struct CachingResolver {
    entries: Arc<Mutex<Vec<Entry>>>,
    /// Lookups that nobody waits for yet.
    ahead: Arc<Mutex<Vec<Lookup>>>,
}

impl CachingResolver {
    /// Begins to look a host up, for a request that comes at once: the time until then is not waited for.
    pub fn look_up_ahead(&self, scheme: &Scheme, host: &str) {
        let authority = host.parse().ok();
        let name =
            authority.and_then(|authority| DefaultResolver::host_and_port(scheme, &authority));
        // What is no host is an error of the request.
        if let Some(name) = name {
            self.begin_ahead(&name, ask_system);
        }
    }

    fn begin_ahead(&self, name: &str, system: System) {
        let mut ahead = lock(&self.ahead);
        if is_address(name) || ahead.iter().any(|lookup| lookup.name == name) {
            return;
        }
        // Without a thread, the request that needs the name says what is wrong.
        ahead.extend(Lookup::begin(name, system).ok());
    }

    /// Forgets all addresses. Call it after a failed connection: S3 wants a retry to use fresh ones.
    pub fn forget(&self) {
        lock(&self.entries).clear();
        lock(&self.ahead).clear();
    }

    /// The addresses of `host:port`.
    fn look_up(
        &self,
        name: &str,
        timeout: Duration,
        system: System,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Some(addresses) = self.remembered(name) {
            return Ok(addresses);
        }
        let (found, since) = if is_address(name) {
            (system(name), SystemTime::now())
        } else {
            let lookup = match self.taken_from_ahead(name) {
                Some(lookup) => lookup,
                None => Lookup::begin(name, system).map_err(Error::Io)?,
            };
            let found = lookup.receiver.recv_timeout(timeout.min(LOOKUP_TIMEOUT));
            let found = found.map_err(|_| Error::Timeout(Timeout::Resolve))?;
            (found, lookup.begun)
        };
        let addresses = found
            .filter(|addresses| !addresses.is_empty())
            .ok_or(Error::HostNotFound)?;
        lock(&self.entries).push(Entry {
            name: name.to_owned(),
            addresses: addresses.clone(),
            since,
        });
        Ok(addresses)
    }

    fn taken_from_ahead(&self, name: &str) -> Option<Lookup> {
        let mut ahead = lock(&self.ahead);
        let place = ahead.iter().position(|lookup| lookup.name == name)?;
        Some(ahead.swap_remove(place)).filter(|lookup| is_recent(lookup.begun))
    }

    fn remembered(&self, name: &str) -> Option<Vec<SocketAddr>> {
        let mut entries = lock(&self.entries);
        entries.retain(|entry| is_recent(entry.since));
        let entry = entries.iter().find(|entry| entry.name == name)?;
        Some(entry.addresses.clone())
    }
}

/// The wall clock may be set back: an age that cannot be told is as good as too old.
fn is_recent(since: SystemTime) -> bool {
    since.elapsed().is_ok_and(|age| age < MAX_AGE)
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_address(name: &str) -> bool {
    name.rsplit_once(':')
        .is_some_and(|(host, _)| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
}

/// How the system looks `host:port` up.
type System = fn(&str) -> Option<Vec<SocketAddr>>;

fn ask_system(name: &str) -> Option<Vec<SocketAddr>> {
    Some(name.to_socket_addrs().ok()?.take(MAX_ADDRESSES).collect())
}

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let name = uri
            .scheme()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority))
            .ok_or_else(|| Error::BadUri("expected scheme and host".to_owned()))?;
        let mut resolved = self.empty();
        self.look_up(&name, *timeout.after, ask_system)?
            .into_iter()
            .for_each(|address| resolved.push(address));
        Ok(resolved)
    }
}

#[derive(Debug)]
struct Entry {
    name: String,
    addresses: Vec<SocketAddr>,
    since: SystemTime,
}

/// A lookup that goes on in a thread of its own.
#[derive(Debug)]
struct Lookup {
    name: String,
    begun: SystemTime,
    receiver: mpsc::Receiver<Option<Vec<SocketAddr>>>,
}

impl Lookup {
    fn begin(name: &str, system: System) -> io::Result<Self> {
        let begun = SystemTime::now();
        let (sender, receiver) = mpsc::sync_channel(1);
        let asked = name.to_owned();
        thread::Builder::new().spawn(move || sender.send(system(&asked)))?;
        Ok(Self {
            name: name.to_owned(),
            begun,
            receiver,
        })
    }
}

/// A name server answers within some ms; another try may reach another one.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_AGE: Duration = Duration::from_secs(60);
/// As many as ureq takes.
const MAX_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_once_until_it_is_forgotten() {
        let resolver = CachingResolver::default();
        let found = resolver
            .look_up("127.0.0.1:80", PATIENCE, ask_system)
            .unwrap();
        assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(
            resolver
                .look_up("127.0.0.1:80", PATIENCE, ask_system)
                .unwrap(),
            found
        );
        assert_eq!(lock(&resolver.entries).len(), 1);
        resolver.forget();
        assert!(lock(&resolver.entries).is_empty());
    }

    #[test]
    fn an_old_entry_is_looked_up_again() {
        let resolver = CachingResolver::default();
        let stale = vec!["127.0.0.9:1".parse().unwrap()];
        for since in [SystemTime::now() - MAX_AGE, SystemTime::now() + MAX_AGE] {
            let entry = Entry {
                name: "127.0.0.1:80".into(),
                addresses: stale.clone(),
                since,
            };
            *lock(&resolver.entries) = vec![entry];
            assert_ne!(
                resolver
                    .look_up("127.0.0.1:80", PATIENCE, ask_system)
                    .unwrap(),
                stale
            );
        }
    }

    #[test]
    fn a_lookup_ends_in_time_and_holds_nobody_up() {
        fn never(_: &str) -> Option<Vec<SocketAddr>> {
            loop {
                thread::park();
            }
        }
        let resolver = CachingResolver::default();
        let timeout = Duration::from_millis(1);
        let result = resolver.look_up("s3.example.org:443", timeout, never);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Resolve))));
        assert!(
            resolver
                .look_up("127.0.0.1:80", PATIENCE, ask_system)
                .is_ok()
        );
    }

    #[test]
    fn addresses_and_names_that_are_known_start_no_thread() {
        fn in_this_thread(_: &str) -> Option<Vec<SocketAddr>> {
            // The tests' threads have names, those of lookups have none.
            thread::current().name()?;
            Some(vec!["127.0.0.1:80".parse().ok()?])
        }
        let resolver = CachingResolver::default();
        for address in ["127.0.0.1:80", "[::1]:80"] {
            assert!(resolver.look_up(address, PATIENCE, in_this_thread).is_ok());
        }
        let name = "s3.example.org:443";
        assert!(resolver.look_up(name, PATIENCE, in_this_thread).is_err());
        lock(&resolver.entries).push(Entry {
            name: name.to_owned(),
            addresses: vec!["127.0.0.1:443".parse().unwrap()],
            since: SystemTime::now(),
        });
        assert!(resolver.look_up(name, PATIENCE, in_this_thread).is_ok());
    }

    #[test]
    fn a_lookup_that_was_begun_ahead_is_taken_once() {
        fn first(_: &str) -> Option<Vec<SocketAddr>> {
            Some(vec!["127.0.0.1:443".parse().ok()?])
        }
        fn second(_: &str) -> Option<Vec<SocketAddr>> {
            Some(vec!["127.0.0.2:443".parse().ok()?])
        }
        let resolver = CachingResolver::default();
        let name = "s3.example.org:443";
        for _ in 0..2 {
            resolver.begin_ahead(name, first);
            resolver.begin_ahead("127.0.0.1:443", first);
        }
        assert_eq!(lock(&resolver.ahead).len(), 1);
        assert_eq!(
            resolver.look_up(name, PATIENCE, second).unwrap(),
            first(name).unwrap()
        );
        assert!(lock(&resolver.ahead).is_empty());
        // Neither what was forgotten nor what is old is taken.
        resolver.begin_ahead(name, first);
        resolver.forget();
        assert!(lock(&resolver.ahead).is_empty());
        resolver.begin_ahead(name, first);
        lock(&resolver.ahead)[0].begun -= MAX_AGE;
        assert_eq!(
            resolver.look_up(name, PATIENCE, second).unwrap(),
            second(name).unwrap()
        );
    }

    #[test]
    fn what_a_request_asks_for_is_what_was_looked_up_ahead() {
        for uri in ["https://localhost/club/k", "http://localhost:9002/club/k"] {
            let resolver = CachingResolver::default();
            let uri: Uri = uri.parse().unwrap();
            let host = uri.authority().unwrap().as_str();
            resolver.look_up_ahead(uri.scheme().unwrap(), host);
            assert_eq!(lock(&resolver.ahead).len(), 1);
            let timeout = NextTimeout {
                after: PATIENCE.into(),
                ..NextTimeout::default()
            };
            resolver.resolve(&uri, &Config::default(), timeout).unwrap();
            assert!(lock(&resolver.ahead).is_empty());
        }
    }

    const PATIENCE: Duration = Duration::from_secs(60);
}
