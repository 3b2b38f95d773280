"""Installs and upgrades on a disk image whose file system stops, as when the power is cut, at one chosen change; then mounts it again.

What has to hold: what was reported as installed is whole; otherwise the old version of a .run is, and for all formats the next
installation succeeds and leaves the new version whole, with the identity that was there and nothing of the one that was cut off.
"""
import argparse, fcntl, itertools, os, random, re, shutil, signal, struct, subprocess, sys, tempfile, time

ROOT = "/usr/local/intigua"
IDENTITY = 'vlinkCoreId: "kept-over-power-cuts"'
FS_IOC_SHUTDOWN = 0x8004587D  # include/uapi/linux/fs.h
FLAGS = {"log flushed": 1, "log lost": 2}  # FS_SHUTDOWN_FLAGS_LOGFLUSH, FS_SHUTDOWN_FLAGS_NOLOGFLUSH
OLD, NEW = "1.0.0", "1.1.0"
ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"]
INSTALL = {
    "deb": "dpkg -i --force-depends /packages/{}.deb",
    "rpm": "rpm -U --nodeps --oldpackage --replacepkgs /packages/{}.rpm",
    "run": "sh /packages/{}.run",
}
# Calls that change a disk; those of them that go to pipes and devices are left out when they are counted.
CALLS = "write,pwrite64,writev,copy_file_range,openat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat," \
    "rmdir,chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,truncate,ftruncate,utimensat,fsync,fdatasync,syncfs,sync"
ELSEWHERE = re.compile(r'^(write|pwrite64|writev|copy_file_range)\(\d+<(?!/)|^\w+\([^"]*<(/dev/|/proc/|/run/)|"/(dev|proc|run)/')


def sh(*words, **options):
    return subprocess.run(words, check=True, **options)


class Disk:
    """A loop image with a file system, under an overlay of a Debian root. Of the overlay all that is written lies on the image."""

    def __init__(self, work, debian, packages):
        self.image, self.debian, self.packages = f"{work}/image", debian, packages
        self.point, self.root = f"{work}/disk", f"{work}/root"
        for folder in (self.point, self.root):
            os.mkdir(folder)

    def make(self, kind):
        with open(self.image, "wb") as image:
            image.truncate(320 << 20)
        sh(f"mkfs.{kind}", "-q", *(["-F"] if kind == "ext4" else ["-f"]), self.image, stderr=subprocess.DEVNULL)
        sh("mount", "-o", "loop", self.image, self.point)
        for folder in ("upper", "work"):
            os.mkdir(f"{self.point}/{folder}")
        sh("umount", self.point)

    def mount(self):
        sh("mount", "-o", "loop", self.image, self.point)
        layers = f"lowerdir={self.debian},upperdir={self.point}/upper,workdir={self.point}/work"
        sh("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        for folder in ("packages", "proc", "dev", "run"):
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
        sh("mount", "--bind", self.packages, f"{self.root}/packages")
        sh("mount", "-t", "proc", "proc", f"{self.root}/proc")
        sh("mount", "--rbind", "/dev", f"{self.root}/dev")
        sh("mount", "-t", "tmpfs", "-o", "mode=755", "run", f"{self.root}/run")
        os.makedirs(f"{self.root}/run/lock")

    def unmount(self):
        self.end_processes()
        sh("umount", "--recursive", self.root)
        sh("umount", self.point)

    def end_processes(self):
        """Whatever still runs from the image: a power cut leaves no process."""
        for _ in range(100):
            inside = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self.is_inside(pid)]
            if not inside:
                return
            for pid in inside:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        sys.exit("processes on the image do not end")

    def is_inside(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/root").startswith(self.root)
        except OSError:
            return False

    def chroot(self, script):
        return ["chroot", self.root, *ENVIRONMENT, "sh", "-c", script]

    def run(self, script):
        done = subprocess.run(self.chroot(script), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        return done.returncode, done.stdout, done.stderr

    def run_and_cut(self, script, change, flag):
        """Cuts the power at that change, or, if the script ends before, as soon as it has ended. Returns its exit code, if any, and the
        number of changes seen and the last of them."""
        trace = f"{self.image}.trace"
        if not os.path.exists(trace):
            os.mkfifo(trace)
        disk = os.open(self.point, os.O_RDONLY)
        words = ["strace", "-f", "-y", "-qq", "-s", "80", "--seccomp-bpf", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", trace]
        with open(f"{self.image}.said", "wb") as said:
            tracer = subprocess.Popen(words + self.chroot(script), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        seen, last, cut = 0, "", False
        with open(trace, errors="replace") as lines:
            for line in lines:
                call = line.split(None, 1)[-1].strip()
                if not changes(call):
                    continue
                seen, last = seen + 1, call
                if seen == change:
                    fcntl.ioctl(disk, FS_IOC_SHUTDOWN, struct.pack("I", flag))
                    cut = True
                    os.killpg(tracer.pid, signal.SIGKILL)
                    break
        if cut:
            self.end_processes()
        code = tracer.wait()
        if not cut and flag is not None:
            fcntl.ioctl(disk, FS_IOC_SHUTDOWN, struct.pack("I", flag))
        os.close(disk)
        return (None if cut else code), seen, last


def changes(call):
    """Whether a line of strace is a change of the disk."""
    if call.startswith("<...") or ELSEWHERE.search(call):
        return False
    return "O_CREAT" in call or "O_TRUNC" in call if call.startswith("openat(") else True


class Fault(Exception):
    pass


def require(truth, what):
    if not truth:
        raise Fault(what)


class Trial:
    def __init__(self, disk, kind, channel, upgrade):
        self.disk, self.kind, self.channel, self.upgrade = disk, kind, channel, upgrade

    def name(self):
        return f"{self.channel} {'upgrade' if self.upgrade else 'installation'} on {self.kind}"

    def read(self, path):
        try:
            with open(self.disk.root + path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def files(self, below=""):
        script = f"cd {ROOT}/{below} && find -L vAgentManager Intigua-Libs bin -type f -exec sha256sum {{}} + | sort -k 2"
        return self.disk.run(script)[1]

    def install(self, version):
        code, out, err = self.disk.run(INSTALL[self.channel].format(version))
        require(code == 0, f"the installation of {version} ended with {code}\n{out}{err}")

    def prepare(self):
        """The image as it is before the installation that is cut off, and the files of the versions."""
        self.disk.make(self.kind)
        self.disk.mount()
        self.known = {}
        # rpm's database is not ours: a machine that has installed anything by rpm has one.
        require(self.channel != "rpm" or self.disk.run("rpm --initdb && rpm -qa")[0] == 0, "rpm's database")
        if self.upgrade:
            self.install(OLD)
            self.known[OLD] = self.files()
            self.disk.run(f"cd {ROOT}/components && echo '{IDENTITY}' >>csclient.cfg")
        sh("sync", "-f", self.disk.point)
        self.disk.unmount()
        shutil.copyfile(self.disk.image, f"{self.disk.image}.ready")
        self.disk.mount()
        code, self.total, _ = self.disk.run_and_cut(INSTALL[self.channel].format(NEW), 0, None)
        require(code == 0, f"nothing was cut, and yet: {code}\n" + open(f"{self.disk.image}.said", errors="replace").read())
        self.known[NEW] = self.files()
        require("vAgentManager/which" in self.known[NEW], "the new version's files")
        self.is_whole()
        self.disk.unmount()

    def cut(self, change, flag, configure):
        """One power cut. Says what was found after it."""
        sh("cp", "--sparse=always", f"{self.disk.image}.ready", self.disk.image)
        self.disk.mount()
        try:
            code, _, self.last = self.disk.run_and_cut(INSTALL[self.channel].format(NEW), change, flag)
            self.disk.unmount()
            self.disk.mount()
            if code is not None:
                require(code == 0, f"the installation ended with {code}")
                self.is_whole()
                return "whole"
            if self.upgrade and self.channel == "run":
                current = os.path.basename(os.readlink(f"{self.disk.root}{ROOT}/current"))
                require(current in self.known, f"current is {current}")
                require(self.files() == self.known[current], f"the files of {current} that `current` names")
                require(IDENTITY in self.read(f"{ROOT}/components/csclient.cfg"), "the identity")
            if self.channel == "rpm":
                # rpm names its temporary files by the second in which it began: a machine that starts again is later than that.
                time.sleep(1.1)
            if self.channel == "deb" and configure:
                self.disk.run("dpkg --configure -a --force-confold")
            self.install(NEW)
            self.is_whole()
            return "repaired"
        finally:
            self.disk.unmount()

    def is_whole(self):
        state = self.read("/var/lib/intigua/state")
        require(f"\nversion={NEW}\n" in state and state.endswith("\n") and "\nconfig_sum=" in state, f"state: {state!r}")
        require(self.files() == self.known[NEW], "the files of the new version")
        require(self.read("/etc/intigua/location.conf") == f"{ROOT}\n", "location.conf")
        units = [self.read(f"{folder}/systemd/system/vlink.service") for folder in ("/usr/lib", "/etc")]
        require(any("ExecStart=" in unit and "WantedBy=" in unit for unit in units), "the unit")
        require(self.read("/etc/init.d/vlink").rstrip().endswith("esac") or "exit" in self.read("/etc/init.d/vlink")[-200:], "the init script")
        settings = self.read(f"{ROOT}/components/csclient.cfg")
        require("serverUrl:" in settings and (not self.upgrade or IDENTITY in settings), f"csclient.cfg: {settings!r}")
        left = self.disk.run(f"ls -A {ROOT}/.linkpack | grep -vx -e state; ls -A /var/lib/intigua | grep -e journal -e '^[.]lp' -e leaving")[1]
        require(left == "", f"left behind: {left!r}")
        asked = {"deb": "dpkg --audit; dpkg-query -W -f '${db:Status-Status}' '*-sample'", "rpm": "rpm -qa '*-sample' --qf installed"}.get(self.channel)
        require(asked is None or self.disk.run(asked)[1] == "installed", "the package manager's record")


def main():
    options = argparse.ArgumentParser()
    for name, kind in (("packages", str), ("debian", str), ("count", int), ("seed", int)):
        options.add_argument(f"--{name}", type=kind, required=True)
    options = options.parse_args()
    chance = random.Random(options.seed)
    work = tempfile.mkdtemp()
    sh("mount", "-t", "tmpfs", "-o", "size=1500m,mode=755", "powercut", work)
    kinds = list(itertools.product(("run", "deb", "rpm"), (True, False), ("ext4", "xfs")))
    chance.shuffle(kinds)
    results, faults = {}, 0
    for number, (channel, upgrade, kind) in enumerate(kinds):
        share = options.count // len(kinds) + (number < options.count % len(kinds))
        if share == 0:
            continue
        place = f"{work}/{number}"
        os.mkdir(place)
        trial = Trial(Disk(place, options.debian, options.packages), kind, channel, upgrade)
        trial.prepare()
        # Each at another change; one in eight as soon as success has been reported.
        moments = chance.sample(range(1, trial.total), min(share, trial.total - 1))
        for nth, change in enumerate(moments):
            if nth % 8 == 3:
                change = trial.total * 2
            said, flag = chance.choice(sorted(FLAGS.items()))
            try:
                found = trial.cut(change, flag, chance.random() < 0.5)
            except Fault as fault:
                found, faults = "WRONG", faults + 1
                print(f"WRONG: {trial.name()}, cut at change {change} of {trial.total} ({said}: {trial.last}): {fault}", flush=True)
            row = results.setdefault(trial.name(), {"whole": 0, "repaired": 0, "WRONG": 0, "changes": trial.total})
            row[found] += 1
        print(f"{trial.name()}: {results[trial.name()]}", flush=True)
        shutil.rmtree(place)
    total = {found: sum(row[found] for row in results.values()) for found in ("whole", "repaired", "WRONG")}
    print(f"seed {options.seed}: {sum(total.values())} power cuts, {total['whole']} after success was reported and all whole, "
          f"{total['repaired']} before and repaired by the next run, {faults} wrong")
    sys.exit(faults != 0)


if __name__ == "__main__":
    main()
