//! Lists in pages, with what lies below a prefix rolled up.

use s3s::dto::{CommonPrefix, EncodingType};
use s3s::{S3Error, S3Result, s3_error};

/// Which names are asked for.
pub(crate) struct Query<'a> {
    pub(crate) prefix: &'a str,
    /// Names with this one after the prefix are shown as what they have in common up to it.
    pub(crate) delimiter: Option<&'a str>,
    /// Where the page before ended.
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: usize,
}

pub(crate) enum Entry<'a, T> {
    Item(T),
    Prefix(&'a str),
}

pub(crate) struct Page<'a, T> {
    pub(crate) entries: Vec<Entry<'a, T>>,
    pub(crate) is_truncated: bool,
}

/// The next page of `items`, which are in the order of their names and come after the page before.
pub(crate) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    query: &Query<'_>,
) -> Page<'a, T> {
    let mut entries = Vec::new();
    let mut shown: Option<&str> = None;
    for (name, item) in items {
        let Some(rest) = name.strip_prefix(query.prefix) else {
            continue;
        };
        let common = query.delimiter.and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            name.get(..query.prefix.len() + end)
        });
        if common.is_some() && (common == shown || common == query.after) {
            continue;
        }
        if entries.len() == query.limit {
            let is_truncated = query.limit > 0;
            return Page {
                entries,
                is_truncated,
            };
        }
        match common {
            Some(prefix) => {
                shown = common;
                entries.push(Entry::Prefix(prefix));
            }
            None => entries.push(Entry::Item(item)),
        }
    }
    Page {
        entries,
        is_truncated: false,
    }
}

/// How many a page may have: at most [`PAGE_LIMIT`], whatever is asked for.
pub(crate) fn limit(asked: Option<i32>, name: &str) -> S3Result<usize> {
    match usize::try_from(asked.unwrap_or(PAGE_LIMIT)) {
        Ok(limit) => Ok(limit.min(usize::try_from(PAGE_LIMIT).unwrap_or(limit))),
        Err(_) => Err(S3Error::with_message(
            s3s::S3ErrorCode::InvalidArgument,
            format!("Argument {name} must be an integer between 0 and 2147483647"),
        )),
    }
}

pub(crate) fn count(entries: usize) -> S3Result<i32> {
    i32::try_from(entries).map_err(S3Error::internal_error)
}

/// How names are written in an answer: XML cannot hold all that a key may have.
#[derive(Clone, Copy)]
pub(crate) struct Encoding(bool);

impl Encoding {
    pub(crate) fn new(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some(EncodingType::URL) => Ok(Self(true)),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    pub(crate) fn encode(self, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        // As S3 does: a space is a plus, and slashes stay.
        let parts = text
            .split('/')
            .map(|part| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>());
        parts.collect::<Vec<_>>().join("/")
    }

    pub(crate) fn prefixes<T>(self, entries: &[Entry<'_, T>]) -> Vec<CommonPrefix> {
        let prefixes = entries.iter().filter_map(|entry| match entry {
            Entry::Prefix(prefix) => Some(self.encode(prefix)),
            Entry::Item(_) => None,
        });
        prefixes
            .map(|prefix| CommonPrefix {
                prefix: Some(prefix),
            })
            .collect()
    }
}

/// As S3's.
const PAGE_LIMIT: i32 = 1_000;
