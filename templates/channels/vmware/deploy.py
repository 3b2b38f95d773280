#!/usr/bin/env python3
"""Installs, upgrades, removes or asks after the agent on many machines of a vCenter, by VMware Tools. Needs pyvmomi.

What packages, settings, exit codes, time-outs and pauses there are stands in facts.json beside this file.
Machines come from a CSV: name (inventory path, DNS name, address or UUID), and where wanted os (linux, windows), user, package, and a
column for each setting, such as SERVER_URL. Passwords come from files that nobody else can read, or are asked for.
Exit codes: 0 every machine is done, 1 some are not, 2 usage, 16 another run uses the report's folder, 130 interrupted."""
import argparse
import base64
import concurrent.futures
import csv
import datetime
import fcntl
import getpass
import gzip
import hashlib
import html
import http.client
import json
import os
import shlex
import ssl
import stat
import sys
import threading
import time
import urllib.request

FACTS = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "facts.json"), encoding="utf-8"))
KIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DONE = "success"
# Of this script's own making: no installation ends with it.
DAMAGED_ON_THE_WAY = 99


class Usage(Exception):
    """The command line, the CSV or a file that they name is wrong."""


class Failed(Exception):
    """This machine is given up, for a reason that another try does not change."""


class Again(Exception):
    """Worth another try."""

    def __init__(self, why, code=None):
        super().__init__(why)
        self.code = code


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("operation", choices=["install", "upgrade", "uninstall", "status", "guestinfo", "attach-iso"],
                        help="install also upgrades; guestinfo gives a machine without guest credentials user data for cloud-init; attach-iso puts an image into its drive")
    parser.add_argument("--vcenter", required=True, metavar="HOST")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--user", required=True, help="at the vCenter")
    parser.add_argument("--password-file", metavar="FILE")
    parser.add_argument("--ca", metavar="FILE", help="the certificates that vCenter and hosts are verified by, in place of the system's")
    parser.add_argument("--machines", required=True, metavar="CSV")
    parser.add_argument("--guest-user", metavar="NAME", help="root, or an administrator, where the CSV has no user; root without it")
    parser.add_argument("--guest-password-file", metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting for every machine; the CSV's go over it")
    parser.add_argument("--purge", action="store_true", help="with uninstall: also identity, queues, logs and what was edited")
    parser.add_argument("--timeout", action="append", default=[], metavar="NAME=SECONDS", help="one of: " + ", ".join(FACTS["timeouts"]))
    parser.add_argument("-j", "--jobs", type=int, default=8, help="machines at a time [8]")
    parser.add_argument("--report", default="report", metavar="DIR", help="where report.json and report.html go [report]")
    parser.add_argument("--resume", action="store_true", help="leave out the machines that the report says are done")
    parser.add_argument("--user-data", metavar="FILE", help="with guestinfo")
    parser.add_argument("--iso", metavar="[DATASTORE] PATH", help="with attach-iso")
    given = parser.parse_args()
    if (given.operation == "guestinfo") != bool(given.user_data) or (given.operation == "attach-iso") != bool(given.iso):
        parser.error("--user-data belongs to guestinfo, and --iso to attach-iso")
    if given.purge and given.operation != "uninstall":
        parser.error("--purge belongs to uninstall")
    given.timeouts = dict(FACTS["timeouts"])
    for pair in given.timeout:
        name, _, seconds = pair.partition("=")
        if name not in given.timeouts or not seconds.isdigit():
            parser.error("--timeout %s: NAME=SECONDS, with a NAME of %s" % (pair, ", ".join(given.timeouts)))
        given.timeouts[name] = int(seconds)
    return given


def secret(path, prompt):
    """One line: of a file that nobody else can read, or typed."""
    if path is None:
        return getpass.getpass(prompt + ": ")
    with open(path, encoding="utf-8") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise Usage("%s can be read by others: chmod 600 %s" % (path, path))
        return file.readline().rstrip("\r\n")


def settings_of(pairs):
    known = {setting["name"] for setting in FACTS["settings"]}
    settings = {}
    for key, value in pairs:
        if key not in known:
            raise Usage("%s is no setting; there are: %s" % (key, ", ".join(sorted(known))))
        if any(ord(c) < 32 or ord(c) == 127 for c in value):
            raise Usage("%s holds a control character" % key)
        settings[key] = value
    return settings


def machines(given):
    common = settings_of(pair.partition("=")[::2] for pair in given.set)
    known = {setting["name"] for setting in FACTS["settings"]}
    with open(given.machines, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(line for line in file if line.strip() and not line.startswith("#")))
    found, names = [], set()
    for number, row in enumerate(rows, 1):
        name = (row.get("name") or "").strip()
        wrong = [str(key) for key in row if key not in known and key not in ("name", "os", "user", "package")]
        if wrong:
            raise Usage("%s: the column %s is none of name, os, user, package and the settings" % (given.machines, ", ".join(wrong)))
        if not name or name in names or (row.get("os") or "") not in ("", "linux", "windows"):
            raise Usage("%s: machine %d has no name, a name that was there already, or an os that is none" % (given.machines, number))
        names.add(name)
        own = settings_of((key, row[key]) for key in row if key in known and row[key])
        found.append({"name": name, "os": row.get("os") or "", "user": row.get("user") or given.guest_user or "",
                      "package": row.get("package") or "", "settings": dict(common, **own)})
    if not found:
        raise Usage("%s names no machine" % given.machines)
    return found


def pauses():
    pause, retry = FACTS["retry"]["first"], FACTS["retry"]
    while True:
        yield pause
        pause = min(pause * retry["factor"], retry["max"])


def trying(log, operation, seconds, work):
    """Does the work until it succeeds, with growing pauses, for as long as the operation may take."""
    end = time.monotonic() + seconds
    for pause in pauses():
        log["tries"][operation] = log["tries"].get(operation, 0) + 1
        try:
            return work()
        except Again as again:
            if time.monotonic() + pause > end:
                error = Failed("%s: %s, and the time for it is over" % (operation, again))
                error.code = again.code
                raise error from again
            log["waited"].append(pause)
            time.sleep(pause)


class Center:
    """The vCenter, with one connection for each thread."""

    def __init__(self, given, password):
        from pyVim.connect import SmartConnect
        from pyVmomi import vim, vmodl
        self.vim, self.vmodl, self.given, self.local = vim, vmodl, given, threading.local()
        self.context = ssl.create_default_context(cafile=given.ca)
        self.links = []

        def connect():
            link = SmartConnect(host=given.vcenter, port=given.port, user=given.user, pwd=password, sslContext=self.context, connectionPoolTimeout=-1)
            self.links.append(link)
            return link.RetrieveContent()
        self.connect = connect
        # What cannot be reached is told once, and not for each machine.
        self.content()

    def content(self):
        if not hasattr(self.local, "content"):
            self.local.content = self.connect()
        return self.local.content

    def close(self):
        from pyVim.connect import Disconnect
        for link in self.links:
            try:
                Disconnect(link)
            except Exception:  # pylint: disable=broad-except  # it ends by itself
                pass

    def call(self, work):
        """Calls the vCenter; what may pass by itself is Again, all else Failed."""
        fault = self.vim.fault
        passing = [getattr(fault, name) for name in ("GuestOperationsUnavailable", "InvalidPowerState", "InvalidState", "TaskInProgress",
                                                      "TooManyGuestLogons", "OperationNotSupportedByGuest") if hasattr(fault, name)]
        try:
            return work()
        except fault.InvalidGuestLogin as error:
            raise Failed("the guest does not accept the user and password") from error
        except fault.GuestPermissionDenied as error:
            raise Failed("the guest's user may not do this: it has to be root or an administrator") from error
        except self.vmodl.fault.ManagedObjectNotFound as error:
            raise Failed("the machine is not in the inventory any more") from error
        except tuple(passing) as error:
            raise Again("the guest does not answer (%s)" % type(error).__name__.split(".")[-1]) from error
        except (self.vmodl.MethodFault, self.vmodl.RuntimeFault) as error:
            if isinstance(error, (self.vmodl.fault.HostCommunication, self.vmodl.fault.SystemError)):
                raise Again("the vCenter: %s" % type(error).__name__.split(".")[-1]) from error
            raise Failed("the vCenter: %s %s" % (type(error).__name__.split(".")[-1], getattr(error, "msg", "") or "")) from error
        except (OSError, http.client.HTTPException) as error:
            raise Again("the connection: %s" % error) from error

    def machine(self, name):
        index = self.content().searchIndex
        for look in (lambda: index.FindByInventoryPath(name), lambda: index.FindByDnsName(None, name, True), lambda: index.FindByIp(None, name, True),
                     lambda: index.FindByUuid(None, name, True)):
            found = self.call(look)
            if found is not None and isinstance(found, self.vim.VirtualMachine):
                return found
        raise Failed("no machine of this name, address or UUID is in the inventory")

    def reconfigure(self, vm, spec):
        task = self.call(lambda: vm.ReconfigVM_Task(spec))
        end = time.monotonic() + self.given.timeouts["status"]
        while time.monotonic() < end:
            info = self.call(lambda: task.info)
            if info.state == "success":
                return
            if info.state == "error":
                raise Failed("the vCenter: %s" % type(info.error).__name__.split(".")[-1])
            time.sleep(0.2)
        raise Failed("the vCenter does not end the change of the machine")


class Guest:
    """One machine, by its VMware Tools."""

    def __init__(self, center, machine, password, log):
        self.center, self.log, self.given = center, log, center.given
        self.vm = center.machine(machine["name"])
        trying(log, "reach", self.given.timeouts["reach"], self.ready)
        family = machine["os"] or ("windows" if "windows" in str(self.vm.guest.guestFamily or self.vm.guest.guestId or "").lower() else "linux")
        self.windows = family == "windows"
        user = machine["user"] or ("Administrator" if self.windows else "root")
        self.auth = center.vim.vm.guest.NamePasswordAuthentication(username=user, password=password(user), interactiveSession=False)
        operations = center.content().guestOperationsManager
        self.files, self.programs = operations.fileManager, operations.processManager
        check = operations.authManager
        trying(log, "reach", self.given.timeouts["reach"], lambda: center.call(lambda: check.ValidateCredentialsInGuest(vm=self.vm, auth=self.auth)))

    def ready(self):
        info = self.center.call(lambda: self.vm.guest)
        if info is None or not info.guestOperationsReady:
            raise Again("VMware Tools do not answer in the guest (%s)" % (info and info.toolsRunningStatus))

    def call(self, operation, work):
        return trying(self.log, operation, self.given.timeouts[operation], lambda: self.center.call(work))

    def folder(self):
        # The folder is private, and nobody else can write to the one above it, or root's are safe there.
        where = "C:\\Windows" if self.windows else "/var/tmp"
        return self.call("reach", lambda: self.files.CreateTemporaryDirectoryInGuest(vm=self.vm, auth=self.auth, prefix="agent-", suffix="", directoryPath=where))

    def join(self, folder, name):
        return folder.rstrip("/\\") + ("\\" if self.windows else "/") + name

    def url(self, url):
        # vCenter writes * where the client is to put the host that it talks to.
        return url.replace("*", self.given.vcenter, 1)

    def upload(self, source, target):
        vim, size = self.center.vim, os.path.getsize(source)
        if self.windows:
            attributes = vim.vm.guest.FileManager.WindowsFileAttributes()
        else:
            attributes = vim.vm.guest.FileManager.PosixFileAttributes(permissions=0o600)
        seconds = self.given.timeouts["upload"]

        def put():
            url = self.files.InitiateFileTransferToGuest(vm=self.vm, auth=self.auth, guestFilePath=target, fileAttributes=attributes, fileSize=size, overwrite=True)
            with open(source, "rb") as body:
                request = urllib.request.Request(self.url(url), data=body, method="PUT",
                                                 headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"})
                urllib.request.urlopen(request, timeout=seconds, context=self.center.context).close()
        self.call("upload", put)

    def download(self, path):
        def get():
            found = self.files.InitiateFileTransferFromGuest(vm=self.vm, auth=self.auth, guestFilePath=path)
            with urllib.request.urlopen(self.url(found.url), timeout=self.given.timeouts["status"], context=self.center.context) as answer:
                return answer.read(1 << 20)
        return self.call("status", get)

    def run(self, program, words, seconds):
        """Starts a program and waits for its exit code. A guest that is away for a while may come back with it."""
        spec = self.center.vim.vm.guest.ProcessManager.ProgramSpec(programPath=program, arguments=words, workingDirectory="C:\\" if self.windows else "/")
        pid = self.center.call(lambda: self.programs.StartProgramInGuest(vm=self.vm, auth=self.auth, spec=spec))
        end, pause = time.monotonic() + seconds + min(30, max(5, seconds)), 0.25
        why = "the program does not end"
        while time.monotonic() < end:
            try:
                seen = self.center.call(lambda: self.programs.ListProcessesInGuest(vm=self.vm, auth=self.auth, pids=[pid]))
                if not seen:
                    raise Again("the guest has forgotten the program: it was started again")
                if seen[0].endTime is not None:
                    return seen[0].exitCode
                why = "the program does not end"
            except Again as again:
                if "forgotten" in str(again):
                    raise
                why = str(again)
            time.sleep(min(pause, max(end - time.monotonic(), 0)))
            pause = min(pause * 2, 5)
        try:
            self.center.call(lambda: self.programs.TerminateProcessInGuest(vm=self.vm, auth=self.auth, pid=pid))
        except (Again, Failed):
            pass
        raise Failed("in %d s it did not end: %s" % (seconds, why))

    def shell(self, script, words, seconds):
        """A script for sh or, on Windows, PowerShell."""
        if self.windows:
            coded = base64.b64encode(script.encode("utf-16-le")).decode()
            return self.run(r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", "-NoProfile -NonInteractive -EncodedCommand " + coded, seconds)
        return self.run("/bin/sh", " ".join(shlex.quote(word) for word in ["-c", script, "sh"] + words), seconds)

    def clear(self, folder):
        try:
            self.center.call(lambda: self.files.DeleteDirectoryInGuest(vm=self.vm, auth=self.auth, directoryPath=folder, recursive=True))
        except (Again, Failed) as error:
            self.log["notes"].append("%s is left in the guest: %s" % (folder, error))


def powershell(text):
    """A verbatim string; typographic quotes end it as well."""
    return "'" + "".join(c * 2 if c in "'\u2018\u2019\u201a\u201b" else c for c in text) + "'"


def package_for(guest, machine):
    kind = "msi" if guest.windows else "run"
    found = [one for one in FACTS["packages"] if one["kind"] == kind and machine["package"] in ("", one["file"])]
    if not found:
        raise Failed("the kit has no package of the kind .%s%s" % (kind, " called " + machine["package"] if machine["package"] else ""))
    if len(found) > 1 and not machine["package"]:
        raise Failed("the kit has several packages for this system: name one in the column package (%s)" % ", ".join(one["file"] for one in found))
    return found[0]


# Checked by the guest, right before it is run; and ended by the guest itself when it takes too long.
INSTALL_LINUX = """sum=$1 file=$2 seconds=$3 result=$4; shift 4
case $(sha256sum "$file") in "$sum "*) ;; *) exit 99 ;; esac
case $(sh "$file" --help) in *--result*) set -- --result "$result" "$@" ;; esac
if command -v timeout >/dev/null; then exec timeout -k 30 "$seconds" sh "$file" "$@"; fi
exec sh "$file" "$@" """
REMOVE_LINUX = """[ -f @ETC@/location.conf ] || exit 0
root=$(cat @ETC@/location.conf); [ -x "$root/bin/linkctl" ] || exit 0
exec "$root/bin/linkctl" "$@" """
INSTALL_WINDOWS = """if ((Get-FileHash -Algorithm SHA256 -LiteralPath %(file)s).Hash -ne '%(sum)s') { exit 99 }
$p = Start-Process msiexec.exe -PassThru -ArgumentList @(%(words)s)
if (-not $p.WaitForExit(%(seconds)d000)) { $p.Kill(); exit 1460 }
exit $p.ExitCode
"""
REMOVE_WINDOWS = """$code = (Get-ItemProperty -LiteralPath 'HKLM:\\@SETUP_KEY_ESCAPED@' -ErrorAction SilentlyContinue).ProductCode
if (-not $code) { exit 0 }
$p = Start-Process msiexec.exe -PassThru -Wait -ArgumentList @('/x', $code, '/qn', '/norestart')
exit $p.ExitCode
"""
STATUS_WINDOWS = """$root = (Get-ItemProperty -LiteralPath 'HKLM:\\@SETUP_KEY_ESCAPED@' -ErrorAction SilentlyContinue).@ROOT_VALUE@
if (-not $root) { exit 30 }
& (Join-Path $root 'bin\\linkctl.exe') status | Out-Null
exit $LASTEXITCODE
"""


def meaning(guest, code):
    """What a tool does with an exit code, and what it means."""
    table = FACTS["msiexec_codes"] if guest.windows else FACTS["exit_codes"]
    for row in table:
        if row["code"] == code:
            return row["outcome"], row["meaning"]
    return "failed", "a code that is not in the table"


def install(guest, machine, row):
    package = package_for(guest, machine)
    source = os.path.join(KIT, package["place"])
    row["package"], row["sha256"] = package["file"], package["sha256"]
    seconds = guest.given.timeouts["install"]
    folder = guest.folder()
    try:
        target, result = guest.join(folder, "agent.msi" if guest.windows else "agent.run"), guest.join(folder, "result.json")
        guest.upload(source, target)

        def attempt():
            if guest.windows:
                settings = dict(machine["settings"], RESULT=result)
                wrong = [key for key, value in settings.items() if '"' in value or "|" in value]
                if wrong:
                    raise Failed("%s holds a quote or |, which Windows Installer cannot take" % ", ".join(wrong))
                words = ["/i", '"%s"' % target, "/qn", "/norestart"] + ['%s="%s"' % pair for pair in sorted(settings.items())]
                script = INSTALL_WINDOWS % {"file": powershell(target), "sum": package["sha256"].upper(), "seconds": seconds,
                                            "words": ", ".join(powershell(word) for word in words)}
                code = guest.shell(script, [], seconds)
            else:
                words = ["%s=%s" % pair for pair in sorted(machine["settings"].items())]
                code = guest.shell(INSTALL_LINUX, [package["sha256"], target, str(seconds), result, "--if-needed", "--quiet"] + words, seconds)
            if code == DAMAGED_ON_THE_WAY:
                guest.upload(source, target)
                raise Again("the package was damaged on its way")
            if meaning(guest, code)[0] == "retry":
                forget(guest, result)
                raise Again("another installation runs", code)
            return code
        row["exit_code"] = trying(guest.log, "install", seconds, attempt)
        row["outcome"], row["meaning"] = meaning(guest, row["exit_code"])
        told(guest, result, row)
    except Failed as error:
        if getattr(error, "code", None) is not None:
            row["exit_code"] = error.code
            row["meaning"] = meaning(guest, error.code)[1]
        raise
    finally:
        guest.clear(folder)


def forget(guest, path):
    """What a refused try has told makes room for the next one's: its file has to be new."""
    try:
        guest.center.call(lambda: guest.files.DeleteFileInGuest(vm=guest.vm, auth=guest.auth, filePath=path))
    except (Again, Failed):
        pass


def told(guest, result, row):
    """install.json, where there is one: the guest's word is data, whatever it says."""
    try:
        try:
            row["install"] = json.loads(guest.download(result).decode("utf-8"))
        except Failed:
            # Packages that were made before there was --result.
            if guest.windows:
                raise
            found = json.loads(guest.download("@LOG@/install.json").decode("utf-8"))
            if found.get("exit_code") != row["exit_code"]:
                raise
            row["install"] = found
        row["detail"] = str(row["install"].get("message", ""))[:500]
    except (Failed, ValueError, AttributeError) as error:
        row["notes"].append("install.json could not be read: %s" % error)


def uninstall(guest, _machine, row):
    seconds = guest.given.timeouts["uninstall"]

    def attempt():
        words = ["uninstall"] + (["--purge"] if guest.given.purge else [])
        code = guest.shell(REMOVE_WINDOWS if guest.windows else REMOVE_LINUX, words, seconds)
        if meaning(guest, code)[0] == "retry":
            raise Again("another installation runs", code)
        return code
    row["exit_code"] = trying(guest.log, "uninstall", seconds, attempt)
    row["outcome"], row["meaning"] = meaning(guest, row["exit_code"])


def status(guest, _machine, row):
    script = STATUS_WINDOWS if guest.windows else REMOVE_LINUX.replace("exit 0", "exit 30")
    code = guest.shell(script, ["status"], guest.given.timeouts["status"])
    row["exit_code"] = code
    words = {0: "runs", 3: "does not run", 33: "a container has died or ends again and again", 30: "nothing is installed"}
    row["outcome"], row["meaning"] = DONE if code == 0 else "failed", words.get(code, "unknown")


def guestinfo(center, machine, row):
    """User data by guestinfo, for cloud-init's DataSourceVMware. It is blanked once it was read: it may name a token."""
    vim = center.vim
    vm = center.machine(machine["name"])
    with open(center.given.user_data, "rb") as file:
        coded = base64.b64encode(gzip.compress(file.read(), mtime=0)).decode()
    # Without an instance-id cloud-init takes none for granted; "redact" blanks what it has read.
    metadata = json.dumps({"instance-id": "agent-" + hashlib.sha256(coded.encode()).hexdigest()[:16], "redact": ["userdata"],
                           "cleanup-guestinfo": ["userdata", "vendordata"]})
    values = {"guestinfo.metadata": base64.b64encode(metadata.encode()).decode(), "guestinfo.metadata.encoding": "base64",
              "guestinfo.userdata": coded, "guestinfo.userdata.encoding": "gzip+base64"}
    options = [vim.option.OptionValue(key=key, value=value) for key, value in values.items()]
    center.reconfigure(vm, vim.vm.ConfigSpec(extraConfig=options))
    row["outcome"], row["meaning"] = DONE, "user data is set; the next boot of a machine with cloud-init reads it"


def attach_iso(center, machine, row):
    vim = center.vim
    vm = center.machine(machine["name"])
    devices = center.call(lambda: vm.config).hardware.device
    drive = next((device for device in devices if isinstance(device, vim.vm.device.VirtualCdrom)), None)
    if drive is None:
        raise Failed("the machine has no CD drive: add one")
    drive.backing = vim.vm.device.VirtualCdrom.IsoBackingInfo(fileName=center.given.iso)
    drive.connectable = vim.vm.device.VirtualDevice.ConnectInfo(startConnected=True, connected=True, allowGuestControl=True)
    change = vim.vm.device.VirtualDeviceSpec(operation="edit", device=drive)
    center.reconfigure(vm, vim.vm.ConfigSpec(deviceChange=[change]))
    row["outcome"], row["meaning"] = DONE, "%s is in the drive" % center.given.iso


OF_THE_GUEST = {"install": install, "upgrade": install, "uninstall": uninstall, "status": status}
OF_THE_MACHINE = {"guestinfo": guestinfo, "attach-iso": attach_iso}


def one(center, machine, password):
    row = {"name": machine["name"], "outcome": "failed", "exit_code": None, "meaning": "", "detail": "", "tries": {}, "waited": [], "notes": [],
           "started_at": now()}
    began = time.monotonic()
    operation = center.given.operation
    try:
        if operation in OF_THE_MACHINE:
            OF_THE_MACHINE[operation](center, machine, row)
        else:
            OF_THE_GUEST[operation](Guest(center, machine, password, row), machine, row)
    except (Failed, Again) as error:
        row["outcome"], row["detail"] = "failed", str(error)
    except Exception as error:  # pylint: disable=broad-except  # one machine must not end the others
        row["outcome"], row["detail"] = "failed", "%s: %s" % (type(error).__name__, error)
    row["seconds"] = round(time.monotonic() - began, 1)
    return row


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Report:
    """report.json, whole at every moment, and report.html."""

    def __init__(self, given):
        self.folder, self.given, self.rows, self.lock = given.report, given, {}, threading.Lock()
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.hold = open(os.path.join(self.folder, ".lock"), "w", encoding="utf-8")
        try:
            fcntl.flock(self.hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("error: another run uses %s" % self.folder, file=sys.stderr)
            sys.exit(16)
        self.document = {"format": 1, "kit": FACTS["name"], "operation": given.operation, "started_at": now(), "machines": []}

    def resumed(self, wanted):
        """The machines that are left to do."""
        try:
            with open(os.path.join(self.folder, "report.json"), encoding="utf-8") as file:
                before = json.load(file)
        except FileNotFoundError:
            return wanted
        except ValueError as error:
            raise Usage("%s holds a report.json that is none: move it away" % self.folder) from error
        same = before.get("operation") == self.given.operation and before.get("kit") == FACTS["name"]
        done = {row["name"]: row for row in before["machines"] if same and row["outcome"] == DONE}
        known = {one["sha256"] for one in FACTS["packages"]}
        left = []
        for machine in wanted:
            row = done.get(machine["name"])
            if row is None or row.get("asked") != asked(machine) or ("sha256" in row and row["sha256"] not in known):
                left.append(machine)
            else:
                self.rows[machine["name"]] = row
        return left

    def add(self, row):
        with self.lock:
            self.rows[row["name"]] = row
            self.write()

    def write(self):
        self.document["machines"] = [self.rows[name] for name in sorted(self.rows)]
        self.document["finished_at"] = now()
        self.put("report.json", json.dumps(self.document, indent=1, ensure_ascii=False) + "\n")
        cells = "".join("<tr class=%s>%s</tr>\n" % (html.escape(row["outcome"], True), "".join("<td>%s</td>" % html.escape(cell) for cell in line(row)))
                        for row in self.document["machines"])
        self.put("report.html", "<!doctype html><html lang=en><meta charset=utf-8><title>%s</title><style>body{font:14px sans-serif}td,th{padding:2px 8px;text-align:left}"
                                ".failed{background:#fdd}.success{background:#dfd}</style><h1>%s: %s</h1><p>%s to %s</p><table><tr>%s</tr>\n%s</table></html>\n" % (
                                    html.escape(FACTS["name"]), html.escape(FACTS["name"]), self.given.operation, self.document["started_at"], self.document["finished_at"],
                                    "".join("<th>%s</th>" % title for title in TITLES), cells))

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)


TITLES = ["machine", "outcome", "code", "meaning", "tries", "seconds", "detail"]


def line(row):
    code = "" if row["exit_code"] is None else str(row["exit_code"])
    return [row["name"], row["outcome"], code, row["meaning"], str(len(row["waited"]) + 1), str(row["seconds"]),
            "; ".join([row["detail"]] * bool(row["detail"]) + row["notes"])]


def table(rows):
    lines = [TITLES] + [line(row) for row in rows]
    widths = [max(len(cells[at]) for cells in lines) for at in range(len(TITLES) - 1)]
    for cells in lines:
        text = "  ".join([cell.ljust(width) for cell, width in zip(cells, widths)] + [cells[-1]])
        print("".join(c if c.isprintable() else "?" for c in text).rstrip())


def asked(machine):
    """What a resumed run compares: the same machine may have been asked for something else before."""
    return hashlib.sha256(json.dumps([machine["package"], machine["settings"]], sort_keys=True).encode()).hexdigest()[:16]


def main():
    given = arguments()
    try:
        import pyVmomi  # noqa: F401  # pylint: disable=unused-import
    except ImportError:
        raise Usage("pyvmomi is not installed: apt-get install python3-pyvmomi, or pip install pyvmomi") from None
    wanted = machines(given)
    password = secret(given.password_file, "Password of %s at %s" % (given.user, given.vcenter))
    guests, lock = {}, threading.Lock()
    if given.operation in OF_THE_GUEST and given.guest_password_file:
        common = secret(given.guest_password_file, "")

    def guest_password(user):
        if given.guest_password_file:
            return common
        with lock:
            if user not in guests:
                guests[user] = secret(None, "Password of %s in the guests" % user)
            return guests[user]
    report = Report(given)
    left = report.resumed(wanted) if given.resume else wanted
    try:
        center = Center(given, password)
    except Exception as error:  # pylint: disable=broad-except  # whatever it is, there is nothing to do without it
        raise Usage("the vCenter %s cannot be used: %s %s" % (given.vcenter, type(error).__name__.split(".")[-1], getattr(error, "msg", error))) from error

    def work(machine):
        row = one(center, machine, guest_password)
        row["asked"] = asked(machine)
        report.add(row)
        print("%s: %s%s" % (row["name"], row["outcome"], ": " + (row["detail"] or row["meaning"]) if row["outcome"] != DONE else ""), file=sys.stderr)
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=max(given.jobs, 1))
    try:
        concurrent.futures.wait([pool.submit(work, machine) for machine in left])
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        print("interrupted: what runs in the guests goes on; run it again with --resume", file=sys.stderr)
        os._exit(130)
    report.write()
    center.close()
    rows = [report.rows[machine["name"]] for machine in wanted]
    table(rows)
    return 0 if all(row["outcome"] in (DONE, "soft-reboot", "hard-reboot") for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Usage, OSError) as error:
        print("error: %s" % error, file=sys.stderr)
        sys.exit(2)
