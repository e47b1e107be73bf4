//! What S3 does, by topic: functions of the buckets and of a request as `s3s` parsed it.

pub(super) mod answers;
pub(super) mod attributes;
pub(super) mod checksums;
pub(super) mod configuration;
pub(super) mod copies;
pub(super) mod deletes;
pub(super) mod listing;
pub(super) mod paging;
pub(super) mod part_lists;
pub(super) mod parts;
pub(super) mod reads;
pub(super) mod uploads;
pub(super) mod writes;
