//! The connector as a service of Windows: what the service manager is told, and what it asks for.

use std::ffi::c_void;
use std::os::windows::io::IntoRawHandle;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{console, events, files};
use crate::launch::Layout;
use crate::log;
use crate::platform::Event;
use contract::events::{self as events_of, Event as EventOfLog, Level};
use winsys::*;

const ERROR_FAILED_SERVICE_CONTROLLER_CONNECT: i32 = 1063;
const ERROR_CALL_NOT_IMPLEMENTED: DWORD = 120;
const ERROR_SERVICE_SPECIFIC_ERROR: DWORD = 1066;
const OWN_PROCESS: DWORD = 0x10;
const CONTROL_STOP: DWORD = 1;
const CONTROL_INTERROGATE: DWORD = 4;
const CONTROL_SHUTDOWN: DWORD = 5;
const CONTROL_PARAMCHANGE: DWORD = 6;
/// Comes before the shutdown, and leaves time for the containers (SERVICE_CONFIG_PRESHUTDOWN_INFO, which the MSI sets).
const CONTROL_PRESHUTDOWN: DWORD = 15;
const ACCEPT_STOP_PARAMCHANGE_SHUTDOWN: DWORD = 1 | 8 | 4 | 0x100;

const STOPPED: DWORD = 1;
const START_PENDING: DWORD = 2;
const STOP_PENDING: DWORD = 3;
const RUNNING: DWORD = 4;

/// The time until the next checkpoint at the latest. Starting includes loading libraries into containers.
const WAIT_HINT: Duration = Duration::from_secs(30);
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

type Run = fn(&Layout) -> Result<(), String>;

/// The service's name, once there is one to serve.
static NAME: Mutex<String> = Mutex::new(String::new());
static WORK: Mutex<Option<(Layout, Run)>> = Mutex::new(None);
static SERVICE: Mutex<Option<Service>> = Mutex::new(None);

/// What the service manager knows.
struct Service {
    /// A SERVICE_STATUS_HANDLE, which no thread owns.
    handle: usize,
    state: DWORD,
    checkpoint: DWORD,
    told: Instant,
}

/// Runs the connector as the service that the service manager started, or else in the foreground.
pub fn serve(layout: &Layout, run: Run) -> Result<(), String> {
    *WORK.lock().map_err(|_| "a thread has died".to_string())? = Some((layout.clone(), run));
    *NAME.lock().map_err(|_| "a thread has died".to_string())? = layout.names.get("windows-service").to_string();
    let name = name();
    let table = [
        SERVICE_TABLE_ENTRYW { name: name.as_ptr(), main: Some(service_main) },
        SERVICE_TABLE_ENTRYW { name: null(), main: None },
    ];
    // SAFETY: the table ends with an empty entry and outlives the call, which returns when the service has stopped.
    let dispatched = checked(unsafe { StartServiceCtrlDispatcherW(table.as_ptr()) });
    match dispatched {
        Err(error) if error.raw_os_error() == Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) => run(layout),
        Err(error) => Err(format!("cannot talk to the service manager: {error}")),
        Ok(()) => Ok(()),
    }
}

/// Its name as the system takes it.
fn name() -> Vec<u16> {
    wide(&NAME.lock().map_or(String::new(), |name| name.clone()))
}

unsafe extern "system" fn service_main(_: DWORD, _: *mut *mut u16) {
    // SAFETY: the name ends in zero, and the handler is a function for ever.
    let handle = unsafe { RegisterServiceCtrlHandlerExW(name().as_ptr(), control, null_mut()) };
    let work = WORK.lock().ok().and_then(|mut work| work.take());
    if let (false, Some((layout, run))) = (handle.is_null(), work) {
        if let Ok(mut service) = SERVICE.lock() {
            *service = Some(Service { handle: handle as usize, state: START_PENDING, checkpoint: 0, told: Instant::now() });
        }
        change(START_PENDING, 0);
        console::leave();
        let outcome = take_log(&layout.own_log()).and_then(|()| run(&layout));
        if let Err(why) = &outcome {
            log::line(why);
            tell(&events_of::FAILED, why);
        }
        if outcome.is_ok() {
            tell(&events_of::STOPPED, "The connector has stopped.");
        }
        change(STOPPED, outcome.map_or(1, |()| 0));
    }
}

/// A service has no stderr: its log is a file. Whoever reads it may do so while the service runs.
fn take_log(path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    let opened = files::private_directory(folder).and_then(|()| files::open_log(path));
    let log = opened.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    // SAFETY: the handle is handed over for good: the log stays open until the process ends.
    unsafe { SetStdHandle(STD_ERROR_HANDLE, log.into_raw_handle()) };
    Ok(())
}

/// Writes to the Application event log, where an administrator looks first; nothing where the connector runs by hand.
pub fn tell(event: &EventOfLog, text: &str) {
    if !is_service() {
        return;
    }
    let kind = match event.level {
        Level::Error => 1,
        Level::Warning => 2,
        Level::Information => 4,
    };
    let text = wide(text);
    // SAFETY: names and texts end with zeros and outlive the calls.
    unsafe {
        let log = RegisterEventSourceW(null(), name().as_ptr());
        if !log.is_null() {
            ReportEventW(log, kind, 0, event.id, null(), 1, 0, &text.as_ptr(), null());
            DeregisterEventSource(log);
        }
    }
}

unsafe extern "system" fn control(what: DWORD, _: DWORD, _: *mut c_void, _: *mut c_void) -> DWORD {
    match what {
        CONTROL_STOP | CONTROL_SHUTDOWN | CONTROL_PRESHUTDOWN => {
            change(STOP_PENDING, 0);
            events::push(Event::Stop);
        }
        CONTROL_PARAMCHANGE => events::push(Event::Reload),
        CONTROL_INTERROGATE => {}
        _ => return ERROR_CALL_NOT_IMPLEMENTED,
    }
    ERROR_SUCCESS
}

/// Whether the service manager started this process.
pub fn is_service() -> bool {
    SERVICE.lock().map_or(false, |service| service.is_some())
}

/// The connector is up. Does nothing in the foreground, or when it has been asked to stop already.
pub fn running() {
    let starting = SERVICE.lock().map_or(false, |service| service.as_ref().map_or(false, |s| s.state == START_PENDING));
    if starting {
        change(RUNNING, 0);
        tell(&events_of::STARTED, "The connector runs.");
    }
}

/// What takes its time is still under way.
pub fn progress() {
    if let Ok(mut service) = SERVICE.lock() {
        if let Some(service) = service.as_mut() {
            let pending = service.state == START_PENDING || service.state == STOP_PENDING;
            if pending && service.told.elapsed() >= CHECKPOINT_EVERY {
                service.tell(0);
            }
        }
    }
}

fn change(state: DWORD, failure: DWORD) {
    if let Ok(mut service) = SERVICE.lock() {
        if let Some(service) = service.as_mut() {
            service.state = state;
            service.checkpoint = 0;
            service.tell(failure);
        }
    }
}

impl Service {
    fn tell(&mut self, failure: DWORD) {
        let pending = self.state == START_PENDING || self.state == STOP_PENDING;
        self.checkpoint += u32::from(pending);
        self.told = Instant::now();
        let status = SERVICE_STATUS {
            kind: OWN_PROCESS,
            state: self.state,
            accepted: if self.state == RUNNING { ACCEPT_STOP_PARAMCHANGE_SHUTDOWN } else { 0 },
            exit_code: if failure == 0 { 0 } else { ERROR_SERVICE_SPECIFIC_ERROR },
            specific_exit_code: failure,
            checkpoint: self.checkpoint,
            wait_hint: if pending { WAIT_HINT.as_millis() as DWORD } else { 0 },
        };
        // SAFETY: the handle is the one that the system gave for this service, and needs no closing.
        unsafe { SetServiceStatus(self.handle as HANDLE, &status) };
    }
}
