//! What the allocator may keep: glibc's own bounds suit servers, not a build that has to stay below 128 MiB.

/// Says how much may stay unused. To be called before there are threads.
///
/// glibc keeps what threads freed, each in an arena of its own: a build with 100,000 files took a third more memory for it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn bound() {
    const RETURNED_WHEN_FREED: i32 = 4 << 20;
    for (parameter, value) in [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, RETURNED_WHEN_FREED)] {
        // SAFETY: no other thread exists yet; a parameter that is refused changes nothing.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Gives back what was freed between what is still needed. To be called where a phase ends that freed a hundred thousand pieces.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn trim() {
    // SAFETY: it may be called at any time, from any thread.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators return what is freed by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn bound() {}

/// Other allocators return what is freed by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim() {}
