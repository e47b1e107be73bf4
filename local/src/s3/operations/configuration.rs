//! Buckets and their settings.

use std::convert::Infallible;

use s3s::dto::AbortIncompleteMultipartUpload;
use s3s::dto::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, ExpirationStatus,
    GetBucketLifecycleConfigurationOutput, GetBucketLocationOutput, GetBucketVersioningOutput,
    GetPublicAccessBlockOutput, HeadBucketOutput, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, PublicAccessBlockConfiguration,
    PutBucketVersioningInput,
};
use s3s::{S3Error, S3ErrorCode, S3Response, S3Result, s3_error};

use super::answers::{no_such_bucket, not_implemented};
use super::writes::check_bucket;
use crate::s3::bucket::ChangeError;
use crate::s3::settings::{AccessBlock, Rule, Settings, Versioning};
use crate::s3::store::Buckets;

pub(crate) fn head(
    buckets: &Buckets,
    region: &str,
    bucket: &str,
) -> S3Result<S3Response<HeadBucketOutput>> {
    check_bucket(buckets, bucket)?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(region.to_owned()),
        ..HeadBucketOutput::default()
    }))
}

pub(crate) fn location(
    buckets: &Buckets,
    region: &str,
    bucket: &str,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    check_bucket(buckets, bucket)?;
    // The oldest region has no name here.
    let constraint = (region != "us-east-1").then(|| region.to_owned());
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: constraint.map(BucketLocationConstraint::from),
    }))
}

pub(crate) fn create(
    buckets: &Buckets,
    region: &str,
    input: &CreateBucketInput,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let configuration = input.create_bucket_configuration.as_ref();
    let constraint = configuration.and_then(|asked| asked.location_constraint.as_ref());
    let asked = constraint.map_or("us-east-1", BucketLocationConstraint::as_str);
    if asked != region {
        return Err(S3Error::with_message(
            S3ErrorCode::IllegalLocationConstraintException,
            format!(
                "The {asked} location constraint is incompatible for the region specific endpoint \
                 this request was sent to."
            ),
        ));
    }
    buckets.configure(&input.bucket, |present, count| {
        if present.is_some() {
            return Err(ChangeError::Refused(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            )));
        }
        if count >= BUCKETS_LIMIT {
            return Err(ChangeError::Refused(s3_error!(
                TooManyBuckets,
                "You have attempted to create more buckets than allowed"
            )));
        }
        Ok(Some(Settings::made()))
    })?;
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(format!("/{}", input.bucket)),
    }))
}

pub(crate) fn delete(
    buckets: &Buckets,
    input: &DeleteBucketInput,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    buckets.configure(&input.bucket, |present, _| match present {
        None => Err(ChangeError::NoSuchBucket),
        Some(bucket) if !bucket.objects.is_empty() => Err(ChangeError::Refused(s3_error!(
            BucketNotEmpty,
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        ))),
        Some(_) => Ok(None),
    })?;
    Ok(S3Response::new(DeleteBucketOutput::default()))
}

fn settings(buckets: &Buckets, bucket: &str) -> S3Result<Settings> {
    let all = buckets.all();
    let bucket = all.get(bucket).ok_or_else(no_such_bucket)?;
    Ok(bucket.settings.clone())
}

fn set(buckets: &Buckets, bucket: &str, set: impl FnOnce(&mut Settings)) -> S3Result<()> {
    buckets.configure(bucket, |present, _| {
        let present = present.ok_or(ChangeError::<Infallible>::NoSuchBucket)?;
        let mut settings = present.settings.clone();
        set(&mut settings);
        Ok(Some(settings))
    })?;
    Ok(())
}

pub(crate) fn versioning(
    buckets: &Buckets,
    bucket: &str,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let name = settings(buckets, bucket)?.versioning.name();
    Ok(S3Response::new(GetBucketVersioningOutput {
        status: name.map(BucketVersioningStatus::from_static),
        ..GetBucketVersioningOutput::default()
    }))
}

pub(crate) fn set_versioning(buckets: &Buckets, input: &PutBucketVersioningInput) -> S3Result<()> {
    let asked = &input.versioning_configuration;
    let status = asked.status.as_ref().map(BucketVersioningStatus::as_str);
    match Versioning::from_name(status) {
        // What has begun can be suspended only.
        None | Some(Versioning::Never) => Err(s3_error!(
            IllegalVersioningConfigurationException,
            "The Versioning element must be specified"
        )),
        Some(versioning) => set(buckets, &input.bucket, |settings| {
            settings.versioning = versioning;
        }),
    }
}

pub(crate) fn lifecycle(
    buckets: &Buckets,
    bucket: &str,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    let rules = settings(buckets, bucket)?.lifecycle;
    if rules.is_empty() {
        return Err(s3_error!(
            NoSuchLifecycleConfiguration,
            "The lifecycle configuration does not exist"
        ));
    }
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(rules.iter().map(shown).collect()),
        ..GetBucketLifecycleConfigurationOutput::default()
    }))
}

pub(crate) fn set_lifecycle(
    buckets: &Buckets,
    bucket: &str,
    configuration: Option<&BucketLifecycleConfiguration>,
) -> S3Result<()> {
    let asked = configuration.map_or(&[][..], |configuration| &configuration.rules);
    let rules: Vec<Rule> = asked.iter().map(parsed).collect::<S3Result<_>>()?;
    set(buckets, bucket, |settings| settings.lifecycle = rules)
}

/// A rule that this server keeps to. Others it refuses: it does not keep what it does not do.
fn parsed(rule: &LifecycleRule) -> S3Result<Rule> {
    let filter = rule.filter.as_ref();
    let whole_bucket = rule.prefix.as_deref().unwrap_or_default().is_empty()
        && filter.is_none_or(|filter| {
            let LifecycleRuleFilter {
                and: None,
                object_size_greater_than: None,
                object_size_less_than: None,
                prefix,
                tag: None,
                ..
            } = filter
            else {
                return false;
            };
            prefix.as_deref().unwrap_or_default().is_empty()
        });
    let expiration = rule.expiration.as_ref();
    let only_markers =
        expiration.is_none_or(|expiration| expiration.date.is_none() && expiration.days.is_none());
    if !whole_bucket
        || !only_markers
        || rule.transitions.is_some()
        || rule.noncurrent_version_transitions.is_some()
    {
        return Err(not_implemented());
    }
    let earlier = rule.noncurrent_version_expiration.as_ref();
    let uploads = rule.abort_incomplete_multipart_upload.as_ref();
    Ok(Rule {
        id: rule.id.clone().unwrap_or_default(),
        enabled: rule.status.as_str() == ExpirationStatus::ENABLED,
        noncurrent_days: earlier.and_then(|earlier| earlier.noncurrent_days),
        newer_noncurrent: earlier.and_then(|earlier| earlier.newer_noncurrent_versions),
        expired_marker: expiration
            .is_some_and(|expiration| expiration.expired_object_delete_marker == Some(true)),
        abort_uploads_days: uploads.and_then(|uploads| uploads.days_after_initiation),
    })
}

fn shown(rule: &Rule) -> LifecycleRule {
    LifecycleRule {
        abort_incomplete_multipart_upload: rule.abort_uploads_days.map(|days| {
            AbortIncompleteMultipartUpload {
                days_after_initiation: Some(days),
            }
        }),
        expiration: rule.expired_marker.then(|| LifecycleExpiration {
            expired_object_delete_marker: Some(true),
            ..LifecycleExpiration::default()
        }),
        filter: Some(LifecycleRuleFilter {
            prefix: Some(String::new()),
            ..LifecycleRuleFilter::default()
        }),
        id: Some(rule.id.clone()),
        noncurrent_version_expiration: rule.noncurrent_days.map(|days| {
            NoncurrentVersionExpiration {
                newer_noncurrent_versions: rule.newer_noncurrent,
                noncurrent_days: Some(days),
            }
        }),
        noncurrent_version_transitions: None,
        prefix: None,
        status: ExpirationStatus::from_static(if rule.enabled {
            ExpirationStatus::ENABLED
        } else {
            ExpirationStatus::DISABLED
        }),
        transitions: None,
    }
}

pub(crate) fn access_block(
    buckets: &Buckets,
    bucket: &str,
) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
    let Some(block) = settings(buckets, bucket)?.access_block else {
        let code = S3ErrorCode::Custom("NoSuchPublicAccessBlockConfiguration".into());
        let message = "The public access block configuration was not found";
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(hyper::StatusCode::NOT_FOUND);
        return Err(error);
    };
    Ok(S3Response::new(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(PublicAccessBlockConfiguration {
            block_public_acls: Some(block.block_acls),
            block_public_policy: Some(block.block_policy),
            ignore_public_acls: Some(block.ignore_acls),
            restrict_public_buckets: Some(block.restrict_buckets),
        }),
    }))
}

pub(crate) fn set_access_block(
    buckets: &Buckets,
    bucket: &str,
    configuration: Option<&PublicAccessBlockConfiguration>,
) -> S3Result<()> {
    let flag = |flag: Option<bool>| flag.unwrap_or(false);
    let block = configuration.map(|asked| AccessBlock {
        block_acls: flag(asked.block_public_acls),
        ignore_acls: flag(asked.ignore_public_acls),
        block_policy: flag(asked.block_public_policy),
        restrict_buckets: flag(asked.restrict_public_buckets),
    });
    set(buckets, bucket, |settings| settings.access_block = block)
}

/// As many as an account had until AWS raised it in November 2024.
const BUCKETS_LIMIT: usize = 100;
