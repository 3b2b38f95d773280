//! The status file's text (docs/endpoint.md): tab-separated, one line for the connector, one for each container.

use crate::log::one_line;

/// A container's state as administrators see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Running,
    /// Between an end and the next start.
    Waiting,
    Stopped,
    Failed,
    /// The settings leave it out.
    Disabled,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Waiting => "waiting",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Disabled => "disabled",
        }
    }
}

/// One container's line.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub name: String,
    pub state: State,
    /// 0 where nothing runs.
    pub pid: u32,
    pub restarts: u64,
    pub version: String,
    pub detail: String,
}

/// The connector's line, without the time of the update.
pub struct Connector<'a> {
    pub stopping: bool,
    pub pid: u32,
    pub version: &'a str,
    pub started_at: &'a str,
}

/// The whole file. Everybody may read it: the identity's field stays empty.
pub fn render(connector: &Connector, updated_at: &str, containers: &[Container]) -> String {
    let state = if connector.stopping { "stopping" } else { "running" };
    let mut text = format!(
        "connector\t{state}\t{}\t{}\t-\t{}\t{updated_at}\n",
        connector.pid,
        field(connector.version),
        connector.started_at
    );
    for c in containers {
        let (name, version, detail) = (field(&c.name), field(&c.version), field(&c.detail));
        text += &format!("container\t{name}\t{}\t{}\t{}\t{version}\t{detail}\n", c.state.word(), c.pid, c.restarts);
    }
    text
}

/// A field's text. Never empty: a shell's `read` takes neighbouring tabs for one.
fn field(text: &str) -> String {
    let text = one_line(text);
    if text.trim().is_empty() {
        "-".to_string()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_documented_shape_whatever_the_texts_hold() {
        let connector = Connector { stopping: false, pid: 7, version: "1.0", started_at: "T0" };
        let odd = Container {
            name: "a\tb\n".to_string(),
            state: State::Waiting,
            pid: 0,
            restarts: 3,
            version: String::new(),
            detail: "exit code 1\nx".to_string(),
        };
        let text = render(&connector, "T1", &[odd]);
        assert_eq!(text, "connector\trunning\t7\t1.0\t-\tT0\tT1\ncontainer\ta b \twaiting\t0\t3\t-\texit code 1 x\n");
    }
}
