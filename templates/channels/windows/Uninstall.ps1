<#
.SYNOPSIS
Removes what is installed of the product of application.json, whichever version it is, and ends with msiexec's code.
#>
[CmdletBinding(PositionalBinding = $false)]
param([string] $LogFolder = '')
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$application = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'application.json') -Raw -Encoding UTF8 | ConvertFrom-Json
if ($LogFolder -eq '') { $LogFolder = Join-Path $env:WINDIR 'Temp' }
$log = Join-Path $LogFolder ($application.file + '.uninstall.log')

# A later version has another product code: the installation says it. A 32-bit host has to ask for the 64-bit registry by name.
$base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
$key = $base.OpenSubKey(($application.detection.key -replace '^HKLM\\', ''))
$code = $null
if ($null -ne $key) { $code = $key.GetValue('ProductCode') }
if ($code -notmatch '^\{[0-9A-Fa-f-]{36}\}$') { $code = $application.product_code }

$words = "/x $code /qn /norestart /l*v ""$log"""
$process = Start-Process -FilePath (Join-Path $env:WINDIR 'System32\msiexec.exe') -ArgumentList $words -PassThru
$null = $process.Handle
$process.WaitForExit()
Write-Output "msiexec ended with $($process.ExitCode); its log is $log"
# Nothing to remove is what was wanted.
if ($process.ExitCode -eq 1605) { exit 0 }
exit $process.ExitCode
