//! Installers of all three formats, killed at random and at chosen moments on a machine that starts services by its init script.
//!
//! What has to hold: whatever was killed, the next installation succeeds or goes back to a version that runs, and an uninstall leaves
//! nothing. `LINKPACK_KILLS=40 LINKPACK_KILL_SEED=7 cargo nextest run --test kills` kills more often, and elsewhere.
mod common;
use common::*;
use std::time::{Duration, Instant};

#[path = "kills/channel.rs"]
mod channel;
#[path = "kills/chosen.rs"]
mod chosen;
#[path = "kills/random.rs"]
mod random;
