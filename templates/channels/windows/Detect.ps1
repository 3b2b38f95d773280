# Detection for ConfigMgr and Intune: exit code 0 and a line on standard output where this version or a later one is installed.
$wanted = [version] {{ version|ps }}
$base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
$key = $base.OpenSubKey({{ key|ps }})
if ($null -ne $key) {
    $found = $key.GetValue({{ value|ps }})
    if ($found -match '^[0-9]+(\.[0-9]+){1,3}$' -and [version] $found -ge $wanted) { Write-Output "version $found is installed" }
}
exit 0
