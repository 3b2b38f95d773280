//! One process: what it is started with, and how it ended.

use std::fs::File;
use std::io;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::Arc;

use super::job::Job;
use super::program::Program;
use super::terms::{how, priority_class};
use super::{environment, events, files, inject, quoting};
use crate::descriptor::Inject;
use crate::launch::Launch;
use crate::platform::Event;
use winsys::*;

/// Nothing: what every program needs on Windows depends on the machine and is added at each start.
pub const BASE_ENVIRONMENT: &[(&str, &str)] = &[];

const CREATE_SUSPENDED: DWORD = 0x4;
const CREATE_NEW_PROCESS_GROUP: DWORD = 0x200;
const CREATE_UNICODE_ENVIRONMENT: DWORD = 0x400;
const EXTENDED_STARTUPINFO_PRESENT: DWORD = 0x8_0000;
const CREATE_NO_WINDOW: DWORD = 0x800_0000;
const STARTF_USESTDHANDLES: DWORD = 0x100;
const HANDLE_LIST: usize = 0x2_0002;

/// A container's first process. Its number belongs to nobody else as long as this lives.
pub struct Process {
    pub pid: u32,
    handle: Arc<OwnedHandle>,
}

/// Whether a container could start now, without starting it; the reason if not: the program is a file, and the
/// library fits into its process.
pub fn vet(launch: &Launch) -> Result<(), String> {
    if launch.inject == Inject::Preload {
        return Err("inject = \"preload\" works on Linux only; use \"dll\" here".to_string());
    }
    let at = |path: &Path, why: String| format!("{}: {why}", path.display());
    let found = std::fs::metadata(&launch.program).map_err(|error| at(&launch.program, error.to_string()))?;
    if !found.is_file() {
        return Err(at(&launch.program, "not a regular file".to_string()));
    }
    command_line(launch)?;
    if let Some(library) = &launch.library {
        let header = |path: &Path| Program::read(path).map_err(|why| at(path, why));
        let (program, library) = (header(&launch.program)?, header(library)?);
        program.refuses(library).map_or(Ok(()), |why| Err(at(&launch.program, why)))?;
    }
    Ok(())
}

/// Whether a container may run under an account of its own; the reason if not.
pub fn may_run_as(_account: &str) -> Result<(), String> {
    Err("run-as works on Linux only: a container of Windows runs as the service does".to_string())
}

/// The file to run, and its command line.
fn command_line(launch: &Launch) -> Result<(PathBuf, String), String> {
    let program: PathBuf = launch.program.components().collect();
    let text = program.to_string_lossy().into_owned();
    if !quoting::is_batch(&text) {
        return Ok((program, quoting::command_line(&text, &launch.arguments)?));
    }
    let shell = format!("{}\\System32\\cmd.exe", windows_directory());
    let line = quoting::batch_command_line(&shell, &text, &launch.arguments).map_err(|why| format!("{text}: {why}"))?;
    Ok((PathBuf::from(shell), line))
}

fn windows_directory() -> String {
    let mut buffer = [0u16; 260];
    // SAFETY: the buffer's size is given; no directory of Windows has a longer name.
    let length = unsafe { GetSystemWindowsDirectoryW(buffer.as_mut_ptr(), buffer.len() as DWORD) } as usize;
    match buffer.get(..length) {
        Some(name) if length > 0 => String::from_utf16_lossy(name),
        _ => "C:\\Windows".to_string(),
    }
}

/// Starts a container's first process inside its job. `shared_console`: it uses the connector's.
pub fn start(launch: &Launch, job: &Job, shared_console: bool) -> Result<Process, String> {
    let cannot = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    files::ensure_work(&launch.work).map_err(|error| cannot(&launch.work, error))?;
    let output = files::open_log(&launch.log).map_err(|error| cannot(&launch.log, error))?;
    let input = File::open("NUL").map_err(|error| cannot(Path::new("NUL"), error))?;
    let (program, line) = command_line(launch)?;
    let work = launch.work.to_string_lossy();
    let data = files::program_data();
    let own = |name: &str| std::env::var(name).ok();
    let mut variables = environment::necessities(&windows_directory(), &data.to_string_lossy(), &work, own);
    variables.extend(launch.environment.iter().cloned());

    // At a shared console, what is meant for one container must not reach the others.
    let console = if shared_console { CREATE_NEW_PROCESS_GROUP } else { CREATE_NO_WINDOW };
    let suspended = Suspended::create(&Creation {
        program: wide_path(&program),
        line: wide(line),
        environment: environment::block(&variables),
        directory: wide_path(&launch.work),
        flags: console | priority_class(launch.throttle.nice.unwrap_or(0)),
        input,
        output,
    });
    let suspended = suspended.map_err(|error| cannot(&program, error))?;
    job.assign(&suspended.process).map_err(|error| format!("cannot put it into its job: {error}"))?;
    if let Some(library) = &launch.library {
        inject::inject(&suspended.process, library)?;
    }
    suspended.resume().map_err(|error| format!("cannot watch its process: {error}"))
}

struct Creation {
    program: Vec<u16>,
    line: Vec<u16>,
    environment: Vec<u16>,
    directory: Vec<u16>,
    flags: DWORD,
    input: File,
    output: File,
}

/// A process that has not begun to run; dropped, it never will.
struct Suspended {
    pid: u32,
    process: Arc<OwnedHandle>,
    thread: OwnedHandle,
    resumed: bool,
}

impl Suspended {
    fn create(creation: &Creation) -> io::Result<Suspended> {
        let handles = [creation.input.as_raw_handle(), creation.output.as_raw_handle()];
        // SAFETY: every pointer is to something that outlives the call; the structures are plain data.
        unsafe {
            for handle in handles {
                checked(SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT))?;
            }
            let mut attributes = Attributes::inheriting(&handles)?;
            let mut startup: STARTUPINFOEXW = zeroed();
            startup.cb = size_of::<STARTUPINFOEXW>() as DWORD;
            startup.flags = STARTF_USESTDHANDLES;
            startup.input = handles[0];
            startup.output = handles[1];
            startup.error = handles[1];
            startup.attributes = attributes.0.as_mut_ptr().cast();
            let flags = CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT | creation.flags;
            let mut line = creation.line.clone();
            let mut made: PROCESS_INFORMATION = zeroed();
            checked(CreateProcessW(
                creation.program.as_ptr(),
                line.as_mut_ptr(),
                null(),
                null(),
                1,
                flags,
                creation.environment.as_ptr().cast(),
                creation.directory.as_ptr(),
                &startup,
                &mut made,
            ))?;
            let (process, thread) = (OwnedHandle::from_raw_handle(made.process), OwnedHandle::from_raw_handle(made.thread));
            Ok(Suspended { pid: made.process_id, process: Arc::new(process), thread, resumed: false })
        }
    }

    fn resume(mut self) -> io::Result<Process> {
        let process = Process { pid: self.pid, handle: self.process.clone() };
        process.report_end()?;
        // SAFETY: the handle is open.
        unsafe { ResumeThread(self.thread.as_raw_handle()) };
        self.resumed = true;
        Ok(process)
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        if !self.resumed {
            // SAFETY: the handle is open.
            unsafe { TerminateProcess(self.process.as_raw_handle(), 1) };
        }
    }
}

/// The list of handles that a new process inherits: these and no others.
struct Attributes(Vec<usize>);

impl Attributes {
    /// The handles must stay where they are until the process is made.
    unsafe fn inheriting(handles: &[HANDLE]) -> io::Result<Attributes> {
        let mut size = 0;
        // SAFETY: no list asks for the size alone.
        unsafe { InitializeProcThreadAttributeList(null_mut(), 1, 0, &mut size) };
        let mut list = vec![0usize; size / size_of::<usize>() + 1];
        // SAFETY: the list is as long as the function has said.
        checked(unsafe { InitializeProcThreadAttributeList(list.as_mut_ptr().cast(), 1, 0, &mut size) })?;
        let mut attributes = Attributes(list);
        let list = attributes.0.as_mut_ptr().cast();
        let (value, size) = (handles.as_ptr().cast(), size_of_val(handles));
        // SAFETY: the list was initialised; the caller keeps the handles as long as it.
        checked(unsafe { UpdateProcThreadAttribute(list, 0, HANDLE_LIST, value, size, null_mut(), null_mut()) })?;
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the list was initialised.
        unsafe { DeleteProcThreadAttributeList(self.0.as_mut_ptr().cast()) };
    }
}

impl Process {
    /// Whether it has ended within `ms`.
    pub fn has_ended(&self, ms: DWORD) -> bool {
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(self.handle.as_raw_handle(), ms) == WAIT_OBJECT_0 }
    }

    /// From now on its end becomes an event.
    fn report_end(&self) -> io::Result<()> {
        let (pid, handle) = (self.pid, self.handle.clone());
        let watch = move || {
            let mut code = 0;
            // SAFETY: the handle stays open as long as this thread holds it.
            unsafe {
                WaitForSingleObject(handle.as_raw_handle(), INFINITE);
                GetExitCodeProcess(handle.as_raw_handle(), &mut code);
            }
            events::push(Event::Exited { pid, how: how(code), clean: code == 0 });
        };
        std::thread::Builder::new().stack_size(64 << 10).spawn(watch).map(|_| ())
    }
}
