//! The product's picture: a PNG of the manifest's, wrapped as the .ico that Windows Installer takes, and taken out of an MSI again.

use super::database::{row, Cell, Database};
use crate::error::{Error, Result};
use std::ops::RangeInclusive;

/// Its row of the Icon table, and the value of ARPPRODUCTICON.
pub const NAME: &str = "product.ico";
/// Bytes of a picture; Graph refuses an app's description of megabytes.
pub const MOST: u64 = 512 << 10;
/// Pixels of a side. An .ico's picture has at most 256.
const SIDE: RangeInclusive<u32> = 32..=256;
/// The directory of one picture that stands before it.
const DIRECTORY: usize = 6 + 16;

/// Fills Icon, and tells Windows' list of programs of it.
pub fn add(database: &mut Database) -> Result<()> {
    database.add("Icon", row![NAME, Cell::Stream])
}

/// Wraps a PNG as an .ico of one picture, which Windows Vista and later read (learn.microsoft.com/previous-versions/ms997538 for
/// the directory; a picture is a PNG or a bitmap).
///
/// # Errors
/// It is no PNG, is not square, or has another size than lists show.
pub fn of_png(png: &[u8]) -> Result<Vec<u8>> {
    let (width, height) = sides(png).ok_or_else(|| Error::new("it is no PNG"))?;
    if width != height || !SIDE.contains(&width) || png.len() as u64 > MOST {
        return Err(Error::new(format!("it has {width} x {height} pixels and {} bytes", png.len())));
    }
    // 256 is written as 0.
    let side = u8::try_from(width).unwrap_or(0);
    let mut ico = vec![0, 0, 1, 0, 1, 0, side, side, 0, 0, 1, 0, 32, 0];
    ico.extend(u32::try_from(png.len()).expect("some kilobytes").to_le_bytes());
    ico.extend(u32::try_from(DIRECTORY).expect("22").to_le_bytes());
    ico.extend(png);
    Ok(ico)
}

/// The PNG in an .ico that [`of_png`] made; none in any other.
pub fn to_png(ico: &[u8]) -> Option<&[u8]> {
    let png = ico.get(DIRECTORY..)?;
    (of_png(png).is_ok_and(|made| made == ico)).then_some(png)
}

/// Width and height as the first chunk says them (PNG specification, 11.2.2).
fn sides(png: &[u8]) -> Option<(u32, u32)> {
    let head = png.get(..33)?;
    let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four bytes"));
    (head.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR") && crc32fast::hash(&head[12..29]) == number(29))
        .then(|| (number(16), number(20)))
}

/// What the manifest says of it when it is refused.
pub const HELP: &str = "give a square PNG of 32 to 256 pixels a side and at most 512 KiB; 256 looks best";

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        chunk.extend([8, 6, 0, 0, 0]);
        let sum = crc32fast::hash(&chunk).to_be_bytes();
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &chunk[..], &sum, b"the rest"].concat()
    }

    #[test]
    fn a_png_comes_back_out_of_the_ico() {
        let ico = of_png(&png(256, 256)).unwrap();
        assert_eq!((ico[6], ico[7], ico.len()), (0, 0, 22 + png(256, 256).len()));
        assert_eq!(to_png(&ico), Some(&png(256, 256)[..]));
        assert_eq!(of_png(&png(48, 48)).unwrap()[6], 48);
        assert_eq!(to_png(&ico[1..]), None);
        assert_eq!(to_png(b""), None);
    }

    #[test]
    fn what_no_list_shows_is_refused() {
        for wrong in [png(16, 16), png(257, 257), png(64, 48), b"GIF89a".to_vec(), vec![], png(64, 64)[..20].to_vec()] {
            assert!(of_png(&wrong).is_err());
        }
        let mut damaged = png(64, 64);
        damaged[20] = 1;
        assert!(of_png(&damaged).unwrap_err().what().contains("no PNG"));
    }
}
