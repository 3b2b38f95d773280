//! A site file as a report: whom it is for, and what it sets.

use super::reader::{Aside, Opened, Reader};
use super::report::{is_secret, FileFacts, Format, Part, Report, Signature, MASK};
use super::{plain, Package};
use base::error::{Error, Result};
use manifest::answers::{Answers, FIRST_LINE, LIMIT};
use payload::decode::Input;
use std::io::{Read, Seek};

/// What the signature's part is called.
const SIGNATURE: &str = "signature";

/// A site's answers for a `.run`.
pub struct Site;

impl Reader for Site {
    fn begins(&self, first: &[u8]) -> bool {
        FIRST_LINE.as_bytes().starts_with(first) && first.len() == 8
    }

    fn may_end_in(&self, ending: &str) -> bool {
        ending == "site"
    }

    fn read(&self, opened: Opened) -> Result<Package> {
        read(opened.input, opened.file).map(plain)
    }

    fn aside(&self, report: &Report) -> Aside {
        Aside::parts(report, |part, at| (part.name == SIGNATURE).then(|| at..at + part.size))
    }
}

/// Makes the report.
///
/// # Errors
/// It is no site file.
fn read(input: &mut Input, file: FileFacts) -> Result<Report> {
    let mut bytes = Vec::new();
    let read = input.rewind().and_then(|()| input.by_ref().take(LIMIT + 1).read_to_end(&mut bytes));
    read.map_err(|error| Error::failed(&format!("cannot read {}", file.name), &error))?;
    let text = String::from_utf8(bytes).ok();
    let Some((text, (answers, odd))) = text.and_then(|text| Answers::parse(&text).map(|answers| (text, answers))) else {
        return Err(Error::new(format!("{} is no site file", file.name)).help("build it again, or fetch it again"));
    };
    let mut report = Report::new(Format::Site, file);
    report.made_by = Some("linkpack".to_owned());
    report.identity.name = format!("{}-{}", answers.product, answers.site);
    report.identity.summary = format!("the settings of {} for {}", answers.site, answers.product);
    let shown = |name: &str, value: &str| if is_secret(name) { MASK.to_owned() } else { value.to_owned() };
    for (name, value) in &answers.settings {
        report.set(name.clone(), shown(name, value));
    }
    for (key, value) in &answers.lines {
        report.relate("sets", format!("{key} = {} in csclient.cfg", shown(key, value)));
    }
    if text.len() as u64 > LIMIT {
        report.damaged("text", "it is longer than an endpoint reads");
    }
    if odd > 0 {
        report.damaged("text", format!("{odd} of its lines are no settings: an installation refuses it"));
    }
    let signed = text.rsplit_once("\nSIGNATURE=");
    let end = signed.and_then(|(covered, _)| covered.rfind("\nKEY=")).map_or(text.len(), |at| at + 1);
    let part = |name: &str, from: usize, to: usize| Part {
        name: name.into(),
        offset: Some(from as u64),
        size: (to - from) as u64,
        codec: None,
    };
    report.parts.push(part("answers", 0, end));
    if let Some((_, signature)) = signed {
        report.parts.push(part(SIGNATURE, end, text.len()));
        report.signatures.push(Signature {
            kind: "detached".into(),
            algorithm: None,
            key: None,
            place: "SIGNATURE".into(),
            bytes: signature.trim().as_bytes().to_vec(),
        });
    }
    Ok(report)
}
