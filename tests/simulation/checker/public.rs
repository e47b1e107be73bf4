//! Promises 4 and 5: the public object.

use super::{Checker, Violation};

impl Checker<'_> {
    /// A version of the public object shows the one of the private object that its metadata names.
    pub(super) fn public_never_goes_back(&self) -> Result<(), Violation> {
        let mut last = 0;
        for (place, public) in self.public.iter().enumerate() {
            if public.is_foreign {
                continue;
            }
            // A late write may have been for the time before: where there is nothing, its condition holds.
            if self.was_deleted_before(place) {
                last = 0;
            }
            let etag = public
                .metadata
                .get("dojang-shows")
                .ok_or("a version shows nothing")?;
            // A restored version has the ETag of the one that it restores: it may be either.
            let shown = (last..self.private.len())
                .find(|&n| self.private[n].version.etag.0 == *etag)
                .ok_or(format!("the public object went back behind version {last}"))?;
            if public.bytes.trim_ascii_end() != self.private[shown].public() {
                return Err(format!("not the projection of version {shown}"));
            }
            last = shown;
        }
        Ok(())
    }

    /// Whether this version of the public object is the first after somebody deleted it.
    pub(super) fn was_deleted_before(&self, place: usize) -> bool {
        let before = place.checked_sub(1).map(|before| &self.public[before]);
        before.is_some_and(|before| before.is_deleted)
    }

    /// Who polls it sees what the private object was made to be, and never an older state after a newer one.
    pub(super) fn readers_never_go_back(&self) -> Result<(), Violation> {
        let mut last = 0;
        for look in &self.record.looks {
            last = (last..=self.newest_at(look.at))
                .find(|&n| self.private[n].public() == look.bytes.trim_ascii_end())
                .ok_or(format!("a reader saw something else after version {last}"))?;
        }
        Ok(())
    }

    /// Promise 5.
    pub(super) fn public_is_in_line_in_the_end(&self) -> Result<(), Violation> {
        let private = self.private.last().ok_or("the club is gone")?;
        let public = self.public.last().ok_or("nothing is public")?;
        if public.bytes.trim_ascii_end() == private.public() {
            Ok(())
        } else {
            Err("the public object lags behind in the end".into())
        }
    }
}
