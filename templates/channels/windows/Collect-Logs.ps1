<#
.SYNOPSIS
Puts what support needs into one zip: install.json, the product's logs, msiexec's logs, events, the service, the registry key.
.DESCRIPTION
csclient.cfg, which holds the machine's identity, stays out, and so do the values of settings that may be secrets. Needs an elevated administrator, or SYSTEM.
.PARAMETER Destination
A folder, a share too; the zip is called like the machine and the time.
#>
[CmdletBinding(PositionalBinding = $false)]
param([Parameter(Mandatory = $true)] [string] $Destination)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$application = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'application.json') -Raw -Encoding UTF8 | ConvertFrom-Json
$name = '{0}-{1:yyyyMMdd-HHmmss}' -f $env:COMPUTERNAME, (Get-Date)
# A name that nobody can take before: others may write in SYSTEM's temporary folder.
$work = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
$folder = Join-Path $work 'logs'
$null = New-Item -ItemType Directory -Path $folder

# What cannot be had is told, and the rest is collected all the same.
function Save([string] $what, [scriptblock] $how) {
    try { & $how }
    catch { Add-Content -LiteralPath (Join-Path $folder 'missing.txt') -Value "${what}: $_" }
}

try {
    $data = Split-Path ([Environment]::ExpandEnvironmentVariables($application.result))
    Save 'install.json' { Copy-Item -LiteralPath (Join-Path $data 'install.json') -Destination $folder }
    Save 'logs' { Copy-Item -LiteralPath (Join-Path $data 'logs') -Destination $folder -Recurse }
    foreach ($kind in 'install', 'uninstall') {
        $log = Join-Path $env:WINDIR "Temp\$($application.file).$kind.log"
        if (Test-Path -LiteralPath $log) { Save $log { Copy-Item -LiteralPath $log -Destination $folder } }
    }
    foreach ($service in $application.services) {
        Save $service.name {
            Get-CimInstance -ClassName Win32_Service | Where-Object { $_.Name -eq $service.name } |
                Select-Object Name, State, StartMode, StartName, PathName, ProcessId, ExitCode |
                ConvertTo-Json | Set-Content -LiteralPath (Join-Path $folder "service-$($service.name).json") -Encoding UTF8
        }
        Save "events of $($service.name)" {
            Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $service.name } -MaxEvents 500 |
                Select-Object TimeCreated, Id, LevelDisplayName, Message |
                ConvertTo-Json | Set-Content -LiteralPath (Join-Path $folder "events-$($service.name).json") -Encoding UTF8
        }
    }
    Save 'the registry' {
        $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
        $key = $base.OpenSubKey(($application.detection.key -replace '^HKLM\\', ''))
        $values = @{}
        foreach ($value in $key.GetValueNames()) {
            $values[$value] = if (@($application.hidden) -contains $value) { '(hidden)' } else { [string] $key.GetValue($value) }
        }
        $values | ConvertTo-Json | Set-Content -LiteralPath (Join-Path $folder 'registry.json') -Encoding UTF8
    }
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    $zip = Join-Path $work "$name.zip"
    [IO.Compression.ZipFile]::CreateFromDirectory($folder, $zip)
    Move-Item -LiteralPath $zip -Destination (Join-Path $Destination "$name.zip")
    Write-Output (Join-Path $Destination "$name.zip")
}
finally { Remove-Item -LiteralPath $work -Recurse -Force }
