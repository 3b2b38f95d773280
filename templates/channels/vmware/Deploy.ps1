<#
.SYNOPSIS
Installs, upgrades or removes the agent on many machines of a vCenter, by PowerCLI and VMware Tools.
.DESCRIPTION
Packages, settings, codes, time-outs and pauses stand in facts.json beside this file. The CSV has the column name and, where wanted, os (linux, windows),
package, and a column for each setting. PowerShell was not at hand where this was tested: its syntax alone was. Exit codes: 0 every machine is done, 1 some are not.
.EXAMPLE
Connect-VIServer vcenter.example; .\Deploy.ps1 -Operation install -Machines machines.csv -GuestCredential (Get-Credential root)
#>
[CmdletBinding()]
param(
    [ValidateSet('install', 'upgrade', 'uninstall')][string]$Operation = 'install',
    [Parameter(Mandatory = $true)][string]$Machines,
    [Parameter(Mandatory = $true)][pscredential]$GuestCredential,
    [string]$Report = 'report',
    [switch]$Resume
)
$ErrorActionPreference = 'Stop'
$Facts = Get-Content -Raw -Encoding UTF8 -LiteralPath (Join-Path $PSScriptRoot 'facts.json') | ConvertFrom-Json
$Kit = Join-Path $PSScriptRoot '..\..'
$Names = @($Facts.settings | ForEach-Object { $_.name })

function Get-Outcome([bool]$Windows, [int]$Code) {
    $table = $Facts.exit_codes
    if ($Windows) { $table = $Facts.msiexec_codes }
    $found = @($table | Where-Object { $_.code -eq $Code })
    if ($found.Count -gt 0) { return $found[0] }
    return [pscustomobject]@{ code = $Code; outcome = 'failed'; meaning = 'a code that is not in the table' }
}

# A word for sh.
function ConvertTo-ShellWord([string]$Text) {
    return "'" + $Text.Replace("'", "'\''") + "'"
}

# A verbatim string for PowerShell, in which typographic quotes count as quotes.
function ConvertTo-Verbatim([string]$Text) {
    return "'" + ($Text -replace "['\u2018\u2019\u201a\u201b]", '$0$0') + "'"
}

# Does the work until it succeeds, with growing pauses, for as long as the operation may take. The work gives back a code; $null is a success.
function Invoke-Again([int]$Seconds, [scriptblock]$Work, [bool]$Windows) {
    $end = (Get-Date).AddSeconds($Seconds)
    $pause = [double]$Facts.retry.first
    while ($true) {
        $code = $null
        $why = $null
        try { $code = & $Work } catch { $why = $_ }
        if ($null -eq $why -and ($null -eq $code -or (Get-Outcome $Windows $code).outcome -ne 'retry')) { return $code }
        if ((Get-Date).AddSeconds($pause) -gt $end) {
            if ($null -ne $why) { throw $why }
            return $code
        }
        Start-Sleep -Milliseconds ([int]($pause * 1000))
        $pause = [Math]::Min($pause * $Facts.retry.factor, $Facts.retry.max)
    }
}

# Runs a script in the guest and gives back its exit code.
function Invoke-Guest($Vm, [bool]$Windows, [string]$Script) {
    $type = 'Bash'
    if ($Windows) { $type = 'Powershell' }
    return (Invoke-VMScript -VM $Vm -GuestCredential $GuestCredential -ScriptType $type -ScriptText $Script).ExitCode
}

function Install-Agent($Vm, $Row, [bool]$Windows) {
    $kind = 'run'
    if ($Windows) { $kind = 'msi' }
    $packages = @($Facts.packages | Where-Object { $_.kind -eq $kind -and (-not $Row.package -or $_.file -eq $Row.package) })
    if ($packages.Count -ne 1) { throw "name one package of the kind $kind in the column package" }
    $package = $packages[0]
    $source = Join-Path $Kit $package.place
    $seconds = [int]$Facts.timeouts.install
    $settings = @($Names | Where-Object { $Row.$_ } | ForEach-Object { [pscustomobject]@{ key = $_; value = [string]$Row.$_ } })
    if ($Windows) {
        $folder = 'C:\Windows\agent-' + [guid]::NewGuid().ToString('N')
        $file = "$folder\agent.msi"
        if ($settings | Where-Object { $_.value -match '["|]' }) { throw 'a setting holds a quote or |, which Windows Installer cannot take' }
        $words = @('/i', "`"$file`"", '/qn', '/norestart', "RESULT=`"$folder\result.json`"") + @($settings | ForEach-Object { "$($_.key)=`"$($_.value)`"" })
        $list = ($words | ForEach-Object { ConvertTo-Verbatim $_ }) -join ', '
        $make = "New-Item -ItemType Directory -Path $(ConvertTo-Verbatim $folder) | Out-Null"
        $run = "if ((Get-FileHash -Algorithm SHA256 -LiteralPath $(ConvertTo-Verbatim $file)).Hash -ne '$($package.sha256)') { exit 99 }`n" +
            "Remove-Item -LiteralPath $(ConvertTo-Verbatim "$folder\result.json") -ErrorAction SilentlyContinue`n" +
            "`$p = Start-Process msiexec.exe -PassThru -ArgumentList @($list)`nif (-not `$p.WaitForExit($($seconds)000)) { `$p.Kill(); exit 1460 }`nexit `$p.ExitCode"
        $remove = "Remove-Item -Recurse -Force -LiteralPath $(ConvertTo-Verbatim $folder)"
    }
    else {
        $folder = '/var/tmp/agent-' + [guid]::NewGuid().ToString('N')
        $file = "$folder/agent.run"
        $list = ($settings | ForEach-Object { ConvertTo-ShellWord "$($_.key)=$($_.value)" }) -join ' '
        $make = "mkdir -m 700 $folder"
        $run = "case `$(sha256sum $file) in '$($package.sha256) '*) ;; *) exit 99 ;; esac; rm -f $folder/result.json; set -- $list; " +
            "case `$(sh $file --help) in *--result*) set -- --result $folder/result.json `"`$@`" ;; esac; exec timeout -k 30 $seconds sh $file --if-needed --quiet `"`$@`""
        $remove = "rm -r $folder"
    }
    $null = Invoke-Again ([int]$Facts.timeouts.reach) { $null = Invoke-Guest $Vm $Windows $make } $Windows
    try {
        $null = Invoke-Again ([int]$Facts.timeouts.upload) { Copy-VMGuestFile -VM $Vm -GuestCredential $GuestCredential -LocalToGuest -Force -Source $source -Destination $file } $Windows
        $code = Invoke-Again $seconds { Invoke-Guest $Vm $Windows $run } $Windows
        $local = Join-Path $Report ($Vm.Id + '.json')
        try { Copy-VMGuestFile -VM $Vm -GuestCredential $GuestCredential -GuestToLocal -Force -Source ($file -replace 'agent\.(run|msi)$', 'result.json') -Destination $local }
        catch { Write-Warning "$($Vm.Name): install.json could not be read: $_" }
        return $code
    }
    finally {
        try { $null = Invoke-Guest $Vm $Windows $remove } catch { Write-Warning "$($Vm.Name): $folder is left in the guest" }
    }
}

function Uninstall-Agent($Vm, [bool]$Windows) {
    $script = '[ -f @ETC@/location.conf ] || exit 0; root=$(cat @ETC@/location.conf); [ -x "$root/bin/linkctl" ] || exit 0; exec "$root/bin/linkctl" uninstall'
    if ($Windows) {
        $script = '$code = (Get-ItemProperty -LiteralPath ''HKLM:\@SETUP_KEY@'' -ErrorAction SilentlyContinue).ProductCode; if (-not $code) { exit 0 }; ' +
            '$p = Start-Process msiexec.exe -PassThru -Wait -ArgumentList @(''/x'', $code, ''/qn'', ''/norestart''); exit $p.ExitCode'
    }
    return Invoke-Again ([int]$Facts.timeouts.uninstall) { Invoke-Guest $Vm $Windows $script } $Windows
}

$null = New-Item -ItemType Directory -Force -Path $Report
$path = Join-Path $Report 'report.json'
$done = @{}
if ($Resume -and (Test-Path -LiteralPath $path)) {
    foreach ($row in @(Get-Content -Raw -Encoding UTF8 -LiteralPath $path | ConvertFrom-Json)) {
        if ($row.outcome -eq 'success' -and $row.operation -eq $Operation) { $done[$row.name] = $row }
    }
}
$rows = @()
foreach ($row in @(Import-Csv -LiteralPath $Machines -Encoding UTF8)) {
    if ($done.ContainsKey($row.name)) {
        $rows += $done[$row.name]
        continue
    }
    $result = [pscustomobject]@{ name = $row.name; operation = $Operation; outcome = 'failed'; exit_code = $null; meaning = ''; detail = '' }
    try {
        $vm = Get-VM -Name $row.name
        $windows = $row.os -eq 'windows' -or (-not $row.os -and $vm.Guest.GuestFamily -match 'windows')
        if ($Operation -eq 'uninstall') { $code = Uninstall-Agent $vm $windows } else { $code = Install-Agent $vm $row $windows }
        $found = Get-Outcome $windows $code
        $result.exit_code = $code
        $result.outcome = $found.outcome
        $result.meaning = $found.meaning
    }
    catch { $result.detail = "$_" }
    $rows += $result
    ConvertTo-Json -Depth 4 -InputObject @($rows) | Set-Content -Encoding UTF8 -LiteralPath "$path.new"
    Move-Item -Force -LiteralPath "$path.new" -Destination $path
}
$rows | ConvertTo-Html -Title $Facts.name | Set-Content -Encoding UTF8 -LiteralPath (Join-Path $Report 'report.html')
$rows | Format-Table -AutoSize
if (@($rows | Where-Object { $_.outcome -notin 'success', 'soft-reboot', 'hard-reboot' }).Count -gt 0) { exit 1 }
