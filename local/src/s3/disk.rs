//! Objects on disk: one file each, written aside and renamed, so that no end of the process leaves half
//! an object or an object with another's metadata.
//!
//! `DIR/BUCKET/KEY`, the key percent-encoded. The first line is a JSON object with everything but the
//! content, the content follows: `tail -n +2 target/local/dojang-local-private/data.json` shows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::object::{Attributes, StoredObject};

pub(super) struct Disk {
    directory: PathBuf,
    /// Held for as long as the server runs: two servers would each overwrite what the other stored.
    lock: File,
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread starts at this moment has a copy of the file
        // until it runs its own program, and the lock lasts as long as any copy is open.
        let _ = self.lock.unlock();
    }
}

impl Disk {
    pub(super) fn open(directory: &Path, buckets: &BTreeSet<String>) -> io::Result<Self> {
        for bucket in buckets {
            fs::create_dir_all(directory.join(bucket))?;
        }
        let lock = File::create(directory.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("{} is in use by another server", directory.display()),
            ),
            TryLockError::Error(error) => error,
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            lock,
        })
    }

    pub(super) fn load(
        &self,
        buckets: &BTreeSet<String>,
    ) -> io::Result<HashMap<(String, String), Arc<StoredObject>>> {
        let mut objects = HashMap::new();
        for bucket in buckets {
            for entry in fs::read_dir(self.directory.join(bucket))? {
                let path = entry?.path();
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                if !path.is_file() || name.starts_with('.') {
                    continue;
                }
                let key = percent_decode_str(name).decode_utf8_lossy().into_owned();
                let object = parse(&fs::read(&path)?).ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{} is not a stored object", path.display()),
                    )
                })?;
                objects.insert((bucket.clone(), key), Arc::new(object));
            }
        }
        Ok(objects)
    }

    /// The caller holds the lock on all objects, so one name for the file aside is enough.
    pub(super) fn store(&self, bucket: &str, key: &str, object: &StoredObject) -> io::Result<()> {
        let aside = self.directory.join(ASIDE);
        fs::write(&aside, render(object)?)?;
        fs::rename(aside, self.path(bucket, key))
    }

    pub(super) fn remove(&self, bucket: &str, key: &str) -> io::Result<()> {
        fs::remove_file(self.path(bucket, key))
    }

    fn path(&self, bucket: &str, key: &str) -> PathBuf {
        let mut name = utf8_percent_encode(key, &ENCODED).to_string();
        // So that no key leads out of the directory or to the server's own files.
        if name.starts_with('.') {
            name.replace_range(..1, "%2E");
        }
        self.directory.join(bucket).join(name)
    }
}

fn render(object: &StoredObject) -> io::Result<Vec<u8>> {
    let since = object
        .last_modified
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let attributes = json!({
        "metadata": object.metadata,
        "content_type": object.content_type,
        "cache_control": object.cache_control,
        "last_modified_ms": u64::try_from(since.as_millis()).map_err(io::Error::other)?,
    });
    let mut file = serde_json::to_vec(&attributes)?;
    file.push(b'\n');
    file.extend_from_slice(&object.bytes);
    Ok(file)
}

fn parse(file: &[u8]) -> Option<StoredObject> {
    let end = file.iter().position(|&byte| byte == b'\n')?;
    let line: Value = serde_json::from_slice(&file[..end]).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let metadata = line.get("metadata")?.as_object()?.iter();
    let attributes = Attributes {
        metadata: metadata
            .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect::<Option<BTreeMap<_, _>>>()?,
        content_type: text("content_type"),
        cache_control: text("cache_control"),
    };
    let last_modified = Duration::from_millis(line.get("last_modified_ms")?.as_u64()?);
    Some(StoredObject::new(
        file[end + 1..].to_vec(),
        attributes,
        UNIX_EPOCH + last_modified,
    ))
}

const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
const LOCK: &str = ".lock";
const ASIDE: &str = ".aside";
