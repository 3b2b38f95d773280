//! The service, as the service control manager sees it.

use std::io;
use std::ptr::null;
use std::thread::sleep;
use std::time::{Duration, Instant};
use winsys::{self as sys, wide, HANDLE, SC_ACTION, SERVICE_FAILURE_ACTIONSW, SERVICE_STATUS_PROCESS};

pub const STOPPED: u32 = 1;
pub const RUNNING: u32 = 4;
const QUERY: u32 = 0x4;
const START: u32 = 0x10;
const STOP: u32 = 0x20;

/// A service that is registered.
pub struct Service {
    manager: HANDLE,
    service: HANDLE,
}

impl Drop for Service {
    fn drop(&mut self) {
        // SAFETY: both were opened by us; null is refused and harmless.
        unsafe {
            sys::CloseServiceHandle(self.service);
            sys::CloseServiceHandle(self.manager);
        }
    }
}

impl Service {
    /// Opens a service to look at it. `None` where there is none of that name.
    pub fn open(name: &str) -> Option<Service> {
        Service::open_for(name, QUERY).ok()
    }

    /// Opens a service to start and stop it.
    pub fn control(name: &str) -> io::Result<Service> {
        Service::open_for(name, QUERY | START | STOP)
    }

    /// Opens a service to change how it is kept running. A restart as recovery action asks for the right to start it (documentation of
    /// ChangeServiceConfig2): without it the call is denied, as in Windows Installer's own MsiConfigureServices.
    pub fn configure(name: &str) -> io::Result<Service> {
        const CHANGE_CONFIG: u32 = 0x2;
        Service::open_for(name, CHANGE_CONFIG | START)
    }

    fn open_for(name: &str, access: u32) -> io::Result<Service> {
        const CONNECT: u32 = 0x1;
        // SAFETY: names are terminated by zero; null means this machine.
        unsafe {
            let manager = sys::OpenSCManagerW(null(), null(), CONNECT);
            if manager.is_null() {
                return Err(sys::last_error());
            }
            let service = sys::OpenServiceW(manager, wide(name).as_ptr(), access);
            let error = sys::last_error();
            let opened = Service { manager, service };
            if service.is_null() {
                return Err(error);
            }
            Ok(opened)
        }
    }

    /// What it does at the moment.
    pub fn status(&self) -> io::Result<SERVICE_STATUS_PROCESS> {
        let mut status = SERVICE_STATUS_PROCESS::default();
        let mut needed = 0;
        let size = std::mem::size_of::<SERVICE_STATUS_PROCESS>() as u32;
        // SAFETY: the size is the structure's.
        match unsafe { sys::QueryServiceStatusEx(self.service, 0, &mut status, size, &mut needed) } {
            0 => Err(sys::last_error()),
            _ => Ok(status),
        }
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.status().map_or(false, |status| status.state == RUNNING)
    }

    /// Asks it to start; one that runs already is fine.
    pub fn start(&self) -> io::Result<()> {
        const ALREADY_RUNNING: i32 = 1056;
        // SAFETY: no arguments.
        if unsafe { sys::StartServiceW(self.service, 0, null()) } != 0 {
            return Ok(());
        }
        let error = sys::last_error();
        if error.raw_os_error() == Some(ALREADY_RUNNING) {
            Ok(())
        } else {
            Err(error)
        }
    }

    /// Has it restarted a minute after each failure; a day without one begins the count anew. A stop that reports an error is a failure,
    /// too: without that flag recovery acts only where the process ends without a word.
    ///
    /// # Errors
    /// The service control manager refuses one of both.
    pub fn recover(&self) -> io::Result<()> {
        const FAILURE_ACTIONS: u32 = 2;
        const FAILURE_ACTIONS_FLAG: u32 = 4;
        const RESTART: i32 = 1;
        const DAY: u32 = 86_400;
        const MINUTE: u32 = 60_000;
        let again = || SC_ACTION { kind: RESTART, delay: MINUTE };
        let actions = [again(), again(), again()];
        let recovery = SERVICE_FAILURE_ACTIONSW {
            reset_period: DAY,
            reboot_message: null(),
            command: null(),
            count: actions.len() as u32,
            actions: actions.as_ptr(),
        };
        let on_errors: i32 = 1;
        self.change(FAILURE_ACTIONS, &recovery)?;
        self.change(FAILURE_ACTIONS_FLAG, &on_errors)
    }

    /// Has a shutdown wait for it, as long as it may take to stop its containers; Windows waits 10 s otherwise (since Windows 10 1703).
    ///
    /// # Errors
    /// The service control manager refuses.
    pub fn take_time_at_shutdown(&self, patience: Duration) -> io::Result<()> {
        const PRESHUTDOWN_INFO: u32 = 7;
        let milliseconds = patience.as_millis() as u32;
        self.change(PRESHUTDOWN_INFO, &milliseconds)
    }

    fn change<T>(&self, level: u32, info: &T) -> io::Result<()> {
        // SAFETY: `info` is the structure that the level takes, and lives through the call.
        match unsafe { sys::ChangeServiceConfig2W(self.service, level, (info as *const T).cast()) } {
            0 => Err(sys::last_error()),
            _ => Ok(()),
        }
    }

    /// Stops it and waits until it and its process have ended.
    ///
    /// # Errors
    /// It does not stop within the time.
    pub fn stop(&self, patience: Duration) -> io::Result<()> {
        const CONTROL_STOP: u32 = 1;
        let begun = Instant::now();
        loop {
            let status = self.status()?;
            if status.state == STOPPED && status.process == 0 {
                return Ok(());
            }
            if begun.elapsed() > patience {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it still has state {}", status.state)));
            }
            let mut now = SERVICE_STATUS_PROCESS::default();
            // Asked again each time: one that is starting takes no orders yet, and restarts may come between.
            // SAFETY: the structure is longer than the SERVICE_STATUS that is filled.
            unsafe { sys::ControlService(self.service, CONTROL_STOP, &mut now) };
            sleep(Duration::from_millis(100));
        }
    }

    /// Whether it is up: running within 30 s, and the same process 3 s later. The error says what was seen.
    pub fn came_up(&self) -> Result<(), String> {
        const PATIENCE: Duration = Duration::from_secs(30);
        const STEADY: Duration = Duration::from_secs(3);
        let begun = Instant::now();
        let mut up: Option<(u32, Instant)> = None;
        loop {
            let status = self.status().map_err(|error| format!("its state cannot be read: {error}"))?;
            match up {
                Some((process, since)) if status.state == RUNNING && status.process == process => {
                    if since.elapsed() >= STEADY {
                        return Ok(());
                    }
                }
                Some(_) => return Err(format!("it ended right after its start ({})", end(&status))),
                None if status.state == RUNNING => up = Some((status.process, Instant::now())),
                None if status.state == STOPPED => return Err(format!("it ended at its start ({})", end(&status))),
                None if begun.elapsed() > PATIENCE => return Err("it did not come up within 30 s".to_string()),
                None => {}
            }
            sleep(Duration::from_millis(100));
        }
    }
}

fn end(status: &SERVICE_STATUS_PROCESS) -> String {
    const SPECIFIC: u32 = 1066;
    match status.exit_code {
        SPECIFIC => format!("its own error {}", status.specific_exit_code),
        code => format!("error {code}"),
    }
}
