//! lintian's overrides (Lintian User's Manual, "Overrides"): what the product's layout causes by design, each with its reason.

use super::DebSpec;
use contract::names::Names;

/// The root's place in the file system: (what it lies below, what lintian says of it).
const ROOT_TAGS: &[(&str, &[&str])] = &[
    ("/usr/local/", &["dir-in-usr-local", "file-in-usr-local", "file-in-unusual-dir"]),
    ("/opt/", &["dir-or-file-in-opt"]),
    ("/srv/", &["dir-or-file-in-srv"]),
    ("/home/", &["dir-or-file-in-home"]),
    ("/usr/share/", &["arch-dependent-file-in-usr-share"]),
    ("/", &["non-standard-toplevel-dir", "file-in-unusual-dir"]),
];

const PAYLOAD_TAGS: &[&str] = &[
    "statically-linked-binary",
    "unstripped-binary-or-object",
    "embedded-library",
    "custom-library-search-path",
    "shared-library-lacks-prerequisites",
    "undeclared-elf-prerequisites",
    "missing-dep-on-jarwrapper",
    "elf-error",
];

/// What lintian says of the maintainer scripts, and why they are as they are.
const SCRIPT_TAGS: &[(&str, &str)] = &[
    (
        "maintainer-script-calls-systemctl *",
        "Starts and enabling go through deb-systemd-invoke and deb-systemd-helper; systemctl is asked for the state, and to reload.",
    ),
    (
        "command-with-path-in-maintainer-script /usr/bin/env *",
        "A name with a slash is never a function that bash was handed in the caller's environment, which this empties.",
    ),
    (
        "maintainer-script-should-not-parse-etc-passwd-or-group *",
        "A purge looks for the product's own group in the local file, which is where it made it.",
    ),
    (
        "possible-bashism-in-maintainer-script *",
        "These are functions and comparisons of awk; shellcheck and dash find the shell clean.",
    ),
    (
        "possibly-insecure-handling-of-tmp-files-in-maintainer-script *",
        "/tmp is named to refuse it as a root, and probed in a directory that mkdir has just made there.",
    ),
];

/// The overrides file: a comment with the reason above each line.
pub fn overrides(spec: &DebSpec) -> String {
    let mut text = String::new();
    let mut add = |reason: &str, tags: &[&str]| {
        text.push_str(&format!("# {reason}\n"));
        for tag in tags {
            text.push_str(&format!("{}: {tag}\n", spec.name));
        }
    };
    let reason = match spec.root == Names::default().place("root") {
        true => "The product's documented install root is below /usr/local; INSTALL_ROOT chooses another.",
        false => "The product's maker or site chose this install root.",
    };
    let tags = ROOT_TAGS.iter().find(|(above, _)| spec.root.starts_with(above)).map_or(&[][..], |(_, tags)| tags);
    add(reason, tags);
    add(
        "What lies above the root is the system's, not this package's; the preinst makes what is missing.",
        &["missing-intermediate-directory"],
    );
    add("The containers are their makers' own builds, carried as they are.", PAYLOAD_TAGS);
    if spec.files.iter().any(|file| file.entry.config) {
        let reason = "The agents read their configuration where their makers put it: in their own directories below the root.";
        add(reason, &["file-in-usr-marked-as-conffile *", "non-etc-file-marked-as-conffile *"]);
    }
    add(
        "dpkg puts it next to the preinst, which reads it: the package's own files are not there yet.",
        &["unknown-control-file [modules]"],
    );
    for (tag, reason) in SCRIPT_TAGS {
        add(reason, &[tag]);
    }
    text
}
