//! Objects of a plain HTTP server by GET, HEAD and PUT: nginx with its dav module, bazel-remote (a URL that ends in `/ac`), and the like.

use super::{Put, Server, Trouble, PATIENCE};
use base::error::{Error, IoContext};
use base::http::{place, Answer, Failure, Request};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// A server and the folder there.
pub(super) struct Http {
    url: String,
}

impl Http {
    /// # Errors
    /// The address is none.
    pub fn open(url: &str) -> Result<Http, Error> {
        place(url)
            .map_err(|why| Error::new(format!("the remote cache's address {url} {why}")).help("give http://HOST[:PORT]/PATH"))?;
        Ok(Http { url: url.to_owned() })
    }

    fn ask(
        &self,
        method: &str,
        name: &str,
        len: u64,
        body: &mut dyn io::Read,
        into: &mut dyn Write,
        how: Put,
    ) -> Result<Answer, Trouble> {
        let url = format!("{}/{name}", self.url);
        let headers: &[(&str, &str)] = match (method, how) {
            ("PUT", Put::Create) => &[("If-None-Match", "*"), ("Content-Type", "application/octet-stream")],
            ("PUT", Put::Replace) => &[("Content-Type", "application/octet-stream")],
            _ => &[],
        };
        let request = Request { method, url: &url, headers, patience: PATIENCE };
        request.send(len, body, into).map_err(|failure| match failure {
            Failure::Unreachable(why) => Trouble::Silent(why),
            Failure::Here(error) => Trouble::Refused(error),
        })
    }
}

impl Server for Http {
    fn get(&self, name: &str, into: &mut dyn Write) -> Result<bool, Trouble> {
        there(&self.ask("GET", name, 0, &mut io::empty(), into, Put::Create)?)
    }

    fn has(&self, name: &str) -> Result<bool, Trouble> {
        there(&self.ask("HEAD", name, 0, &mut io::empty(), &mut io::sink(), Put::Create)?)
    }

    fn put(&self, name: &str, file: &Path, how: Put) -> Result<(), Trouble> {
        // Where a file system has no locks, another build may have trimmed the cache.
        let Ok(mut body) = File::open(file) else { return Ok(()) };
        let len = body.metadata().or_cannot("read", file).map_err(Trouble::Refused)?.len();
        let answer = self.ask("PUT", name, len, &mut body, &mut io::sink(), how)?;
        match answer.status {
            // 409 and 412: somebody was first.
            200..=204 | 409 | 412 => Ok(()),
            _ => Err(unexpected(&answer)),
        }
    }
}

fn there(answer: &Answer) -> Result<bool, Trouble> {
    match answer.status {
        200 => Ok(true),
        404 | 410 => Ok(false),
        _ => Err(unexpected(answer)),
    }
}

/// What is wrong with the server passes; what is wrong with the request does not.
fn unexpected(answer: &Answer) -> Trouble {
    let said = format!("it answers \"{}\"", answer.line);
    match answer.status {
        408 | 413 | 429 | 500.. => Trouble::Silent(said),
        _ => Trouble::Refused(Error::new(format!("the remote cache refuses a request: {said}")).help(
            "let this builder read and write there; where it shall only read, say --remote-cache-read-only; build without it otherwise",
        )),
    }
}
