//! Spans of time.

use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::Deserializer;
use serde::Deserialize;
use std::borrow::Cow;

/// A span of time, written as a number and a unit: `500ms`, `1s`, `5m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    milliseconds: u64,
}

impl Span {
    /// A span of that many milliseconds.
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Span { milliseconds }
    }

    /// In milliseconds.
    pub fn as_milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// In seconds, rounded up.
    pub fn as_seconds(self) -> u64 {
        self.milliseconds.div_ceil(1000)
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        Some(Span { milliseconds: number.parse::<u64>().ok()?.checked_mul(factor)? })
    }

    /// Another way to write a span, in ours.
    fn meant(text: &str) -> Option<String> {
        let digits = text.trim().trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.trim().strip_suffix(digits)?.parse::<u32>().ok()?;
        Some(match digits.trim().to_lowercase().as_str() {
            "ms" | "msec" | "millis" | "milliseconds" => format!("{number}ms"),
            "s" | "sec" | "secs" | "second" | "seconds" => format!("{number}s"),
            "m" | "min" | "mins" | "minute" | "minutes" => format!("{number}m"),
            "h" | "hr" | "hour" | "hours" => format!("{number}h"),
            "d" | "day" | "days" => format!("{}h", u64::from(number) * 24),
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a span of time such as \"1s\"")
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Span, E> {
                let number = number.unsigned_abs();
                Err(E::custom(format!("{number} is a span of time without its unit; write \"{number}s\" for seconds, \"{number}ms\", \"{number}m\" or \"{number}h\"")))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Span, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                let digits = text.trim().parse::<u32>().is_ok();
                let number = text.trim();
                Span::parse(text).ok_or_else(|| match digits {
                    true => E::custom(format!("\"{text}\" is a span of time without its unit; write \"{number}s\" for seconds, \"{number}ms\", \"{number}m\" or \"{number}h\"")),
                    false => {
                        let instead = Span::meant(text).map_or_else(|| "\"500ms\", \"1s\", \"5m\" or \"1h\"".to_owned(), |like| format!("\"{like}\""));
                        E::custom(format!("\"{}\" is not a span of time; write {instead}", text.escape_debug()))
                    }
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        assert_eq!(Span::parse("5m"), Some(Span::milliseconds(300_000)));
        for bad in ["5", "m", "", "-1s", "1 s", "99999999999999999999s"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }
}
