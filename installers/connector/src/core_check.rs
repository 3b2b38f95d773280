//! `vlink check-core`: can the core server be reached? Tried as the settings say, with growing pauses.
//!
//! What is tried is the way: a TCP connection to the core server, or one that the proxy makes (HTTP CONNECT). No TLS.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::backoff::{Backoff, Watchdog};
use crate::config::Config;
use crate::connector::effective;
use crate::launch::Layout;
use crate::log::one_line;
use crate::platform;
use crate::probe::{self, Place, Proxy};

/// What one try may take, and all of them, where csclient.cfg does not say (`timeouts.connectSeconds`, `timeouts.checkSeconds`).
const ONE_TRY: Duration = Duration::from_secs(10);
const ALL_TRIES: Duration = Duration::from_secs(60);
/// No time-out is longer, and no pause.
const LONGEST: u64 = 86_400_000;

/// Where to go, and how.
#[derive(Debug)]
struct Way {
    servers: Vec<Place>,
    proxy: Option<Proxy>,
    one_try: Duration,
    all_tries: Duration,
    pauses: Watchdog,
}

/// Tries until a server is reached, the time is up, or, with `once`, each has been tried once. Says how it goes, a line each.
///
/// # Errors
/// One sentence: why none is reached.
pub fn check(layout: &Layout, once: bool) -> Result<(), String> {
    let way = way(&effective(layout)?)?;
    let end = Instant::now() + way.all_tries;
    let mut backoff = Backoff::default();
    for round in 1_u64.. {
        let mut last = String::new();
        for server in &way.servers {
            let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match probe::reach(server, way.proxy.as_ref(), way.one_try.min(left)) {
                Ok(()) => {
                    say(&format!("core: {server} is reached{}, at try {round}", through(&way)));
                    return Ok(());
                }
                Err(why) => last = format!("{server}{}: {}", through(&way), one_line(&why)),
            }
            say(&format!("try {round}: {last}"));
        }
        let pause = backoff.next(&way.pauses, Duration::default());
        if once || Instant::now() + pause >= end {
            return Err(format!("no core server is reached; the last answer: {last}"));
        }
        std::thread::sleep(pause);
    }
    unreachable!("a machine does not try so often")
}

/// At once: who reads a pipe wants to see how it goes. One that has gone is no fault.
fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn through(way: &Way) -> String {
    way.proxy.as_ref().map_or(String::new(), |proxy| format!(" through the proxy {}", proxy.place))
}

fn way(config: &Config) -> Result<Way, String> {
    let usual = config.get("protocols.primary").and_then(|text| text.rsplit_once(':'));
    let usual = usual.and_then(|(name, port)| Some((name, port.parse::<u16>().ok()?)));
    let urls: Vec<&str> = config.get("serverUrl").unwrap_or("").split(';').map(str::trim).filter(|url| !url.is_empty()).collect();
    if urls.is_empty() {
        return Err("no core server is set: serverUrl of csclient.cfg is empty or missing".to_string());
    }
    let servers = urls.iter().map(|url| Place::of(url, usual).map_err(|why| format!("serverUrl of csclient.cfg {why}")));
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    let defaults = Watchdog::default();
    let span =
        |key: &str, scale: u64, usual: Duration| number(config, key).map(|found| found.map_or(usual, |n| milliseconds(n, scale)));
    let pauses = Watchdog {
        first: span("retry.firstMs", 1, defaults.first)?.max(Duration::from_millis(1)),
        factor: number(config, "retry.factor")?.map_or(defaults.factor, |factor| factor.max(1) as f64),
        max: span("retry.maxMs", 1, defaults.max)?.max(Duration::from_millis(1)),
        ..defaults
    };
    Ok(Way {
        servers,
        proxy: proxy(config)?,
        one_try: span("timeouts.connectSeconds", 1_000, ONE_TRY)?.max(Duration::from_millis(1)),
        all_tries: span("timeouts.checkSeconds", 1_000, ALL_TRIES)?,
        pauses,
    })
}

fn milliseconds(number: u64, scale: u64) -> Duration {
    Duration::from_millis(number.saturating_mul(scale).min(LONGEST))
}

fn number(config: &Config, key: &str) -> Result<Option<u64>, String> {
    match config.get(key).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => value.parse().map(Some).map_err(|_| format!("{key} of csclient.cfg is no whole number")),
    }
}

fn proxy(config: &Config) -> Result<Option<Proxy>, String> {
    let url = config.get("proxyUrl").unwrap_or("").trim();
    if url.is_empty() {
        return Ok(None);
    }
    let place = Place::of(url, None).map_err(|why| format!("proxyUrl of csclient.cfg {why}"))?;
    let file = config.get("proxyCredentialsFile").unwrap_or("");
    let credentials = if file.is_empty() { None } else { Some(credentials(Path::new(file))?) };
    Ok(Some(Proxy { place, credentials }))
}

/// The file holds user:password; nothing of it is ever shown.
fn credentials(path: &Path) -> Result<String, String> {
    let cannot = |why: String| format!("the proxy's credentials in {} cannot be used: {why}", path.display());
    let bytes = platform::read_settings(path).map_err(|error| cannot(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot("not UTF-8".to_string()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if !text.contains(':') || text.chars().any(char::is_control) {
        return Err(cannot("it has to be one line, user:password".to_string()));
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes())
    }

    #[test]
    fn settings_say_where_to_go_and_how_often() {
        let text =
            "serverUrl: \"https://a; http://b:81/x ;;https://[::1]\"\nprotocols.primary: \"https:8443\"\nretry.firstMs: \"50\"\n\
                    retry.factor: \"3\"\nretry.maxMs: \"400\"\ntimeouts.connectSeconds: \"2\"\ntimeouts.checkSeconds: \"9\"\n";
        let way = way(&config(text)).unwrap();
        let shown: Vec<String> = way.servers.iter().map(Place::to_string).collect();
        assert_eq!(shown, ["https://a:8443", "http://b:81", "https://[::1]:8443"]);
        assert_eq!((way.one_try, way.all_tries), (Duration::from_secs(2), Duration::from_secs(9)));
        assert_eq!(
            (way.pauses.first, way.pauses.factor, way.pauses.max),
            (Duration::from_millis(50), 3.0, Duration::from_millis(400))
        );
        assert!(way.proxy.is_none());
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        for (text, part) in [
            ("", "no core server is set"),
            ("serverUrl: \"hunter2\"", "serverUrl of csclient.cfg is no http"),
            ("serverUrl: \"https://a\"\nretry.factor: \"hunter2\"", "retry.factor"),
            ("serverUrl: \"https://a\"\nproxyUrl: \"hunter2\"", "proxyUrl"),
            ("serverUrl: \"https://a\"\nproxyUrl: \"http://p\"\nproxyCredentialsFile: \"/nowhere/x\"", "credentials"),
        ] {
            let why = way(&config(text)).unwrap_err();
            assert!(why.contains(part) && !why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn absurd_numbers_stay_within_a_day_and_never_panic() {
        let huge = u64::MAX;
        let text = format!("serverUrl: \"https://a\"\nretry.firstMs: \"{huge}\"\nretry.factor: \"{huge}\"\nretry.maxMs: \"0\"\ntimeouts.checkSeconds: \"{huge}\"");
        let way = way(&config(&text)).unwrap();
        assert_eq!(way.all_tries, Duration::from_millis(LONGEST));
        assert_eq!(Backoff::default().next(&way.pauses, Duration::default()), Duration::from_millis(1));
    }
}
