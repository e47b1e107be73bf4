//! The operations that `s3s` calls. What they do stands in [`operations`](super::operations).

use s3s::{S3, S3Request, S3Response, S3Result, dto};

use super::S3Options;
use super::operations::answers::access_denied;
use super::operations::uploads::Uploads;
use super::operations::{
    configuration, copies, deletes, listing, part_lists, parts, reads, writes,
};
use super::store::Buckets;

pub(super) struct Backend {
    buckets: Buckets,
    uploads: Uploads,
    region: String,
    list_bucket: bool,
    object_lock: bool,
}

impl Backend {
    pub(super) fn new(options: &S3Options, buckets: Buckets) -> Self {
        Self {
            buckets,
            uploads: Uploads::default(),
            region: options.region.clone(),
            list_bucket: options.list_bucket,
            object_lock: options.object_lock,
        }
    }

    fn check_may_list(&self) -> S3Result<()> {
        if self.list_bucket {
            return Ok(());
        }
        Err(access_denied())
    }
}

/// What each operation calls. `s3s` wants them all in one implementation of its trait.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident { |$backend:ident, $request:ident| $($body:tt)* })*) => {
        #[async_trait::async_trait]
        impl S3 for Backend {
            $(async fn $name(
                &self,
                $request: S3Request<dto::$input>,
            ) -> S3Result<S3Response<dto::$output>> {
                let $backend = self;
                $($body)*
            })*
        }
    };
}

operations! {
    list_buckets(ListBucketsInput) -> ListBucketsOutput { |backend, request|
        listing::buckets(&backend.buckets, &backend.region, &request.input)
    }
    head_bucket(HeadBucketInput) -> HeadBucketOutput { |backend, request|
        backend.check_may_list()?;
        configuration::head(&backend.buckets, &backend.region, &request.input.bucket)
    }
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput { |backend, request|
        configuration::location(&backend.buckets, &backend.region, &request.input.bucket)
    }
    create_bucket(CreateBucketInput) -> CreateBucketOutput { |backend, request|
        configuration::create(&backend.buckets, &backend.region, &request.input)
    }
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput { |backend, request|
        configuration::delete(&backend.buckets, &request.input)
    }
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput { |backend, request|
        configuration::versioning(&backend.buckets, &request.input.bucket)
    }
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput { |backend, request|
        configuration::set_versioning(&backend.buckets, &request.input)?;
        Ok(S3Response::new(dto::PutBucketVersioningOutput::default()))
    }
    get_bucket_lifecycle_configuration(GetBucketLifecycleConfigurationInput)
        -> GetBucketLifecycleConfigurationOutput { |backend, request|
        configuration::lifecycle(&backend.buckets, &request.input.bucket)
    }
    put_bucket_lifecycle_configuration(PutBucketLifecycleConfigurationInput)
        -> PutBucketLifecycleConfigurationOutput { |backend, request|
        let rules = request.input.lifecycle_configuration.as_ref();
        configuration::set_lifecycle(&backend.buckets, &request.input.bucket, rules)?;
        Ok(S3Response::new(dto::PutBucketLifecycleConfigurationOutput::default()))
    }
    delete_bucket_lifecycle(DeleteBucketLifecycleInput) -> DeleteBucketLifecycleOutput { |backend, request|
        configuration::set_lifecycle(&backend.buckets, &request.input.bucket, None)?;
        Ok(S3Response::new(dto::DeleteBucketLifecycleOutput::default()))
    }
    get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput { |backend, request|
        configuration::access_block(&backend.buckets, &request.input.bucket)
    }
    put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput { |backend, request|
        let block = Some(&request.input.public_access_block_configuration);
        configuration::set_access_block(&backend.buckets, &request.input.bucket, block)?;
        Ok(S3Response::new(dto::PutPublicAccessBlockOutput::default()))
    }
    delete_public_access_block(DeletePublicAccessBlockInput) -> DeletePublicAccessBlockOutput { |backend, request|
        configuration::set_access_block(&backend.buckets, &request.input.bucket, None)?;
        Ok(S3Response::new(dto::DeletePublicAccessBlockOutput::default()))
    }
    list_objects(ListObjectsInput) -> ListObjectsOutput { |backend, request|
        backend.check_may_list()?;
        listing::objects_v1(&backend.buckets, &request.input)
    }
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output { |backend, request|
        backend.check_may_list()?;
        listing::objects(&backend.buckets, &request.input)
    }
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput { |backend, request|
        backend.check_may_list()?;
        listing::versions(&backend.buckets, &request.input)
    }
    get_object(GetObjectInput) -> GetObjectOutput { |backend, request|
        let may_list = backend.list_bucket && request.credentials.is_some();
        reads::get(&backend.buckets, may_list, &request.input)
    }
    head_object(HeadObjectInput) -> HeadObjectOutput { |backend, request|
        let may_list = backend.list_bucket && request.credentials.is_some();
        reads::head(&backend.buckets, may_list, &request.input)
    }
    put_object(PutObjectInput) -> PutObjectOutput { |backend, request|
        writes::put(&backend.buckets, backend.object_lock, request).await
    }
    copy_object(CopyObjectInput) -> CopyObjectOutput { |backend, request|
        copies::copy(&backend.buckets, backend.list_bucket, request)
    }
    delete_object(DeleteObjectInput) -> DeleteObjectOutput { |backend, request|
        deletes::delete(&backend.buckets, &request.input)
    }
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput { |backend, request|
        deletes::delete_many(&backend.buckets, &request)
    }
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput { |backend, request|
        parts::create(&backend.buckets, &backend.uploads, request)
    }
    upload_part(UploadPartInput) -> UploadPartOutput { |backend, request|
        parts::upload(&backend.uploads, request).await
    }
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput { |backend, request|
        parts::copy(&backend.buckets, &backend.uploads, backend.list_bucket, &request.input)
    }
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput { |backend, request|
        parts::complete(&backend.buckets, &backend.uploads, request.input)
    }
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput { |backend, request|
        parts::abort(&backend.uploads, &request.input)
    }
    list_parts(ListPartsInput) -> ListPartsOutput { |backend, request|
        part_lists::list(&backend.uploads, request.input)
    }
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput { |backend, request|
        part_lists::list_uploads(&backend.buckets, &backend.uploads, request.input)
    }
}
