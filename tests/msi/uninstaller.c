/* Stands in for msiexec: 3 where linkctl.exe is out of the way, 4 where Windows Installer would find it in use. */
#include <windows.h>

int main(void)
{
	return GetFileAttributesW(L"C:\\Program Files\\Intigua\\bin\\linkctl.exe") == INVALID_FILE_ATTRIBUTES ? 3 : 4;
}
