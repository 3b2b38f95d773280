//! A payload's programs and libraries, for Linux and for Windows, seen from their headers: the one place that looks at their bytes.

use super::window::{Blocks, Kept, Window};
use super::{elf, pe, Content};
use base::error::Result;

/// A program or library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binary {
    /// For Linux.
    Elf(elf::Elf),
    /// For Windows.
    Pe(pe::Program),
}

/// Whether a file that begins so may be a program; two bytes are enough to say that it is none.
pub fn may_be_program(first: &[u8]) -> bool {
    elf::is_elf(first) || first.starts_with(b"MZ")
}

/// Looks at a content's headers; `None` for what is no program.
///
/// # Errors
/// The content cannot be read.
pub fn of_content(content: &Content) -> Result<Option<Binary>> {
    let mut blocks = Blocks::open(content)?;
    let binary = read(&mut blocks);
    match blocks.failed {
        Some(error) => Err(error),
        None => Ok(binary),
    }
}

fn read(window: &mut dyn Window) -> Option<Binary> {
    let first = window.get(0, 4)?;
    if elf::is_elf(&first) {
        return elf::read(window).map(Binary::Elf);
    }
    pe::read(window).map(Binary::Pe)
}

/// Looks at a program whose bytes pass by, of which it keeps [`HEAD`] and its dynamic section.
#[derive(Debug, Default)]
pub struct Passing {
    kept: Kept,
    /// How many bytes passed.
    seen: u64,
    /// What is kept of what comes later: an offset and a length.
    wanted: Option<(u64, usize)>,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing is known yet.
    #[default]
    Begins,
    /// It is no program: nothing is kept.
    Other,
    /// Its headers have not all been seen.
    Headers,
    /// It is known which part of it is wanted.
    Known,
}

/// How much of the beginning is kept, in bytes: symbol versions of all but the largest libraries lie there.
pub const HEAD: usize = 4 << 20;
/// Where program headers end at the latest.
const HEADERS: usize = 32 << 10;

impl Passing {
    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state == State::Other {
            return;
        }
        let room = HEAD - self.kept.head.len();
        self.kept.head.extend(&bytes[..room.min(bytes.len())]);
        if self.state == State::Begins && self.kept.head.len() >= 4 {
            self.state = if may_be_program(&self.kept.head) { State::Headers } else { State::Other };
            if self.state == State::Other {
                self.kept.head = Vec::new();
            }
        }
        if self.state == State::Headers && self.kept.head.len() >= HEADERS {
            self.wanted = elf::dynamic_section(&mut self.kept.head.as_slice());
            self.state = State::Known;
        }
        self.keep_wanted(bytes);
        self.seen += bytes.len() as u64;
    }

    fn keep_wanted(&mut self, bytes: &[u8]) {
        let Some((start, len)) = self.wanted else { return };
        let have = self.kept.late.1.len();
        let next = start.saturating_add(have as u64);
        // A piece that began before the headers were known is lost, but lies in the head.
        if have < len && (self.seen..self.seen + bytes.len() as u64).contains(&next) {
            let rest = &bytes[(next - self.seen) as usize..];
            self.kept.late.0 = start;
            self.kept.late.1.extend(&rest[..rest.len().min(len - have)]);
        }
    }

    /// Whether what passed so far may be a program's beginning.
    pub fn may_be_program(&self) -> bool {
        matches!(self.state, State::Headers | State::Known)
    }

    /// What it was.
    pub fn finish(mut self) -> Option<Binary> {
        match self.state {
            State::Headers | State::Known => read(&mut self.kept),
            State::Begins | State::Other => None,
        }
    }
}
