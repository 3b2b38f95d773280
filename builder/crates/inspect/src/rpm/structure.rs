//! Rules of the format that every RPM keeps: a header that breaks them was changed after it was made.

use super::Headers;
use crate::report::Report;
use payload::rpm_header::Header;

/// RPMTAG_HEADERSIGNATURES and RPMTAG_HEADERIMMUTABLE: the region that covers all of a header, always its first tag.
const SIGNATURES: u32 = 62;
const IMMUTABLE: u32 = 63;
/// The signature header's tags that rpm and its relatives write, with their types: 4 number, 5 long number, 6 text, 7 bytes, 8 texts.
const KNOWN: [(u32, u32); 19] = [
    (SIGNATURES, 7),
    (267, 7),
    (268, 7),
    (269, 6),
    (270, 5),
    (271, 5),
    (273, 6),
    (274, 8),
    (275, 4),
    (276, 8),
    (277, 4),
    (278, 8),
    (279, 6),
    (999, 7),
    (1000, 4),
    (1002, 7),
    (1004, 7),
    (1005, 7),
    (1007, 4),
];
/// Reserved space, in which signatures go later.
const RESERVED: u32 = 1008;
/// Digests and a signature of rpm's first years, wrong on some machines or by a program that is gone: no rpm compares them.
const OBSOLETE: [u32; 5] = [264, 265, 1001, 1003, 1006];

pub(super) fn check(rpm: &Headers, report: &mut Report) {
    let regions = [("signature header", &rpm.signature, SIGNATURES), ("header", &rpm.header, IMMUTABLE)];
    for (part, header, tag) in regions {
        // rpm before 4.0 knew none, and rpm up to 4 takes either without.
        match header.has(tag) {
            true => region(part, header, tag, report),
            false => {
                report.notes.push(format!("its {part} has no region, as in version 3 of the format, which rpm 6 does not read"))
            }
        }
    }
    for (tag, kind) in rpm.signature.tags().filter(|(tag, _)| *tag != SIGNATURES) {
        if let Some(what) = fault(&rpm.signature, tag, kind) {
            report.damaged("signature header", format!("its tag {tag} {what}"));
        }
    }
    for header in [&rpm.signature, &rpm.header] {
        let mut tags: Vec<u32> = header.tags().map(|(tag, _)| tag).collect();
        tags.sort_unstable();
        if let Some(pair) = tags.windows(2).find(|pair| pair[0] == pair[1]) {
            report.damaged("header", format!("it has the tag {} twice", pair[0]));
        }
    }
}

/// What is wrong with a tag of the signature header: a claim that cannot be read would be no claim.
fn fault(header: &Header, tag: u32, kind: u32) -> Option<String> {
    if tag == RESERVED || OBSOLETE.contains(&tag) {
        return None;
    }
    let Some((_, expected)) = KNOWN.iter().find(|(known, _)| *known == tag) else {
        return Some("is none that linkpack knows".to_owned());
    };
    let readable = match kind {
        4 | 5 => header.numbers(tag).len() == 1,
        6 => header.strings(tag).len() == 1,
        8 => !header.strings(tag).is_empty(),
        _ => header.binary(tag).is_some_and(|bytes| !bytes.is_empty()),
    };
    match (kind == *expected, readable) {
        (false, _) => Some(format!("has the type {kind} instead of {expected}")),
        (true, false) => Some("cannot be read".to_owned()),
        (true, true) => None,
    }
}

/// The region's trailer repeats the tag, and its offset leads back over the whole index.
fn region(part: &str, header: &Header, tag: u32, report: &mut Report) {
    let Some((first, _)) = header.tags().next() else { return report.damaged(part, "it is empty") };
    if first != tag {
        return report.damaged(part, format!("its first tag is {first}, and {tag} is the one that covers it"));
    }
    let back = (header.tags().count() as u32).wrapping_mul(16).wrapping_neg();
    let expected: Vec<u8> = [tag, 7, back, 16].iter().flat_map(|number| number.to_be_bytes()).collect();
    let trailer = header.binary(tag);
    // Tags that were added behind the region (as rpm does when it signs) make it end earlier.
    let alike = |trailer: &[u8]| {
        trailer.len() == 16
            && trailer[..8] == expected[..8]
            && trailer[12..] == expected[12..]
            && trailer[8..12] >= expected[8..12]
    };
    if !trailer.is_some_and(alike) {
        report.damaged(part, "the trailer of its region is wrong");
    }
}
