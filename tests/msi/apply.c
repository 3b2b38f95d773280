/* apply BASE.msi TRANSFORM.mst QUERY: applies a transform with no difference suppressed and prints the first column of each row. */
#include <windows.h>
#include <msi.h>
#include <msiquery.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    MSIHANDLE database, view, record;
    char value[512];
    DWORD size;
    if (count != 4 || MsiOpenDatabaseA(arguments[1], MSIDBOPEN_TRANSACT, &database)) return 2;
    if (MsiDatabaseApplyTransformA(database, arguments[2], 0)) return 3;
    if (MsiDatabaseOpenViewA(database, arguments[3], &view) || MsiViewExecute(view, 0)) return 4;
    while (MsiViewFetch(view, &record) == ERROR_SUCCESS) {
        size = sizeof value;
        if (MsiRecordGetStringA(record, 1, value, &size) == ERROR_SUCCESS) puts(value);
    }
    return 0;
}
