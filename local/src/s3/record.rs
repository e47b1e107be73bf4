//! A version as a file: the first line is a JSON object with everything but the content, which follows.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::history::{Content, Version};
use super::object::{Attributes, StoredObject};

/// What a file says. A server that knows no versions writes neither id nor sequence, and overlooks them.
pub(super) struct Record {
    pub(super) id: Option<String>,
    pub(super) sequence: Option<u64>,
    pub(super) content: Content,
}

pub(super) fn render(version: &Version) -> io::Result<Vec<u8>> {
    let since = version
        .last_modified()
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let mut line = json!({
        "last_modified_ms": u64::try_from(since.as_millis()).map_err(io::Error::other)?,
        "sequence": version.sequence,
        "version_id": version.id,
    });
    match version.object() {
        Some(object) => {
            line["metadata"] = json!(object.metadata);
            line["content_type"] = json!(object.content_type);
            line["cache_control"] = json!(object.cache_control);
            if !object.headers.is_empty() {
                line["headers"] = json!(object.headers);
            }
            if object.etag != crate::hex::etag(&object.bytes) {
                line["etag"] = json!(object.etag);
            }
        }
        None => line["delete_marker"] = json!(true),
    }
    let mut file = serde_json::to_vec(&line)?;
    file.push(b'\n');
    if let Some(object) = version.object() {
        file.extend_from_slice(&object.bytes);
    }
    Ok(file)
}

pub(super) fn parse(file: &[u8]) -> Option<Record> {
    let end = file.iter().position(|&byte| byte == b'\n')?;
    let line: Value = serde_json::from_slice(&file[..end]).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let last_modified = UNIX_EPOCH + Duration::from_millis(line.get("last_modified_ms")?.as_u64()?);
    Some(Record {
        id: text("version_id"),
        sequence: line.get("sequence").and_then(Value::as_u64),
        content: if line.get("delete_marker").is_some() {
            Content::DeleteMarker(last_modified)
        } else {
            object(&line, &file[end + 1..], last_modified)?
        },
    })
}

fn object(line: &Value, bytes: &[u8], last_modified: SystemTime) -> Option<Content> {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let attributes = Attributes {
        metadata: texts(line.get("metadata")?)?,
        content_type: text("content_type"),
        cache_control: text("cache_control"),
        headers: line.get("headers").map_or(Some(BTreeMap::new()), texts)?,
    };
    let mut object = StoredObject::new(bytes.to_vec(), attributes, last_modified);
    if let Some(etag) = text("etag") {
        object.etag = etag;
    }
    Some(Content::Object(Arc::new(object)))
}

fn texts(value: &Value) -> Option<BTreeMap<String, String>> {
    let values = value.as_object()?.iter();
    values
        .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
