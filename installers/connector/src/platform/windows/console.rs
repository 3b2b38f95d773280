//! Ctrl-C and Ctrl-Break: received where the connector runs in the foreground, and sent to containers that are to end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{events, service};
use crate::platform::Event;
use winsys::*;

const CTRL_C_EVENT: DWORD = 0;
const CTRL_BREAK_EVENT: DWORD = 1;
const CTRL_CLOSE_EVENT: DWORD = 2;
const EVERYBODY: DWORD = 0;
/// Closing the console, logging off, shutting down: the process is ended as soon as its handler returns.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How many events are still to come that were sent to a container, and reach whoever is attached to its console.
static OWN: AtomicU32 = AtomicU32::new(0);

/// From now on the console's requests to end are events.
pub fn listen() {
    // SAFETY: the handler is a plain function that lives as long as the program.
    unsafe {
        // Whoever started the connector may have it ignore Ctrl-C, and its containers would inherit that.
        SetConsoleCtrlHandler(None, 0);
        SetConsoleCtrlHandler(Some(handler), 1);
    }
}

/// Lets go of the console that the service manager may have given: its containers are to have their own.
pub fn leave() {
    // SAFETY: no pointers. Without a console it fails, which does not matter.
    unsafe { FreeConsole() };
}

unsafe extern "system" fn handler(event: DWORD) -> BOOL {
    let one_less = |count: u32| count.checked_sub(1);
    let own = event == CTRL_C_EVENT && OWN.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
    // Somebody's logging off is no reason for a service to end.
    if !own && !service::is_service() {
        events::push(Event::Stop);
        if event >= CTRL_CLOSE_EVENT {
            std::thread::sleep(LAST_WORDS);
        }
    }
    1
}

/// Whether this process runs in the foreground of a console, which its containers then share.
pub fn is_shared() -> bool {
    let mut one = 0;
    // SAFETY: room for one process's id is offered; of more only the count is returned.
    !service::is_service() && unsafe { GetConsoleProcessList(&mut one, 1) != 0 }
}

/// Asks a container to end, by its first process: with Ctrl-Break where it shares the connector's console, else with
/// Ctrl-C, which more programs understand, to everybody at its own console. A program without a console hears nothing.
pub fn ask(pid: u32, shared: bool) {
    // SAFETY: no pointers. The connector has a single thread that attaches consoles.
    unsafe {
        if shared {
            GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, pid);
            return;
        }
        // Attaching puts the console in the place of the log.
        let log = GetStdHandle(STD_ERROR_HANDLE);
        if AttachConsole(pid) != 0 {
            // Attaching also forgets the handlers, on some versions of Windows.
            SetConsoleCtrlHandler(Some(handler), 0);
            SetConsoleCtrlHandler(Some(handler), 1);
            OWN.fetch_add(1, Ordering::SeqCst);
            if GenerateConsoleCtrlEvent(CTRL_C_EVENT, EVERYBODY) == 0 {
                OWN.fetch_sub(1, Ordering::SeqCst);
            }
            FreeConsole();
        }
        SetStdHandle(STD_ERROR_HANDLE, log);
    }
}
