//! What stands at the end of each verb's help: examples, and exit codes.

pub const INIT: &str = "\
Examples:
  linkpack init acme-agent               a commented manifest of a product with that name
  linkpack init --sample demo            a product that builds as it is

Exit codes: 0 made, 1 refused or failed, 2 usage";

pub const BUILD: &str = "\
Examples:
  linkpack build                         all formats and targets of ./linkpack.toml, into dist
  linkpack build -f deb,rpm -s sites/acme.toml
  linkpack build -s sites/acme.toml -s sites/bolt.toml --per-site overlay
  linkpack build --cache /srv/cache --cache-key cache.key
  linkpack build --product-version \"$TAG\" --set connector.run-as=svc-acme
  linkpack build --json --summary \"$GITHUB_STEP_SUMMARY\" >build.json
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) linkpack build

Environment: SOURCE_DATE_EPOCH (the time of everything in the packages), XDG_CACHE_HOME, TMPDIR, and the variables that the manifest names: version = { env = \"VERSION\" }

Exit codes: 0 built, 1 refused or failed (no package of this build then has its name), 2 usage";

pub const SIGN: &str = "\
Examples:
  linkpack sign dist --key sums.pem --openpgp-key release.sec --password-env KEY_PASSWORD
  linkpack sign dist --cert cert.pem --sign-command './hsm-sign'

Exit codes: 0 signed, 1 refused or failed (every package is as before, or signed whole), 2 usage";

pub const ASSEMBLE: &str = "\
Examples:
  linkpack build -s sites/acme.toml --per-site recipes
  linkpack assemble agent_1.0_amd64.deb agent-acme_1.0_amd64.deb.recipe -o acme/

Exit codes: 0 made, 1 refused or failed (nothing has the package's name then), 2 usage";

pub const INSPECT: &str = "\
Examples:
  linkpack inspect agent.deb --files
  linkpack inspect agent.msi --json | jq .identity
  linkpack inspect --diff old.rpm new.rpm

Exit codes: 0 shown, whatever the verdict; 1 something cannot be read; 2 usage";

pub const VERIFY: &str = "\
Examples:
  linkpack verify dist
  linkpack verify agent.rpm --key release.asc
  linkpack verify dist --rebuild linkpack.toml -s sites/acme.toml

Exit codes: 0 everything matches, 1 something differs or cannot be read, 2 usage";

pub const LINT: &str = "\
Examples:
  linkpack lint dist
  linkpack lint dist --format sarif >lint.sarif
  linkpack lint --explain not-executable
  linkpack lint new.msi --previous old.msi

Exit codes: 0 no errors, though there may be warnings; 1 errors, or a package that cannot be read; 2 usage";

pub const KIT: &str = "\
Examples:
  linkpack kit dist -o kit --key sums.pem --openpgp-key release.sec --zip kit.zip
  linkpack kit accept kit --fingerprint \"$FINGERPRINT\" -o acceptance.html
  linkpack kit serve kit --listen 0.0.0.0:8080

Exit codes: 0 done, 1 refused or failed (accept: the kit must not be used), 2 usage";

pub const KIT_SERVE: &str = "\
Examples:
  linkpack kit serve kit --listen 0.0.0.0:8080

Exit codes: 0 ended by a signal, 1 failed, 2 usage";

pub const KIT_ACCEPT: &str = "\
Examples:
  linkpack kit accept kit --fingerprint \"$FINGERPRINT\" -o acceptance.html
  linkpack kit accept kit --against kit-before --require 2 --json

Exit codes: 0 accepted, 1 the kit must not be used or cannot be read, 2 usage";

pub const KIT_APPLY: &str = "\
Examples:
  linkpack kit apply kit-before new.delta -o kit

Exit codes: 0 made, 1 refused or failed, 2 usage";

pub const KIT_CVE: &str = "\
Examples:
  linkpack kit cve kit
  linkpack kit cve kit --osv advisories/ --vex statements/ --json

Exit codes: 0 nothing is open, 1 failed, 2 usage, 3 a vulnerability is open";

pub const KIT_COUNTERSIGN: &str = "\
Examples:
  linkpack kit countersign kit --key second.pem --password-fd 3 3<password

Exit codes: 0 signed, 1 refused or failed, 2 usage";

pub const PLAN: &str = "\
Examples:
  linkpack plan -s 'sites/*.toml' -f deb,rpm -o plan --cache-key cache.key
  linkpack plan run plan --local 8       or: sh plan/engines/slurm.sh, sh plan/engines/parallel.sh,
                                         hq job submit-file plan/engines/hyperqueue.toml,
                                         kubectl apply -f plan/engines/kubernetes.yaml
  linkpack plan status plan
  linkpack merge plan -o dist --key sums.pem --openpgp-key release.sec

Environment: SOURCE_DATE_EPOCH and the variables that the manifest names, as they are when the plan is made

Exit codes: 0 planned, 1 refused or failed, 2 usage";

pub const PLAN_RUN: &str = "\
Examples:
  linkpack plan run plan                 as many jobs side by side as there are processors
  linkpack plan run plan --local 8 -j 1

Exit codes: 0 all jobs are done, 1 a job failed, 2 usage";

pub const PLAN_STATUS: &str = "\
Examples:
  linkpack plan status plan
  linkpack plan status plan --check --json

Exit codes: 0 all jobs are done, 1 it cannot be read, 2 usage, 3 jobs are left";

pub const MERGE: &str = "\
Examples:
  linkpack merge plan -o dist
  linkpack merge plan -o dist --key sums.pem --openpgp-key release.sec --password-env KEY_PASSWORD

Exit codes: 0 merged, 1 refused or failed (no package then has its name), 2 usage";

pub const CACHE: &str = "\
Examples:
  linkpack cache show
  linkpack cache show --cache /srv/cache --cache-key cache.key --json
  linkpack cache prune --cache-limit 20G --unused-for 30

Exit codes: 0 done, 1 refused or failed, 2 usage";

pub const CACHE_SHOW: &str = "\
Examples:
  linkpack cache show
  linkpack cache show --cache /srv/cache --cache-key cache.key --json

Exit codes: 0 shown, 1 it cannot be read, 2 usage";

pub const CACHE_PRUNE: &str = "\
Examples:
  linkpack cache prune --cache-limit 20G
  linkpack cache prune --unused-for 30            what no build used for 30 days
  linkpack cache prune --cache /srv/cache --cache-key cache.key
                                                  what has no seal of this key, too

Exit codes: 0 done, 1 refused or failed (a build is using the cache), 2 usage";

pub const PREFLIGHT: &str = "\
Examples:
  sudo linkpack preflight
  sudo linkpack preflight --root /opt/acme/intigua --json

Exit codes: 0 all checks passed, 1 some did not or cannot be run, 2 usage";

pub const SCHEMA: &str = "\
Examples:
  linkpack schema >linkpack.schema.json  then, as the manifest's first line: #:schema ./linkpack.schema.json
  linkpack schema site
  linkpack schema build                  what build --json prints

Exit codes: 0 printed, 1 failed, 2 usage";

pub const COMPLETIONS: &str = "\
Examples:
  linkpack completions bash >/etc/bash_completion.d/linkpack

Exit codes: 0 printed, 1 failed, 2 usage";

pub const MAN: &str = "\
Examples:
  linkpack man --out /usr/local/share/man/man1
  linkpack man | man -l -

Exit codes: 0 printed or written, 1 failed, 2 usage";
