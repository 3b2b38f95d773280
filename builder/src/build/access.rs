//! Whether the account that runs the connector or a container can run and read its files: they are root's, so that the permission bits of
//! others count. A checkout under umask 077 would make a package that installs and never starts.

use crate::error::{Error, Result};
use crate::listener::{some_of, Listener};
use crate::manifest::{Product, Target};
use crate::payload::{Entry, Kind, Tree, TreePath};
use std::collections::BTreeSet;

/// Files named in one message.
const NAMED: usize = 8;

/// A folder of the root, the program in it, and who runs that.
struct Part<'a> {
    what: String,
    folder: String,
    program: Option<String>,
    account: &'a str,
}

/// # Errors
/// A program that its account cannot run. What it cannot read otherwise is a warning: it may be meant.
pub fn check(products: &[Product], target: Target, tree: &Tree, listener: &dyn Listener) -> Result<()> {
    let mut told = BTreeSet::new();
    for part in products.iter().flat_map(|product| parts(product, target)).filter(|part| part.account != "root") {
        if !told.insert((part.folder.clone(), part.account.to_owned())) {
            continue;
        }
        let mut closed = Vec::new();
        if let Some(program) = &part.program {
            closed = around(tree, program)?.into_iter().filter_map(|entry| fault(entry, true)).collect();
        }
        if !closed.is_empty() {
            return Err(refused(&part, &closed));
        }
        let below = format!("{}/", part.folder);
        let inside = tree.entries().iter().filter(|entry| {
            entry.path.as_bytes().starts_with(below.as_bytes()) || entry.path.as_bytes() == part.folder.as_bytes()
        });
        let unread: Vec<String> = inside.filter_map(|entry| fault(entry, false)).collect();
        if !unread.is_empty() {
            listener.warning(&format!(
                "{}: \"{}\", the account of run-as, cannot read {}; if it has to, set the modes in the payload (chmod -R o+rX)",
                part.what,
                part.account,
                some_of(&unread, NAMED)
            ));
        }
    }
    Ok(())
}

fn parts(product: &Product, target: Target) -> Vec<Part<'_>> {
    let manifest = product.manifest();
    let names = product.names();
    let folder = names.get("connector-folder").to_owned();
    let program = Some(format!("{folder}/{}", manifest.connector.executable.of(target)));
    let mut parts = vec![Part { what: "the connector".to_owned(), folder, program, account: product.run_as() }];
    for (container, _) in product.containers(target) {
        let folder = format!("{}/{}", names.get("containers-folder"), container.name);
        let command = container.words(target).first().map_or("", String::as_str);
        let inside = command.strip_prefix("{dir}/").unwrap_or(command);
        let program = (!inside.is_empty() && !inside.starts_with(['/', '{'])).then(|| format!("{folder}/{inside}"));
        let account = container.run_as.as_ref().map_or(product.run_as(), |account| account.as_str());
        parts.push(Part { what: format!("container \"{}\"", container.name), folder, program, account });
    }
    parts
}

/// A file and the folders that lead to it.
fn around<'t>(tree: &'t Tree, path: &str) -> Result<Vec<&'t Entry>> {
    let mut found = Vec::new();
    let mut next = Some(TreePath::new(path.as_bytes())?);
    while let Some(path) = next {
        found.extend(tree.get(&path));
        next = path.parent();
    }
    Ok(found)
}

/// What others cannot do with an entry, with its mode.
fn fault(entry: &Entry, run: bool) -> Option<String> {
    let needed = match &entry.kind {
        Kind::Symlink(_) => return None,
        Kind::Directory if run => 0o1,
        Kind::Directory => 0o5,
        Kind::File(_) if run => 0o1 | if is_script(entry) { 0o4 } else { 0 },
        Kind::File(_) => 0o4,
    };
    (entry.mode & needed != needed).then(|| format!("{:?} (mode {:04o})", entry.path, entry.mode))
}

/// A script is read by its interpreter, under the same account.
fn is_script(entry: &Entry) -> bool {
    let Kind::File(content) = &entry.kind else { return false };
    let mut first = [0; 2];
    content.open().and_then(|mut reader| reader.read_block(&mut first)).is_ok_and(|len| &first[..len] == b"#!")
}

fn refused(part: &Part, closed: &[String]) -> Error {
    let account = part.account;
    Error::new(format!("{}: \"{account}\", the account of run-as, cannot run it", part.what))
        .note(format!("files belong to root in a package, and others may not use {}", some_of(closed, NAMED)))
        .help(format!("set the modes in the payload: chmod -R o+rX (git and tar make such files under umask 077), or write run-as = \"root\" instead of \"{account}\""))
}
