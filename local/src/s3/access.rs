//! Who may do what.

use std::collections::BTreeSet;

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use super::S3Options;
use super::store::Buckets;

/// The one key that exists.
pub(super) struct Keys {
    access_key_id: String,
    secret_access_key: String,
}

impl Keys {
    pub(super) fn new(options: &S3Options) -> Self {
        Self {
            access_key_id: options.access_key_id.clone(),
            secret_access_key: options.secret_access_key.clone(),
        }
    }
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key_id {
            return Ok(SecretKey::from(self.secret_access_key.as_str()));
        }
        Err(s3_error!(InvalidAccessKeyId))
    }
}

/// Signed requests may do everything, unsigned ones may read what is in the public buckets now.
pub(super) struct Access {
    public_buckets: BTreeSet<String>,
    buckets: Buckets,
}

impl Access {
    pub(super) fn new(options: &S3Options, buckets: Buckets) -> Self {
        Self {
            public_buckets: options.public_buckets.iter().cloned().collect(),
            buckets,
        }
    }

    /// Whether everybody may read the objects of `bucket`.
    fn is_public(&self, bucket: &str) -> bool {
        let buckets = self.buckets.all();
        let restricted = buckets
            .get(bucket)
            .is_some_and(|bucket| bucket.settings.restricts_public());
        self.public_buckets.contains(bucket) && !restricted
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let reads = matches!(context.s3_op().name(), "GetObject" | "HeadObject");
        let public = context
            .s3_path()
            .as_object()
            .is_some_and(|(bucket, _key)| self.is_public(bucket));
        // Earlier versions are another permission, `s3:GetObjectVersion`.
        let query = context.uri().query().unwrap_or_default();
        let reads =
            reads && form_urlencoded::parse(query.as_bytes()).all(|(name, _)| name != "versionId");
        if context.credentials().is_some() || reads && public {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}
