//! Objects on disk: one file for each version.
//!
//! A file is written aside and then renamed. So a process that ends at any moment leaves no half object, and none with
//! another's metadata.
//!
//! `DIR/BUCKET/KEY` is the object as it is now, the key percent-encoded; `tail -n +2
//! target/local/dojang-local-private/data.json` shows its content. Earlier versions and delete markers are
//! `DIR/BUCKET/.versions/KEY/VERSION_ID`, the bucket's settings `DIR/BUCKET/.settings`. A server of a
//! release without versions reads and writes `KEY` and overlooks the rest.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::history::{History, NULL, Version};
use super::record::{self, Record};
use super::settings::Settings;
use crate::random;

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
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
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

    /// The buckets whose settings are kept. Other folders may be none of ours.
    pub(super) fn buckets(&self) -> io::Result<Vec<(String, Settings)>> {
        let mut buckets = Vec::new();
        for path in entries(&self.directory)? {
            let file = path.join(SETTINGS);
            if !file.is_file() {
                continue;
            }
            let settings = serde_json::from_slice(&fs::read(&file)?).ok();
            let settings = settings.as_ref().and_then(Settings::from_json);
            buckets.push((name(&path), settings.ok_or_else(|| damaged(&file))?));
        }
        Ok(buckets)
    }

    /// Makes a bucket that is made at every start, and whose settings are known.
    pub(super) fn make(&self, bucket: &str) -> io::Result<()> {
        fs::create_dir_all(self.directory.join(bucket))
    }

    /// Makes a bucket, or changes its settings.
    pub(super) fn set(&self, bucket: &str, settings: &Settings) -> io::Result<()> {
        self.make(bucket)?;
        let file = serde_json::to_vec(&settings.to_json())?;
        self.write(&file, &self.directory.join(bucket).join(SETTINGS))
    }

    /// Removes an empty bucket.
    pub(super) fn remove(&self, bucket: &str) -> io::Result<()> {
        fs::remove_dir_all(self.directory.join(bucket))
    }

    pub(super) fn load(&self, bucket: &str) -> io::Result<BTreeMap<String, History>> {
        let folder = self.directory.join(bucket);
        let mut found: BTreeMap<String, (Option<Record>, Vec<Record>)> = BTreeMap::new();
        for path in entries(&folder)? {
            if path.is_file() && !name(&path).starts_with('.') {
                found.entry(key(&path)).or_default().0 = Some(read(&path)?);
            }
        }
        let versions = folder.join(VERSIONS);
        if versions.is_dir() {
            for path in entries(&versions)? {
                let records = &mut found.entry(key(&path)).or_default().1;
                for path in entries(&path)? {
                    records.push(read(&path)?);
                }
            }
        }
        let mut histories = BTreeMap::new();
        for (key, (now, earlier)) in found {
            let stays = now.is_some() && !earlier.is_empty();
            let history = history(now, earlier)?;
            // The server ended while it deleted the object: the version is among the earlier ones already.
            if stays && history.object().is_none() {
                fs::remove_file(self.path(bucket, &key))?;
            }
            histories.insert(key, history);
        }
        Ok(histories)
    }

    /// Makes the files of `key` those of `after`. In this order an end in between leaves all that was there
    /// before. The caller holds the lock on all objects, so one name for the file aside is enough.
    pub(super) fn change(
        &self,
        bucket: &str,
        key: &str,
        before: &History,
        after: &History,
    ) -> io::Result<()> {
        let aside = |history: &History| -> Vec<Version> {
            let versions = history.newest_first().enumerate();
            versions
                .filter(|(place, version)| *place > 0 || version.object().is_none())
                .map(|(_, version)| version.clone())
                .collect()
        };
        let now = |history: &History| history.object().and(history.latest()).map(|v| v.sequence);
        let (were, are) = (aside(before), aside(after));
        let has = |versions: &[Version], version: &Version| {
            versions
                .iter()
                .any(|other| other.id == version.id && other.sequence == version.sequence)
        };
        let folder = self.folder(bucket, key);
        for version in are.iter().filter(|version| !has(&were, version)) {
            fs::create_dir_all(&folder)?;
            self.write(&record::render(version)?, &folder.join(&version.id))?;
        }
        match after.object().and(after.latest()) {
            Some(version) if now(before) != Some(version.sequence) => {
                self.write(&record::render(version)?, &self.path(bucket, key))?;
            }
            None if now(before).is_some() => fs::remove_file(self.path(bucket, key))?,
            _ => {}
        }
        for version in &were {
            if !are.iter().any(|other| other.id == version.id) {
                fs::remove_file(folder.join(&version.id))?;
            }
        }
        if are.is_empty() && !were.is_empty() {
            fs::remove_dir(&folder)?;
        }
        Ok(())
    }

    fn write(&self, file: &[u8], path: &Path) -> io::Result<()> {
        let aside = self.directory.join(ASIDE);
        fs::write(&aside, file)?;
        fs::rename(aside, path)
    }

    fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.directory.join(bucket).join(encoded(key))
    }

    /// Where earlier versions are.
    fn folder(&self, bucket: &str, key: &str) -> PathBuf {
        let versions = self.directory.join(bucket).join(VERSIONS);
        versions.join(encoded(key))
    }
}

/// What the files of one key say. `now` is the newest unless it was just being deleted.
fn history(now: Option<Record>, earlier: Vec<Record>) -> io::Result<History> {
    let newest = earlier.iter().filter_map(|record| record.sequence).max();
    let mut versions: Vec<Version> = Vec::new();
    if let Some(record) = now {
        let id = match record.id {
            Some(id) => id,
            // Written by a server without versions, and the id of that is taken.
            None if earlier
                .iter()
                .any(|other| other.id.as_deref() == Some(NULL)) =>
            {
                random::s3_object_id()?
            }
            None => NULL.to_owned(),
        };
        versions.push(Version {
            id,
            sequence: record
                .sequence
                .unwrap_or_else(|| newest.map_or(0, |newest| newest + 1)),
            content: record.content,
        });
    }
    for record in earlier {
        let id = record.id.unwrap_or_else(|| NULL.to_owned());
        if versions.iter().all(|other| other.id != id) {
            versions.push(Version {
                id,
                sequence: record.sequence.unwrap_or(0),
                content: record.content,
            });
        }
    }
    Ok(History::new(versions))
}

fn read(path: &Path) -> io::Result<Record> {
    record::parse(&fs::read(path)?).ok_or_else(|| damaged(path))
}

fn damaged(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is not a stored object", path.display()),
    )
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default().to_owned()
}

fn key(path: &Path) -> String {
    percent_decode_str(&name(path))
        .decode_utf8_lossy()
        .into_owned()
}

fn encoded(key: &str) -> String {
    let mut name = utf8_percent_encode(key, &ENCODED).to_string();
    // So that no key leads out of the directory or to the server's own files.
    if name.starts_with('.') {
        name.replace_range(..1, "%2E");
    }
    name
}

const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
const LOCK: &str = ".lock";
const ASIDE: &str = ".aside";
const VERSIONS: &str = ".versions";
const SETTINGS: &str = ".settings";
