"""A vCenter of the tests: one SOAP endpoint for the real pyvmomi, with machines whose guest is a folder of this host, entered by chroot.

usage: fake.py STATE PORT-FILE CERTIFICATE KEY; STATE is a JSON file of {"machines": {NAME: {"root": DIR, "pid": N, "password": P}}}, read again at every call,
so that a test can take a guest away ("away": true) or let it answer again. pid: the guest's process 1, whose namespaces are entered.
What was called is written to STATE.calls, a line each; what was asked of a machine's configuration to STATE.config.NAME."""
import datetime
import html
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

STATE = sys.argv[1]
ADMIN = ("admin", "center-pw")
# The newest that both pyvmomi 6.7 and later know.
VERSION = "vim.version.version12" if "vim.version.version12" in VmomiSupport.nsMap else "vim.version.version11"
NAMES = {"": "urn:vim25", "xsi": "http://www.w3.org/2001/XMLSchema-instance", "xsd": "http://www.w3.org/2001/XMLSchema"}
G = vim.vm.guest
processes, lock = {}, threading.Lock()
long_type = VmomiSupport.GetVmodlType("long")
CONTENT = vim.ServiceInstanceContent(
    rootFolder=vim.Folder("folder"), propertyCollector=vmodl.query.PropertyCollector("collector"), viewManager=vim.view.ViewManager("views"),
    searchIndex=vim.SearchIndex("index"), sessionManager=vim.SessionManager("sessions"), guestOperationsManager=G.GuestOperationsManager("operations"),
    about=vim.AboutInfo(name="fake", fullName="fake", vendor="tests", version="6.7.0", build="1", osType="linux-x64", productLineId="vpx",
                        apiType="VirtualCenter", apiVersion="6.7"))


class Refused(Exception):
    """A fault for the caller."""

    def __init__(self, fault):
        super().__init__(type(fault).__name__)
        self.fault = fault


def machines():
    with open(STATE, encoding="utf-8") as file:
        return json.load(file)["machines"]


def bare(tag):
    return tag.rsplit("}", 1)[-1]


def text(node, name, default=""):
    for child in node.iter():
        if bare(child.tag) == name:
            return child.text or ""
    return default


def guest(call):
    """The guest of a call, whose credentials are right."""
    name = text(call, "vm")
    machine = machines()[name]
    if machine.get("away"):
        raise Refused(vim.fault.GuestOperationsUnavailable())
    if (text(call, "username"), text(call, "password")) != ("root", machine["password"]):
        raise Refused(vim.fault.InvalidGuestLogin())
    return name, machine


def inside(machine, path):
    return os.path.join(machine["root"], path.lstrip("/"))


def entered(machine, command):
    """In the guest's own mounts and processes."""
    return ["nsenter", "-t", str(machine["pid"]), "-m", "-p", "-r", "-w"] + command


def when(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def login(call):
    if (text(call, "userName"), text(call, "password")) != ADMIN:
        raise Refused(vim.fault.InvalidLogin())
    moment = when(time.time())
    return vim.UserSession(key="s", userName=ADMIN[0], fullName="", loginTime=moment, lastActiveTime=moment, locale="en", messageLocale="en")


def find(call):
    wanted = text(call, "inventoryPath") or text(call, "dnsName") or text(call, "ip") or text(call, "uuid")
    return vim.VirtualMachine(wanted) if wanted in machines() else None


def start(call):
    name, machine = guest(call)
    program, words = text(call, "programPath"), text(call, "arguments")
    # As open-vm-tools does: a shell reads the line.
    line = '"%s" %s' % (program, words)
    child = subprocess.Popen(entered(machine, ["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/bin/bash", "-c", line]),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    entry = {"child": child, "line": line, "start": time.time(), "end": None, "guest": name}
    with lock:
        processes[child.pid] = entry

    def wait():
        child.wait()
        entry["end"] = time.time()
    threading.Thread(target=wait, daemon=True).start()
    note("start %s %s" % (name, line))
    if machine.get("away_after_start"):
        with open(STATE, encoding="utf-8") as file:
            state = json.load(file)
        state["machines"][name]["away"] = True
        with open(STATE + ".new", "w", encoding="utf-8") as file:
            json.dump(state, file)
        os.replace(STATE + ".new", STATE)
    return long_type(child.pid)


def listing(call):
    name, _machine = guest(call)
    wanted = {int(child.text) for child in call.iter() if bare(child.tag) == "pids"}
    with lock:
        known = [(pid, entry) for pid, entry in processes.items() if pid in wanted and entry["guest"] == name]
    found = []
    for pid, entry in known:
        ended = {"endTime": when(entry["end"]), "exitCode": entry["child"].returncode} if entry["end"] else {}
        found.append(G.ProcessManager.ProcessInfo(name="sh", pid=pid, owner="root", cmdLine=entry["line"], startTime=when(entry["start"]), **ended))
    return G.ProcessManager.ProcessInfo.Array(found)


def terminate(call):
    guest(call)
    os.killpg(int(text(call, "pid")), 9)


def temporary(call):
    _name, machine = guest(call)
    where = text(call, "directoryPath") or "/tmp"
    command = entered(machine, ["mktemp", "-d", "%s/%sXXXXXX" % (where, text(call, "prefix"))])
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def upload(call):
    name, machine = guest(call)
    path = text(call, "guestFilePath")
    if not os.path.isdir(os.path.dirname(inside(machine, path))):
        raise Refused(vim.fault.FileNotFound(file=path))
    query = urllib.parse.urlencode({"vm": name, "path": path, "mode": text(call, "permissions", "420"), "size": text(call, "fileSize")})
    return "https://*:%d/guestFile?%s" % (PORT, query)


def download(call):
    name, machine = guest(call)
    path = text(call, "guestFilePath")
    if not os.path.isfile(inside(machine, path)):
        raise Refused(vim.fault.FileNotFound(file=path))
    return G.FileManager.FileTransferInformation(attributes=G.FileManager.PosixFileAttributes(), size=os.path.getsize(inside(machine, path)),
                                                 url="https://*:%d/guestFile?%s" % (PORT, urllib.parse.urlencode({"vm": name, "path": path})))


def remove_folder(call):
    _name, machine = guest(call)
    subprocess.run(entered(machine, ["rm", "-r", text(call, "directoryPath")]), check=True)


def remove_file(call):
    _name, machine = guest(call)
    try:
        os.remove(inside(machine, text(call, "filePath")))
    except FileNotFoundError as error:
        raise Refused(vim.fault.FileNotFound(file=text(call, "filePath"))) from error


def reconfigure(call):
    with open("%s.config.%s" % (STATE, text(call, "_this")), "wb") as out:
        out.write(ET.tostring(call))
    return vim.Task("task")


def retrieve(call):
    """Properties by the collector, as pyvmomi asks for them before 8."""
    wanted, name = text(call, "obj"), text(call, "pathSet")
    object_of = {"operations": G.GuestOperationsManager, "task": vim.Task}.get(wanted, vim.VirtualMachine)
    query = vmodl.query.PropertyCollector
    content = query.ObjectContent(obj=object_of(wanted), propSet=[vmodl.DynamicProperty(name=name, val=fetch(wanted, name))])
    return query.RetrieveResult(objects=[content])


METHODS = {
    "RetrievePropertiesEx": (retrieve, vmodl.query.PropertyCollector.RetrieveResult),
    "RetrieveServiceContent": (lambda call: CONTENT, vim.ServiceInstanceContent), "Login": (login, vim.UserSession), "Logout": (lambda call: None, None),
    "FindByDnsName": (find, vim.ManagedEntity), "FindByIp": (find, vim.ManagedEntity), "FindByUuid": (find, vim.ManagedEntity),
    "FindByInventoryPath": (find, vim.ManagedEntity), "ValidateCredentialsInGuest": (lambda call: guest(call) and None, None),
    "StartProgramInGuest": (start, long_type), "ListProcessesInGuest": (listing, G.ProcessManager.ProcessInfo.Array),
    "TerminateProcessInGuest": (terminate, None), "InitiateFileTransferToGuest": (upload, str),
    "InitiateFileTransferFromGuest": (download, G.FileManager.FileTransferInformation), "CreateTemporaryDirectoryInGuest": (temporary, str),
    "DeleteDirectoryInGuest": (remove_folder, None), "DeleteFileInGuest": (remove_file, None), "ReconfigVM_Task": (reconfigure, vim.Task),
}


def complete(one):
    """Fills in what a data object has to have."""
    for field in one._GetPropertyList():
        if getattr(one, field.name) is not None or field.flags & VmomiSupport.F_OPTIONAL:
            continue
        kind = field.type
        if issubclass(kind, datetime.datetime):
            value = when(0)
        elif issubclass(kind, VmomiSupport.DataObject):
            value = complete(kind())
        elif issubclass(kind, VmomiSupport.ManagedObject):
            value = kind("none")
        else:
            value = kind() if not hasattr(kind, "values") else kind(kind.values[0])
        setattr(one, field.name, value)
    return one


def drive():
    return vim.vm.device.VirtualCdrom(key=3000, controllerKey=200, unitNumber=0, backing=vim.vm.device.VirtualCdrom.IsoBackingInfo(fileName=""))


def fetch(this, name):
    """A property of an object."""
    fixed = {("operations", "processManager"): G.ProcessManager("processes"), ("operations", "fileManager"): G.FileManager("files"),
             ("operations", "authManager"): G.AuthManager("logins"), ("task", "info"): vim.TaskInfo(
                 key="task", task=vim.Task("task"), name=None, descriptionId="", state="success", cancelled=False, cancelable=False, reason=vim.TaskReasonUser(userName="admin"),
                 queueTime=when(0), eventChainId=1)}
    if (this, name) in fixed:
        return fixed[this, name]
    machine = machines()[this]
    ready = not machine.get("away") and not machine.get("starting")
    return {"name": this, "guest": vim.vm.GuestInfo(toolsStatus="toolsOk", toolsRunningStatus="guestToolsRunning" if ready else "guestToolsNotRunning",
                                                    guestOperationsReady=ready, guestFamily="linuxGuest", guestState="running"),
            "config": complete(vim.vm.ConfigInfo(name=this, hardware=vim.vm.VirtualHardware(numCPU=1, memoryMB=1, device=[drive()])))}[name]


def note(line):
    with lock, open(STATE + ".calls", "a", encoding="utf-8") as out:
        out.write(line + "\n")


def serialized(value, name, kind):
    # By either of its names: before pyvmomi 8, and since.
    serialize = getattr(SoapAdapter, "SerializeToStr", None) or SoapAdapter.SerializeToUnicode
    return serialize(value, VmomiSupport.Object(name=name, type=kind, flags=0, version=VERSION), VERSION, {uri: key for key, uri in NAMES.items()})


class Handler(BaseHTTPRequestHandler):
    """SOAP, and the files that guests are given and asked for."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body, cookie=None):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/sdk/vimServiceVersions.xml":
            return self.answer(200, '<?xml version="1.0"?><namespaces version="1.0"><namespace><name>urn:vim25</name><version>6.7</version>'
                                    "<priorVersions><version>6.5</version><version>6.0</version></priorVersions></namespace></namespaces>")
        if url.path == "/guestFile":
            with open(inside(machines()[query["vm"]], query["path"]), "rb") as file:
                return self.answer(200, file.read())
        return self.answer(404, "no")

    def do_PUT(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        data, machine = self.rfile.read(int(self.headers["Content-Length"])), machines()[query["vm"]]
        if len(data) != int(query["size"]):
            return self.answer(500, "another size than announced")
        note("upload %s" % query["vm"])
        flips = STATE + ".flip"
        if os.path.exists(flips):
            os.remove(flips)
            data = data[:-1] + bytes([data[-1] ^ 1])
        path = inside(machine, query["path"])
        with open(path, "wb") as out:
            out.write(data)
        os.chmod(path, int(query["mode"]))
        return self.answer(200, b"")

    def do_POST(self):
        envelope = ET.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        call = next(part for part in envelope if bare(part.tag) == "Body")[0]
        name = bare(call.tag)
        try:
            if name not in ("RetrieveServiceContent", "Login") and "vmware_soap_session" not in (self.headers.get("Cookie") or ""):
                raise Refused(vim.fault.NotAuthenticated())
            if name == "Fetch":
                value = fetch(text(call, "_this"), text(call, "prop"))
                kind = type(value)
            elif name in METHODS:
                work, kind = METHODS[name]
                value = work(call)
            else:
                sys.stderr.write("not supported: %s\n" % name)
                raise Refused(vmodl.fault.NotSupported())
            result = serialized(value, "returnval", kind) if value is not None and kind is not None else ""
            code, body = 200, '<%sResponse xmlns="urn:vim25">%s</%sResponse>' % (name, result, name)
        except Refused as refused:
            kind = VmomiSupport.GetWsdlName(type(refused.fault))
            file = getattr(refused.fault, "file", None)
            # By hand: what Debian's pyvmomi has for it fails. The detail itself has no namespace.
            detail = '<%sFault xmlns="urn:vim25" xsi:type="%s">%s</%sFault>' % (kind, kind, "<file>%s</file>" % html.escape(file) if file else "", kind)
            code = 500
            body = "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>%s</faultstring><detail>%s</detail></soapenv:Fault>" % (kind, detail)
        self.answer(code, '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
                          'xmlns:xsd="%s" xmlns:xsi="%s"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>' % (NAMES["xsd"], NAMES["xsi"], body),
                    'vmware_soap_session="1"; Path=/; HttpOnly;' if name == "Login" else None)


class Server(ThreadingHTTPServer):
    """Ends with the test."""

    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
PORT = server.server_address[1]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[3], sys.argv[4])
server.socket = tls.wrap_socket(server.socket, server_side=True)
with open(sys.argv[2] + ".new", "w", encoding="utf-8") as ready:
    ready.write(str(PORT))
os.replace(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
