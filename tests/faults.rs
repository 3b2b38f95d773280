//! A build that is killed, or that the system denies a write or a read: what lies under a package's name is whole all the same.
//!
//! `LINKPACK_KILLS=1000 LINKPACK_KILL_SEED=7` kills more often and elsewhere; `LINKPACK_FAULTS=all` fails every single call.
mod common;
use common::*;

#[path = "faults/denied.rs"]
mod denied;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/rebuilt.rs"]
mod rebuilt;
