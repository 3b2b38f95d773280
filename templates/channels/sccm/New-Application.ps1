#Requires -Version 5.1
<#
.SYNOPSIS
Makes the application of this folder in ConfigMgr (2107 or later): content, deployment types, detection, return codes, requirements, supersedence.
.DESCRIPTION
All that it knows stands in application.json beside it. What is there already under its name stays as it is, so it can be run again.
Run it where the console is installed. The MSI is taken from the kit that this folder lies in.
.PARAMETER ContentPath
A share that the site server reads; a folder of the MSI's name is made in it.
.PARAMETER Property
Settings of every deployment type as NAME=VALUE: -Property SERVER_URL=https://core.example.com:443, 'TOKEN_FILE=C:\own token'
.PARAMETER Transform
A transform for all machines.
.PARAMETER ActiveDirectorySite
Transforms for some machines: each becomes a deployment type of its own, for machines of these sites, and goes before the one for the others:
-ActiveDirectorySite @{ 'agent-berlin.mst' = 'Berlin', 'Potsdam' }
.PARAMETER Supersedes
The application of an older version. It is upgraded: the MSI itself replaces the older one.
.EXAMPLE
.\New-Application.ps1 -SiteCode ABC -ContentPath \\server\sources -DistributionPointGroup All -Collection 'Pilot'
#>
[CmdletBinding(SupportsShouldProcess = $true, PositionalBinding = $false)]
param(
    [Parameter(Mandatory = $true)] [ValidatePattern('^[A-Za-z0-9]{3}$')] [string] $SiteCode,
    [Parameter(Mandatory = $true)] [ValidatePattern('^\\\\')] [string] $ContentPath,
    [string[]] $Property = @(),
    [string] $Transform = '',
    [hashtable] $ActiveDirectorySite = @{},
    [string] $Supersedes = '',
    [string[]] $DistributionPointGroup = @(),
    [string] $Collection = ''
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$application = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'application.json') -Raw -Encoding UTF8 | ConvertFrom-Json
$scripts = 'application.json', 'Install.ps1', 'Uninstall.ps1', 'Collect-Logs.ps1'
$windows = Join-Path $PSScriptRoot '..\..\..\windows'

# The content: the MSI with what belongs to it, each by its digest, and the scripts.
function Copy-Content([string] $folder) {
    if (-not (Test-Path -LiteralPath $folder)) { $null = New-Item -ItemType Directory -Path $folder }
    foreach ($one in $application.files) {
        $target = Join-Path $folder $one.file
        Copy-Item -LiteralPath (Join-Path $windows $one.file) -Destination $target -Force
        if ((Get-FileHash -LiteralPath $target -Algorithm SHA256).Hash -ne $one.sha256) { throw "$target is not the file of the kit: run verify.ps1" }
    }
    foreach ($name in $scripts) { Copy-Item -LiteralPath (Join-Path $PSScriptRoot $name) -Destination (Join-Path $folder $name) -Force }
}

# One word of a command line that Windows takes apart. Backslashes before the quote that ends it count twice.
function Get-Word([string] $text) {
    if ($text.Contains('"')) { throw "a value must not hold a quote: $text" }
    return '"' + ($text -replace '(\\+)$', '$1$1') + '"'
}

function Get-InstallCommand([string] $transform) {
    $words = @('powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File Install.ps1')
    if ($transform -ne '') {
        if ($transform -notlike '*.mst' -or @($application.beside) -notcontains $transform) { throw "there is no transform $transform for $($application.file)" }
        $words += '-Transform ' + (Get-Word $transform)
    }
    $names = @($application.properties | ForEach-Object { $_.name })
    foreach ($pair in $Property) {
        if ($names -cnotcontains ($pair -split '=', 2)[0]) { throw "$pair is no setting; there are: $($names -join ', ')" }
        $words += Get-Word $pair
    }
    return $words -join ' '
}

# A 64-bit Windows with room for the files.
function Get-Requirement {
    $system = Get-CMGlobalCondition -Name 'Operating System' | Where-Object { $_.PlatformType -eq 1 }
    $platforms = @(Get-CMConfigurationPlatform -Name 'All Windows * (64-bit)' -Fast)
    if ($platforms.Count -gt 0) { New-CMRequirementRuleOperatingSystemValue -InputObject $system -RuleOperator OneOf -Platform $platforms }
    $disk = Get-CMGlobalCondition -Name 'Disk space'
    $megabytes = [long] [Math]::Ceiling($application.installed_size / 1MB) + 64
    New-CMRequirementRuleFreeDiskSpaceValue -InputObject $disk -PartitionOption System -RuleOperator GreaterEquals -Value1 $megabytes
}

function Add-DeploymentType([string] $label, [string] $transform, $requirements) {
    if (Get-CMDeploymentType -ApplicationName $name -DeploymentTypeName $label -DisableWildcardHandling) {
        Write-Output "kept the deployment type $label"
        return
    }
    $clause = @{
        Hive = 'LocalMachine'
        KeyName = $application.detection.key -replace '^HKLM\\', ''
        ValueName = $application.detection.value
        PropertyType = 'Version'
        Is64Bit = $true
        Value = $true
        ExpressionOperator = 'GreaterEquals'
        ExpectedValue = $application.version
    }
    $type = @{
        ApplicationName = $name
        DeploymentTypeName = $label
        ContentLocation = Join-Path $content $application.file
        InstallCommand = Get-InstallCommand $transform
        UninstallCommand = 'powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File Uninstall.ps1'
        AddDetectionClause = New-CMDetectionClauseRegistryKeyValue @clause
        AddRequirement = $requirements
        InstallationBehaviorType = 'InstallForSystem'
        LogonRequirementType = 'WhetherOrNotUserLoggedOn'
        UserInteractionMode = 'Hidden'
        RebootBehavior = 'BasedOnExitCode'
        EstimatedRuntimeMins = 5
        MaximumRuntimeMins = 60
        Force = $true
    }
    $null = Add-CMMsiDeploymentType @type
    $made = Get-CMDeploymentType -ApplicationName $name -DeploymentTypeName $label -DisableWildcardHandling
    # 0, 1618, 1641, 1707 and 3010 are there from the start. Install.ps1 ends with these besides.
    foreach ($code in $application.exit_codes) {
        if ($code.outcome -eq 'failed') {
            Add-CMDeploymentTypeReturnCode -InputObject $made -ReturnCode $code.code -CodeType Failure -Name $code.meaning
        }
    }
    Write-Output "made the deployment type $label"
}

$name = '{0} {1}' -f $application.name, $application.version
$content = Join-Path $ContentPath ([IO.Path]::GetFileNameWithoutExtension($application.file))
if (-not $PSCmdlet.ShouldProcess($name, 'Make the application')) { return }
Copy-Content $content
Import-Module (Join-Path (Split-Path $env:SMS_ADMIN_UI_PATH) 'ConfigurationManager.psd1')
Push-Location "${SiteCode}:"
try {
    if (-not (Get-CMApplication -Name $name -Fast -DisableWildcardHandling)) {
        $null = New-CMApplication -Name $name -Publisher $application.publisher -SoftwareVersion $application.version -Description $application.description -AutoInstall $true
        Write-Output "made the application $name"
    }
    $requirements = @(Get-Requirement)
    # The one that was made first goes before the others.
    foreach ($file in ($ActiveDirectorySite.Keys | Sort-Object)) {
        $condition = Get-CMGlobalCondition -Name 'Active Directory site'
        $sites = New-CMRequirementRuleActiveDirectorySiteValue -InputObject $condition -RuleOperator OneOf -Site @($ActiveDirectorySite[$file])
        Add-DeploymentType "$name ($file)" $file ($requirements + $sites)
    }
    Add-DeploymentType $name $Transform $requirements
    if ($Supersedes -ne '') {
        $new = @(Get-CMDeploymentType -ApplicationName $name)[-1]
        foreach ($old in (Get-CMDeploymentType -ApplicationName $Supersedes)) {
            Add-CMDeploymentTypeSupersedence -SupersedingDeploymentType $new -SupersededDeploymentType $old -IsUninstall $false
        }
    }
    foreach ($group in $DistributionPointGroup) { Start-CMContentDistribution -ApplicationName $name -DistributionPointGroupName $group }
    if ($Collection -ne '') {
        $null = New-CMApplicationDeployment -Name $name -CollectionName $Collection -DeployAction Install -DeployPurpose Required -UserNotification HideAll
    }
}
finally { Pop-Location }
