//! systemd's own view of init scripts, without a boot.
use super::place::Place;

/// What systemd-sysv-generator(8) made.
#[derive(Debug)]
pub struct Generated {
    /// Wants links, sorted: `multi-user.target.wants/vlink.service`.
    pub links: Vec<String>,
    /// Unit files made from init scripts, sorted: `vlink.service`. None is made where a native unit of that name exists.
    pub units: Vec<String>,
    /// What it complained about.
    pub messages: String,
}

/// Runs systemd's generator alone on the root's /etc/init.d and /etc/rc?.d. Its output folder is removed again.
pub fn sysv_generator(place: &impl Place) -> Generated {
    let script = r#"
set -e
out=$(mktemp -d)
SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=info /lib/systemd/system-generators/systemd-sysv-generator "$out" "$out" "$out"
cd "$out"
find . -type l -printf 'link %P\n' -o -type f -printf 'unit %P\n'
rm -r "$out"
"#;
    let run = place.sh(script).ok();
    let named = |kind: &str| {
        let mut names: Vec<String> =
            run.stdout.lines().filter_map(|l| l.strip_prefix(kind)).map(|n| n.trim().to_owned()).collect();
        names.sort();
        names
    };
    Generated { links: named("link "), units: named("unit "), messages: run.stderr.clone() }
}
