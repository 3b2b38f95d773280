//! Which containers are chosen, in the words of conditions.

/// CONTAINERS between commas, to find a name in it.
pub const CHOSEN: &str = "ChosenContainers";

/// The condition under which a container is not installed by default.
pub fn not_chosen(container: &str) -> String {
    format!("{CHOSEN} AND {CHOSEN} <> \",*,\" AND NOT ({CHOSEN} ~>< \",{container},\" OR {CHOSEN} ~>< \", {container},\")")
}
