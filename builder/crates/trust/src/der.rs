//! DER (X.690), as much as signatures need: elements are sliced, never copied, so what was signed can be digested as it lies there.

/// Tags that signatures are made of.
pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const OCTETS: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// A constructed, context-specific tag.
pub const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// A primitive, context-specific tag.
pub const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// One element: its tag, its content, and all its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// What is inside.
    pub content: &'a [u8],
    /// Tag, length and content.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements inside.
    pub fn inside(&self) -> Reader<'a> {
        Reader(self.content)
    }
}

/// Reads one element after another; anything that is not DER is `None`.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next element, whatever it is.
    pub fn any(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        // High tag numbers do not occur in signatures.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                (digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element { tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.any().filter(|element| element.tag == tag)
    }

    /// The next element if it has this tag; nothing is read otherwise.
    pub fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.0.first() == Some(&tag) {
            self.any()
        } else {
            None
        }
    }

    /// All elements, unless one is broken or there are more than `most`.
    pub fn all(mut self, most: usize) -> Option<Vec<Element<'a>>> {
        let mut elements = Vec::new();
        while !self.0.is_empty() {
            elements.push(self.any()?);
            if elements.len() > most {
                return None;
            }
        }
        Some(elements)
    }
}

/// An element's bytes.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match len {
        0..0x80 => bytes.push(len as u8),
        _ => {
            let digits = len.to_be_bytes();
            let digits = &digits[digits.iter().take_while(|&&digit| digit == 0).count()..];
            bytes.push(0x80 | digits.len() as u8);
            bytes.extend_from_slice(digits);
        }
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A SET OF in DER's order.
pub fn set_of(tag: u8, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    tlv(tag, &parts)
}

/// An object identifier's element.
pub fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u32> = text.split('.').map(|arc| arc.parse().expect("our own OIDs are numbers")).collect();
    let mut content = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for &arc in &arcs[2..] {
        let groups = (32 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            content.push((arc >> (7 * group) & 0x7F) as u8 | more);
        }
    }
    tlv(OID, &[&content])
}

/// NULL.
pub const NULL: [u8; 2] = [5, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_is_encoded_as_x690_does() {
        assert_eq!(hex::encode(oid("1.3.6.1.4.1.311.2.1.4")), "060a2b060104018237020104");
        assert_eq!(hex::encode(oid("1.2.840.113549.1.7.2")), "06092a864886f70d010702");
    }

    #[test]
    fn elements_that_claim_more_than_there_is_are_none() {
        for bytes in [&[0x30][..], &[0x30, 5, 0], &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &[0x30, 0x80], &[0x1F, 0], &[0x30, 0x85]]
        {
            assert!(Reader(bytes).any().is_none(), "{bytes:?}");
        }
        let long = tlv(OCTETS, &[&[7; 300]]);
        assert_eq!(Reader(&long).any().unwrap().content.len(), 300);
    }
}
