//! A container without a library: beats once a second in its working directory.

mod ending;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn main() {
    let work = PathBuf::from(std::env::var_os("LINK_WORK").expect("LINK_WORK is set by the connector"));
    let (beat, new) = (work.join("heartbeat"), work.join("heartbeat.new"));
    ending::prepare();
    println!("pulse: started, pid {}", std::process::id());
    for count in 1u64.. {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let text = format!("{count} {} {seconds}\n", std::process::id());
        // One that is being read cannot be replaced: the next beat will.
        let _ = fs::write(&new, text).and_then(|()| fs::rename(&new, &beat));
        if ending::wait(Duration::from_secs(1)) {
            break;
        }
    }
    let _ = fs::remove_file(&beat);
    let _ = fs::remove_file(&new);
    println!("pulse: stopped");
}
