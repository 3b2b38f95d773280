//! index.html: what is in the kit, for whom, and how to use each part; it needs no network and no script.

use super::accept::Acceptance;
use super::input::Kind;
use super::times::date;
use super::{DescribedFile, Description, Plan};
use crate::error::{Error, Result};
use crate::trust::openpgp_text::TrustedKey;
use base64ct::{Base64, Encoding};
use minijinja::{context, Environment, Value};
use qrcode::{Color, EcLevel, QrCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

const PAGE: &str = include_str!("../../../templates/kit/index.html");
const ACCEPTANCE: &str = include_str!("../../../templates/kit/accept.html");
const STYLE: &str = include_str!("../../../templates/kit/page.css");
/// Rows of one table; a page of more is no help to anybody.
const MOST: usize = 2000;

/// A file as the page shows it.
#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    file: &'a str,
    name: &'a str,
    version: &'a str,
    architecture: &'a str,
    size: String,
    sha256: &'a str,
}

impl<'a> Row<'a> {
    fn of(file: &'a DescribedFile) -> Self {
        let DescribedFile { path, name, version, architecture, sha256, .. } = file;
        let file_name = path.rsplit('/').next().unwrap_or(path);
        Row { path, file: file_name, name, version, architecture, size: crate::inspect::tree::bytes(file.size), sha256 }
    }
}

/// The page.
///
/// # Errors
/// The template is broken, which is a fault of linkpack.
pub fn render(plan: &Plan, description: &Description, channels: &BTreeMap<String, Vec<String>>) -> Result<String> {
    let broken = |error: minijinja::Error| Error::new(format!("the page's template is broken: {error:#}; please report this"));
    let mut environment = Environment::new();
    environment.add_template("index.html", PAGE).map_err(broken)?;
    let of = |kinds: &[Kind]| -> Vec<Row> {
        description.files.iter().filter(|file| kinds.contains(&file.kind)).take(MOST).map(Row::of).collect()
    };
    let trusted = plan.keys.trusted.as_ref();
    let rows = |kinds: &[Kind]| Value::from(minijinja::value::Serde(of(kinds)));
    let template = environment.get_template("index.html").map_err(broken)?;
    let fingerprint = description.keys.sums.trim_start_matches("sha256:");
    template
        .render(context! {
            style => Value::from_safe_string(STYLE.to_owned()),
            style_hash => Value::from_safe_string(style_hash()),
            name => &plan.name,
            origin => &plan.origin,
            date => date(i64::from(plan.time)),
            made_by => &description.made_by,
            debs => rows(&[Kind::Deb]),
            rpms => rows(&[Kind::Rpm]),
            runs => rows(&[Kind::Run]),
            windows => rows(&[Kind::Msi]),
            beside => rows(&[Kind::Beside]),
            sites => rows(&[Kind::Site]),
            overlays => description.files.iter().any(|file| file.name.contains("-site-") || file.kind == Kind::Site),
            bills => rows(&[Kind::Bill]),
            channels,
            fingerprint => fingerprint,
            grouped => grouped(fingerprint),
            qr => Value::from_safe_string(qr(&description.keys.sums)?),
            openpgp => trusted.map(|trusted| grouped(&trusted.fingerprint)),
            algorithm => trusted.map(|trusted| &trusted.algorithm),
            expires => trusted.and_then(|trusted| trusted.expires).map(|expires| date(i64::from(expires))),
            warnings => trusted.map(key_warnings).unwrap_or_default(),
            next => description.keys.next.as_deref().map(|next| grouped(next.trim_start_matches("sha256:"))),
        })
        .map_err(broken)
}

/// The report of an acceptance.
///
/// # Errors
/// The template is broken, which is a fault of linkpack.
pub fn acceptance(report: &Acceptance) -> Result<String> {
    let broken = |error: minijinja::Error| Error::new(format!("the report's template is broken: {error:#}; please report this"));
    let mut environment = Environment::new();
    environment.add_template("accept.html", ACCEPTANCE).map_err(broken)?;
    let template = environment.get_template("accept.html").map_err(broken)?;
    template
        .render(context! {
            style => Value::from_safe_string(STYLE.to_owned()),
            style_hash => Value::from_safe_string(style_hash()),
            date => date(i64::from(report.description.time)),
            report => Value::from(minijinja::value::Serde(report)),
        })
        .map_err(broken)
}

/// The page's style as its policy names it.
fn style_hash() -> String {
    format!("sha256-{}", Base64::encode_string(&Sha256::digest(STYLE)))
}

/// What endpoints will one day make of the key.
pub fn key_warnings(trusted: &TrustedKey) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(expires) = trusted.expires {
        warnings.push(format!(
            "the OpenPGP key expires on {}: apt up to 2.6 refuses the kit from then on. A kit signed by the renewed key has to reach the site before",
            date(i64::from(expires))
        ));
    }
    if trusted.algorithm == "RSA 2048" {
        warnings.push(
            "apt 3 refuses OpenPGP keys of RSA with 2048 bits from 2030-02-01 on: RSA with 3072 bits is accepted by all"
                .to_owned(),
        );
    }
    if trusted.algorithm == "ECDSA" {
        warnings.push("rpm before 4.20 cannot import OpenPGP keys of ECDSA: RSA with 3072 bits is accepted by all".to_owned());
    }
    warnings
}

/// Hexadecimal digits in groups of four, as people compare them.
fn grouped(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// A QR code as SVG: black squares on white, with the quiet zone that readers need.
fn qr(text: &str) -> Result<String> {
    const QUIET: usize = 4;
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| Error::new(format!("no QR code can be made of \"{text}\": {error}")))?;
    let width = code.width();
    let side = width + 2 * QUIET;
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    Ok(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code of the fingerprint\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped("abcdef"), "abcd ef");
    }

    #[test]
    fn the_code_has_a_quiet_zone_and_squares() {
        let svg = qr("sha256:00").unwrap();
        assert!(svg.contains("M4 4h1v1h-1z") && !svg.contains("M3 "), "{svg}");
    }
}
