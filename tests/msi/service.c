/* The service that tests install: notes in C:\service.log how it was started and that it was stopped. With -DFAILS it never runs; with -DDIES it ends a second after its start. */
#include <windows.h>
#include <stdio.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stopped;

static void note(const char *text)
{
    FILE *log = fopen("C:\\service.log", "a");
    if (log) { fprintf(log, "%s\n", text); fclose(log); }
}

static void report(DWORD state, DWORD code)
{
    SERVICE_STATUS status = { SERVICE_WIN32_OWN_PROCESS, state, SERVICE_ACCEPT_STOP, code, 0, 0, 0 };
    SetServiceStatus(handle, &status);
}

static DWORD WINAPI control(DWORD what, DWORD type, void *data, void *context)
{
    if (what == SERVICE_CONTROL_STOP) SetEvent(stopped);
    return NO_ERROR;
}

static void WINAPI service(DWORD count, char **arguments)
{
    handle = RegisterServiceCtrlHandlerExA("vAgentManager", control, NULL);
#ifdef FAILS
    note("failed");
    report(SERVICE_STOPPED, 1);
#else
    stopped = CreateEventA(NULL, TRUE, FALSE, NULL);
    note(GetCommandLineA());
    report(SERVICE_RUNNING, 0);
#ifdef DIES
    WaitForSingleObject(stopped, 1000);
#else
    WaitForSingleObject(stopped, INFINITE);
#endif
    note("stopped");
    report(SERVICE_STOPPED, 0);
#endif
}

int main(void)
{
    SERVICE_TABLE_ENTRYA table[] = { { "vAgentManager", service }, { NULL, NULL } };
    return !StartServiceCtrlDispatcherA(table);
}
