#!/usr/bin/python
# Apache-2.0
"""The agent on one Linux host. The action plugin of this name brings the package and tries again."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: agent
short_description: Installs, upgrades, removes, configures and asks after the agent
description:
  - Works on Linux hosts, as root. A C(.run) is copied to the host, verified there and run; what it says of itself (install.json) decides whether something has changed.
  - Hosts that are busy with another installation, and connections that break, are tried again with growing pauses for as long as the operation may take.
version_added: "1.0.0"
author: linkpack (@linkpack)
options:
  operation:
    description: What is to be done. C(upgrade) is C(install) with a newer package.
    type: str
    required: true
    choices: [install, upgrade, uninstall, start, stop, restart, status, configure, logs, run]
  package:
    description: The C(.run) on the controller. For C(install) and C(upgrade).
    type: path
  sha256:
    description: The digest that the package has to have on the host; taken on the controller without it.
    type: str
  package_version:
    description: Filled in by the action plugin, for check mode.
    type: str
  settings:
    description: Settings such as SERVER_URL, for C(install) and C(configure). FACTS of module_utils lists them.
    type: dict
    default: {}
  purge:
    description: With C(uninstall), also identity, queues, logs and what was edited.
    type: bool
    default: false
  log:
    description: With C(logs), whose log; the connector's, a container's, or C(install).
    type: str
    default: "@SERVICE@"
  lines:
    description: With C(logs), how many lines from its end.
    type: int
    default: 100
  argv:
    description: With C(run), a program and its arguments. A relative program lies below the install root.
    type: list
    elements: str
  timeout:
    description: Seconds that the operation may take, with all its tries. The manifest's without it.
    type: int
"""
EXAMPLES = r"""
- name: The agent is there, in this version, with these settings
  @FQCN@:
    operation: install
    package: /mnt/kit/linux/run/agent.run
    settings:
      SERVER_URL: https://core.example:443
"""
RETURN = r"""
install:
  description: install.json, of an installation.
  returned: install, upgrade
  type: dict
attempts:
  description: How often it was tried.
  returned: always
  type: int
waited:
  description: The pauses between the tries, in seconds.
  returned: always
  type: list
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.@NAMESPACE@.@COLLECTION@.plugins.module_utils.facts import FACTS

LIB = "@LIB@"


def pairs(path):
    """KEY=VALUE lines of a file; none where it is missing."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n").partition("=") for line in file]
    except OSError:
        return {}
    return {key: value for key, equals, value in lines if equals}


def decoded(text):
    """One JSON document, or nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Agent:
    """What is installed, and what is done with it."""

    def __init__(self, module):
        self.module, self.given = module, module.params
        self.seconds = module.params["timeout"] or FACTS["timeouts"].get(module.params["operation"], FACTS["timeouts"]["install"])
        self.state = pairs(LIB + "/state")
        self.linkctl = os.path.join(self.state.get("root", "/nowhere"), "bin", "linkctl")

    def run(self, argv, **more):
        """Ended on the host itself when it takes too long: a broken connection does not leave it running for ever."""
        timeout = self.module.get_bin_path("timeout")
        return self.module.run_command(([timeout, "-k", "30", str(self.seconds)] if timeout else []) + argv, **more)

    def failed(self, code, message, **more):
        row = next((row for row in FACTS["exit_codes"] if row["code"] == code), None)
        if code in (124, 137):
            message = "it did not end within %d s" % self.seconds
        elif row is not None and not message:
            message = row["meaning"]
        self.module.fail_json(msg=message or "it ended with %d" % code, rc=code, again=bool(row and row["outcome"] == "retry"), **more)

    def ended(self, **result):
        self.module.exit_json(**result)

    def needs(self):
        if not os.path.exists(self.linkctl):
            self.module.fail_json(msg="nothing is installed on this host", rc=30)

    def words(self):
        known = [setting["name"] for setting in FACTS["settings"]]
        wrong = sorted(key for key in self.given["settings"] if key not in known)
        if wrong:
            self.module.fail_json(msg="%s: no such setting; there are %s" % (", ".join(wrong), ", ".join(known)), rc=2)
        values = {key: "" if value is None else str(int(value)) if isinstance(value, bool) else str(value) for key, value in self.given["settings"].items()}
        return ["%s=%s" % pair for pair in sorted(values.items())]

    def differs(self, words):
        """Whether a setting that is remembered has another value by now."""
        kept = pairs(LIB + "/settings")
        settable = [setting["name"] for setting in FACTS["settings"] if setting["settable"]]
        return any(kept.get(key) != value for key, _equals, value in (word.partition("=") for word in words) if key in settable)

    def install(self):
        path, words = self.given["package"], self.words()
        if self.module.check_mode:
            version = self.given.get("package_version") or ""
            same = self.state.get("channel") == "run" and self.state.get("version") == version and not self.differs(words)
            self.ended(changed=not same, msg="would install" if not same else "is installed")
        if self.given["sha256"] and self.module.sha256(path) != self.given["sha256"]:
            self.module.fail_json(msg="the package was damaged on its way to the host", rc=20, again=True)
        code, out, err = self.run(["/bin/sh", path, "--if-needed", "--quiet", "--json"] + words, cwd="/")
        told = decoded(out)
        if code != 0:
            self.failed(code, told.get("message") or err.strip()[-500:], install=told)
        self.ended(changed=told.get("outcome") != "unchanged", install=told, msg=told.get("message", ""))

    upgrade = install

    def uninstall(self):
        purge = self.given["purge"]
        command = [self.linkctl, "uninstall"] + (["--purge"] if purge else [])
        if not os.path.exists(self.linkctl):
            if not (purge and os.path.exists(LIB + "/purge")):
                self.ended(changed=False, msg="nothing is installed")
            command = ["/bin/sh", LIB + "/purge"]
        if self.module.check_mode:
            self.ended(changed=True, msg="would remove it")
        code, _out, err = self.run(command, cwd="/")
        if code != 0:
            self.failed(code, err.strip()[-500:])
        self.ended(changed=True, msg="removed")

    def runs(self):
        code, out, err = self.run([self.linkctl, "status", "--json"])
        if code not in (0, 3, 33):
            self.failed(code, err.strip()[-500:])
        return decoded(out)

    def turn(self, verb, wanted):
        self.needs()
        changed = verb == "restart" or (self.runs().get("service") == "running") != wanted
        if changed and not self.module.check_mode:
            code, _out, err = self.run([self.linkctl, verb])
            if code != 0:
                self.failed(code, err.strip()[-500:])
        self.ended(changed=changed)

    def start(self):
        self.turn("start", True)

    def stop(self):
        self.turn("stop", False)

    def restart(self):
        self.turn("restart", True)

    def status(self):
        if not os.path.exists(self.linkctl):
            self.ended(changed=False, installed=False, ansible_facts={"agent": {"installed": False}})
        found = dict(self.runs(), installed=True)
        self.ended(changed=False, installed=True, running=found.get("service") == "running", ansible_facts={"agent": found})

    def configure(self):
        self.needs()
        words = self.words()
        if not words:
            self.ended(changed=False)
        if self.module.check_mode:
            self.ended(changed=self.differs(words))
        code, out, err = self.run([self.linkctl, "set", "--json"] + words)
        told = decoded(out)
        if code != 0:
            self.failed(code, told.get("message") or err.strip()[-500:])
        self.ended(changed=told.get("outcome") != "unchanged", outcome=told.get("outcome"))

    def logs(self):
        self.needs()
        code, out, err = self.run([self.linkctl, "logs", self.given["log"], "-n", str(self.given["lines"])])
        if code != 0:
            self.failed(code, err.strip()[-500:])
        self.ended(changed=False, stdout=out)

    def task(self):
        self.needs()
        argv = self.given["argv"]
        if not argv:
            self.module.fail_json(msg="run needs argv", rc=2)
        if self.module.check_mode:
            self.ended(changed=True, msg="would run it")
        code, out, err = self.run([os.path.join(self.state["root"], argv[0])] + argv[1:], cwd=self.state["root"])
        if code != 0:
            self.module.fail_json(msg="it ended with %d" % code, rc=code, stdout=out, stderr=err, again=False)
        self.ended(changed=True, stdout=out, stderr=err, rc=0)


def main():
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "required": True,
                          "choices": ["install", "upgrade", "uninstall", "start", "stop", "restart", "status", "configure", "logs", "run"]},
            "package": {"type": "path"}, "package_version": {"type": "str"}, "sha256": {"type": "str"}, "settings": {"type": "dict", "default": {}},
            "purge": {"type": "bool", "default": False}, "log": {"type": "str", "default": "@SERVICE@"}, "lines": {"type": "int", "default": 100},
            "argv": {"type": "list", "elements": "str"}, "timeout": {"type": "int"},
        },
        required_if=[("operation", "install", ["package"]), ("operation", "upgrade", ["package"])],
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="the agent is managed by root: set become", rc=10)
    agent = Agent(module)
    getattr(agent, {"run": "task"}.get(module.params["operation"], module.params["operation"]))()


if __name__ == "__main__":
    main()
