//! History entries: written before the club shows the session as archived.
//!
//! An entry is put back if the club's commit is refused in the end, because the session was deleted or cancelled
//! meanwhile.
//!
//! Every entry ends in white space that spells its operation and the run that wrote it, because the client or Lambda
//! may have an operation run twice at once. So a run puts back only what it wrote itself, and never an entry with the
//! same content that another run relies on.
//!
//! If two coaches take attendance of one session at the same moment, the entry that was written last stays, even if
//! its own request was cut short or refused: the entry that a run finds and puts back may be the other's.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::nonce::{Nonce, white_space};
use super::objects::Unread;
use super::outcome::Recorded;
use super::run::{Run, Stop};
use super::{Failure, World};
use crate::actions::{AttendanceRecord, Refusal};
use crate::club::history::History;
use crate::limits;
use crate::s3::{Condition, ETag, ObjectStore, S3Error};

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
        let session_id = &record.session_id;
        let spelt = self.spelt_in_entries()?;
        loop {
            let (history, etag) = self.read_year(record.year)?;
            let present = history.entry(session_id).map(ToOwned::to_owned);
            let before_bytes = history.size();
            let mut after = history;
            after.record(session_id, &record.session, &record.participants, &spelt);
            if let Err(text) = limits::HISTORY.check(after.size(), || before_bytes) {
                self.put_back()?;
                return Err(Stop::End(Failure::Refused(Refusal::new(text))));
            }
            self.trace.warn(limits::HISTORY.warning(after.size()));
            let earlier = self.recorded.take();
            // If need be, the entry as it was before this run's first write is put back.
            let before = if self.is_own(present.as_deref()) {
                earlier.map(|earlier| earlier.before)
            } else {
                Some(present.clone())
            };
            let is_written =
                after.entry(session_id).map(RawValue::get) == present.as_deref().map(RawValue::get);
            self.recorded = before.map(|before| Recorded {
                year: record.year,
                session_id: session_id.clone(),
                before,
                open: (!is_written).then(|| etag.clone()),
            });
            if is_written {
                return Ok(());
            }
            if self.write_year(record.year, &after, etag.as_ref())? {
                if let Some(recorded) = &mut self.recorded {
                    recorded.open = None;
                }
                return Ok(());
            }
        }
    }

    /// Undoes [`Run::record`], unless somebody else has written the entry since.
    pub(super) fn put_back(&mut self) -> Result<(), Stop> {
        // Meanwhile `recorded` stays as it is: a fault on the way must say that the entry may be there.
        while let Some(year) = self.recorded.as_ref().map(|recorded| recorded.year) {
            let (mut history, etag) = self.read_year(year)?;
            let Some(recorded) = &self.recorded else {
                return Ok(());
            };
            let (session_id, before) = (recorded.session_id.clone(), recorded.before.clone());
            let is_open = recorded.open.as_ref() == Some(&etag);
            if self.is_own(history.entry(&session_id)) {
                history.put_back(&session_id, before);
            } else if !is_open {
                self.recorded = None;
                return Ok(());
            }
            // If the entry is not there yet, writing the same once more, in other white space, keeps the
            // open write from being applied.
            if self.write_year(year, &history, etag.as_ref())? {
                self.recorded = None;
            }
        }
        Ok(())
    }

    /// The white space at the end of this run's entries.
    fn spelt_in_entries(&mut self) -> Result<String, Stop> {
        let nonce = match self.entry_nonce {
            Some(nonce) => nonce,
            None => {
                let random = self.store.world.random();
                let random =
                    random.ok_or_else(|| self.fault(false, "no random bytes to be had"))?;
                let mut nonce = Nonce::default();
                nonce.copy_from_slice(&random[..size_of::<Nonce>()]);
                nonce
            }
        };
        self.entry_nonce = Some(nonce);
        Ok(white_space(self.key_in_entries()) + &white_space(nonce))
    }

    fn key_in_entries(&self) -> Nonce {
        let mut beginning = Nonce::default();
        beginning.copy_from_slice(&self.key().0[..size_of::<Nonce>()]);
        beginning
    }

    /// Whether this run wrote the entry.
    fn is_own(&self, entry: Option<&RawValue>) -> bool {
        let (Some(nonce), Some(entry)) = (self.entry_nonce, entry) else {
            return false;
        };
        let spelt = white_space(self.key_in_entries()) + &white_space(nonce) + "}";
        entry.get().ends_with(&spelt)
    }

    /// Replaces whole years, after the club that they belong to was written.
    pub(super) fn replace_history(&mut self, years: &BTreeMap<i32, History>) -> Result<(), Stop> {
        for (&year, history) in years {
            while !self.write(year, history, Condition::Always)? {}
        }
        Ok(())
    }

    pub(super) fn read_year(&mut self, year: i32) -> Result<(History, Option<ETag>), Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.monotonic();
            let read = self.store.objects.read_history(year, timeout);
            self.trace.act += self.since(begun);
            match read {
                Ok(read) => return Ok(read),
                Err(error) => self.later(&error)?,
            }
        }
    }

    /// Writes a year over the version with this ETag; whether it is known to be written. If not, it must be
    /// read anew.
    fn write_year(
        &mut self,
        year: i32,
        history: &History,
        etag: Option<&ETag>,
    ) -> Result<bool, Stop> {
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
    ) -> Result<bool, Stop> {
        let timeout = self.timeout()?;
        let begun = self.store.world.monotonic();
        // Not the operation's, which may write several versions of the history.
        let nonce = self.fresh_nonce();
        let written = self
            .store
            .objects
            .write_history(year, history, nonce, condition, timeout);
        self.trace.act += self.since(begun);
        let Err(error) = written else { return Ok(true) };
        if error.is_conflict() || error == S3Error::Absent {
            self.back_off_from_conflict()?;
        } else {
            self.later(&Unread::S3("the history (to write)".into(), error))?;
        }
        Ok(false)
    }
}
