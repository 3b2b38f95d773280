<#
.SYNOPSIS
Installs or upgrades the MSI beside this script, silently, and ends with a code that says how it went.
.DESCRIPTION
All that it knows stands in application.json beside it. It ends with msiexec's code where that says enough (0, 3010, 1641, 1618). Otherwise
install.json of this very run has the reason: its code is what this script ends with, and 1618 where a second try is worth while.
.PARAMETER Transform
A transform beside the MSI.
.PARAMETER Property
Settings as NAME=VALUE, any number of them: .\Install.ps1 SERVER_URL=https://core.example.com:443 "TOKEN_FILE=C:\own token"
.EXAMPLE
powershell.exe -NoProfile -ExecutionPolicy Bypass -File Install.ps1 -Transform site.mst
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    [string] $Transform = '',
    [string] $LogFolder = '',
    [Parameter(ValueFromRemainingArguments = $true)] [string[]] $Property = @()
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$usage = 2
# What ConfigMgr and Intune try again soon.
$busy = 1618
$application = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'application.json') -Raw -Encoding UTF8 | ConvertFrom-Json

function Stop-Usage([string] $text) {
    [Console]::Error.WriteLine("Install.ps1: $text")
    exit $usage
}

# One word of msiexec's command line. Nothing that an MSI takes holds a quote.
function Get-Word([string] $text) {
    if ($text.Contains('"')) { Stop-Usage "a value must not hold a quote: $text" }
    return '"' + $text + '"'
}

# install.json; nothing where there is none.
function Read-Result {
    $path = [Environment]::ExpandEnvironmentVariables($application.result)
    try { return Get-Content -LiteralPath $path -Raw -Encoding UTF8 | ConvertFrom-Json }
    catch { return $null }
}

function Get-Id($result) {
    if ($null -ne $result -and $result.PSObject.Properties['id']) { return [string] $result.id }
    return ''
}

# The code to end with, and why.
function Get-Outcome([int] $code, [string] $before) {
    $known = @($application.return_codes | Where-Object { $_.code -eq $code })
    $asIs = @{ Code = $code; Why = 'a code of msiexec' }
    if ($known.Count -gt 0) { $asIs.Why = $known[0].meaning }
    if ($known.Count -gt 0 -and $known[0].outcome -ne 'failed') { return $asIs }
    $result = Read-Result
    $id = Get-Id $result
    if ($id -eq '' -or $id -eq $before) { return $asIs }
    $ours = @($application.exit_codes | Where-Object { $_.code -eq $result.exit_code })
    if ($ours.Count -eq 0 -or $ours[0].outcome -eq 'success') { return $asIs }
    $why = '{0}: {1}' -f $ours[0].meaning, $result.message
    if ($ours[0].outcome -eq 'retry') { return @{ Code = $busy; Why = $why } }
    return @{ Code = [int] $ours[0].code; Why = $why }
}

if ($LogFolder -eq '') { $LogFolder = Join-Path $env:WINDIR 'Temp' }
$log = Join-Path $LogFolder ($application.file + '.install.log')
$words = @('/i', (Get-Word (Join-Path $PSScriptRoot $application.file)), '/qn', '/norestart', '/l*v', (Get-Word $log))
if ($Transform -ne '') {
    if ($Transform -notlike '*.mst' -or @($application.beside) -notcontains $Transform) { Stop-Usage "there is no transform $Transform beside $($application.file)" }
    $words += 'TRANSFORMS=' + (Get-Word (Join-Path $PSScriptRoot $Transform))
}
$names = @($application.properties | ForEach-Object { $_.name })
foreach ($pair in $Property) {
    $name, $value = $pair -split '=', 2
    if ($null -eq $value -or $names -cnotcontains $name) { Stop-Usage "$name is no setting; there are: $($names -join ', ')" }
    $words += $name + '=' + (Get-Word $value)
}
$before = Get-Id (Read-Result)
$process = Start-Process -FilePath (Join-Path $env:WINDIR 'System32\msiexec.exe') -ArgumentList ($words -join ' ') -PassThru
# Without it PowerShell forgets the code.
$null = $process.Handle
$process.WaitForExit()
$outcome = Get-Outcome $process.ExitCode $before
Write-Output $outcome.Why
Write-Output "msiexec ended with $($process.ExitCode), this script with $($outcome.Code); its log is $log"
exit $outcome.Code
