//! What the connector writes into the Application event log of Windows: ids that monitoring asks for. The texts come with each event.
//!
//! An id keeps its meaning for ever. The message table of linkctl.exe is made from this list (builder/build_windows.rs).

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Somebody has to act.
    Error,
    /// Somebody may want to look.
    Warning,
    /// For the record.
    Information,
}

impl Level {
    /// The name as the event log shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Information => "information",
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number that a monitoring system asks for.
    pub id: u32,
    /// How serious it is.
    pub level: Level,
    /// When it is written, in a few words without a full stop.
    pub summary: &'static str,
}

const fn event(id: u32, level: Level, summary: &'static str) -> Event {
    Event { id, level, summary }
}

/// It could not run.
pub const FAILED: Event = event(1, Level::Error, "the connector could not run");
/// It runs.
pub const STARTED: Event = event(2, Level::Information, "the connector runs");
/// It has stopped.
pub const STOPPED: Event = event(3, Level::Information, "the connector has stopped");
/// A container will not run until somebody acts.
pub const CONTAINER_DIED: Event = event(4, Level::Error, "a container cannot run, or has died and is not started again");
/// A container ends again and again.
pub const CONTAINER_LOOPS: Event = event(
    5,
    Level::Error,
    "a container has ended, or could not be started, three times without running well in between; it is tried again",
);
/// A container has ended.
pub const CONTAINER_ENDED: Event = event(6, Level::Warning, "a container has ended, or could not be started; it is tried again");
/// The identity was another machine's.
pub const IDENTITY_REPLACED: Event = event(7, Level::Warning, "the identity was another machine's (a clone): a new one was made");
/// A group policy gives other settings than before.
pub const POLICY_CHANGED: Event = event(8, Level::Information, "a group policy gives other settings than before");
/// A group policy gives what cannot be used.
pub const POLICY_UNFIT: Event = event(9, Level::Error, "a group policy gives a value that cannot be used; it is passed over");

/// All of them, by their ids.
pub const EVENTS: [Event; 9] =
    [FAILED, STARTED, STOPPED, CONTAINER_DIED, CONTAINER_LOOPS, CONTAINER_ENDED, IDENTITY_REPLACED, POLICY_CHANGED, POLICY_UNFIT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers_from_one_on_without_a_gap() {
        for (at, event) in EVENTS.iter().enumerate() {
            assert_eq!(event.id as usize, at + 1, "the message table has a text for each number: {event:?}");
            assert!(!event.summary.is_empty() && !event.summary.ends_with('.'), "{event:?}");
        }
    }
}
