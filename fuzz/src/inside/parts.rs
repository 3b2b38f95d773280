//! Packages that are parts one after the other: DEB, RPM, `.run`.

use super::{packed, Hands};

const AR: &[u8] = b"!<arch>\n";
const AR_HEADER: usize = 60;

/// A member of an ar archive: its header, and its content.
struct Member {
    header: Vec<u8>,
    content: Vec<u8>,
}

/// A DEB with one member changed.
pub fn deb(bytes: &[u8], hands: &mut Hands) -> Option<Vec<u8>> {
    let mut members = members(bytes)?;
    let at = (hands.below)(members.len());
    let member = &mut members[at];
    let name = String::from_utf8_lossy(&member.header[..16]).trim_end().to_owned();
    match name.split_once(".tar") {
        Some((stem, _)) => {
            let (codec, content) = hands.archive(&member.content)?;
            member.content = content;
            let name = format!("{stem}.tar{}", codec.extension());
            member.header[..16].copy_from_slice(format!("{name:<16}").as_bytes().get(..16)?);
        }
        None => member.content = hands.damaged(&member.content),
    }
    let mut whole = AR.to_vec();
    for Member { mut header, content } in members {
        header[48..58].copy_from_slice(format!("{:<10}", content.len()).as_bytes());
        whole.extend(header);
        whole.extend(&content);
        whole.resize(whole.len().next_multiple_of(2), b'\n');
    }
    Some(whole)
}

fn members(bytes: &[u8]) -> Option<Vec<Member>> {
    let mut rest = bytes.strip_prefix(AR)?;
    let mut members = Vec::new();
    while let Some((header, after)) = rest.split_at_checked(AR_HEADER) {
        let size: usize = std::str::from_utf8(&header[48..58]).ok()?.trim().parse().ok()?;
        let content = after.get(..size)?;
        members.push(Member { header: header.to_vec(), content: content.to_vec() });
        rest = after.get(size.next_multiple_of(2)..).unwrap_or_default();
    }
    (!members.is_empty()).then_some(members)
}

const LEAD: usize = 96;
const INTRO: usize = 16;

/// An RPM with its signature, its header or its payload changed.
pub fn rpm(bytes: &[u8], hands: &mut Hands) -> Option<Vec<u8>> {
    let signature_end = header_end(bytes, LEAD)?;
    let main = signature_end.next_multiple_of(8);
    let payload = header_end(bytes, main)?;
    let lead = bytes.get(..LEAD)?;
    let mut signature = bytes[LEAD..signature_end].to_vec();
    let mut header = bytes.get(main..payload)?.to_vec();
    let mut content = bytes.get(payload..)?.to_vec();
    match (hands.below)(4) {
        0 => signature = changed_header(&signature, hands)?,
        1 => header = changed_header(&header, hands)?,
        _ => content = hands.archive(&content)?.1,
    }
    signature.resize(signature.len().next_multiple_of(8), 0);
    Some([lead, &signature, &header, &content].concat())
}

/// Where the header that begins at `at` ends.
fn header_end(bytes: &[u8], at: usize) -> Option<usize> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let end = at + INTRO + number(at + 8)?.checked_mul(16)? + number(at + 12)?;
    (end <= bytes.len()).then_some(end)
}

/// Index and data damaged; the length that the header states is theirs.
fn changed_header(header: &[u8], hands: &mut Hands) -> Option<Vec<u8>> {
    let (intro, body) = header.split_at_checked(INTRO)?;
    let index = u32::from_be_bytes(intro[8..12].try_into().ok()?) as usize * 16;
    let body = hands.damaged(body);
    let data = u32::try_from(body.len().checked_sub(index)?).ok()?;
    Some([&intro[..12], &data.to_be_bytes(), &body].concat())
}

/// A `.run` with its stub or its payload changed.
pub fn run(bytes: &[u8], hands: &mut Hands) -> Option<Vec<u8>> {
    let begins = |at: &usize| packed::MAGIC.iter().any(|(_, magic)| bytes[*at..].starts_with(magic));
    let start = (1..bytes.len()).filter(|&at| bytes[at - 1] == b'\n').find(begins)?;
    let (mut stub, mut payload) = (bytes[..start].to_vec(), bytes[start..].to_vec());
    match (hands.below)(2) {
        0 => stub = hands.damaged(&stub),
        _ => payload = hands.archive(&payload)?.1,
    }
    // The offset depends on its own width; makeself counts lines, so that its size may have any.
    set_number(&mut stub, b"\nLP_OFFSET=", |stub, width| format!("{stub:0width$}"));
    set_number(&mut stub, b"\nfilesizes=\"", |_, _| payload.len().to_string());
    stub.extend(payload);
    Some(stub)
}

/// Sets the number that stands behind a name; it may depend on the stub's length and on how many digits there are.
fn set_number(stub: &mut Vec<u8>, name: &[u8], number: impl FnOnce(usize, usize) -> String) {
    let Some(at) = stub.windows(name.len()).position(|window| window == name).map(|at| at + name.len()) else { return };
    let width = stub[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = number(stub.len(), width);
    stub.splice(at..at + width, number.into_bytes());
}
