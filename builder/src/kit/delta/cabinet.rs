//! Cabinets that linkpack wrote: jobs of a folder, unpacked by folder and packed one by one.

use super::view::{Extent, Part, Spool};
use crate::compress::Source;
use crate::error::{Error, Result};
use crate::format::msi::cab::{self, Packing};
use crate::inspect::msi::cabinet::Method;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// A job of a folder: its text, behind what it may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// CFFOLDER's typeCompress.
    #[serde(rename = "c")]
    code: u16,
    /// Where it begins in its folder's text.
    #[serde(rename = "p")]
    place: u64,
    /// How much of the text before it is needed.
    #[serde(rename = "h")]
    history: u64,
    /// The folder ends with it.
    #[serde(rename = "e")]
    last: bool,
}

/// A job in a cabinet.
pub struct Job {
    /// How it is packed.
    pub form: Form,
    /// Its blocks.
    pub extent: Extent,
    /// All blocks of its folder.
    pub folder: Extent,
    /// Bytes of its text.
    plain: u64,
}

const HEADER: u64 = 36;
const FOLDER: u64 = 8;
const DATA: u64 = 8;

/// Whether a cabinet may begin with these bytes.
pub fn may_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MSCF\0\0\0\0")
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn bytes(file: &dyn Source, at: u64, len: u64) -> Result<Option<Vec<u8>>> {
    if at.checked_add(len).is_none_or(|end| end > file.len()) {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(len as usize);
    file.read(at, len, &mut |block| {
        bytes.extend_from_slice(block);
        Ok(())
    })?;
    Ok(Some(bytes))
}

/// The jobs of the cabinet at `at`; none where there is none of linkpack's.
///
/// # Errors
/// The file cannot be read.
pub fn find(file: &dyn Source, at: u64) -> Result<Vec<Job>> {
    let Some(head) = bytes(file, at, HEADER)?.filter(|head| may_begin(head) && number(head, 30, 2) == 0) else {
        return Ok(Vec::new());
    };
    let mut jobs = Vec::new();
    for index in 0..number(&head, 26, 2) {
        let Some(folder) = bytes(file, at + HEADER + index * FOLDER, FOLDER)? else { break };
        let (start, blocks, code) = (at + number(&folder, 0, 4), number(&folder, 4, 2), number(&folder, 6, 2) as u16);
        let Some(packing) = Packing::of_code(code) else { break };
        match in_folder(file, start, blocks, code, packing)? {
            Some(found) => jobs.extend(found),
            None => break,
        }
    }
    Ok(jobs)
}

fn in_folder(file: &dyn Source, start: u64, blocks: u64, code: u16, packing: Packing) -> Result<Option<Vec<Job>>> {
    let (job_len, history_len) = (packing.job_len() as u64, packing.history_len() as u64);
    let mut jobs: Vec<Job> = Vec::new();
    let (mut at, mut place) = (start, 0);
    for _ in 0..blocks {
        let Some(head) = bytes(file, at, DATA)? else { return Ok(None) };
        let (packed, plain) = (number(&head, 4, 2), number(&head, 6, 2));
        if place % job_len == 0 {
            let form = Form { code, place, history: place.min(history_len), last: false };
            jobs.push(Job { form, extent: (at, 0), folder: (start, 0), plain: 0 });
        }
        let Some(job) = jobs.last_mut() else { return Ok(None) };
        job.extent.1 += DATA + packed;
        job.plain += plain;
        (at, place) = (at + DATA + packed, place + plain);
    }
    if at > file.len() {
        return Ok(None);
    }
    if let Some(job) = jobs.last_mut() {
        job.form.last = true;
    }
    jobs.iter_mut().for_each(|job| job.folder.1 = at - start);
    Ok(Some(jobs))
}

/// Unpacks all blocks of a job's folder.
///
/// # Errors
/// They are damaged; `out` cannot be written.
pub fn unpack(file: &dyn Source, form: Form, (mut at, len): Extent, out: &mut dyn Write) -> Result<()> {
    let end = at + len;
    let mut method = Method::of_code(form.code)?;
    while at < end {
        crate::interrupt::check()?;
        let damaged = || Error::new("a cabinet ends within a block");
        let head = bytes(file, at, DATA)?.ok_or_else(damaged)?;
        let packed = number(&head, 4, 2);
        let block = bytes(file, at + DATA, packed)?.ok_or_else(damaged)?;
        let plain = method.unpack(block, number(&head, 6, 2) as usize)?;
        out.write_all(&plain).map_err(|error| Error::new(format!("cannot write: {error}")))?;
        at += DATA + packed;
    }
    Ok(())
}

/// Packs a job's text, which lies behind what it refers to.
///
/// # Errors
/// It cannot be read.
pub fn pack(text: &dyn Source, form: Form) -> Result<Vec<u8>> {
    let wrong = || Error::new("a job of a cabinet is packed in an unknown way");
    let packing = Packing::of_code(form.code).ok_or_else(wrong)?;
    let text = bytes(text, 0, text.len())?.ok_or_else(wrong)?;
    match form.history <= text.len() as u64 && form.history <= form.place {
        true => cab::pack_job(packing, text, form.history as usize, form.place, form.last),
        false => Err(wrong()),
    }
}

impl Job {
    /// What [`pack`] needs of its folder's text.
    pub fn text<'a>(&self, folder: &'a Spool) -> Option<Part<'a>> {
        let (from, len) = (self.form.place - self.form.history, self.form.history + self.plain);
        (from + len <= folder.len()).then(|| Part::new(folder, from, len))
    }
}
