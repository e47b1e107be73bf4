//! History entries: written before the club shows the session as archived, and put back if the club's
//! commit is refused in the end (the session was deleted or cancelled meanwhile).
//!
//! Every entry ends in white space that spells its operation, so that an instance only ever puts back
//! what it wrote itself, never an entry with the same content that somebody else relies on.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::World;
use super::nonce::white_space;
use super::objects::Unread;
use super::run::{Run, Stop};
use crate::actions::AttendanceRecord;
use crate::club::history::History;
use crate::s3::{Condition, ETag, ObjectStore, S3Error};

/// What this request did to the history.
pub(super) struct Recorded {
    year: i32,
    session_id: String,
    /// The entry as this request wrote it.
    written: Box<RawValue>,
    /// The entry as it was before.
    before: Option<Box<RawValue>>,
    /// The version (`Some(None)`: none yet) that a write without an answer was to replace. As long as it is
    /// the newest, that write may take effect yet.
    open: Option<Option<ETag>>,
}

impl<S: ObjectStore, W: World> Run<'_, S, W> {
    /// Sets the entry of a session.
    pub(super) fn record(&mut self, record: &AttendanceRecord) -> Result<(), Stop> {
        // Moved to another year meanwhile: the entry in this one would be left behind.
        if self
            .recorded
            .as_ref()
            .is_some_and(|recorded| recorded.year != record.year)
        {
            self.put_back()?;
        }
        let session_id = &record.session.session_id;
        loop {
            let (before, etag) = self.read_year(record.year)?;
            let mut after = before.clone();
            after.record(
                &record.session,
                &record.participants,
                &white_space(self.key().0),
            );
            let present = before.entry(session_id).map(ToOwned::to_owned);
            let written = after.entry(session_id).map(ToOwned::to_owned);
            let is_written = same(present.as_deref(), written.as_deref());
            // What was there before this request's first attempt is what is put back, if need be.
            let is_ours = self
                .recorded
                .as_ref()
                .is_some_and(|own| same(present.as_deref(), Some(&own.written)));
            let before_us = match self.recorded.take() {
                Some(own) if is_ours => Some(own.before),
                // An earlier run, which ended midway, wrote it. What was there before is not known.
                _ if is_written => None,
                _ => Some(present),
            };
            self.recorded = before_us.zip(written).map(|(before, written)| Recorded {
                year: record.year,
                session_id: session_id.clone(),
                written,
                before,
                open: None,
            });
            if is_written {
                return Ok(());
            }
            match self.write_year(record.year, &after, etag.as_ref())? {
                Written::Yes => return Ok(()),
                Written::No => {}
                Written::NotKnown => {
                    if let Some(recorded) = &mut self.recorded {
                        recorded.open = Some(etag);
                    }
                }
            }
        }
    }

    /// Undoes [`Run::record`], unless somebody else has written the entry since.
    pub(super) fn put_back(&mut self) -> Result<(), Stop> {
        while let Some(recorded) = &self.recorded {
            let year = recorded.year;
            let (mut history, etag) = self.read_year(year)?;
            let Some(recorded) = &self.recorded else {
                break;
            };
            if same(history.entry(&recorded.session_id), Some(&recorded.written)) {
                history.put_back(&recorded.session_id, recorded.before.clone());
            } else if recorded.open.as_ref() != Some(&etag) {
                self.recorded = None;
                continue;
            }
            // Where the entry is not there yet, writing the same once more, in other white space, keeps the
            // open write from taking effect.
            if self.write_year(year, &history, etag.as_ref())? == Written::Yes {
                self.recorded = None;
            }
        }
        Ok(())
    }

    /// Replaces whole years, after the club that they belong to was written.
    pub(super) fn replace_history(&mut self, years: &BTreeMap<i32, History>) -> Result<(), Stop> {
        for (&year, history) in years {
            while self.write(year, history, Condition::Always)? != Written::Yes {}
        }
        Ok(())
    }

    pub(super) fn read_year(&mut self, year: i32) -> Result<(History, Option<ETag>), Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.now();
            let read = self.store.objects.read_history(year, timeout);
            self.trace.act += self.since(begun);
            match read {
                Ok(read) => return Ok(read),
                Err(error) => self.later(&error)?,
            }
        }
    }

    /// Writes a year over the version with this ETag. If it is not written, it must be read anew.
    fn write_year(
        &mut self,
        year: i32,
        history: &History,
        etag: Option<&ETag>,
    ) -> Result<Written, Stop> {
        self.write(
            year,
            history,
            etag.map_or(Condition::Absent, Condition::Match),
        )
    }

    fn write(
        &mut self,
        year: i32,
        history: &History,
        condition: Condition<'_>,
    ) -> Result<Written, Stop> {
        let timeout = self.timeout()?;
        let begun = self.store.world.now();
        let nonce = self.key().0;
        let written = self
            .store
            .objects
            .write_history(year, history, nonce, condition, timeout);
        self.trace.act += self.since(begun);
        let Err(error) = written else {
            return Ok(Written::Yes);
        };
        let is_sure = error.surely_not_applied();
        if error.is_conflict() || error == S3Error::Absent {
            self.back_off_from_conflict()?;
        } else {
            self.later(&Unread::S3("the history (to write)".into(), error))?;
        }
        Ok(if is_sure {
            Written::No
        } else {
            Written::NotKnown
        })
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Yes,
    No,
    NotKnown,
}

fn same(a: Option<&RawValue>, b: Option<&RawValue>) -> bool {
    a.map(RawValue::get) == b.map(RawValue::get)
}
