//! The embedded files and the engine that puts facts into them.

use contract::exit_codes::EXIT_CODES;
use contract::names::Names;
use contract::rules::System;
use contract::settings::{Lifetime, Rule, Setting, SETTINGS};
use minijinja::syntax::SyntaxConfig;
use minijinja::{context, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::facts::{Facts, ROOT_MARKER};
use super::{inline, quote, RunPayload};

/// Whose scripts are rendered: the shell modules ask for it where the package managers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// dpkg.
    Deb,
    /// rpm.
    Rpm,
    /// The self-extracting archive.
    Run(RunPayload),
    /// linkctl and `linkpack preflight`, which serve every channel.
    Any,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Channel::Deb => "deb",
            Channel::Rpm => "rpm",
            Channel::Run(_) => "run",
            Channel::Any => "",
        }
    }

    /// Tools the scripts call beyond those that every channel needs.
    fn tools(self) -> String {
        match self {
            Channel::Run(payload) => {
                format!("tar tail head tee dd mkfifo sync sort grep cp mv readlink {}", payload.codec.name())
            }
            Channel::Deb | Channel::Rpm => "cp mv readlink".to_owned(),
            Channel::Any => String::new(),
        }
    }

    /// The variables of the caller's environment that a script keeps (docs/architecture.md).
    fn kept(self) -> &'static [&'static str] {
        match self {
            Channel::Deb => &[
                "TERM",
                // The documented remedy of a refused downgrade.
                "ALLOW_DOWNGRADE",
                "DPKG_ADMINDIR",
                "DPKG_COLORS",
                "DPKG_FORCE",
                "DPKG_MAINTSCRIPT_ARCH",
                "DPKG_MAINTSCRIPT_DEBUG",
                "DPKG_MAINTSCRIPT_NAME",
                "DPKG_MAINTSCRIPT_PACKAGE",
                "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT",
                "DPKG_ROOT",
                "DPKG_RUNNING_VERSION",
                "DEBIAN_FRONTEND",
                "DEBIAN_HAS_FRONTEND",
                "DEBIAN_PRIORITY",
                "DEBCONF_DB_FALLBACK",
                "DEBCONF_DB_OVERRIDE",
                "DEBCONF_DB_REPLACE",
                "DEBCONF_DEBUG",
                "DEBCONF_NOWARNINGS",
                "DEBCONF_NONINTERACTIVE_SEEN",
                "DEBCONF_OLD_FD_BASE",
                "DEBCONF_PIPE",
                "DEBCONF_PRIORITY",
                "DEBCONF_RECONFIGURE",
                "DEBCONF_REDIR",
                "DEBCONF_SYSTEMRC",
                "DEBCONF_TERSE",
                "DEBCONF_USE_CDEBCONF",
            ],
            Channel::Rpm => &["TERM", "RPM_INSTALL_PREFIX", "RPM_INSTALL_PREFIX0"],
            // An uninstall calls dpkg, whose frontend may be chosen.
            Channel::Run(_) | Channel::Any => &["TERM", "DEBIAN_FRONTEND"],
        }
    }
}

/// A file of `templates/` or `installers/`. A release carries its text; a debug build reads it from the working copy, so that a change
/// to a script needs no compiler.
struct Embedded {
    #[cfg(not(debug_assertions))]
    text: &'static str,
    #[cfg(debug_assertions)]
    path: &'static str,
}

impl Embedded {
    #[cfg(not(debug_assertions))]
    fn text(&self) -> Result<String, Error> {
        Ok(self.text.to_owned())
    }

    #[cfg(debug_assertions)]
    fn text(&self) -> Result<String, Error> {
        std::fs::read_to_string(self.path)
            .map_err(|error| Error::new(ErrorKind::TemplateNotFound, format!("cannot read {}: {error}", self.path)))
    }
}

macro_rules! embedded {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, Embedded {
            #[cfg(not(debug_assertions))]
            text: include_str!(concat!("../../../", $folder, "/", $name)),
            #[cfg(debug_assertions)]
            path: concat!(env!("CARGO_MANIFEST_DIR"), "/../", $folder, "/", $name),
        })),+]
    };
}

const TEMPLATES: &[(&str, Embedded)] = embedded!("templates/linux":
    "entry.sh", "facts.sh", "names.sh", "texts.sh", "vlink.service", "vlink.init", "vlink.logrotate", "run.sh", "run-usage.txt", "linkctl.sh", "preflight.sh",
    "deb/debconf.sh", "deb/lib.sh", "deb/modules", "deb/preinst", "deb/postinst", "deb/prerm", "deb/postrm", "deb/config", "deb/templates", "deb/triggers",
    "rpm/lib.sh", "rpm/pre", "rpm/post", "rpm/preun", "rpm/postun", "rpm/pretrans", "rpm/posttrans", "rpm/site",
);

const MODULES: &[(&str, Embedded)] = embedded!("installers/linux":
    "abort.sh", "account.sh", "apply.sh", "aside.sh", "base.sh", "config.sh", "core.sh", "debconf.sh", "files.sh", "keep.sh", "labels.sh", "leave.sh", "libraries.sh", "linkctl.sh", "live.sh",
    "lock.sh", "logs.sh", "monitor.sh", "options.sh", "package.sh", "payload.sh", "preflight.sh", "purge.sh", "register.sh", "result.sh", "root.sh",
    "run.sh", "seal.sh", "service.sh", "set.sh", "settings.sh", "site.sh", "state.sh", "status.sh", "takeover.sh", "uninstall.sh", "unit.sh", "version.sh", "versions.sh",
);

/// The modules that nothing but the stub of a `.run` calls, which carries them itself.
const OF_THE_STUB: [&str; 5] = ["libraries.sh", "options.sh", "payload.sh", "run.sh", "site.sh"];

/// Files and folders of linkpack's own below the root: the modules, and what stands beside them and is made for them.
const OWN_NAMES: usize = MODULES.len() + 16;

/// The modules that a package holds as files: name and text.
pub fn module_files() -> Result<Vec<(&'static str, String)>, Error> {
    let on_disk = MODULES.iter().filter(|(name, _)| !OF_THE_STUB.contains(name));
    on_disk.map(|(name, file)| Ok((*name, file.text()?))).collect()
}

/// Every module's text.
#[cfg(test)]
pub fn every_module() -> Result<Vec<String>, Error> {
    MODULES.iter().map(|(_, file)| file.text()).collect()
}

/// The scripts of one package on one channel.
pub struct Scripts {
    environment: Environment<'static>,
    context: Value,
}

impl Scripts {
    pub fn new(facts: &Facts, channel: Channel) -> Result<Self, super::Error> {
        facts.check()?;
        let environment = environment()?;
        let context = context_of(&environment, facts, channel)?;
        Ok(Scripts { environment, context })
    }

    pub fn render(&self, name: &str) -> Result<String, Error> {
        self.render_for(name, "")
    }

    /// A text that `caller` is going to read: of its modules it gets what either of them calls.
    pub fn render_for(&self, name: &str, caller: &str) -> Result<String, Error> {
        let text = self.environment.get_template(name)?.render(&self.context)?;
        let Some((before, rest)) = text.split_once(INLINE) else { return Ok(text) };
        let (names, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let modules = names.split_whitespace().map(module).collect::<Result<Vec<_>, _>>()?;
        let inlined = inline::reachable(&modules, &format!("{before}\n{after}\n{caller}"));
        Ok(format!("{before}{inlined}{after}"))
    }
}

/// A scriptlet of a site's configuration package, which knows the product's names alone.
pub fn site_scriptlet(names: &Names, of_removal: bool) -> Result<String, Error> {
    let kept = Channel::Rpm.kept();
    let context = context! { channel => Channel::Rpm.name(), kept => Vec::from(kept), passed => passed(kept), path => super::PATH, of_removal, place => places(names) };
    environment()?.get_template("rpm/site")?.render(context)
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).keep_trailing_newline(true).build()?);
    environment.add_filter("sh", |value: String| quote::sh_quote(&value));
    environment.add_filter("lua", |value: String| quote::lua_quote(&value));
    environment.add_filter("unit_word", |value: String| quote::unit_quote(&value));
    environment.add_filter("unit_text", |value: String| quote::unit_text(&value));
    environment.add_function("modules", modules);
    environment.add_function("load", load);
    for (name, file) in TEMPLATES {
        environment.add_template_owned(*name, file.text()?)?;
    }
    Ok(environment)
}

/// Where the modules go that a script carries itself: the line's rest names them. They are put in when the rest of the script is known,
/// and unrendered: `${#name}` of the shell would be a comment to the engine.
const INLINE: &str = "#@inline ";

fn modules(names: Vec<String>) -> String {
    format!("{INLINE}{}", names.join(" "))
}

/// Reads modules from the folder `$lp_lib`.
fn load(names: Vec<String>) -> String {
    let names = names.join(" ");
    format!(
        "for lp_name in facts {names} texts; do\n    # shellcheck disable=SC1090 # on the endpoint only\n    . \"$lp_lib/$lp_name.sh\"\ndone"
    )
}

fn module(name: &str) -> Result<String, Error> {
    let file = format!("{name}.sh");
    let (_, module) = MODULES
        .iter()
        .find(|(known, _)| *known == file)
        .ok_or_else(|| Error::new(ErrorKind::TemplateNotFound, format!("no shell module is called {name}")))?;
    Ok(module.text()? + "\n")
}

fn context_of(environment: &Environment<'_>, facts: &Facts, channel: Channel) -> Result<Value, Error> {
    let names = |wanted: &dyn Fn(bool) -> bool| {
        let names: Vec<_> = facts.containers.iter().filter(|c| wanted(c.required)).map(|c| c.name.as_str()).collect();
        names.join(" ")
    };
    let basic = context! {
        product => &facts.product, package => &facts.package, folders => facts.folders.join("\n"), others => facts.others.join("\n"), libraries => &facts.libraries, library_folders => &facts.library_folders, programs => &facts.programs, title => &facts.title, version => &facts.version, service => facts.names.get("service"), place => places(&facts.names), name => names_of(&facts.names),
        channel => channel.name(), tools => channel.tools(), packaged_root => &facts.packaged_root, site_file => super::site_file(&facts.names, &facts.product),
        arch => facts.arch.uname(), needed_kb => facts.installed_kb, needed_names => facts.installed_names + OWN_NAMES, command => facts.command(), core_check => core_check(facts),
        container_names => names(&|_| true), required_names => names(&|required| required),
        settings => settings(facts), exit_codes => exit_codes(), config => facts.config.clone(), seal_paths => facts.seal_paths.clone(),
        server_url => facts.settings.get("SERVER_URL"), questions => questions(facts), path => super::PATH,
        kept => Vec::from(channel.kept()), passed => passed(channel.kept()),
    };
    let text = |name: &str| environment.get_template(name)?.render(&basic).map(|text| text.trim_end().to_owned());
    let texts = context! { unit => text("vlink.service")?, init => text("vlink.init")?, logrotate => text("vlink.logrotate")?, usage => text("run-usage.txt")? };
    let payload = match channel {
        Channel::Run(payload) => context! {
            offset => payload.offset, codec => payload.codec.name(), zeros => "0".repeat(64),
            covered_from => super::RUN_SUM_COVERS_FROM, unsigned => super::run_signature_field(""),
        },
        _ => context! {},
    };
    Ok(context! { ..payload, ..texts, ..basic })
}

/// The places that scripts ask for by name, which are the shell's `LP_P_...`.
fn places(names: &Names) -> Value {
    context! { etc => names.place("etc"), lib => names.place("lib"), log => names.place("log"), run => names.place("run") }
}

/// The names that scripts need besides the service's, and all that are not the default.
fn names_of(names: &Names) -> Value {
    context! {
        connector => names.get("connector-folder"), containers => names.get("containers-folder"), vendor => names.get("vendor"),
        start => names.fill("{start-link}"), stop => names.fill("{stop-link}"), metric => names.metric(), all => names.changed(";"), fixed => names.lasting(System::Linux),
    }
}

/// The words of the connector's own check of the way to its server, for a shell; empty where it has none.
fn core_check(facts: &Facts) -> String {
    // Roots hold nothing that means something in double quotes.
    let words = facts.core_check().into_iter().map(|word| quote::sh_quote(&word).replace(ROOT_MARKER, "'\"$lp_root\"'"));
    words.collect::<Vec<_>>().join(" ")
}

/// Arguments of `env` that hand on those of some variables that are set.
fn passed(names: &[&str]) -> String {
    let words: Vec<_> = names.iter().map(|name| format!("${{{name}+\"{name}=${name}\"}}")).collect();
    words.join(" ")
}

/// debconf's questions: each with its name, kind, short and long description.
fn questions(facts: &Facts) -> Vec<Value> {
    let asked = SETTINGS.iter().filter(|setting| !setting.question.is_empty());
    asked.map(|setting| question(setting, facts)).collect()
}

fn question(setting: &Setting, facts: &Facts) -> Value {
    let (name, short) = (setting.lower("_"), setting.question);
    if setting.is_flag() {
        return context! { name, kind => "boolean", short, long => setting.unset };
    }
    let otherwise = if setting.rule == Rule::Root { &facts.packaged_root } else { setting.unset };
    let built_in = facts.settings.get(setting.name);
    let shown = if built_in.is_empty() { otherwise } else { built_in };
    context! { name, kind => "string", short, long => format!("Leave it empty for the package's own value: {shown}.") }
}

/// The contract's table of settings as the templates need it: each by itself, and the lists that the modules go through.
fn settings(facts: &Facts) -> Value {
    let names = |wanted: &dyn Fn(&Setting) -> bool| {
        SETTINGS.iter().filter(|setting| wanted(setting)).map(|setting| setting.name).collect::<Vec<_>>().join(" ")
    };
    let options = |wanted: &dyn Fn(&Setting) -> bool| {
        SETTINGS.iter().filter(|setting| wanted(setting)).map(Setting::option).collect::<Vec<_>>().join(" ")
    };
    let rows = SETTINGS.iter().map(|setting| {
        context! {
            name => setting.name, value => facts.settings.get(setting.name), rule => setting.rule.name(),
            config_key => setting.config_key,
            usage => format!("{:<26} {:<22} {}", format!("{} {}", setting.option(), setting.argument), setting.name, setting.summary),
        }
    });
    context! {
        rows => rows.collect::<Vec<_>>(),
        all => names(&|_| true),
        remembered => names(&|setting| setting.lifetime == Lifetime::Remembered),
        settable => names(&Setting::is_settable),
        one_run => names(&|setting| setting.lifetime == Lifetime::OneRun),
        options => options(&|setting| !setting.is_flag()),
        flags => options(&Setting::is_flag),
    }
}

/// The exit codes for `--help`, as many on a line as fit.
fn exit_codes() -> String {
    const WIDTH: usize = 118;
    let mut lines = vec!["Exit codes:".to_owned()];
    let last = EXIT_CODES.len() - 1;
    for (index, code) in EXIT_CODES.iter().enumerate() {
        let item = format!("{} {}{}", code.code, code.meaning, if index == last { "." } else { ";" });
        match lines.last_mut() {
            Some(line) if line.len() + 1 + item.len() <= WIDTH => *line += &format!(" {item}"),
            _ => lines.push(item),
        }
    }
    lines.join("\n")
}
