//! A plan in the words of engines that run it.

use super::Planned;
use std::fmt::Write;

/// Task retries after a worker was lost.
const RETRIES: u32 = 5;
/// How many jobs may fail before an engine gives up.
const MOST_FAILED: usize = 20;
/// How many tasks of an array run at once, unless the user says otherwise.
const SIDE_BY_SIDE: usize = 50;

/// The files of `engines/`, by name.
pub fn files(planned: &Planned) -> Vec<(&'static str, String)> {
    vec![
        ("hyperqueue.toml", hyperqueue(planned)),
        ("kubernetes.yaml", kubernetes(planned)),
        ("parallel.sh", parallel(planned)),
        ("slurm.sh", slurm(planned)),
    ]
}

/// The plan's product in names that every engine takes: lower case letters, digits and single hyphens.
fn name(planned: &Planned) -> String {
    let mut name = String::new();
    for c in planned.plan.product.to_ascii_lowercase().chars() {
        match c.is_ascii_alphanumeric() {
            true => name.push(c),
            false if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            false => {}
        }
    }
    name.truncate(40);
    format!("linkpack-{}", name.trim_end_matches('-'))
}

fn folder(planned: &Planned) -> String {
    planned.folder.display().to_string()
}

/// A job definition file: https://it4innovations.github.io/hyperqueue/stable/jobs/jobfile/
fn hyperqueue(planned: &Planned) -> String {
    let text = |text: &str| serde_json::to_string(text).expect("a text");
    let mut out = format!("# hq job submit-file hyperqueue.toml\nname = {}\nmax_fails = {MOST_FAILED}\n", text(&name(planned)));
    for index in 0..planned.plan.jobs.len() {
        let command = ["linkpack", "build", "-q", "--plan", &folder(planned), "--job", &index.to_string()].map(text).join(", ");
        let _ = write!(out, "\n[[task]]\nid = {index}\ncommand = [{command}]\ncrash_limit = {RETRIES}\n");
        if index > 0 {
            out.push_str("deps = [0]\n");
        }
    }
    out
}

/// What scripts begin with: `plan` is the plan's folder, wherever it lies now.
const BEGIN: &str = "set -eu\nplan=$(cd -- \"$(dirname -- \"$0\")/..\" && pwd)\n: \"${LINKPACK:=linkpack}\"\n";

fn slurm(planned: &Planned) -> String {
    let (name, last) = (name(planned), planned.plan.jobs.len() - 1);
    // The job's own script runs elsewhere: sbatch hands the environment on.
    let mut out = format!(
        "#!/bin/sh\n# sh slurm.sh [SBATCH OPTION...]: submits the job that fills the cache, then the others as an array.\n{BEGIN}\
         LINKPACK_PLAN=$plan\nexport LINKPACK LINKPACK_PLAN\nmkdir -p \"$plan/log\"\n\
         first=$(sbatch --parsable --requeue --job-name={name}-first --output=\"$plan/log/%j.out\" \"$@\" \\\n\
         \t--wrap 'exec \"$LINKPACK\" build -q --plan \"$LINKPACK_PLAN\" --job 0')\necho \"$first\"\n"
    );
    if last > 0 {
        let _ = write!(
            out,
            "sbatch --parsable --requeue --job-name={name} --dependency=\"afterok:${{first%%;*}}\" --kill-on-invalid-dep=yes --array=1-{last}%{SIDE_BY_SIDE} \\\n\
             \t--cpus-per-task=1 --output=\"$plan/log/%A_%a.out\" \"$@\" \\\n\
             \t--wrap 'exec \"$LINKPACK\" build -q --plan \"$LINKPACK_PLAN\" --job \"$SLURM_ARRAY_TASK_ID\"'\n"
        );
    }
    out
}

fn parallel(planned: &Planned) -> String {
    let last = planned.plan.jobs.len() - 1;
    let mut out = format!(
        "#!/bin/sh\n# sh parallel.sh [PARALLEL OPTION...]: runs what is not done with GNU parallel; killed, run it again. Every job is asked anew:\n# it knows by its sums whether it is done.\n{BEGIN}\
         export LINKPACK\n\"$LINKPACK\" build -q --plan \"$plan\" --job 0\n"
    );
    if last > 0 {
        let _ = write!(
            out,
            "seq 1 {last} | parallel --joblog \"$plan/parallel.log\" --jobs 100% --quote \"$@\" \\\n\
             \t\"$LINKPACK\" build -q --plan \"$plan\" --job {{}}\n"
        );
    }
    out
}

fn kubernetes(planned: &Planned) -> String {
    let (name, count) = (name(planned), planned.plan.jobs.len());
    let (version, side) = (env!("CARGO_PKG_VERSION"), SIDE_BY_SIDE.min(count));
    format!(
        "# kubectl apply -f kubernetes.yaml\n\
         # Set the image, the claim and the folder. The claim holds the plan, the manifest, the payload and the cache, at the places where they lie\n\
         # to each other here. Jobs that start before the cache is filled share that work.\n\
         apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\nspec:\n  completionMode: Indexed\n  completions: {count}\n  \
         parallelism: {side}\n  backoffLimitPerIndex: {RETRIES}\n  maxFailedIndexes: {MOST_FAILED}\n  podReplacementPolicy: Failed\n  \
         template:\n    spec:\n      restartPolicy: Never\n      containers:\n        - name: build\n          \
         image: registry.example/linkpack:{version}\n          \
         command: [linkpack, build, -q, --plan, {folder}, --job, \"$(JOB_COMPLETION_INDEX)\"]\n          \
         resources:\n            requests: {{cpu: \"1\", memory: 256Mi}}\n          \
         volumeMounts:\n            - {{name: work, mountPath: {mount}}}\n      \
         volumes:\n        - name: work\n          persistentVolumeClaim: {{claimName: linkpack-work}}\n",
        folder = serde_json::to_string(&folder(planned)).expect("a text"),
        mount = serde_json::to_string(&planned.folder.parent().map_or_else(|| "/".to_owned(), |parent| parent.display().to_string()))
            .expect("a text"),
    )
}
