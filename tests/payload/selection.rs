//! strip, include, exclude, setuid and config.

use super::*;

fn list(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|pattern| pattern.to_string()).collect()
}

fn agent() -> Place {
    let place = Place::new();
    for name in ["usr/bin/agent", "usr/share/doc/readme", "usr/share/man/agent.1", "etc/agent/agent.conf"] {
        place.write(&format!("a/{name}"), name);
    }
    place.sh("chmod 0700 a/usr/bin; chmod 4755 a/usr/bin/agent; chmod 1777 a/etc/agent");
    place
}

#[test]
fn strip_removes_components_and_what_is_shorter_vanishes() {
    let place = agent();
    let loaded = place.load(&Source { strip: 1, ..source(place.path("a")) }).unwrap();
    assert_eq!(
        names(&loaded.tree),
        [
            "agent",
            "agent/agent.conf",
            "bin",
            "bin/agent",
            "share",
            "share/doc",
            "share/doc/readme",
            "share/man",
            "share/man/agent.1"
        ]
    );
    let error = place.error(&Source { strip: 9, ..source(place.path("a")) });
    assert_says(&error, &["holds no file", "strip"]);
}

#[test]
fn names_that_collide_after_strip_are_named() {
    let place = Place::new();
    place.write("a/one/file", "1");
    place.write("a/two/file", "2");
    assert_says(&place.error(&Source { strip: 1, ..source(place.path("a")) }), &["\"file\": a name that occurs twice"]);
}

#[test]
fn include_keeps_the_folders_it_needs_with_their_modes() {
    let place = agent();
    let loaded = place.load(&Source { include: list(&["usr/bin"]), ..source(place.path("a")) }).unwrap();
    assert_eq!(names(&loaded.tree), ["usr", "usr/bin", "usr/bin/agent"]);
    assert_eq!(entry(&loaded.tree, "usr/bin").mode, 0o700);
    let loaded =
        place.load(&Source { include: list(&["**/agent"]), exclude: list(&["etc"]), ..source(place.path("a")) }).unwrap();
    assert_eq!(names(&loaded.tree), ["usr", "usr/bin", "usr/bin/agent"]);
}

#[test]
fn special_bits_are_dropped_with_one_warning_unless_asked_for() {
    let place = agent();
    let tree = place.tree("a");
    assert_eq!(entry(&tree, "usr/bin/agent").mode, 0o755);
    assert_eq!(entry(&tree, "etc/agent").mode, 0o777);
    let warnings = place.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("\"etc/agent\", \"usr/bin/agent\""), "{warnings:?}");
    let loaded = place.load(&Source { setuid: list(&["usr/bin/*"]), ..source(place.path("a")) }).unwrap();
    assert_eq!(entry(&loaded.tree, "usr/bin/agent").mode, 0o4755);
    assert_eq!(entry(&loaded.tree, "etc/agent").mode, 0o777);
}

#[test]
fn many_dropped_bits_make_one_short_line() {
    let place = Place::new();
    (0..9).for_each(|n| drop(place.write(&format!("a/{n}"), "x")));
    place.sh("chmod u+s a/*");
    place.tree("a");
    assert!(place.warnings()[0].contains("\"4\" and 4 more"), "{:?}", place.warnings());
}

#[test]
fn a_setuid_pattern_without_effect_is_an_error() {
    let place = agent();
    for pattern in ["usr/bin/other", "usr/share/doc/readme"] {
        let error = place.error(&Source { setuid: list(&[pattern]), ..source(place.path("a")) });
        assert_says(&error, &[pattern, "matches nothing"]);
    }
}

#[test]
fn a_pattern_that_matches_nothing_is_a_warning() {
    let place = agent();
    let source = Source { exclude: list(&["*.md"]), config: list(&["etc/*.ini", "etc/agent"]), ..source(place.path("a")) };
    let loaded = place.load(&source).unwrap();
    let warnings = place.warnings().join("\n");
    assert!(warnings.contains("the exclude pattern \"*.md\" matches nothing"), "{warnings}");
    assert!(warnings.contains("the config pattern \"etc/*.ini\" matches nothing"), "{warnings}");
    assert!(!warnings.contains("\"etc/agent\" matches nothing"), "{warnings}");
    assert!(entry(&loaded.tree, "etc/agent/agent.conf").config);
    assert!(!entry(&loaded.tree, "etc/agent").config);
    assert!(!entry(&loaded.tree, "usr/bin/agent").config);
}

#[test]
fn an_invalid_pattern_is_named() {
    let place = agent();
    let error = place.error(&Source { include: list(&["usr/{bin"]), ..source(place.path("a")) });
    assert_says(&error, &["the include pattern \"usr/{bin\"", "not a valid glob"]);
}
