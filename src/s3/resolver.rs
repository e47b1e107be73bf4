//! Name lookups for `ureq`, which asks for one before every request, even where it then takes a
//! connection that is open already.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks a name up once and remembers its addresses for a while.
///
/// `ureq`'s own resolver starts a thread for each request as soon as a timeout is set (anchors, section
/// 5). This one starts none: the lookup's time is bounded by the system's resolver instead.
#[derive(Clone, Debug, Default)]
pub struct CachingResolver {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl CachingResolver {
    /// Forgets all addresses. Call it after a failed connection: S3 wants a retry to use fresh ones.
    pub fn forget(&self) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The addresses of `host:port`.
    fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, Error> {
        let now = SystemTime::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // The wall clock may be set back: an age that cannot be told is as good as too old.
        entries.retain(|entry| {
            now.duration_since(entry.since)
                .is_ok_and(|age| age < MAX_AGE)
        });
        if let Some(entry) = entries.iter().find(|entry| entry.name == name) {
            return Ok(entry.addresses.clone());
        }
        let addresses: Vec<_> = name
            .to_socket_addrs()
            .map_err(|_| Error::HostNotFound)?
            .take(MAX_ADDRESSES)
            .collect();
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        entries.push(Entry {
            name: name.to_owned(),
            addresses: addresses.clone(),
            since: now,
        });
        Ok(addresses)
    }
}

impl Resolver for CachingResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let name = uri
            .scheme()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority))
            .ok_or_else(|| Error::BadUri("expected scheme and host".to_owned()))?;
        let mut resolved = self.empty();
        self.look_up(&name)?
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

const MAX_AGE: Duration = Duration::from_secs(60);
/// As many as ureq takes.
const MAX_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_once_until_it_is_forgotten() {
        let resolver = CachingResolver::default();
        let found = resolver.look_up("127.0.0.1:80").unwrap();
        assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(resolver.look_up("127.0.0.1:80").unwrap(), found);
        assert_eq!(resolver.entries.lock().unwrap().len(), 1);
        resolver.forget();
        assert!(resolver.entries.lock().unwrap().is_empty());
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
            *resolver.entries.lock().unwrap() = vec![entry];
            assert_ne!(resolver.look_up("127.0.0.1:80").unwrap(), stale);
        }
    }
}
