# Tries on a real Windows what docs/windows.md claims ("What is known, and how"), and prints what differs.
# For a machine that may be spoilt, as an elevated administrator, with nothing of the product installed:
#   powershell -ExecutionPolicy Bypass -File windows-check.ps1 -Msi X.msi [-Mst X-SITE.mst] [-OtherMst Y.mst] [-Next NEWER.msi] [-User NAME -Password SECRET]
param(
    [Parameter(Mandatory = $true)][string]$Msi,
    [string]$Mst, [string]$OtherMst, [string]$Next, [string]$User, [string]$Password
)
$failed = 0
$service = 'vAgentManager'
$root = "$env:ProgramFiles\Intigua"
$data = "$env:ProgramData\Intigua"
$setup = 'HKLM:\SOFTWARE\VMI\setup'
$log = "$env:TEMP\windows-check.log"
$Msi = (Resolve-Path $Msi).Path

function Say($Id, $Good, $What) {
    if ($Good) { "ok      $Id  $What" } else { $script:failed++; "DIFFERS $Id  $What" }
}
function Left($Id, $Why) { "left    $Id  $Why" }
# One run of msiexec: 'Step ID ARGUMENTS CODE'. The arguments are one text, so that a test can play them elsewhere.
function Step($Id, $Arguments, $Code) {
    $text = $Arguments.Replace('{MSI}', "`"$Msi`"").Replace('{MST}', "`"$Mst`"").Replace('{OTHER}', "`"$OtherMst`"").Replace('{NEXT}', "`"$Next`"")
    $done = Start-Process msiexec.exe -ArgumentList "$text /qn /l*v `"$log`"" -Wait -PassThru
    Say $Id ($done.ExitCode -eq $Code) "msiexec $text ended with $($done.ExitCode), expected $Code"
}
function Result { if (Test-Path "$data\install.json") { Get-Content "$data\install.json" -Raw | ConvertFrom-Json } }
function Runs { (Get-Service $service -ErrorAction SilentlyContinue).Status -eq 'Running' }
function Config { Get-Content "$root\components\csclient.cfg" -Raw }
# Whether ordinary users (Users, Authenticated Users, Everyone) have one of these rights there.
function UsersMay($Path, $Rights) {
    $groups = 'S-1-5-32-545', 'S-1-5-11', 'S-1-1-0'
    $rules = (Get-Acl $Path).GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])
    [bool]($rules | Where-Object { $groups -contains $_.IdentityReference.Value -and ($_.FileSystemRights -band $Rights) })
}

Step 'W12' '/i {MSI} INSTALL_ROOT=Q:\Agents' 1603
Say 'W12' ((Result).outcome -eq 'refused' -and (Result).exit_code -eq 12) 'install.json: refused, 12'
Step 'W13' '/i {MSI} ALLUSERS=""' 1603
Step 'W01' '/i {MSI} TOKEN_FILE=C:\Windows\Temp\windows-check.token' 0
$registered = Get-CimInstance Win32_Service -Filter "Name='$service'"
Say 'W01' ((Runs) -and $registered.StartName -eq 'LocalSystem' -and $registered.StartMode -eq 'Auto') 'the service runs as LocalSystem, automatic'
Say 'W01' ($registered.PathName.StartsWith('"')) "ImagePath is quoted: $($registered.PathName)"
Say 'W02' ((Result).outcome -eq 'installed' -and (Result).exit_code -eq 0 -and (Result).id) 'install.json: installed, 0, with an id'
$key = Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$service"
Say 'W03' ($key.FailureActions -and $key.FailureActionsOnNonCrashFailures -eq 1) 'recovery actions, and their flag'
Say 'W04' ($key.DelayedAutostart -eq 1) 'delayed start'
Say 'W05' ((Get-Acl $root).AreAccessRulesProtected -and -not (UsersMay $root 'Write, Delete, ChangePermissions')) 'the root inherits nothing, and users may not write'
Say 'W06' (-not (UsersMay "$root\components" 'ReadData') -and -not (UsersMay $data 'ReadData')) 'users read neither components nor ProgramData\Intigua'
Say 'W07' (-not (Select-String -Path $log -SimpleMatch 'windows-check.token' -Quiet)) 'TOKEN_FILE is not in the verbose log'
& "$root\bin\linkctl.exe" check | Out-Null
Say 'W16' ($LASTEXITCODE -eq 0) "linkctl check ended with $LASTEXITCODE"
Step 'W08' '/i {MSI} SERVER_URL=https://second.example' 0
Say 'W08' ((Get-ItemProperty $setup).SERVER_URL -eq 'https://second.example' -and (Config) -match 'second.example') 'registry and csclient.cfg have the new server'
$containers = @(Get-ChildItem "$root\Intigua-Libs" -Directory).Name
Step 'W09' '/i {MSI} CONTAINERS=pulse' 0
Say 'W09' (@(Get-ChildItem "$root\Intigua-Libs" -Directory).Count -lt $containers.Count -and (Runs)) 'a container went, and the service runs'
Step 'W09' '/i {MSI} CONTAINERS=*' 0
Say 'W09' (@(Get-ChildItem "$root\Intigua-Libs" -Directory).Count -eq $containers.Count -and (Runs)) 'it is back, and the service runs'
Step 'W10' '/i {MSI} REINSTALL=ALL REINSTALLMODE=amus' 0
Say 'W10' ((Config) -match 'second.example') 'the repair kept the server'
$policy = 'HKLM:\SOFTWARE\Policies\VMI\setup'
New-Item $policy -Force | New-ItemProperty -Name SERVER_URL -Value 'https://policy.example' | Out-Null
Start-Sleep -Seconds 10
Say 'W24' ((Get-Content "$data\logs\vlink.log" -Raw) -match 'group policy: SERVER_URL') 'the connector follows a group policy by itself'
Say 'W24' ((& "$root\bin\linkctl.exe" check --json) -match 'gives SERVER_URL') 'linkctl check names what the policy gives'
$events = @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $service } -ErrorAction SilentlyContinue)
Say 'W25' (@($events | Where-Object { $_.Id -eq 2 -and $_.Message -match 'The connector runs' }).Count -gt 0) 'event 2 is in the Application log, with its text'
Say 'W25' (@($events | Where-Object { $_.Id -eq 8 }).Count -gt 0) 'event 8 tells of the policy'
Remove-Item $policy
Step 'W14' '/i {MSI}' 0
Say 'W14' ((Result).outcome -eq 'reinstalled') 'install.json: reinstalled'
if ($User) {
    $secret = New-Object pscredential $User, (ConvertTo-SecureString $Password -AsPlainText -Force)
    Start-Process msiexec.exe -Credential $secret -ArgumentList "/i `"$Msi`" SERVER_URL=https://user.example REINSTALL=ALL /qn" -Wait
    Say 'W11' ((Runs) -and -not ((Config) -match 'user.example')) 'an ordinary user changed nothing'
} else { Left 'W11' 'name an ordinary account with -User and -Password' }
if ($Next) {
    $console = Start-Process mmc.exe services.msc -PassThru
    Start-Sleep 5
    Step 'W20' '/i {NEXT}' 0
    Say 'W20' (Runs) 'the new version runs, with services.msc open'
    Say 'W21' (Test-Path (($registered.PathName -split '"')[1])) 'the program is there after the upgrade'
    Stop-Process $console
    Step 'W17' '/x {NEXT}' 0
} else {
    Left 'W20' 'name a newer version with -Next'
    Left 'W21' 'name a newer version, with a program of a lower file version, with -Next'
    Step 'W17' '/x {MSI}' 0
}
Say 'W17' (-not (Get-Service $service -ErrorAction SilentlyContinue) -and -not (Test-Path $setup) -and -not (Test-Path $root)) 'nothing is left'
Step 'W15' '/i {MSI} DISABLEROLLBACK=1' 0
Say 'W15' ((Result).outcome -eq 'installed') 'install.json is of the run without rollback'
$signer = (Get-AuthenticodeSignature $Msi).SignerCertificate
if ($signer) {
    $theirs = (Get-AuthenticodeSignature "$root\bin\linkctl.exe")
    Say 'W23' ($theirs.SignerCertificate.Thumbprint -eq $signer.Thumbprint -and $theirs.Status -ne 'HashMismatch') "linkctl.exe: $($theirs.Status)"
} else { Left 'W23' 'name a signed MSI' }
& "$root\bin\linkctl.exe" uninstall *> $null
Say 'W22' ($LASTEXITCODE -eq 0 -and -not (Test-Path $root)) "linkctl uninstall ended with $LASTEXITCODE"
if ($Mst) {
    Step 'W18' '/i {MSI} TRANSFORMS={MST} SERVER_URL=https://special.example' 0
    Step 'W18' '/i {MSI} TRANSFORMS={MST} REINSTALL=ALL' 0
    Say 'W18' ((Get-ItemProperty $setup).SERVER_URL -eq 'https://special.example') 'the repair kept what went over the transform'
    Step 'W17' '/x {MSI}' 0
} else { Left 'W18' 'name a transform with -Mst' }
if ($OtherMst) { Step 'W19' '/i {MSI} TRANSFORMS={OTHER}' 1624 } else { Left 'W19' 'name another product''s transform with -OtherMst' }
"$failed of the claims differ; the last log is $log"
exit [int]($failed -gt 0)
