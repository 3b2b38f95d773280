//! How the cabinets of an MSI are packed.

/// How cabinets are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Quick to make and to unpack.
    Mszip,
    /// A quarter smaller, with a window of 2 MiB; every Windows unpacks it.
    Lzx,
}

impl Packing {
    /// All of them.
    pub const ALL: [Packing; 2] = [Packing::Mszip, Packing::Lzx];

    /// Its name in options and in manifest.json.
    pub fn name(self) -> &'static str {
        match self {
            Packing::Mszip => "mszip",
            Packing::Lzx => "lzx",
        }
    }
}
