//! What can be set of a bucket.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::history::History;

/// A bucket's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) versioning: Versioning,
    pub(super) lifecycle: Vec<Rule>,
    pub(super) access_block: Option<AccessBlock>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Versioning {
    /// There never were versions.
    #[default]
    Never,
    Enabled,
    Suspended,
}

/// A rule for all objects of the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) enabled: bool,
    pub(super) noncurrent_days: Option<i32>,
    /// So many earlier versions stay, however old.
    pub(super) newer_noncurrent: Option<i32>,
    pub(super) expired_marker: bool,
    /// Uploads end with the server, so this is always kept.
    pub(super) abort_uploads_days: Option<i32>,
}

/// S3's Block Public Access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AccessBlock {
    pub(super) block_acls: bool,
    pub(super) ignore_acls: bool,
    pub(super) block_policy: bool,
    pub(super) restrict_buckets: bool,
}

impl Settings {
    /// Of the private bucket, as `bootstrap/template.yaml` makes it.
    pub(super) fn private() -> Self {
        Self {
            versioning: Versioning::Enabled,
            lifecycle: vec![
                Rule {
                    id: "old-versions".to_owned(),
                    enabled: true,
                    noncurrent_days: Some(30),
                    expired_marker: true,
                    ..Rule::default()
                },
                Rule {
                    id: "unfinished-uploads".to_owned(),
                    enabled: true,
                    abort_uploads_days: Some(1),
                    ..Rule::default()
                },
            ],
            access_block: Some(AccessBlock::ALL),
        }
    }

    /// Of the public bucket, as `bootstrap/template.yaml` makes it.
    pub(super) fn public() -> Self {
        Self {
            access_block: Some(AccessBlock {
                block_acls: true,
                ignore_acls: true,
                ..AccessBlock::default()
            }),
            ..Self::default()
        }
    }

    /// Of a bucket that somebody makes, as S3 makes it since April 2023.
    pub(super) fn made() -> Self {
        Self {
            access_block: Some(AccessBlock::ALL),
            ..Self::default()
        }
    }

    /// Whether everybody's permission to read is void.
    pub(super) fn restricts_public(&self) -> bool {
        self.access_block
            .is_some_and(|block| block.restrict_buckets)
    }

    /// What the lifecycle rules leave of a history.
    pub(super) fn expire(&self, history: &mut History, now: SystemTime) {
        let rules: Vec<&Rule> = self.lifecycle.iter().filter(|rule| rule.enabled).collect();
        history
            .expire(|replaced, newer| rules.iter().any(|rule| rule.expired(now, replaced, newer)));
        let only_a_marker = history.earlier().is_empty() && history.object().is_none();
        if only_a_marker && rules.iter().any(|rule| rule.expired_marker) {
            *history = History::default();
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let rules: Vec<Value> = self.lifecycle.iter().map(Rule::to_json).collect();
        json!({
            "versioning": self.versioning.name(),
            "lifecycle": rules,
            "access_block": self.access_block.map(AccessBlock::to_array),
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let rules = value.get("lifecycle")?.as_array()?.iter();
        Some(Self {
            versioning: Versioning::from_name(value.get("versioning")?.as_str())?,
            lifecycle: rules.map(Rule::from_json).collect::<Option<_>>()?,
            access_block: match value.get("access_block")? {
                Value::Null => None,
                block => Some(AccessBlock::from_array(block)?),
            },
        })
    }
}

impl Versioning {
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::Enabled => Some("Enabled"),
            Self::Suspended => Some("Suspended"),
        }
    }

    pub(super) fn from_name(name: Option<&str>) -> Option<Self> {
        [Self::Never, Self::Enabled, Self::Suspended]
            .into_iter()
            .find(|versioning| versioning.name() == name)
    }
}

impl Rule {
    fn expired(&self, now: SystemTime, replaced: SystemTime, newer: usize) -> bool {
        let Some(days) = self
            .noncurrent_days
            .and_then(|days| u64::try_from(days).ok())
        else {
            return false;
        };
        let kept = self
            .newer_noncurrent
            .and_then(|kept| usize::try_from(kept).ok());
        let age = now.duration_since(replaced).unwrap_or_default();
        age >= Duration::from_secs(days * DAY_SECONDS) && newer >= kept.unwrap_or(0)
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "enabled": self.enabled,
            "noncurrent_days": self.noncurrent_days,
            "newer_noncurrent": self.newer_noncurrent,
            "expired_marker": self.expired_marker,
            "abort_uploads_days": self.abort_uploads_days,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let number = |name: &str| match value.get(name)? {
            Value::Null => Some(None),
            number => i32::try_from(number.as_i64()?).ok().map(Some),
        };
        Some(Self {
            id: value.get("id")?.as_str()?.to_owned(),
            enabled: value.get("enabled")?.as_bool()?,
            noncurrent_days: number("noncurrent_days")?,
            newer_noncurrent: number("newer_noncurrent")?,
            expired_marker: value.get("expired_marker")?.as_bool()?,
            abort_uploads_days: number("abort_uploads_days")?,
        })
    }
}

impl AccessBlock {
    const ALL: Self = Self {
        block_acls: true,
        ignore_acls: true,
        block_policy: true,
        restrict_buckets: true,
    };

    fn to_array(self) -> [bool; 4] {
        [
            self.block_acls,
            self.ignore_acls,
            self.block_policy,
            self.restrict_buckets,
        ]
    }

    fn from_array(value: &Value) -> Option<Self> {
        let flags: Vec<bool> = value
            .as_array()?
            .iter()
            .map(Value::as_bool)
            .collect::<Option<_>>()?;
        let [block_acls, ignore_acls, block_policy, restrict_buckets] = flags[..] else {
            return None;
        };
        Some(Self {
            block_acls,
            ignore_acls,
            block_policy,
            restrict_buckets,
        })
    }
}

const DAY_SECONDS: u64 = 86_400;
