//! The objects of all buckets.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::disk::Disk;
use super::object::{Attributes, StoredObject};
use super::{S3Options, lock};

/// All buckets with their objects. Clones are handles on the same buckets.
#[derive(Clone)]
pub struct Buckets {
    shared: Arc<Shared>,
}

struct Shared {
    names: BTreeSet<String>,
    disk: Option<Disk>,
    objects: Mutex<HashMap<(String, String), Arc<StoredObject>>>,
}

impl Buckets {
    pub(super) fn open(options: &S3Options) -> io::Result<Self> {
        let names: BTreeSet<String> = options
            .private_buckets
            .iter()
            .chain(&options.public_buckets)
            .cloned()
            .collect();
        let disk = options
            .data_dir
            .as_deref()
            .map(|dir| Disk::open(dir, &names))
            .transpose()?;
        let objects = match &disk {
            Some(disk) => disk.load(&names)?,
            None => HashMap::new(),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                names,
                disk,
                objects: Mutex::new(objects),
            }),
        })
    }

    pub(super) fn has(&self, bucket: &str) -> bool {
        self.shared.names.contains(bucket)
    }

    /// An object as it is now.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        self.get(bucket, key).map(|object| (*object).clone())
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Option<Arc<StoredObject>> {
        lock(&self.shared.objects)
            .get(&(bucket.to_owned(), key.to_owned()))
            .cloned()
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
        assert!(self.has(bucket), "no bucket {bucket}");
        if let Err(PutError::Io(error)) =
            self.put_if(bucket, key, object, |_| Ok::<_, Infallible>(()))
        {
            panic!("object {bucket}/{key} cannot be stored: {error}");
        }
    }

    /// Stores `object` if `condition` holds for the present one, as one step: nobody writes in between.
    pub(super) fn put_if<E>(
        &self,
        bucket: &str,
        key: &str,
        object: StoredObject,
        condition: impl FnOnce(Option<&StoredObject>) -> Result<(), E>,
    ) -> Result<(), PutError<E>> {
        let place = (bucket.to_owned(), key.to_owned());
        let mut objects = lock(&self.shared.objects);
        condition(objects.get(&place).map(AsRef::as_ref)).map_err(PutError::Condition)?;
        if let Some(disk) = &self.shared.disk {
            disk.store(bucket, key, &object).map_err(PutError::Io)?;
        }
        objects.insert(place, Arc::new(object));
        Ok(())
    }

    /// Deletes an object; whether there was one.
    ///
    /// # Panics
    ///
    /// If its file cannot be removed.
    pub fn delete_object(&self, bucket: &str, key: &str) -> bool {
        let mut objects = lock(&self.shared.objects);
        let existed = objects
            .remove(&(bucket.to_owned(), key.to_owned()))
            .is_some();
        if let (true, Some(disk)) = (existed, &self.shared.disk)
            && let Err(error) = disk.remove(bucket, key)
        {
            panic!("object {bucket}/{key} cannot be removed: {error}");
        }
        existed
    }
}

/// Why an object was not stored.
#[derive(Debug)]
pub(super) enum PutError<E> {
    /// The condition did not hold.
    Condition(E),
    /// The disk refused.
    Io(io::Error),
}
