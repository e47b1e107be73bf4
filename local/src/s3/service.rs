//! The way of a request: fault hook, CORS preflight, gate, `s3s`, record.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};
use s3s::service::{S3Service, S3ServiceBuilder};

use super::access::{Access, Keys};
use super::backend::Backend;
use super::fault::{Fault, RequestHead, RequestKind, RequestRecord};
use super::gate::{self, Refusal};
use super::operations::answers::http_date;
use super::operations::checksums::ReceivedBody;
use super::store::Buckets;
use super::{S3Options, cors, lock};
use crate::http::{Dropped, Received, response};
use crate::random;

pub(super) struct Service {
    options: S3Options,
    buckets: Buckets,
    s3: S3Service,
    pub(super) records: Mutex<Vec<RequestRecord>>,
    pub(super) kinds: Mutex<BTreeSet<RequestKind>>,
    pub(super) hook: Mutex<Option<Arc<Hook>>>,
}

type Hook = dyn Fn(&RequestHead) -> Option<Fault> + Send + Sync;

impl Service {
    pub(super) fn new(options: S3Options, buckets: Buckets) -> Self {
        let mut builder = S3ServiceBuilder::new(Backend::new(&options, buckets.clone()));
        builder.set_auth(Keys::new(&options));
        builder.set_access(Access::new(&options, buckets.clone()));
        let s3 = builder.build();
        Self {
            options,
            buckets,
            s3,
            records: Mutex::default(),
            kinds: Mutex::default(),
            hook: Mutex::default(),
        }
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(super) async fn answer(
        &self,
        received: Received,
    ) -> Result<Response<Full<Bytes>>, Dropped> {
        let head = RequestHead::new(&received.head);
        // Cloned out of the lock: the hook may take its time, and may set another hook.
        let hook = lock(&self.hook).clone();
        let answer = match hook.and_then(|hook| hook(&head)) {
            None => Ok(self.serve(received, &head).await),
            Some(Fault::Answer(answer)) => Ok(answer.response()),
            Some(Fault::ApplyThenAnswer(answer)) => {
                self.serve(received, &head).await;
                Ok(answer.response())
            }
            Some(Fault::Drop) => Err(Silence::Cut),
            Some(Fault::ApplyThenDrop) => {
                self.serve(received, &head).await;
                Err(Silence::Cut)
            }
            Some(Fault::Stall) => Err(Silence::Stall),
            Some(Fault::ApplyThenStall) => {
                self.serve(received, &head).await;
                Err(Silence::Stall)
            }
        };
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        let record = RequestRecord::new(head, status);
        lock(&self.kinds).insert(RequestKind::from(&record));
        lock(&self.records).push(record);
        match answer {
            Ok(answer) => Ok(answer),
            Err(Silence::Cut) => Err(Dropped),
            Err(Silence::Stall) => std::future::pending().await,
        }
    }

    async fn serve(&self, received: Received, named: &RequestHead) -> Response<Full<Bytes>> {
        let Received { head, body, .. } = received;
        let public = self.options.public_buckets.contains(&named.bucket);
        let context = (head.method.clone(), head.headers.clone());
        let answer = match body {
            Err(_) => Err(Refusal::new(
                400,
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed object size.",
            )),
            Ok(_) if head.method == Method::OPTIONS => cors::preflight(&head, public),
            Ok(body) => match gate::check(&head, &self.options) {
                Ok(()) => {
                    let mut request = Request::from_parts(head, s3s::Body::from(body.clone()));
                    request.extensions_mut().insert(ReceivedBody(body));
                    Ok(self.forward(request).await)
                }
                Err(refusal) => Err(refusal),
            },
        };
        let mut answer = answer
            .unwrap_or_else(|refusal| response(refusal.status, "application/xml", refusal.body));
        let (method, request_headers) = context;
        if public && method != Method::OPTIONS {
            cors::add_headers(&request_headers, answer.headers_mut());
        }
        if answer.status() == StatusCode::NOT_MODIFIED {
            *answer.body_mut() = Full::default();
            answer.headers_mut().remove("content-type");
        }
        if let Ok(id) = random::s3_request_id()
            && let Ok(id) = HeaderValue::from_str(&id)
        {
            answer.headers_mut().insert("x-amz-request-id", id);
        }
        // Not hyper's, which it makes anew once a second: no object is to be newer than the answer that it was stored.
        if let Ok(date) = http_date(SystemTime::now()) {
            answer.headers_mut().insert("date", date);
        }
        answer
            .headers_mut()
            .insert("server", HeaderValue::from_static("AmazonS3"));
        answer
    }

    async fn forward(&self, request: Request<s3s::Body>) -> Response<Full<Bytes>> {
        let answer = match self.s3.call(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let error: Box<dyn std::error::Error + Send + Sync> = error.into();
                return response(500, "text/plain", error.to_string());
            }
        };
        let (head, mut body) = answer.into_parts();
        match body.store_all_limited(usize::MAX).await {
            Ok(bytes) => Response::from_parts(head, Full::new(bytes)),
            Err(error) => response(500, "text/plain", error.to_string()),
        }
    }
}

/// How a request is left without an answer.
enum Silence {
    Cut,
    Stall,
}
