#!/usr/bin/env python3
"""hq_cluster.py PLAN WORKERS: runs a plan's jobs on HyperQueue's LocalCluster. Needs PyPI's hyperqueue alone; LINKPACK names the program."""
import json
import os
import pathlib
import sys
import tempfile

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

plan, workers = pathlib.Path(sys.argv[1]), int(sys.argv[2])
lines = [json.loads(line) for line in (plan / "jobs.jsonl").read_text().splitlines()]
log = plan / "log"
log.mkdir(exist_ok=True)
with tempfile.TemporaryDirectory() as folder, LocalCluster(server_dir=folder) as cluster:
    for _ in range(workers):
        cluster.start_worker(WorkerConfig(cores=1))
    client = cluster.client()
    job = Job(max_fails=5)
    first = []
    for line in lines:
        command = [os.environ["LINKPACK"], *line["command"][1:], "-j", "1"]
        out = log / str(line["job"])
        task = job.program(command, env=dict(os.environ), deps=first, stdout=f"{out}.out", stderr=f"{out}.err")
        first = first or [task]
    client.wait_for_jobs([client.submit(job)])
