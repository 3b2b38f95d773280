//! The payload: a compressed cpio archive of all files but the ghosts.
//!
//! "newc" (magic 070701) as `cpio -H newc` knows it, see cpio(5). When a file is 4 GiB or longer, rpm's "stripped" format (070 70X):
//! an entry says only which line of the header's file list it is, and everything else, such as its 64-bit length, comes from there.

use super::files::{inode, FileList, Row};
use super::RpmSpec;
use crate::compress::{Layout, Packed};
use crate::error::{Error, Result};

/// The name of the entry that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// The archive of `files`, compressed.
///
/// # Errors
/// As [`Layout`]'s, and when a file's content is no longer as long as it was.
pub fn archive(spec: &RpmSpec, files: &FileList) -> Result<Packed> {
    let mut layout = Layout::new(spec.store, spec.codec);
    let stripped = files.has_large_files();
    let mut plain_len = 0;
    for (index, row) in files.rows().enumerate().filter(|(_, row)| !row.is_ghost()) {
        let path = row.path();
        let head = if stripped { stripped_head(index) } else { newc_head(index, &row, &path) };
        layout.entry(&path)?;
        layout.bytes(&head)?;
        layout.bytes(row.target)?;
        if let Some(file) = row.content {
            file.add_content(&mut layout)?;
        }
        layout.bytes(padding(row.size))?;
        plain_len += head.len() as u64 + row.size + padding(row.size).len() as u64;
    }
    let trailer = trailer();
    layout.bytes(&trailer)?;
    plain_len += trailer.len() as u64;
    let packed = layout.finish()?;
    if packed.plain_len() != plain_len {
        return Err(Error::new(format!("the RPM's payload has {} bytes instead of {plain_len}", packed.plain_len()))
            .help("a payload changed while it was packaged: build from a folder that nothing writes to"));
    }
    Ok(packed)
}

/// The zeros between an entry's data and the next multiple of 4.
fn padding(len: u64) -> &'static [u8] {
    &[0; 3][..(len.wrapping_neg() % 4) as usize]
}

fn newc_head(index: usize, row: &Row, path: &[u8]) -> Vec<u8> {
    let name = [b".", path].concat();
    newc(inode(index), row.mode.into(), row.mtime, row.size as u32, &name)
}

fn trailer() -> Vec<u8> {
    newc(0, 0, 0, 0, TRAILER)
}

/// A header and its name, padded to a multiple of 4. Owner and device are 0: rpm takes them from its own header.
fn newc(inode: u32, mode: u32, mtime: u32, size: u32, name: &[u8]) -> Vec<u8> {
    let (uid, gid, links, device, checksum) = (0, 0, 1, [0; 4], 0);
    let mut head = b"070701".to_vec();
    let fields = [inode, mode, uid, gid, links, mtime, size].into_iter().chain(device);
    for field in fields.chain([name.len() as u32 + 1, checksum]) {
        head.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    head.extend_from_slice(name);
    head.push(0);
    head.resize(head.len().next_multiple_of(4), 0);
    head
}

fn stripped_head(index: usize) -> Vec<u8> {
    let mut head = format!("07070X{index:08x}").into_bytes();
    head.resize(head.len().next_multiple_of(4), 0);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newc_header_has_its_fields_in_order_and_ends_on_a_multiple_of_four() {
        let head = newc(7, 0o100644, 0x0102_0304, 0xffff_fffe, b"./a");
        assert_eq!(&head[..38], b"07070100000007000081a40000000000000000");
        assert_eq!(&head[38..62], b"0000000101020304fffffffe");
        assert_eq!(&head[94..102], b"00000004");
        assert_eq!(&head[110..], b"./a\0\0\0");
        assert_eq!(head.len(), 116);
    }

    #[test]
    fn a_stripped_header_is_the_file_s_number_alone() {
        assert_eq!(stripped_head(0x12ab), b"07070X000012ab\0\0");
    }

    #[test]
    fn data_is_padded_to_a_multiple_of_four() {
        let lengths: Vec<usize> = [0, 1, 2, 3, 4, u64::from(u32::MAX)].map(|len| padding(len).len()).to_vec();
        assert_eq!(lengths, [0, 3, 2, 1, 0, 1]);
    }

    #[test]
    fn the_trailer_is_what_cpio_writes() {
        assert_eq!(trailer().len(), 124);
        assert!(trailer().ends_with(b"0000000b00000000TRAILER!!!\0\0\0\0"));
    }
}
