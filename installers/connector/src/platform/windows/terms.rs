//! What the connector means, in the system's terms.

const IDLE: u32 = 0x40;
const BELOW_NORMAL: u32 = 0x4000;
const NORMAL: u32 = 0x20;
const ABOVE_NORMAL: u32 = 0x8000;
const HIGH: u32 = 0x80;

/// The priority class nearest to a nice value.
pub fn priority_class(nice: i32) -> u32 {
    match nice {
        i32::MIN..=-11 => HIGH,
        -10..=-1 => ABOVE_NORMAL,
        0..=4 => NORMAL,
        5..=14 => BELOW_NORMAL,
        15..=i32::MAX => IDLE,
    }
}

/// How a process ended, from its exit code. Codes that say what the system thought of it are known in hexadecimal.
pub fn how(code: u32) -> String {
    match code {
        0..=0x7fff_ffff => format!("exit code {code}"),
        _ => format!("exit code 0x{code:08X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nice_values_become_priority_classes() {
        assert_eq!([-20, -5, 0, 5, 19].map(priority_class), [HIGH, ABOVE_NORMAL, NORMAL, BELOW_NORMAL, IDLE]);
    }

    #[test]
    fn a_crash_is_told_as_windows_tells_it() {
        assert_eq!(how(3), "exit code 3");
        assert_eq!(how(0xc000_0005), "exit code 0xC0000005");
    }
}
