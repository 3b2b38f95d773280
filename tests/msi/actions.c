/* The DLL that tests install: notes in C:\actions.log each call with the data it sees; refuses where C:\refuse exists. */
#include <windows.h>
#include <stdio.h>
#include <msi.h>
#include <msiquery.h>

static UINT note(MSIHANDLE install, const char *action, const char *property)
{
    char value[1024] = "";
    DWORD size = sizeof value;
    FILE *log = fopen("C:\\actions.log", "ab");
    MsiGetPropertyA(install, property, value, &size);
    if (log) { fprintf(log, "%s [%s]\n", action, value); fclose(log); }
    return ERROR_SUCCESS;
}

__declspec(dllexport) UINT __stdcall check(MSIHANDLE install)
{
    note(install, "check", "INSTALL_ROOT");
    return GetFileAttributesA("C:\\refuse") == INVALID_FILE_ATTRIBUTES ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
}

__declspec(dllexport) UINT __stdcall check_again(MSIHANDLE install) { return note(install, "check_again", "CustomActionData"); }
__declspec(dllexport) UINT __stdcall undo(MSIHANDLE install) { return note(install, "undo", "CustomActionData"); }
__declspec(dllexport) UINT __stdcall done(MSIHANDLE install) { return note(install, "done", "CustomActionData"); }
