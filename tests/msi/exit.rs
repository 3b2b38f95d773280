//! How msiexec ends under Wine, and where Windows keeps the service.

/// What is left of an exit code in the eight bits that Wine hands on.
pub const fn code(full: i32) -> i32 {
    full & 0xFF
}
pub const DONE: i32 = 0;
/// ERROR_INSTALL_FAILURE.
pub const FAILED: i32 = code(1603);
/// Wine's word for a service that does not start; Windows says 1603.
pub const SERVICE_FAILED: i32 = code(1627);
pub const SERVICE_KEY: &str = r"System\CurrentControlSet\Services\vAgentManager";
