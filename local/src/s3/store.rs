//! The objects of all buckets.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::bucket::{Bucket, Bytes, ChangeError, LIMITS, Limits};
use super::disk::Disk;
use super::history::{Content, History, NULL, Version};
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
    limits: Limits,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Buckets {
    /// Lifecycle rules are applied here and not later: S3 does so once a day.
    pub(super) fn open(options: &S3Options) -> io::Result<Self> {
        Self::open_within(LIMITS, options)
    }

    fn open_within(limits: Limits, options: &S3Options) -> io::Result<Self> {
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
                limits,
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
        let limits = &self.shared.limits;
        let bytes = Bytes::of(&buckets);
        let present = buckets.get_mut(bucket).ok_or(ChangeError::NoSuchBucket)?;
        let before = present.objects.get(key).cloned().unwrap_or_default();
        let (mut after, value) = change(&present.settings, &before)?;
        let others = bytes.without(&before);
        after.trim(limits.earlier_versions, |earlier| {
            others.earlier + earlier > limits.earlier_bytes
        });
        if others.now + after.latest().map_or(0, Version::size) > limits.bytes {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};

    fn buckets(limits: Limits) -> Buckets {
        Buckets::open_within(limits, &S3Options::default()).unwrap()
    }

    /// The sizes of an object's versions, the newest first.
    fn sizes(buckets: &Buckets, key: &str) -> Vec<usize> {
        let all = buckets.all();
        let history = &all[PRIVATE_BUCKET].objects[key];
        history.newest_first().map(Version::size).collect()
    }

    #[test]
    fn the_oldest_versions_go_first() {
        let buckets = buckets(Limits {
            earlier_versions: 3,
            earlier_bytes: 10,
            ..LIMITS
        });
        for size in 1..=5 {
            buckets.put_object(PRIVATE_BUCKET, "a", vec![0; size]);
        }
        assert_eq!(sizes(&buckets, "a"), [5, 4, 3, 2], "three earlier ones");
        buckets.put_object(PRIVATE_BUCKET, "a", vec![0; 6]);
        assert_eq!(sizes(&buckets, "a"), [6, 5, 4], "of 10 bytes");
        for size in 1..=2 {
            buckets.put_object(PRIVATE_BUCKET, "b", vec![0; size]);
        }
        assert_eq!(sizes(&buckets, "b"), [2, 1]);
        buckets.put_object(PRIVATE_BUCKET, "b", vec![0; 3]);
        // There was room for one byte besides those of the other.
        assert_eq!(
            (sizes(&buckets, "a"), sizes(&buckets, "b")),
            (vec![6, 5, 4], vec![3])
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let buckets = buckets(Limits {
            bytes: 10,
            ..LIMITS
        });
        let put = |bucket: &str, size: usize| {
            let object = StoredObject::new(vec![0; size], Attributes::default(), SystemTime::now());
            let put = buckets.put_if(bucket, "a", object, |_| Ok::<_, Infallible>(()));
            put.map(|_id| ())
                .map_err(|error| matches!(error, ChangeError::Full))
        };
        assert_eq!(put(PRIVATE_BUCKET, 6), Ok(()));
        assert_eq!(put(PUBLIC_BUCKET, 5), Err(true));
        assert_eq!(buckets.object(PUBLIC_BUCKET, "a"), None);
        assert_eq!(put(PUBLIC_BUCKET, 4), Ok(()));
        // What is replaced makes room.
        assert_eq!(put(PUBLIC_BUCKET, 3), Ok(()));
        assert_eq!(put(PRIVATE_BUCKET, 7), Ok(()));
        assert_eq!(put(PRIVATE_BUCKET, 8), Err(true));
    }
}
