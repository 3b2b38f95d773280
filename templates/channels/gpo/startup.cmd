@echo off
rem Computer startup script of a group policy: installs {{ file }}, or upgrades to it, where this version or a later one is not there yet.
rem Put it into one folder with the MSI and what belongs to it, on a share that computer accounts ("Domain Computers") may read and only
rem administrators may write, and name it by its UNC path: Computer Configuration, Policies, Windows Settings, Scripts, Startup.
rem The redirections stand first: a digit before one would be the number of a handle.
setlocal EnableExtensions DisableDelayedExpansion
set "MSI={{ file }}"
set "VERSION={{ version }}"
rem A transform beside the MSI, if any.{% if transforms %} There are: {{ transforms|join(", ") }}{% endif %}

set "TRANSFORM="
rem Settings as NAME="VALUE", with spaces between them; a percent sign in a value is written twice. There are:
{% for name in names %}
rem   {{ name }}
{% endfor %}
set PROPERTIES=
set "LOG=%SystemRoot%\Temp\{{ stem }}"

set "FOUND="
for /f "tokens=2,*" %%A in ('reg query "{{ key }}" /v {{ value }} /reg:{{ view }} 2^>nul') do if "%%A"=="REG_SZ" set "FOUND=%%B"
if not defined FOUND goto install
for /f "tokens=1-4 delims=." %%A in ("%FOUND%.0.0.0") do (
    set "A1=%%A"
    set "A2=%%B"
    set "A3=%%C"
    set "A4=%%D"
)
for /f "tokens=1-4 delims=." %%A in ("%VERSION%.0.0.0") do (
    set "B1=%%A"
    set "B2=%%B"
    set "B3=%%C"
    set "B4=%%D"
)
if %A1% LSS %B1% goto install
if %A1% GTR %B1% goto there
if %A2% LSS %B2% goto install
if %A2% GTR %B2% goto there
if %A3% LSS %B3% goto install
if %A3% GTR %B3% goto there
if %A4% LSS %B4% goto install

:there
>>"%LOG%.startup.log" echo %DATE% %TIME% version %FOUND% is there, nothing to do
exit /b 0

:install
set "WITH="
if defined TRANSFORM set WITH=TRANSFORMS="%~dp0%TRANSFORM%"
>>"%LOG%.startup.log" echo %DATE% %TIME% installing %VERSION%; found: %FOUND%
start "" /wait "%SystemRoot%\System32\msiexec.exe" /i "%~dp0%MSI%" /qn /norestart /l*v "%LOG%.log" %WITH% %PROPERTIES%
set "CODE=%ERRORLEVEL%"
>>"%LOG%.startup.log" echo %DATE% %TIME% msiexec ended with %CODE%
rem 1618: another installation ran, and the next start of the machine tries again. 1641 and 3010: done, a restart is wanted.
if %CODE%==0 exit /b 0
if %CODE%==1618 exit /b 1618
if %CODE%==1641 exit /b 1641
if %CODE%==3010 exit /b 3010
if exist "{{ result }}" >>"%LOG%.startup.log" type "{{ result }}"
exit /b %CODE%
