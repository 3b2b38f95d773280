//! A container's job: everything that its processes start is in it, is limited with it and ends with it.

use std::io;
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use crate::descriptor::Throttle;
use winsys::*;

const BASIC_ACCOUNTING: DWORD = 1;
const EXTENDED_LIMITS: DWORD = 9;
const CPU_RATE_CONTROL: DWORD = 15;
const JOB_MEMORY: DWORD = 0x200;
const DIE_ON_UNHANDLED_EXCEPTION: DWORD = 0x400;
const KILL_ON_JOB_CLOSE: DWORD = 0x2000;
const CPU_ENABLE: DWORD = 1;
const CPU_HARD_CAP: DWORD = 4;
const ALL_GROUPS: u16 = 0xffff;

/// A job object. Dropping it ends what is in it; so does the end of the connector, whatever its reason.
pub struct Job(OwnedHandle);

impl Job {
    /// Makes a job with these limits; also whether the processor limit is in force.
    pub fn new(throttle: &Throttle) -> io::Result<(Job, bool)> {
        // SAFETY: no name, no security attributes; the handle is new and ours.
        let job = unsafe {
            let handle = CreateJobObjectW(std::ptr::null(), std::ptr::null());
            checked(i32::from(!handle.is_null()))?;
            Job(OwnedHandle::from_raw_handle(handle))
        };
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
            limit_flags: KILL_ON_JOB_CLOSE | DIE_ON_UNHANDLED_EXCEPTION,
            ..JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default()
        };
        if let Some(kb) = throttle.max_memory_kb {
            limits.limit_flags |= JOB_MEMORY;
            limits.job_memory = usize::try_from(kb.saturating_mul(1024)).unwrap_or(usize::MAX);
        }
        job.set(EXTENDED_LIMITS, &limits)?;
        let in_force = match throttle.max_cpu_percent {
            Some(percent) => job.set(CPU_RATE_CONTROL, &cpu_rate(percent)).is_ok(),
            None => true,
        };
        Ok((job, in_force))
    }

    fn set<T>(&self, class: DWORD, data: &T) -> io::Result<()> {
        // SAFETY: `data` is the structure of its class, and its size is given.
        checked(unsafe {
            SetInformationJobObject(self.0.as_raw_handle(), class, (data as *const T).cast(), size_of::<T>() as DWORD)
        })
    }

    /// Puts a process into the job.
    pub fn assign(&self, process: &OwnedHandle) -> io::Result<()> {
        // SAFETY: both handles are open.
        checked(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) })
    }

    /// Ends everything in the job at once.
    pub fn terminate(&self) {
        // SAFETY: the handle is open. An error does not matter: there may be nothing to end.
        unsafe { TerminateJobObject(self.0.as_raw_handle(), 1) };
    }

    /// How many processes are in the job.
    pub fn active(&self) -> u32 {
        let mut data = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        let size = size_of::<JOBOBJECT_BASIC_ACCOUNTING_INFORMATION>() as DWORD;
        // SAFETY: `data` is the structure of its class.
        unsafe {
            let data = (&mut data as *mut JOBOBJECT_BASIC_ACCOUNTING_INFORMATION).cast();
            QueryInformationJobObject(self.0.as_raw_handle(), BASIC_ACCOUNTING, data, size, std::ptr::null_mut())
        };
        data.active_processes
    }
}

/// Percent of one processor as the system counts: in hundredths of a percent of all of them.
fn cpu_rate(percent: u32) -> JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
    // SAFETY: no pointers.
    let processors = unsafe { GetActiveProcessorCount(ALL_GROUPS) }.max(1);
    let rate = (u64::from(percent) * 100 / u64::from(processors)).clamp(1, 10_000) as DWORD;
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION { flags: CPU_ENABLE | CPU_HARD_CAP, rate }
}
