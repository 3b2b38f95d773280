//! A plan is made: what decides about packages is digested, sites are put into jobs.

use super::super::{codec, needs_sites, selection, sites, sources as given_sources, Options};
use super::{engines, relative, sha256_of, sources};
use super::{Build, Input, Job, Plan, Planned, Site, CACHE, ENGINES, FORMAT, JOBS, OUTPUTS, PLAN};
use crate::error::{Error, IoContext, Result};
use crate::listener::Listener;
use crate::manifest::{self, Format, Product, SourceSpec, Target};
use crate::new_file;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What was planned.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    /// The plan's folder.
    pub folder: PathBuf,
    /// The product's name.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// How many sites there are.
    pub sites: usize,
    /// How many jobs they are in.
    pub jobs: usize,
    /// How many of these have packages already, from a plan before.
    pub done: usize,
    /// The formats of each site.
    pub formats: Vec<Format>,
    /// The targets of each site.
    pub targets: Vec<String>,
}

/// Where a plan goes, and what its jobs share.
#[derive(Debug)]
pub struct Wish {
    /// The plan's folder.
    pub folder: PathBuf,
    /// About how many sites a job has, where there are many: each job reads the payload.
    pub sites_each: usize,
    /// The most jobs.
    pub most_jobs: usize,
    /// The cache that the jobs share; a folder of the plan's when not given.
    pub cache: Option<PathBuf>,
    /// What seals it.
    pub cache_key: Option<PathBuf>,
    /// What it may hold.
    pub cache_limit: Option<u64>,
    /// Threads of each job.
    pub threads: Option<usize>,
}

/// Makes a plan of what `options` would build, and its files for engines. Nothing is built; of the sources only digests are made.
///
/// # Errors
/// What a build refuses before it reads a payload; the folder cannot be written.
pub fn make(options: &Options, wish: &Wish, listener: &dyn Listener) -> Result<Made> {
    let product = manifest::load(&options.manifest, &options.given)?;
    let products = sites(&product, &options.sites)?;
    product.warnings().iter().for_each(|warning| listener.warning(warning));
    let chosen = selection::choose(&product, &options.formats, &options.targets, listener)?;
    needs_sites(&chosen.formats, options)?;
    given_sources::check(&product, &chosen.targets)?;
    codec::choose(&product, &chosen.formats, options.codec)?;
    let cannot = |error: Error| error.help("choose another folder with -o DIR");
    for folder in ["", OUTPUTS, ENGINES] {
        let folder = wish.folder.join(folder);
        fs::create_dir_all(&folder).or_cannot("create", &folder).map_err(cannot)?;
    }
    let folder = fs::canonicalize(&wish.folder).or_cannot("find", &wish.folder)?;
    let place = |path: &Path| -> Result<PathBuf> {
        let absolute = std::path::absolute(path).or_cannot("find", path)?;
        // The folder's links may be resolved already; the file's own name stays, which may be a site's.
        let parent = absolute.parent().map_or(Ok(PathBuf::from("/")), fs::canonicalize).or_cannot("find", path)?;
        Ok(relative(&folder, &parent.join(absolute.file_name().unwrap_or_default())))
    };
    let build = Build {
        manifest: place(&options.manifest)?,
        manifest_sha256: sha256_of(&options.manifest)?,
        given: options.given.texts().map(str::to_owned).collect(),
        environment: environment(&options.manifest)?,
        formats: chosen.formats,
        targets: chosen.targets.iter().map(|target| target.name().to_owned()).collect(),
        codec: options.codec.name().to_owned(),
        cabinet: options.cabinet.map(|packing| packing.name().to_owned()),
        base: options.base.as_deref().map(place).transpose()?,
        sbom: options.sbom,
        no_tilde: options.no_tilde,
        source_date_epoch: options.epoch,
    };
    let site = |(file, product): (&PathBuf, &Product)| {
        Ok(Site { name: product.site_name().unwrap_or_default().to_owned(), file: place(file)?, sha256: sha256_of(file)? })
    };
    let sites = options.sites.iter().zip(&products).map(site).collect::<Result<Vec<_>>>()?;
    let mut paths = payloads(&product, &chosen.targets);
    paths.extend(options.base.clone());
    let own = [folder.clone()];
    let input = |path: PathBuf| {
        let blake3 = sources::digest(&fs::canonicalize(&path).or_cannot("find", &path)?, options.epoch.is_none(), &own)?;
        Ok(Input { path: place(&path)?, blake3 })
    };
    let inputs = paths.into_iter().map(input).collect::<Result<Vec<_>>>()?;
    let jobs = group(&sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>(), wish.sites_each, wish.most_jobs);
    let jobs =
        jobs.into_iter().map(|of| Job { id: id(&build, &inputs, of.iter().map(|&site| &sites[site])), sites: of }).collect();
    let plan = Plan {
        format: FORMAT,
        linkpack: env!("CARGO_PKG_VERSION").to_owned(),
        product: product.manifest().product.name.to_string(),
        version: product.manifest().product.version.to_string(),
        build,
        cache: wish.cache.as_deref().map(place).transpose()?.unwrap_or_else(|| CACHE.into()),
        cache_key: wish.cache_key.as_deref().map(place).transpose()?,
        cache_limit: wish.cache_limit,
        threads: wish.threads,
        sites,
        inputs,
        jobs,
    };
    let planned = Planned { folder, plan };
    // Before anybody else runs into it.
    planned.cache()?;
    write(&planned)?;
    let Planned { folder, plan } = &planned;
    Ok(Made {
        folder: folder.clone(),
        product: plan.product.clone(),
        version: plan.version.clone(),
        sites: plan.sites.len(),
        jobs: plan.jobs.len(),
        done: plan.jobs.iter().filter(|job| planned.is_there(job)).count(),
        formats: plan.build.formats.clone(),
        targets: plan.build.targets.clone(),
    })
}

fn write(planned: &Planned) -> Result<()> {
    let Planned { folder, plan } = planned;
    let lines: String = (0..plan.jobs.len()).map(|index| line(planned, index)).collect();
    new_file::write(&folder.join(JOBS), lines.as_bytes())?;
    for (name, text) in engines::files(planned) {
        new_file::write(&folder.join(ENGINES).join(name), text.as_bytes())?;
    }
    let json = serde_json::to_string_pretty(plan).expect("plain JSON") + "\n";
    new_file::write(&folder.join(PLAN), json.as_bytes())
}

/// A job's line of jobs.jsonl.
fn line(planned: &Planned, index: usize) -> String {
    let plan = &planned.plan;
    let job = &plan.jobs[index];
    let needs: Vec<&str> = if index == 0 { Vec::new() } else { vec![&plan.jobs[0].id] };
    let sites: Vec<&str> = job.sites.iter().map(|&site| plan.sites[site].name.as_str()).collect();
    let line = json!({
        "job": index,
        "id": job.id,
        "needs": needs,
        "sites": sites,
        "formats": plan.build.formats,
        "targets": plan.build.targets,
        "command": ["linkpack", "build", "-q", "--plan", planned.folder, "--job", index.to_string()],
        "outputs": [format!("{OUTPUTS}/{}", job.id)],
    });
    format!("{line}\n")
}

/// The sources of the targets' payloads, and the product's picture, each once.
fn payloads(product: &Product, targets: &[Target]) -> Vec<PathBuf> {
    let manifest = product.manifest();
    let mut paths = Vec::from_iter(product.icon());
    let mut add = |spec: &SourceSpec| {
        for layer in &spec.layers {
            let path = product.resolve(layer);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    };
    for target in targets {
        manifest.connector.payload.get(target).into_iter().for_each(&mut add);
        for container in &manifest.container {
            container.get_ref().payload.get(target).into_iter().for_each(&mut add);
        }
    }
    paths
}

/// The variables that a manifest names as `{ env = "NAME" }`, as far as they are set.
fn environment(manifest: &Path) -> Result<BTreeMap<String, String>> {
    fn find(value: &toml::Value, found: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                let name = table.get("env").filter(|_| table.len() == 1).and_then(toml::Value::as_str);
                if let Some((name, value)) = name.and_then(|name| Some((name, std::env::var(name).ok()?))) {
                    found.insert(name.to_owned(), value);
                }
                table.values().for_each(|inner| find(inner, found));
            }
            toml::Value::Array(list) => list.iter().for_each(|inner| find(inner, found)),
            _ => {}
        }
    }
    let text = fs::read_to_string(manifest).or_cannot("read", manifest)?;
    let mut found = BTreeMap::new();
    // It was read before: what is wrong with it was told.
    if let Ok(table) = text.parse::<toml::Table>() {
        find(&toml::Value::Table(table), &mut found);
    }
    Ok(found)
}

/// The sites of each job, by their places. The first job fills the cache for the others, and has one site. Where several sites share a job,
/// a site's depends on its name alone, so that one that comes or goes changes no other's; and the number of jobs changes when the number of
/// sites has doubled.
fn group(names: &[&str], each: usize, most: usize) -> Vec<Vec<usize>> {
    /// So many jobs there are where there are as many sites: a few machines then have something to do.
    const FEW: usize = 8;
    let rest = names.len().saturating_sub(1);
    let wanted = match each {
        0 | 1 => rest,
        each => (names.len() / each).checked_ilog2().map_or(1, |power| 1 << power).max(FEW),
    };
    let jobs = wanted.min(most.saturating_sub(1)).max(1);
    let first: Vec<usize> = (0..names.len().min(1)).collect();
    if rest <= jobs {
        return std::iter::once(first).chain((1..names.len()).map(|site| vec![site])).collect();
    }
    let mut all = BTreeMap::<u64, Vec<usize>>::new();
    for (site, name) in names.iter().enumerate().skip(1) {
        let digest = blake3::hash(name.as_bytes());
        let number = u64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("eight of 32 bytes"));
        all.entry(number % jobs as u64).or_default().push(site);
    }
    std::iter::once(first).chain(all.into_values()).collect()
}

/// What a job's packages are known by: a digest of all that decides about them.
fn id<'a>(build: &Build, inputs: &[Input], sites: impl Iterator<Item = &'a Site>) -> String {
    let about = json!({
        "format": FORMAT,
        "linkpack": env!("CARGO_PKG_VERSION"),
        "manifest": build.manifest_sha256,
        "given": build.given,
        "environment": build.environment,
        "formats": build.formats,
        "targets": build.targets,
        "codec": build.codec,
        "cabinet": build.cabinet,
        "sbom": build.sbom,
        "no_tilde": build.no_tilde,
        "source_date_epoch": build.source_date_epoch,
        "inputs": inputs.iter().map(|input| &input.blake3).collect::<Vec<_>>(),
        "sites": sites.map(|site| [&site.name, &site.sha256]).collect::<Vec<_>>(),
    });
    blake3::hash(about.to_string().as_bytes()).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|site| format!("site-{site}")).collect()
    }

    fn grouped(names: &[String], each: usize, most: usize) -> Vec<Vec<usize>> {
        group(&names.iter().map(String::as_str).collect::<Vec<_>>(), each, most)
    }

    #[test]
    fn every_site_is_in_one_job_and_the_first_fills_the_cache_with_one() {
        for (count, each, most) in [
            (0, 16, 1000),
            (1, 16, 1000),
            (9, 16, 1000),
            (200, 16, 1000),
            (1000, 1, 1000),
            (1001, 1, 1000),
            (10_000, 16, 1000),
            (100_000, 16, 1000),
            (50, 16, 3),
            (5, 1, 2),
        ] {
            let jobs = grouped(&names(count), each, most);
            assert!(jobs.len() <= most, "{count} sites in {} jobs", jobs.len());
            assert!(jobs[0].len() == count.min(1));
            let mut all: Vec<usize> = jobs.concat();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
        let counts = [9, 200, 10_000].map(|count| grouped(&names(count), 16, 1000).len());
        assert_eq!(counts, [9, 9, 513]);
        assert_eq!(grouped(&names(200), 1, 1000).len(), 200);
    }

    #[test]
    fn a_site_that_goes_changes_one_job() {
        let all = names(3000);
        let mut fewer = all.clone();
        fewer.remove(1234);
        let named = |names: &[String]| {
            let jobs = grouped(names, 16, 1000).into_iter();
            let named = jobs.map(|job| job.iter().map(|&site| names[site].clone()).collect::<Vec<_>>());
            named.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(named(&all).difference(&named(&fewer)).count(), 1);
    }

    #[test]
    fn an_id_is_of_everything_that_decides_about_packages() {
        let build = |codec: &str, epoch| Build {
            manifest: "../linkpack.toml".into(),
            manifest_sha256: "1".into(),
            given: Vec::new(),
            environment: BTreeMap::new(),
            formats: vec![Format::Deb],
            targets: vec!["linux-x86_64".into()],
            codec: codec.into(),
            cabinet: None,
            base: None,
            sbom: true,
            no_tilde: false,
            source_date_epoch: epoch,
        };
        let input = |blake3: &str| [Input { path: "x".into(), blake3: blake3.into() }];
        let site = |name: &str, sha256: &str| [Site { name: name.into(), file: "f".into(), sha256: sha256.into() }];
        let usual = || (build("auto", Some(1)), input("a"), site("s", "1"));
        let of = |(build, inputs, sites): (Build, [Input; 1], [Site; 1])| id(&build, &inputs, sites.iter());
        let elsewhere = Build { manifest: "/other/place.toml".into(), ..build("auto", Some(1)) };
        assert_eq!(of(usual()), of((elsewhere, input("a"), site("s", "1"))));
        let others = [
            (build("small", Some(1)), input("a"), site("s", "1")),
            (build("auto", None), input("a"), site("s", "1")),
            (Build { given: vec!["--set a=b".into()], ..build("auto", Some(1)) }, input("a"), site("s", "1")),
            (Build { manifest_sha256: "2".into(), ..build("auto", Some(1)) }, input("a"), site("s", "1")),
            (build("auto", Some(1)), input("b"), site("s", "1")),
            (build("auto", Some(1)), input("a"), site("t", "1")),
            (build("auto", Some(1)), input("a"), site("s", "2")),
        ];
        let mut ids: Vec<String> = others.into_iter().chain([usual()]).map(of).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 8);
    }
}
