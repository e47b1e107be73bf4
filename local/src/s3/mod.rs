//! An S3 server for small objects, with conditions and versions, for the function and for the AWS CLI.
//!
//! HTTP and signatures are the work of crate `s3s`; `gate` refuses what S3 refuses and `s3s` lets pass,
//! `operations` says what S3 does, `store` keeps the objects, `disk` makes them survive a restart.
//!
//! `NotImplemented` is what the function and `docs/` have no use for: tags, storage classes, keys of KMS,
//! locks, bucket policies, events, replication. Checksums are checked and not kept.

mod access;
mod backend;
mod bucket;
mod cors;
mod disk;
mod fault;
mod gate;
mod history;
mod object;
mod operations;
mod record;
mod service;
mod settings;
mod store;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use fault::{Fault, FaultAnswer, RequestHead, RequestKind, RequestRecord};
pub use object::StoredObject;
pub use store::Buckets;

use crate::http::Server;
use crate::setup;
use service::Service;

/// How the server is to behave.
#[derive(Clone)]
pub struct S3Options {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Buckets that only signed requests may use. They have versions.
    pub private_buckets: Vec<String>,
    /// Buckets that everybody may read, with CORS. They have no versions until they are switched on.
    pub public_buckets: Vec<String>,
    /// The one access key that exists.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// Its session token; `None` makes it a long-term key, with which no token may be sent.
    pub session_token: Option<String>,
    /// The region of all buckets.
    pub region: String,
    /// Whether the key has `s3:ListBucket`. Without it an absent object is answered with 403
    /// `AccessDenied` instead of 404 `NoSuchKey`.
    pub list_bucket: bool,
    /// Whether new versions are kept by Object Lock: S3 then takes no object without a checksum.
    pub object_lock: bool,
    /// Where objects are kept; `None` keeps them in memory.
    pub data_dir: Option<PathBuf>,
}

impl Default for S3Options {
    /// The local set-up's buckets, key and region, in memory, on a free port.
    fn default() -> Self {
        Self {
            port: 0,
            private_buckets: vec![setup::PRIVATE_BUCKET.to_owned()],
            public_buckets: vec![setup::PUBLIC_BUCKET.to_owned()],
            access_key_id: setup::ACCESS_KEY_ID.to_owned(),
            secret_access_key: setup::SECRET_ACCESS_KEY.to_owned(),
            session_token: Some(setup::SESSION_TOKEN.to_owned()),
            region: setup::REGION.to_owned(),
            list_bucket: true,
            object_lock: false,
            data_dir: None,
        }
    }
}

impl std::fmt::Debug for S3Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Options")
            .field("port", &self.port)
            .field("private_buckets", &self.private_buckets)
            .field("public_buckets", &self.public_buckets)
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .field("list_bucket", &self.list_bucket)
            .field("object_lock", &self.object_lock)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

/// A running S3 server; it ends when this is dropped.
pub struct S3Server {
    server: Server,
    service: Arc<Service>,
}

impl S3Server {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is taken, `ResourceBusy` if another server uses the data directory, and
    /// whatever goes wrong in reading that directory.
    pub fn start(options: S3Options) -> io::Result<Self> {
        let buckets = Buckets::open(&options)?;
        let port = options.port;
        let service = Arc::new(Service::new(options, buckets));
        let handler = Arc::clone(&service);
        let server = Server::start(port, object::BODY_LIMIT, move |received| {
            let service = Arc::clone(&handler);
            async move { service.answer(received).await }
        })?;
        Ok(Self { server, service })
    }

    /// `http://127.0.0.1:PORT`, to be used with path-style addressing.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// The objects themselves, also for a fault hook that plays another writer.
    pub fn buckets(&self) -> Buckets {
        self.service.buckets().clone()
    }

    /// An object as it is now.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        self.service.buckets().object(bucket, key)
    }

    /// Writes an object as a foreign writer would: without condition and metadata.
    ///
    /// # Panics
    ///
    /// If there is no such bucket or its directory cannot be written.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        self.service.buckets().put_object(bucket, key, bytes);
    }

    /// Deletes an object as a foreign writer would, so that a bucket with versions keeps it; whether there
    /// was one.
    ///
    /// # Panics
    ///
    /// If there is no such bucket or its directory cannot be written.
    pub fn delete_object(&self, bucket: &str, key: &str) -> bool {
        self.service.buckets().delete_object(bucket, key)
    }

    /// All requests since the start or [`S3Server::clear_requests`], in the order in which they were
    /// answered.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.records().clone()
    }

    /// Forgets all requests.
    pub fn clear_requests(&self) {
        self.records().clear();
    }

    /// All kinds of requests since the start, whatever was forgotten meanwhile.
    pub fn kinds(&self) -> BTreeSet<RequestKind> {
        lock(&self.service.kinds).clone()
    }

    /// Asks `hook` about every request from now on; its faults take the place of the answer.
    pub fn set_fault(&self, hook: Option<FaultHook>) {
        *self
            .service
            .hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = hook.map(Arc::from);
    }

    /// Closes all connections that no request is running on, as S3 does with those that are idle for
    /// some seconds; the client's end knows of it when this returns.
    pub fn close_connections(&self) {
        self.server.close_connections();
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Vec<RequestRecord>> {
        lock(&self.service.records)
    }
}

/// Decides whether a request meets a fault. Called on the server's threads.
pub type FaultHook = Box<dyn Fn(&RequestHead) -> Option<Fault> + Send + Sync>;

/// What a panicking test leaves behind is still valid: every change under a lock is a single step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
