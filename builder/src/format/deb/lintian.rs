//! lintian's overrides (Lintian User's Manual, "Overrides"): what the product's layout causes by design, each with its reason.

use super::DebSpec;

/// The overrides file: a comment with the reason above each line.
pub fn overrides(spec: &DebSpec) -> String {
    let mut text = String::new();
    let mut add = |reason: &str, tags: &[&str]| {
        text.push_str(&format!("# {reason}\n"));
        for tag in tags {
            text.push_str(&format!("{}: {tag} *\n", spec.name));
        }
    };
    if spec.root.starts_with("/usr/local") {
        let reason = "The product's documented install root is below /usr/local; INSTALL_ROOT chooses another.";
        add(reason, &["dir-in-usr-local", "file-in-usr-local"]);
    } else {
        let reason = "This package's install root was chosen by its site.";
        add(reason, &["dir-or-file-in-opt", "non-standard-toplevel-dir", "dir-or-file-in-srv", "dir-or-file-in-home"]);
    }
    add(
        "The containers are their makers' own builds, carried as they are.",
        &[
            "statically-linked-binary",
            "unstripped-binary-or-object",
            "unstripped-static-library",
            "embedded-library",
            "binary-or-shlib-defines-rpath",
            "custom-library-search-path",
            "shared-library-lacks-prerequisites",
            "undeclared-elf-prerequisites",
            "missing-dep-on-jarwrapper",
            "elf-error",
            "arch-dependent-file-in-usr-share",
        ],
    );
    text
}
