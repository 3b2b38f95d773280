#!/usr/bin/env python3
"""measure.py RESULTS TOOL RUN OUTPUT [KEY=VALUE]... -- COMMAND...

Runs the command and appends a JSON line to RESULTS: wall and CPU seconds (user and system, of the command and all that it waited for),
peak RSS in KiB (of the largest process), and the bytes of the packages in the folder OUTPUT by their suffix."""

import json
import os
import sys
import time

PACKAGES = ("deb", "rpm", "run", "msi")
# A command of a hundred sites is cut here.
WORDS = 40


def sizes(folder):
    found = {}
    for entry in os.scandir(folder):
        suffix = entry.name.rpartition(".")[2]
        if entry.is_file(follow_symlinks=False) and suffix in PACKAGES:
            found[suffix] = found.get(suffix, 0) + entry.stat().st_size
    return found


def spawn(command, log):
    """posix_spawn shares this process until the exec; a fork would begin with a copy of its memory."""
    output = [(os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=output)


def run(tool, command, log):
    begin = time.monotonic()
    try:
        _, status, usage = os.wait4(spawn(command, log), 0)
    except OSError as error:
        sys.exit(f"error: {tool}: cannot run {command[0]}: {error}")
    wall = time.monotonic() - begin
    if status:
        with open(log, errors="replace") as text:
            sys.exit(f"error: {tool} failed: {' '.join(command[:WORDS])}\n{text.read()[-2000:]}")
    return {"wall": round(wall, 3), "cpu": round(usage.ru_utime + usage.ru_stime, 3), "rss": usage.ru_maxrss}


def main():
    split = sys.argv.index("--")
    results, tool, number, output = sys.argv[1:5]
    command = sys.argv[split + 1 :]
    line = {"tool": tool, "run": int(number)} | run(tool, command, results + ".log")
    line |= {"sizes": sizes(output), "command": command[:WORDS] + ["..."] * (len(command) > WORDS)}
    for pair in sys.argv[5:split]:
        name, _, value = pair.partition("=")
        line[name] = int(value) if value.isdigit() else value
    with open(results, "a") as file:
        file.write(json.dumps(line) + "\n")
    megabytes = sum(line["sizes"].values()) / 1e6
    print(f"{tool:20}{line['wall']:10.2f} s wall{line['cpu']:10.2f} s CPU{line['rss'] >> 10:7} MiB{megabytes:10.1f} MB", file=sys.stderr)


main()
