//! What requests do to the objects: the exact effect on both `data.json`, on the history, or none.

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Backend, answer, code, error_text, id, url_event};

impl Backend<'_> {
    /// The club, once it is sure that the public object is its public form and shows no login code.
    #[track_caller]
    pub(crate) fn published(&self) -> Value {
        let club = self.private();
        assert_eq!(self.public(), public_form(&club));
        let public = self.s3.object(PUBLIC_BUCKET, "data.json").unwrap().bytes;
        let public = String::from_utf8(public).unwrap();
        for user in club["users"].as_object().unwrap().values() {
            assert!(!public.contains(user["auth_token"].as_str().unwrap()));
        }
        club
    }

    /// Lets another writer change the club, and the instance notice it: what is written afterwards is
    /// for the sake of the request that follows.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Value)) {
        self.edit_unnoticed(change);
        let noticed = self.call(&json!({"action": "any_trigger_initialization"}));
        assert_eq!(noticed, (200, json!({})));
    }

    /// Lets another writer change the club, so that the next request is the first to meet it. What is
    /// stored about operations is lost by that.
    pub(crate) fn edit_unnoticed(&self, change: impl FnOnce(&mut Value)) {
        let mut club = self.private();
        change(&mut club);
        let public = public_form(&club).to_string();
        self.s3
            .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
        self.s3.put_object(PUBLIC_BUCKET, "data.json", public);
    }

    /// Lets another writer put a session of that id into the club.
    pub(crate) fn put_session(&self, session_id: &str, start_time: i64, end_time: i64) {
        self.edit(|club| {
            club["sessions"][session_id] = session(session_id, start_time, end_time);
        });
    }

    /// Lets another writer replace a year's history.
    pub(crate) fn put_history(&self, year: i32, history: &Value) {
        self.s3
            .put_object(PRIVATE_BUCKET, &history_key(year), history.to_string());
    }

    /// A year's history, if there is one.
    pub(crate) fn history_if_any(&self, year: i32) -> Option<Value> {
        self.s3
            .object(PRIVATE_BUCKET, &history_key(year))
            .map(|object| serde_json::from_slice(&object.bytes).unwrap())
    }

    /// Calls as `name`, and expects success with exactly this effect on the club (given the answer)
    /// in both objects; the answer.
    #[track_caller]
    pub(crate) fn effect_as(
        &self,
        name: &str,
        data: &Value,
        effect: impl FnOnce(&mut Value, &Value),
    ) -> Value {
        let mut expected = self.private();
        let body = self.ok_as(name, data);
        effect(&mut expected, &body);
        assert_eq!(self.published(), expected, "after {data}");
        body
    }

    /// Calls as `name`, and expects success without any write; the answer.
    #[track_caller]
    pub(crate) fn writes_nothing_as(&self, name: &str, data: &Value) -> Value {
        self.s3.clear_requests();
        let body = self.ok_as(name, data);
        assert_eq!(self.puts(), [""; 0], "{data} wrote");
        body
    }

    /// Expects that the request is refused for every one of `values` under `key`, and without it.
    #[track_caller]
    pub(crate) fn each_refused_as(&self, name: &str, data: &Value, key: &str, values: &[Value]) {
        let mut data = data.clone();
        for value in values {
            data[key] = value.clone();
            self.refused_as(name, &data);
        }
        data.as_object_mut().unwrap().remove(key);
        self.refused_as(name, &data);
    }

    /// Expects a refusal of exactly this body that changes no object; its text.
    #[track_caller]
    pub(crate) fn refused_body(&self, body: &str) -> String {
        let objects =
            || [PRIVATE_BUCKET, PUBLIC_BUCKET].map(|bucket| self.s3.object(bucket, "data.json"));
        let before = objects();
        let (status, answer) = answer(&self.event(&url_event(body)));
        assert_eq!(status, 400, "{answer} to {body}");
        assert_eq!(objects(), before, "{body} changed something");
        error_text(&answer)
    }

    /// `bucket/key` of the objects written since the requests were cleared. Writes whose condition failed
    /// wrote nothing.
    pub(crate) fn puts(&self) -> Vec<String> {
        let requests = self.s3.requests().into_iter();
        requests
            .filter(|request| request.method != "GET" && request.method != "HEAD")
            .filter(|request| request.status.is_none_or(|status| status < 300))
            .map(|request| format!("{}/{}", request.bucket, request.key))
            .collect()
    }
}

/// The public form of a private `data.json` (`docs/api.md#public-datajson`).
pub(crate) fn public_form(club: &Value) -> Value {
    let mut public = club.clone();
    for user in public["users"].as_object_mut().unwrap().values_mut() {
        user["auth_token"] = json!(hash(user["auth_token"].as_str().unwrap()));
    }
    public
}

/// What stands for a login code in the public object.
pub(crate) fn hash(code: &str) -> String {
    hex::encode(Sha256::digest(code))
}

/// A scheduled session of Coach Hana's in which Amir intends to take part.
pub(crate) fn session(session_id: &str, start_time: i64, end_time: i64) -> Value {
    json!({
        "session_id": session_id,
        "start_time": start_time,
        "end_time": end_time,
        "state": "scheduled",
        "coach": id("Coach Hana"),
        "comment": "As stored",
        "participation": {id("Coach Hana"): "Yes", id("Amir"): "Yes"},
    })
}

/// The key of a year's history object, as `docs/api.md#history` has it.
pub(crate) fn history_key(year: i32) -> String {
    format!("sessions/participation_data_{year:04}.json")
}

/// The same with another value under `key`.
pub(crate) fn with(data: &Value, key: &str, value: impl Into<Value>) -> Value {
    let mut data = data.clone();
    data[key] = value.into();
    data
}

/// The body of a request as `name`, with `text` in place of the value under `key`: for values that
/// are no JSON, or that `serde_json` would write in another way.
pub(crate) fn body_with(name: &str, data: &Value, key: &str, text: &str) -> String {
    const MARK: &str = "@@";
    with(&with(data, "auth_token", code(name)), key, MARK)
        .to_string()
        .replace(&format!("\"{MARK}\""), text)
}

/// Removes a member of an object, which must be there.
#[track_caller]
pub(crate) fn remove(object: &mut Value, key: &str) -> Value {
    members(object).remove(key).expect("the key is there")
}

/// The members of an object.
#[track_caller]
pub(crate) fn members(object: &mut Value) -> &mut Map<String, Value> {
    object.as_object_mut().expect("it is an object")
}

/// Asserts the form of a new user or session id.
#[track_caller]
pub(crate) fn assert_new_id(id: &Value) {
    let id = id.as_str().expect("ids are strings");
    let form: String = id
        .chars()
        .map(|c| match c {
            '0'..='9' | 'a'..='f' => 'x',
            other => other,
        })
        .collect();
    assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "{id}");
}

/// Asserts the form of a new login code; the code.
#[track_caller]
pub(crate) fn assert_new_code(code: &Value) -> &str {
    let code = code.as_str().expect("login codes are strings");
    assert_eq!(code.len(), 12, "{code}");
    assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    code
}

/// Values of other JSON types than string, `null` included.
pub(crate) fn no_strings() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(7),
        json!(1.5),
        json!([]),
        json!(["x"]),
        json!({}),
    ]
}

/// Texts of values that are no times: other types, and numbers that are not integers.
pub(crate) const NO_TIMES: [&str; 16] = [
    "null",
    "true",
    "false",
    "\"1800000000\"",
    "\"\"",
    "[]",
    "[1800000000]",
    "{}",
    "1.5",
    "1.0",
    "1800000000.0",
    "1e9",
    "1E9",
    "NaN",
    "Infinity",
    "18446744073709551616",
];
