/* What an administrator's console does with the service vAgentManager: create PATH, start, control CODE, state. Says the state, or why not.
   event FILE: the texts that an event viewer takes from the file for the events from 1 on. */
#include <windows.h>
#include <stdio.h>
#include <string.h>

int wmain(int count, wchar_t **arguments)
{
    SERVICE_STATUS status = { 0 };
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS), service;
    const wchar_t *verb = count > 1 ? arguments[1] : L"";
    BOOL done = TRUE;

    if (!wcscmp(verb, L"event")) {
        wchar_t text[256];
        DWORD_PTR inserted[] = { (DWORD_PTR)L"inserted" };
        HMODULE module = LoadLibraryExW(arguments[2], NULL, LOAD_LIBRARY_AS_DATAFILE);
        for (DWORD id = 1; FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, module, id, 0, text, 256,
                                          (va_list *)inserted); id++)
            printf("%lu %ls", id, text);
        return 0;
    }
    if (!wcscmp(verb, L"create"))
        service = CreateServiceW(manager, L"vAgentManager", L"Intigua connector", SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                                 SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, arguments[2], NULL, NULL, NULL, NULL, NULL);
    else
        service = OpenServiceW(manager, L"vAgentManager", SERVICE_ALL_ACCESS);
    if (!wcscmp(verb, L"start")) done = StartServiceW(service, 0, NULL);
    if (!wcscmp(verb, L"control")) done = ControlService(service, wcstoul(arguments[2], NULL, 10), &status);
    if (!done || !QueryServiceStatus(service, &status)) {
        printf("error %lu\n", GetLastError());
        return 1;
    }
    printf("%lu\n", status.dwCurrentState);
    return 0;
}
