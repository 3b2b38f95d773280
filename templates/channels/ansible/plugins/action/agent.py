# Apache-2.0
"""Brings the package to the host, and tries again: a busy host, a broken connection and a damaged copy may pass."""
from __future__ import annotations

import hashlib
import os
import time

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.@NAMESPACE@.@COLLECTION@.plugins.module_utils.facts import FACTS


class ActionModule(ActionBase):
    """Runs the module of the same name."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        given = dict(self._task.args)
        operation = given.get("operation")
        try:
            seconds = int(given.get("timeout") or FACTS["timeouts"].get(operation, FACTS["timeouts"]["install"]))
        except (TypeError, ValueError) as error:
            raise AnsibleActionFail("timeout is a number of seconds") from error
        source = self.source(given) if operation in ("install", "upgrade") and given.get("package") else None
        retry, end = FACTS["retry"], time.monotonic() + seconds
        pause, attempts, waited = retry["first"], 0, []
        while True:
            attempts += 1
            try:
                found = self.attempt(given, source, task_vars)
                again = bool(found.get("failed")) and bool(found.get("again"))
            except AnsibleConnectionFailure as error:
                found, again = {"failed": True, "unreachable": True, "msg": str(error)}, True
                self.reset()
            if not again or time.monotonic() + pause > end:
                break
            self._display.vv("attempt %d: %s; the next one in %g s" % (attempts, found.get("msg"), pause))
            time.sleep(pause)
            waited.append(pause)
            pause = min(pause * retry["factor"], retry["max"])
        result.update(found)
        result.update(attempts=attempts, waited=waited)
        return result

    def source(self, given):
        """The package on the controller: its path, digest and version."""
        path = self._find_needle("files", given["package"]) if not os.path.isabs(given["package"]) else given["package"]
        if not os.path.isfile(path):
            raise AnsibleActionFail("there is no package %s on the controller" % path)
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
        sha256 = digest.hexdigest()
        if given.get("sha256") and given["sha256"].lower() != sha256:
            raise AnsibleActionFail("%s has another digest than sha256 says" % path)
        known = next((one for one in FACTS["packages"] if one["sha256"] == sha256), {})
        return path, sha256, known.get("version", "")

    def attempt(self, given, source, task_vars):
        """One try. The package is copied anew: what is left of a broken copy is not to be trusted."""
        args = dict(given)
        if source is not None:
            path, sha256, version = source
            args.update(sha256=sha256, package_version=version)
            if not self._task.check_mode:
                folder = self._make_tmp_path()
                args["package"] = self._connection._shell.join_path(folder, "agent.run")
                self._transfer_file(path, args["package"])
                self._fixup_perms2((folder, args["package"]))
        try:
            return self._execute_module(module_args=args, task_vars=task_vars, wrap_async=False)
        finally:
            if source is not None and not self._task.check_mode:
                self._remove_tmp_path(folder)
                self._connection._shell.tmpdir = None

    def reset(self):
        """What lies on the host is there still; the way to it is made anew."""
        self._connection._shell.tmpdir = None
        try:
            self._connection.reset()
        except (AttributeError, AnsibleConnectionFailure):
            pass
