//! What an unquoted scalar means: the core schema of YAML 1.2 (section 10.3.2).

use serde_json::{Number, Value};

/// A newtype of this name is given an unquoted scalar that is not a text as the bytes it is written with
/// (`visit_bytes`), so that `4.20` stays `4.20`; everything else comes by `visit_newtype_struct`.
pub const AS_WRITTEN: &str = "gonogo::AsWritten";

/// The null, boolean or number an unquoted scalar stands for; none when it is a text.
#[must_use]
pub fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => number(text).map(Value::Number),
    }
}

/// The number a scalar stands for. `.inf` and `.nan` stay texts: JSON has no such numbers.
#[must_use]
pub fn number(text: &str) -> Option<Number> {
    let starts_like_one = matches!(text.as_bytes().first()?, b'0'..=b'9' | b'+' | b'-' | b'.');
    if !starts_like_one {
        return None;
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return unsigned(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return unsigned(hexadecimal, 16);
    }
    let unsigned_text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned_text.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Ok(whole) = text.parse::<i64>() {
            return Some(whole.into());
        }
        if let Ok(whole) = text.parse::<u64>() {
            return Some(whole.into());
        }
    }
    if !is_decimal(unsigned_text) {
        return None;
    }
    Number::from_f64(text.parse().ok()?)
}

fn unsigned(digits: &str, radix: u32) -> Option<Number> {
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    (all_digits && !digits.is_empty()).then(|| u64::from_str_radix(digits, radix).ok().map(Number::from))?
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_one = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_is_one
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_core_schema_and_nothing_else() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("True", json!(true)),
            ("200", json!(200)),
            ("+1", json!(1)),
            ("007", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("18446744073709551615", json!(u64::MAX)),
            ("4.20", json!(4.2)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
        ] {
            assert_eq!(resolve(text), Some(value), "{text}");
        }
        for text in [
            "yes", "no", "on", "off", "4.2.0", "1h", "-", "+", ".", ".inf", ".nan", "e3", "1e", "0x",
            "1_000", "0b1",
        ] {
            assert_eq!(resolve(text), None, "{text}");
        }
    }
}
