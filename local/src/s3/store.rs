//! The objects of all buckets.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::disk::Disk;
use super::history::{self, Content, History, NULL, Version};
use super::object::{Attributes, StoredObject};
use super::settings::{Settings, Versioning};
use super::{S3Options, lock};
use crate::random;

/// All buckets with their objects. Clones are handles on the same buckets.
#[derive(Clone)]
pub struct Buckets {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Option<Disk>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// A bucket as it is at one moment.
pub(super) struct Bucket {
    pub(super) settings: Settings,
    pub(super) objects: BTreeMap<String, History>,
    /// When the server found or made it.
    pub(super) since: SystemTime,
}

impl Buckets {
    /// Lifecycle rules are applied here and not later: S3 does so once a day.
    pub(super) fn open(options: &S3Options) -> io::Result<Self> {
        let disk = options.data_dir.as_deref().map(Disk::open).transpose()?;
        let mut settings = BTreeMap::new();
        for name in &options.private_buckets {
            settings.insert(name.clone(), Settings::private());
        }
        for name in &options.public_buckets {
            settings.insert(name.clone(), Settings::public());
        }
        let mut buckets = BTreeMap::new();
        let since = SystemTime::now();
        if let Some(disk) = &disk {
            settings.extend(disk.buckets()?);
        }
        for (name, settings) in settings {
            let mut objects = BTreeMap::new();
            if let Some(disk) = &disk {
                disk.make(&name)?;
                for (key, before) in disk.load(&name)? {
                    let mut after = before.clone();
                    settings.expire(&mut after, since);
                    disk.change(&name, &key, &before, &after)?;
                    if !after.is_empty() {
                        objects.insert(key, after);
                    }
                }
            }
            let bucket = Bucket {
                settings,
                objects,
                since,
            };
            buckets.insert(name, bucket);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                disk,
                buckets: Mutex::new(buckets),
            }),
        })
    }

    /// All buckets, and nobody changes them meanwhile.
    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        lock(&self.shared.buckets)
    }

    /// An object as it is now.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        let buckets = self.all();
        let object = buckets.get(bucket)?.objects.get(key)?.object()?;
        Some((**object).clone())
    }

    /// Writes an object as a foreign writer would: without condition and metadata.
    ///
    /// # Panics
    ///
    /// If there is no such bucket or its directory cannot be written.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        let object = StoredObject::new(bytes.into(), Attributes::default(), SystemTime::now());
        self.put_version(bucket, key, object);
    }

    /// Makes `object` the newest version as it is, with its metadata and its time: as one who restores an
    /// earlier version does.
    ///
    /// # Panics
    ///
    /// If there is no such bucket or its directory cannot be written.
    pub fn put_version(&self, bucket: &str, key: &str, object: StoredObject) {
        if let Err(error) = self.put_if(bucket, key, object, |_| Ok::<_, Infallible>(())) {
            panic!("object {bucket}/{key} cannot be stored: {error:?}");
        }
    }

    /// Deletes an object as a foreign writer would, so that a bucket with versions keeps it; whether there
    /// was one.
    ///
    /// # Panics
    ///
    /// If there is no such bucket or its directory cannot be written.
    pub fn delete_object(&self, bucket: &str, key: &str) -> bool {
        match self.delete_if(bucket, key, |present| {
            Ok::<_, Infallible>(present.is_some())
        }) {
            Ok((existed, _marker)) => existed,
            Err(error) => panic!("object {bucket}/{key} cannot be deleted: {error:?}"),
        }
    }

    /// Stores `object` if `condition` holds for the present one, as one step: nobody writes in between. The
    /// new version's id, in a bucket that has versions.
    pub(super) fn put_if<E>(
        &self,
        bucket: &str,
        key: &str,
        object: StoredObject,
        condition: impl FnOnce(Option<&StoredObject>) -> Result<(), E>,
    ) -> Result<Option<String>, ChangeError<E>> {
        self.change(bucket, key, |settings, history| {
            condition(history.object().map(AsRef::as_ref)).map_err(ChangeError::Refused)?;
            let version = next(
                history,
                settings.versioning,
                Content::Object(Arc::new(object)),
            )?;
            let id = (settings.versioning != Versioning::Never).then(|| version.id.clone());
            Ok((history.with(version), id))
        })
    }

    /// Deletes an object if `condition` gives a value for the present one; with that value the id of the
    /// delete marker, in a bucket that has versions.
    pub(super) fn delete_if<T, E>(
        &self,
        bucket: &str,
        key: &str,
        condition: impl FnOnce(Option<&StoredObject>) -> Result<T, E>,
    ) -> Result<(T, Option<String>), ChangeError<E>> {
        self.change(bucket, key, |settings, history| {
            let value =
                condition(history.object().map(AsRef::as_ref)).map_err(ChangeError::Refused)?;
            if settings.versioning == Versioning::Never {
                return Ok((history.without(NULL), (value, None)));
            }
            let marker = Content::DeleteMarker(SystemTime::now());
            let version = next(history, settings.versioning, marker)?;
            let id = version.id.clone();
            Ok((history.with(version), (value, Some(id))))
        })
    }

    /// Changes what there is of `key`, as one step.
    pub(super) fn change<T, E>(
        &self,
        bucket: &str,
        key: &str,
        change: impl FnOnce(&Settings, &History) -> Result<(History, T), ChangeError<E>>,
    ) -> Result<T, ChangeError<E>> {
        let mut buckets = self.all();
        let bytes = Bytes::of(&buckets);
        let present = buckets.get_mut(bucket).ok_or(ChangeError::NoSuchBucket)?;
        let before = present.objects.get(key).cloned().unwrap_or_default();
        let (mut after, value) = change(&present.settings, &before)?;
        let others = bytes.without(&before);
        after.trim(EARLIER_VERSIONS_LIMIT, |earlier| {
            others.earlier + earlier > EARLIER_BYTES_LIMIT
        });
        if others.now + after.latest().map_or(0, Version::size) > BYTES_LIMIT {
            return Err(ChangeError::Full);
        }
        if let Some(disk) = &self.shared.disk {
            disk.change(bucket, key, &before, &after)
                .map_err(ChangeError::Io)?;
        }
        if after.is_empty() {
            present.objects.remove(key);
        } else {
            present.objects.insert(key.to_owned(), after);
        }
        Ok(value)
    }

    /// Makes a bucket, or changes its settings, or removes it where `change` gives none.
    pub(super) fn configure<E>(
        &self,
        name: &str,
        change: impl FnOnce(Option<&Bucket>, usize) -> Result<Option<Settings>, ChangeError<E>>,
    ) -> Result<(), ChangeError<E>> {
        let mut buckets = self.all();
        let count = buckets.len();
        let settings = change(buckets.get(name), count)?;
        if let Some(disk) = &self.shared.disk {
            match &settings {
                Some(settings) => disk.set(name, settings),
                None => disk.remove(name),
            }
            .map_err(ChangeError::Io)?;
        }
        match settings {
            Some(settings) => {
                let bucket = buckets.entry(name.to_owned()).or_insert_with(Bucket::new);
                bucket.settings = settings;
            }
            None => drop(buckets.remove(name)),
        }
        Ok(())
    }
}

impl Bucket {
    fn new() -> Self {
        Self {
            settings: Settings::default(),
            objects: BTreeMap::new(),
            since: SystemTime::now(),
        }
    }
}

/// The version that comes after all in `history`.
fn next<E>(
    history: &History,
    versioning: Versioning,
    content: Content,
) -> Result<Version, ChangeError<E>> {
    Ok(Version {
        id: match versioning {
            Versioning::Enabled => random::s3_object_id().map_err(ChangeError::Io)?,
            Versioning::Never | Versioning::Suspended => NULL.to_owned(),
        },
        sequence: history.latest().map_or(0, |latest| latest.sequence + 1),
        content,
    })
}

/// How many bytes of content are kept.
struct Bytes {
    now: usize,
    earlier: usize,
}

impl Bytes {
    fn of(buckets: &BTreeMap<String, Bucket>) -> Self {
        let mut bytes = Self { now: 0, earlier: 0 };
        for history in buckets.values().flat_map(|bucket| bucket.objects.values()) {
            bytes.now += history.latest().map_or(0, Version::size);
            bytes.earlier += history::bytes(history.earlier());
        }
        bytes
    }

    fn without(self, history: &History) -> Self {
        Self {
            now: self.now - history.latest().map_or(0, Version::size),
            earlier: self.earlier - history::bytes(history.earlier()),
        }
    }
}

/// Why nothing was changed.
#[derive(Debug)]
pub(super) enum ChangeError<E> {
    /// The caller's condition did not hold.
    Refused(E),
    /// There is no such bucket.
    NoSuchBucket,
    /// More would be kept than [`BYTES_LIMIT`].
    Full,
    /// The disk refused.
    Io(io::Error),
}

/// Of one key; S3 has none. The oldest go first.
const EARLIER_VERSIONS_LIMIT: usize = 1_000;
/// Of all keys together. Those of the key that is written go, the oldest first.
const EARLIER_BYTES_LIMIT: usize = 64 << 20;
/// Of all objects as they are now.
const BYTES_LIMIT: usize = 1 << 30;
