//! A container with an injected library: writes down the computer name that it sees, which is the virtual one where
//! the library is in place, and the real one where it is not.

mod ending;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

#[link(name = "kernel32")]
extern "system" {
    fn GetComputerNameW(buffer: *mut u16, size: *mut u32) -> i32;
}

fn computer_name() -> String {
    let mut buffer = [0u16; 256];
    let mut size = buffer.len() as u32;
    // SAFETY: the buffer has room for `size` characters.
    match unsafe { GetComputerNameW(buffer.as_mut_ptr(), &mut size) } {
        0 => String::new(),
        _ => String::from_utf16_lossy(&buffer[..size as usize]),
    }
}

fn main() {
    let work = PathBuf::from(std::env::var_os("LINK_WORK").expect("LINK_WORK is set by the connector"));
    let (seen, new) = (work.join("seen"), work.join("seen.new"));
    ending::prepare();
    println!("tracer: started, pid {}", std::process::id());
    loop {
        let text = format!("pid={}\nhostname={}\n", std::process::id(), computer_name());
        let _ = fs::write(&new, text).and_then(|()| fs::rename(&new, &seen));
        if ending::wait(Duration::from_secs(30)) {
            break;
        }
    }
    let _ = fs::remove_file(&seen);
    let _ = fs::remove_file(&new);
    println!("tracer: stopped");
}
