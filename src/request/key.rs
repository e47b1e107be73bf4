//! Which operation a request is.

use sha2::{Digest, Sha256};

use super::RequestData;
use crate::club::operation::OperationKey;

impl OperationKey {
    /// The key of a request: named by its `operation_id` if that has the contract's form
    /// (`docs/api.md#operations`), else by the Lambda request id.
    ///
    /// The whole request is part of the key, the login code included: another request under the same name is
    /// another operation.
    #[must_use]
    pub fn new(request: &RequestData, lambda_request_id: &str) -> Self {
        let name = match request.text("operation_id") {
            Some(id) if is_operation_id(id) => id,
            _ => lambda_request_id,
        };
        let mut hash = Sha256::new();
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update(request.digest());
        Self(hash.finalize().into())
    }
}

fn is_operation_id(text: &str) -> bool {
    (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn key(request: &Value, lambda_request_id: &str) -> OperationKey {
        let request = RequestData::read(request.to_string().as_bytes()).unwrap();
        OperationKey::new(&request, lambda_request_id)
    }

    #[test]
    fn the_operation_id_names_the_operation_and_else_the_lambda_request_id() {
        let named = json!({"action": "x", "operation_id": "12345678"});
        assert_eq!(key(&named, "r1"), key(&named, "r2"));
        let unnamed = json!({"action": "x"});
        assert_eq!(key(&unnamed, "r1"), key(&unnamed, "r1"));
        assert_ne!(key(&unnamed, "r1"), key(&unnamed, "r2"));
        for ignored in [
            json!("1234567"),
            json!("x".repeat(65)),
            json!("1234 5678"),
            json!(12_345_678),
        ] {
            let request = json!({"action": "x", "operation_id": ignored});
            assert_ne!(key(&request, "r1"), key(&request, "r2"), "{ignored}");
        }
    }

    #[test]
    fn a_stranger_with_the_same_operation_id_names_another_operation() {
        let owner = json!({"action": "x", "operation_id": "12345678", "auth_token": "A"});
        let stranger = json!({"action": "x", "operation_id": "12345678", "auth_token": "B"});
        assert_ne!(key(&owner, "r"), key(&stranger, "r"));
    }
}
