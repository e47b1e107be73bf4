//! The work that every Rust variant does between its S3 requests.
//!
//! It is written as a Rust programmer would write it at first: typed structs, serde, maps in order.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A direct invocation. Of all actions the variants know only the two that are measured.
#[derive(Deserialize)]
pub struct Event {
    action: String,
    #[serde(default)]
    joining_sessions: BTreeMap<String, String>,
    #[serde(default)]
    user_auth_tokens: Vec<String>,
}

impl Event {
    /// Whether it changes anything: `any_register_participation` does, `any_trigger_initialization`
    /// only reads.
    pub fn is_change(&self) -> bool {
        self.action == "any_register_participation"
    }
}

/// `data.json`.
#[derive(Serialize, Deserialize)]
pub struct Club {
    users: BTreeMap<String, User>,
    sessions: BTreeMap<String, Session>,
}

#[derive(Serialize, Deserialize)]
struct User {
    user_id: String,
    name: String,
    role: String,
    auth_token: String,
}

#[derive(Serialize, Deserialize)]
struct Session {
    session_id: String,
    start_time: i64,
    end_time: i64,
    state: String,
    coach: String,
    comment: Option<String>,
    participation: BTreeMap<String, String>,
}

impl Club {
    /// Reads private `data.json`.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Stores the answers of everybody whose code is given.
    pub fn register(&mut self, event: &Event) {
        let ids: Vec<String> = self
            .users
            .values()
            .filter(|user| event.user_auth_tokens.contains(&user.auth_token))
            .map(|user| user.user_id.clone())
            .collect();
        for (session_id, answer) in &event.joining_sessions {
            if let Some(session) = self.sessions.get_mut(session_id) {
                for id in &ids {
                    session.participation.insert(id.clone(), answer.clone());
                }
            }
        }
    }

    /// Private `data.json`.
    pub fn private_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Public `data.json`: login codes hashed.
    pub fn into_public_json(mut self) -> Result<Vec<u8>, serde_json::Error> {
        for user in self.users.values_mut() {
            user.auth_token = hex::encode(Sha256::digest(user.auth_token.as_bytes()));
        }
        serde_json::to_vec(&self)
    }
}

/// The answer to every request that is measured.
pub fn answer() -> Value {
    json!({"statusCode": 200, "headers": {"Content-Type": "application/json",
        "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Allow-Methods": "OPTIONS,POST"}, "body": "{}"})
}

/// Says how long making the S3 client took, as `bootstrap` does.
pub fn log_client_ready(begun: Instant) {
    eprintln!(
        "S3 client ready client_ms={}",
        begun.elapsed().as_secs_f64() * 1e3
    );
}

/// An environment variable that Lambda or the deployment sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("environment variable {name} must be set"))
}

/// The PEM file of `AWS_CA_BUNDLE`, if it is set.
pub fn ca_bundle() -> Option<Vec<u8>> {
    let path = std::env::var("AWS_CA_BUNDLE").ok()?;
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
}
