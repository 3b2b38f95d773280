# verify.ps1 [-Fingerprint HEX]
# Says whether this kit is whole and signed by its vendor. Needs PowerShell 4 or later and nothing else; writes nothing.
# The key in the kit proves nothing by itself: give the fingerprint from the sheet that came another way.
param([string]$Fingerprint = '')
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $MyInvocation.MyCommand.Path
$script:bad = $false
function Good([string]$text) { Write-Output "ok    $text" }
function Fail([string]$text) {
    Write-Output "BAD   $text"
    $script:bad = $true
}
function Hex([byte[]]$bytes) { return ([System.BitConverter]::ToString($bytes) -replace '-', '').ToLower() }

# One element of DER: its tag, where its content begins and how long that is.
function Read-Der([byte[]]$der, [int]$at) {
    $length = [int]$der[$at + 1]
    $start = $at + 2
    if ($length -ge 128) {
        $count = $length - 128
        $length = 0
        for ($i = 0; $i -lt $count; $i++) { $length = $length * 256 + $der[$start + $i] }
        $start += $count
    }
    return @{ Tag = $der[$at]; Start = $start; Length = $length; End = $start + $length }
}
function Slice([byte[]]$bytes, [int]$start, [int]$length) {
    $out = New-Object byte[] $length
    [Array]::Copy($bytes, $start, $out, 0, $length)
    return , $out
}
# An INTEGER's bytes without the sign's zero, filled with zeros to a width.
function Read-Integer([byte[]]$der, $element, [int]$width) {
    $start = $element.Start
    $length = $element.Length
    while ($length -gt 1 -and $der[$start] -eq 0) {
        $start++
        $length--
    }
    if ($width -lt $length) { $width = $length }
    $out = New-Object byte[] $width
    [Array]::Copy($der, $start, $out, $width - $length, $length)
    return , $out
}
function Test-Signature([byte[]]$key, [byte[]]$data, [byte[]]$signature) {
    $sequence = Read-Der $key 0
    $algorithm = Read-Der $key $sequence.Start
    $bits = Read-Der $key $algorithm.End
    $oid = Read-Der $key $algorithm.Start
    if ((Hex (Slice $key $oid.Start $oid.Length)) -eq '2a864886f70d010101') {
        $numbers = Read-Der $key ($bits.Start + 1)
        $modulus = Read-Der $key $numbers.Start
        $exponent = Read-Der $key $modulus.End
        $parameters = New-Object System.Security.Cryptography.RSAParameters
        $parameters.Modulus = Read-Integer $key $modulus 0
        $parameters.Exponent = Read-Integer $key $exponent 0
        $rsa = New-Object System.Security.Cryptography.RSACryptoServiceProvider
        $rsa.ImportParameters($parameters)
        return $rsa.VerifyData($data, 'SHA256', $signature)
    }
    # ECDSA: the point is the end of the key, uncompressed.
    $width = [int](($bits.Length - 2) / 2)
    $magic = 0x31534345
    if ($width -eq 48) { $magic = 0x33534345 }
    $blob = [System.BitConverter]::GetBytes([int]$magic) + [System.BitConverter]::GetBytes([int]$width) + (Slice $key ($bits.Start + 2) (2 * $width))
    $format = [System.Security.Cryptography.CngKeyBlobFormat]::EccPublicBlob
    $cng = [System.Security.Cryptography.CngKey]::Import([byte[]]$blob, $format)
    $ecdsa = New-Object System.Security.Cryptography.ECDsaCng($cng)
    $ecdsa.HashAlgorithm = [System.Security.Cryptography.CngAlgorithm]::Sha256
    $pair = Read-Der $signature 0
    $r = Read-Der $signature $pair.Start
    $s = Read-Der $signature $r.End
    $plain = (Read-Integer $signature $r $width) + (Read-Integer $signature $s $width)
    return $ecdsa.VerifyData($data, [byte[]]$plain)
}

$pem = [System.IO.File]::ReadAllText((Join-Path $root 'keys\vendor.pub'))
$key = [System.Convert]::FromBase64String(($pem -replace '-----[A-Z ]+-----', '' -replace '\s', ''))
$found = Hex ([System.Security.Cryptography.SHA256]::Create().ComputeHash($key))
$wanted = ($Fingerprint -replace '[\s:]', '').ToLower() -replace '^sha256', ''
if ($wanted -eq '') {
    Write-Output "note  the key has the fingerprint ${found}: compare it with the sheet"
} elseif ($wanted -eq $found) {
    Good 'key fingerprint'
} else {
    Fail "the key has another fingerprint: $found"
}
$list = Join-Path $root 'SHA256SUMS'
$data = [System.IO.File]::ReadAllBytes($list)
$signature = [System.IO.File]::ReadAllBytes((Join-Path $root 'SHA256SUMS.sig'))
if (Test-Signature $key $data $signature) {
    Good 'signature of SHA256SUMS'
} else {
    Fail 'the signature of SHA256SUMS is not by this key, or SHA256SUMS was changed'
}

$listed = @{}
foreach ($line in [System.Text.Encoding]::UTF8.GetString($data).Split("`n")) {
    if ($line -eq '') { continue }
    if ($line -notmatch '^([0-9a-f]{64})  (.+)$') {
        Fail "SHA256SUMS has a line that is not a digest and a name: $line"
        continue
    }
    $digest = $Matches[1]
    $name = $Matches[2]
    $listed[$name] = $true
    $path = Join-Path $root ($name -replace '/', '\')
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        Fail "${name}: missing"
    } elseif ((Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash.ToLower() -ne $digest) {
        Fail "${name}: changed"
    }
}
foreach ($file in Get-ChildItem -LiteralPath $root -Recurse -Force | Where-Object { -not $_.PSIsContainer }) {
    $name = $file.FullName.Substring($root.TrimEnd('\').Length + 1) -replace '\\', '/'
    if ($name -cmatch '^SHA256SUMS(\.sig)?$|^SHA256SUMS\.((sig|pub)\.[0-9a-f]{16}|(vol0\+[0-9]+\.)?par2)$') { continue }
    if (-not $listed.ContainsKey($name)) { Fail "not listed: $name" }
}
if ($script:bad) {
    Write-Output 'This kit must not be used.'
    exit 1
}
Good "$($listed.Count) files"
