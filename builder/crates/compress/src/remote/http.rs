//! Objects of a plain HTTP server by GET, HEAD and PUT: nginx with its dav module, bazel-remote (a URL that ends in `/ac`), and the like.

use super::{Body, Put, Server, Trouble, PATIENCE};
use base::error::Error;
use base::http::{place, Answer, Failure, Request};
use std::io::{self, Read, Write};

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

    /// A GET or HEAD: whether the object is there.
    fn look(&self, method: &str, name: &str, into: &mut dyn Write) -> Result<bool, Trouble> {
        let answer = self.ask(method, name, &[], (0, &mut io::empty()), into)?;
        match answer.status {
            200 => Ok(true),
            404 | 410 => Ok(false),
            _ => Err(unexpected(&answer)),
        }
    }

    fn ask(
        &self,
        method: &str,
        name: &str,
        headers: &[(&str, &str)],
        (len, body): (u64, &mut dyn Read),
        into: &mut dyn Write,
    ) -> Result<Answer, Trouble> {
        let url = format!("{}/{name}", self.url);
        let request = Request { method, url: &url, headers, patience: PATIENCE };
        request.send(len, body, into).map_err(|failure| match failure {
            Failure::Unreachable(why) => Trouble::Silent(why),
            Failure::Here(error) => Trouble::Refused(error),
        })
    }
}

impl Server for Http {
    fn get(&self, name: &str, into: &mut dyn Write) -> Result<bool, Trouble> {
        self.look("GET", name, into)
    }

    fn has(&self, name: &str) -> Result<bool, Trouble> {
        self.look("HEAD", name, &mut io::sink())
    }

    fn put(&self, name: &str, mut body: Body, how: Put) -> Result<(), Trouble> {
        let headers = [("Content-Type", "application/octet-stream"), ("If-None-Match", "*")];
        let headers = match how {
            Put::Create => &headers[..],
            Put::Replace => &headers[..1],
        };
        let answer = self.ask("PUT", name, headers, (body.len, &mut body), &mut io::sink())?;
        match answer.status {
            // 409 and 412: somebody was first.
            200..=204 | 409 | 412 => Ok(()),
            _ => Err(unexpected(&answer)),
        }
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
