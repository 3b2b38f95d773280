//! Objects of a bucket, by the `object_store` crate. Endpoint, region and credentials come from the environment, as other tools have them:
//! `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, a web identity's token, or the machine's own role.

use super::{Body, Put, Server, Trouble, PATIENCE};
use base::error::Error;
use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Name;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig};
use std::io::{Read, Write};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Larger units go in parts of this size, so that memory does not grow with them. Parts know no condition.
const PART: u64 = 16 << 20;
/// For the whole of an object.
const LONGEST: Duration = Duration::from_secs(300);

/// A bucket and the folder there.
pub(super) struct S3 {
    store: AmazonS3,
    prefix: String,
    runtime: Runtime,
}

impl S3 {
    /// # Errors
    /// The address names no bucket, or what the environment says is not enough.
    pub fn open(url: &str) -> Result<S3, Error> {
        let wrong = |why: String| {
            Error::new(format!("the remote cache {url} cannot be used: {why}")).help(
                "set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where it is not Amazon's",
            )
        };
        let place = url.strip_prefix("s3://").unwrap_or(url);
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(wrong("it names no bucket".to_owned()));
        }
        let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        // An endpoint that is named by http:// was chosen so.
        let plain =
            builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some_and(|endpoint| endpoint.starts_with("http://"));
        let options = ClientOptions::new().with_connect_timeout(PATIENCE).with_timeout(LONGEST).with_allow_http(plain);
        let retry = RetryConfig { max_retries: 2, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let store = builder.with_client_options(options).with_retry(retry).build().map_err(|error| wrong(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(format!("cannot start a thread for {url}: {error}")))?;
        Ok(S3 { store, prefix: prefix.to_owned(), runtime })
    }

    fn name(&self, name: &str) -> Name {
        Name::from(match self.prefix.is_empty() {
            true => name.to_owned(),
            false => format!("{}/{name}", self.prefix),
        })
    }

    async fn put_in_parts(&self, name: &Name, body: &mut Body<'_>) -> Result<(), Trouble> {
        let mut upload = self.store.put_multipart(name).await.map_err(trouble)?;
        loop {
            let part = read(body)?;
            let last = (part.len() as u64) < PART;
            if !part.is_empty() {
                if let Err(error) = upload.put_part(PutPayload::from(part)).await {
                    let _ = upload.abort().await;
                    return Err(trouble(error));
                }
            }
            if last {
                return upload.complete().await.map(drop).map_err(trouble);
            }
        }
    }
}

impl Server for S3 {
    fn get(&self, name: &str, into: &mut dyn Write) -> Result<bool, Trouble> {
        self.runtime.block_on(async {
            let got = match self.store.get(&self.name(name)).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(false),
                got => got.map_err(trouble)?,
            };
            let mut stream = got.into_stream();
            while let Some(some) = stream.next().await {
                base::interrupt::check().map_err(Trouble::Refused)?;
                let kept = into.write_all(&some.map_err(trouble)?);
                kept.map_err(|error| Trouble::Refused(Error::new(format!("cannot keep what is answered: {error}"))))?;
            }
            Ok(true)
        })
    }

    fn has(&self, name: &str) -> Result<bool, Trouble> {
        match self.runtime.block_on(self.store.head(&self.name(name))) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(trouble(error)),
        }
    }

    fn put(&self, name: &str, mut body: Body, how: Put) -> Result<(), Trouble> {
        self.runtime.block_on(async {
            let name = self.name(name);
            if body.len > PART {
                return self.put_in_parts(&name, &mut body).await;
            }
            let mode = match how {
                Put::Create => PutMode::Create,
                Put::Replace => PutMode::Overwrite,
            };
            let options = PutOptions { mode, ..PutOptions::default() };
            match self.store.put_opts(&name, PutPayload::from(read(&mut body)?), options).await {
                // Somebody was first.
                Ok(_) | Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(()),
                Err(error) => Err(trouble(error)),
            }
        })
    }
}

/// The next part of a file.
fn read(body: &mut Body) -> Result<Vec<u8>, Trouble> {
    base::interrupt::check().map_err(Trouble::Refused)?;
    let mut part = Vec::new();
    let read = body.take(PART).read_to_end(&mut part);
    read.map_err(|error| Trouble::Refused(Error::new(format!("cannot read {error}"))))?;
    Ok(part)
}

/// A bucket that is not there, or that this account may not use, is no empty cache; a server that does not answer may be tomorrow.
fn trouble(error: object_store::Error) -> Trouble {
    let text = error.to_string();
    // The crate tells these apart by kind, and everything else by its text alone.
    match error {
        object_store::Error::Generic { .. } if !text.contains("status 4") => Trouble::Silent(text),
        _ => Trouble::Refused(
            Error::new(format!("the remote cache refuses a request: {text}"))
                .help("check the bucket, the region and the credentials; where it shall only read, say --remote-cache-read-only"),
        ),
    }
}
