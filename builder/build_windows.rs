//! The Windows parts: the connector, the sample's containers, the MSI's DLL and linkctl.exe, for x86_64.
//!
//! Two builds of the same sources are equal to the byte: no time stamps, no paths of this machine. Where no compiler
//! for Windows is found, empty files stand in for the parts, and linkpack says at run time why it makes no MSI.

#[allow(dead_code)] // The message table needs their number alone.
#[path = "../installers/contract/src/events.rs"]
mod events;

use super::{run, variable};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "x86_64-pc-windows-gnu";
const LINKER: &str = "x86_64-w64-mingw32-gcc";
const PACKAGES: &str = "rustc libstd-rust-dev-windows gcc-mingw-w64-x86-64";
/// Changes whenever a package is installed.
const INSTALLED: &str = "/var/lib/dpkg/status";

/// One part: what it is called, its crate root below installers/, what people read in its version resource.
struct Part {
    file: &'static str,
    source: &'static str,
    title: &'static str,
}

const fn part(file: &'static str, source: &'static str, title: &'static str) -> Part {
    Part { file, source, title }
}

const PARTS: [Part; 6] = [
    part("vlinkservice.exe", "connector/src/main.rs", "Intigua connector"),
    part("pulse.exe", "connector/samples/windows/pulse.rs", "Pulse, a sample container"),
    part("tracer.exe", "connector/samples/windows/tracer.rs", "Tracer, a sample container"),
    part("tracer.dll", "connector/samples/windows/library.rs", "Tracer's library"),
    part("intigua.dll", "windows/src/actions/lib.rs", "Intigua installer actions"),
    part("linkctl.exe", "windows/src/linkctl/main.rs", "Intigua endpoint control"),
];

/// What the parts share, each library before those that use it: its name and its crate root below installers/.
const LIBRARIES: [(&str, &str); 3] =
    [("contract", "contract/src/lib.rs"), ("winsys", "winsys/src/lib.rs"), ("native", "windows/src/lib.rs")];

/// Builds every part into `out`. `LINKPACK_NO_WINDOWS` tells linkpack why there are none; empty when all are there.
pub fn build(installers: &Path, out: &Path) {
    let missing = match compiler() {
        Some(rustc) => {
            let libraries = out.join("windows");
            fs::create_dir_all(&libraries).unwrap_or_else(|error| panic!("cannot make {}: {error}", libraries.display()));
            for (name, source) in LIBRARIES {
                let mut command = rust(&rustc, name, "rlib", installers, &libraries);
                run(command.arg(installers.join(source)).arg("--out-dir").arg(&libraries));
            }
            PARTS.iter().for_each(|part| compile(&rustc, part, installers, out));
            ""
        }
        None => {
            println!("cargo:warning=no compiler for Windows: this linkpack will make no MSI; apt-get install {PACKAGES}");
            if Path::new(INSTALLED).exists() {
                println!("cargo:rerun-if-changed={INSTALLED}");
            }
            PARTS.iter().for_each(|part| write(&out.join(part.file), b""));
            PACKAGES
        }
    };
    println!("cargo:rustc-env=LINKPACK_NO_WINDOWS={missing}");
}

/// A rustc that has a standard library for Windows. Debian's comes first: what it builds also runs on Windows 7 and
/// in Wine 8, while the standard library since Rust 1.78 wants Windows 10.
fn compiler() -> Option<PathBuf> {
    let quiet = |command: &mut Command| command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok();
    quiet(Command::new(LINKER).arg("--version")).filter(|output| output.status.success())?;
    [PathBuf::from("/usr/bin/rustc"), PathBuf::from(variable("RUSTC"))].into_iter().find(|rustc| {
        let found = quiet(rustc_command(rustc).args(["--print", "target-libdir", "--target", TARGET]));
        let folder = found.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
        let files = fs::read_dir(folder.trim()).into_iter().flatten().flatten();
        let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
        files.filter_map(|file| file.file_name().into_string().ok()).any(|name| is_std(&name))
    })
}

/// Cargo points the dynamic loader at the libraries of its own compiler, which are not those of another.
fn rustc_command(rustc: &Path) -> Command {
    let mut command = Command::new(rustc);
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// What every part and library is compiled with; those libraries that are there already can be used.
fn rust(rustc: &Path, name: &str, kind: &str, installers: &Path, libraries: &Path) -> Command {
    let mut command = rustc_command(rustc);
    command.args(["--edition", "2021", "--target", TARGET, "--crate-name", name, "--crate-type", kind]);
    command.args(["-C", "opt-level=s", "-C", "panic=abort", "-C", "codegen-units=1"]);
    command.arg(format!("--remap-path-prefix={}=installers", installers.display()));
    command.env("VLINK_VERSION", variable("CARGO_PKG_VERSION"));
    command.arg("-L").arg(libraries);
    for (library, _) in LIBRARIES.iter().take_while(|(library, _)| *library != name) {
        command.args(["--extern", library]);
    }
    command
}

fn compile(rustc: &Path, part: &Part, installers: &Path, out: &Path) {
    let name = part.file.split('.').next().unwrap_or(part.file);
    let kind = if part.file.ends_with(".dll") { "cdylib" } else { "bin" };
    let mut command = rust(rustc, name, kind, installers, &out.join("windows"));
    command.args(["-C", "strip=symbols"]);
    if variable("PROFILE") == "release" {
        // A quarter of the size, for twenty times the time.
        command.args(["-C", "lto=fat"]);
    }
    command.args(["-C", "target-feature=+crt-static", "-C", &format!("linker={LINKER}")]);
    command.args(["-C", "link-arg=-Wl,--no-insert-timestamp", "-C", "link-arg=-static-libgcc"]);
    command.arg("-C").arg(format!("link-arg={}", version_resource(part, out).display()));
    run(command.arg(installers.join(part.source)).arg("-o").arg(out.join(part.file)));
}

/// The version resource as an object file: Windows Installer compares versions before it replaces a program.
fn version_resource(part: &Part, out: &Path) -> PathBuf {
    let version = variable("CARGO_PKG_VERSION");
    let field = |name: &str| variable(&format!("CARGO_PKG_VERSION_{name}"));
    let numbers = format!("{},{},{},0", field("MAJOR"), field("MINOR"), field("PATCH"));
    let kind = if part.file.ends_with(".dll") { "VFT_DLL" } else { "VFT_APP" };
    let (file, title) = (part.file, part.title);
    // linkctl.exe is in every MSI, the connector may be another vendor's: the event log finds the texts here.
    let messages = match file {
        "linkctl.exe" => {
            let table = out.join(format!("{file}.messages"));
            write(&table, &message_table());
            format!("1 11 \"{}\"\n", table.display().to_string().replace('\\', "\\\\"))
        }
        _ => String::new(),
    };
    let text = format!(
        r#"#include <winver.h>
{messages}1 VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION {numbers}
FILEOS VOS_NT_WINDOWS32
FILETYPE {kind}
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904b0"
    BEGIN
      VALUE "CompanyName", "linkpack"
      VALUE "FileDescription", "{title}"
      VALUE "FileVersion", "{version}"
      VALUE "InternalName", "{file}"
      VALUE "OriginalFilename", "{file}"
      VALUE "ProductName", "linkpack"
      VALUE "ProductVersion", "{version}"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x409, 1200
  END
END
"#
    );
    let (script, object) = (out.join(format!("{file}.rc")), out.join(format!("{file}.res.o")));
    write(&script, text.as_bytes());
    run(Command::new("x86_64-w64-mingw32-windres").arg(script).arg(&object));
    object
}

/// A message table (MESSAGE_RESOURCE_DATA) for the contract's events, each of which brings its sentence with it.
fn message_table() -> Vec<u8> {
    const FIRST: u32 = 1;
    const LAST: u32 = events::EVENTS.len() as u32;
    const UNICODE: u16 = 1;
    const HEADER: u32 = 16;
    let text: Vec<u8> = "%1\r\n\0\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = u16::try_from(4 + text.len()).expect("a short text");
    let mut table = [1, FIRST, LAST, HEADER].map(u32::to_le_bytes).concat();
    for _ in FIRST..=LAST {
        table.extend([len, UNICODE].map(u16::to_le_bytes).concat());
        table.extend(&text);
    }
    table
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}
