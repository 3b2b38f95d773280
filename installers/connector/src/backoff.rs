//! Growing delays between restarts.

use std::time::Duration;

/// How a container is watched: whether it is started again, and after which delays.
#[derive(Clone, Debug, PartialEq)]
pub struct Watchdog {
    /// Start it again after it ended.
    pub restart: bool,
    /// The first delay.
    pub first: Duration,
    /// Each delay is the one before times this.
    pub factor: f64,
    /// No delay is longer.
    pub max: Duration,
    /// After this long without ending the delays begin anew.
    pub healthy: Duration,
}

impl Default for Watchdog {
    fn default() -> Self {
        Watchdog {
            restart: true,
            first: Duration::from_millis(1_000),
            factor: 2.0,
            max: Duration::from_millis(60_000),
            healthy: Duration::from_millis(60_000),
        }
    }
}

/// The delay that comes next, given how the last runs went.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The delay before the next start of a container that ran for `ran`.
    pub fn next(&mut self, watchdog: &Watchdog, ran: Duration) -> Duration {
        let delay = match self.last {
            Some(last) if ran < watchdog.healthy => grown(last, watchdog),
            _ => watchdog.first.min(watchdog.max),
        };
        self.last = Some(delay);
        delay
    }
}

fn grown(last: Duration, watchdog: &Watchdog) -> Duration {
    // In floating point and bounded before it becomes a Duration again: an absurd factor must not panic.
    let seconds = (last.as_secs_f64() * watchdog.factor).min(watchdog.max.as_secs_f64());
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(watchdog: &Watchdog, runs: &[u64]) -> Vec<u64> {
        let mut backoff = Backoff::default();
        runs.iter()
            .map(|ran| backoff.next(watchdog, Duration::from_secs(*ran)).as_secs())
            .collect()
    }

    #[test]
    fn delays_double_from_one_second_to_one_minute() {
        assert_eq!(
            seconds(&Watchdog::default(), &[0; 8]),
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
    }

    #[test]
    fn a_minute_of_health_starts_the_delays_anew() {
        assert_eq!(
            seconds(&Watchdog::default(), &[0, 5, 59, 60, 1]),
            [1, 2, 4, 1, 2]
        );
    }

    #[test]
    fn an_absurd_factor_stays_below_the_maximum() {
        let watchdog = Watchdog {
            factor: 1e300,
            ..Watchdog::default()
        };
        assert_eq!(seconds(&watchdog, &[0; 3]), [1, 60, 60]);
    }
}
