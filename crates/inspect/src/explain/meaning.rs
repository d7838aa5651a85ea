// SPDX-License-Identifier: Apache-2.0
//! What rules and checks mean, in words.

use casemate_types::{Finding, FindingKind};

use super::{Checked, Explanation, ScorePart};
use crate::secret;

/// What rules find that are no lines of a file.
pub(super) fn of_rule(rule: &str) -> Option<&'static str> {
    Some(match rule {
        "canary" => "a text that must never appear anywhere",
        "generic_hex" => "hexadecimal digits assigned to a name that says that they are a secret",
        "generic_password" => "a value assigned to a name that says that it is a password",
        "generic_secret" => "a value assigned to a name that says that it is a secret",
        "health.record" => "a record about somebody's health",
        "injection.conceal" => "words that ask to keep something from the user",
        "injection.decoded" => {
            "a text that reads like an attempt to instruct the model once it is decoded"
        }
        "injection.embedded" => {
            "words in a tool's answer or document that address the model and make it act"
        }
        "injection.extract" => "words that ask for the system prompt",
        "injection.model" => "a text that reads like an attempt to instruct the model",
        "injection.override" => "words that ask to put instructions aside",
        "injection.persona" => "words that ask for a persona without limits",
        "injection.template" => "tokens of a chat template",
        "payment.card" => "a payment card",
        "payment.iban" => "an IBAN",
        "personal.email" => "an address of e-mail",
        "personal.ipv4" => "an IPv4 address",
        "personal.ipv6" => "an IPv6 address",
        "personal.phone" | "personal.phone_e164" => "a telephone number",
        "personal.us_ssn" => "a United States social security number",
        "PERSON" => "the name of a person",
        "STREET_ADDRESS" => "a postal address",
        "special.biometric" => "a trait of somebody's body that tells persons apart",
        "special.ethnicity" => "the ethnic origin of somebody",
        "special.orientation" => "the sexual orientation of somebody",
        "special.politics" => "a political opinion of somebody",
        "special.religion" => "what somebody believes",
        "special.union" => "membership of somebody in a trade union",
        "ZIP_CODE" => "a postal code in an address",
        secret::KEY_BLOCK => "a block of a private key, by its header",
        _ => return None,
    })
}

/// Words of names that are no abbreviations although they are short.
const SHORT: &[&str] = &[
    "ALIEN", "BANK", "BIRTH", "CARD", "CODE", "DATE", "LINE", "OF", "PHONE", "PLATE", "SORT",
    "TAX", "VOTER",
];

/// What a type of number is: its name in words, and the kind that policies speak of.
pub(super) fn of_type(rule: &str, kind: FindingKind) -> String {
    let (country, name) = match rule.split_once('_') {
        Some((country, name)) if country.len() == 2 => (Some(country), name),
        _ => (None, rule),
    };
    let words: Vec<String> = name
        .split('_')
        .map(|word| match word.len() > 5 || SHORT.contains(&word) {
            true => word.to_lowercase(),
            false => word.to_owned(),
        })
        .collect();
    let name = words.join(" ");
    let what = of_kind(kind);
    match country {
        Some(country) => format!("{name} ({country}), {what}"),
        None => format!("{name}, {what}"),
    }
}

const fn of_kind(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::ActiveContent => "what runs where an answer is shown unescaped",
        FindingKind::Address => "where somebody may live",
        FindingKind::BankAccount => "a bank account, or a part of one",
        FindingKind::Biometric => "a trait of somebody's body that tells persons apart",
        FindingKind::BirthDate => "when somebody was born",
        FindingKind::Canary => "a text that must never appear anywhere",
        FindingKind::Card => "a payment card, or a part of one",
        FindingKind::CloudKey => "a credential of a cloud platform",
        FindingKind::Credential => "a password or login",
        FindingKind::Device => "the number of a device or vehicle",
        FindingKind::Dictionary => "a word or phrase of a word list of your own",
        FindingKind::Email => "an address of e-mail",
        FindingKind::Entity => "what may tell something of a person",
        FindingKind::Ethnicity => "the ethnic origin of somebody",
        FindingKind::Exact => "columns of one row of a table of your own",
        FindingKind::Fingerprint => "a stretch of a document of your own",
        FindingKind::Health => "a record about somebody's health",
        FindingKind::Iban => "a bank account",
        FindingKind::Identifier => "a number that an authority or insurer gave to somebody",
        FindingKind::Injection => "an attempt to instruct the model",
        FindingKind::Ip => "a network address",
        FindingKind::PromptLeak => "the operator's instructions, said back",
        FindingKind::Link => "a link to a host that is not listed",
        FindingKind::Orientation => "the sexual orientation of somebody",
        FindingKind::Person => "the name of a person",
        FindingKind::Phone => "a telephone number",
        FindingKind::Politics => "a political opinion of somebody",
        FindingKind::PrivateKey => "a private key",
        FindingKind::ProviderKey => "a token of a provider",
        FindingKind::Religion => "what somebody believes",
        FindingKind::Union => "membership of somebody in a trade union",
        FindingKind::UsSsn => "a United States social security number",
        FindingKind::Wallet => "an address of a cryptocurrency",
    }
}

/// What is found by its form, without a line of a file.
pub(super) fn of_form(finding: &Finding, why: &mut Explanation) {
    let checks: &[(&str, &str)] = match finding.kind {
        FindingKind::Canary => &[("equal", "the same byte for byte")],
        FindingKind::Email => &[
            ("local", "a name of letters, digits and . _ % + -"),
            (
                "domain",
                "a domain of valid labels, with a top level of letters",
            ),
        ],
        FindingKind::Ip => &[
            ("address", "an address that can be read as one"),
            (
                "not_own",
                "not the loopback, unspecified or broadcast address",
            ),
        ],
        FindingKind::PrivateKey => &[(
            "header",
            "a PEM header that says that a private key follows",
        )],
        _ => &[],
    };
    why.checks
        .extend(checks.iter().map(|(check, meaning)| Checked {
            check: (*check).to_owned(),
            meaning: (*meaning).to_owned(),
        }));
    why.score.push(ScorePart {
        part: "form",
        value: finding.score,
        meaning: "the form alone",
    });
}

/// Health records; the words themselves are what must not be shown.
pub(super) fn health(finding: &Finding, why: &mut Explanation) {
    let (check, meaning) = match finding.score >= 0.9 {
        true => ("two_words", "two different medical words within 400 bytes"),
        false => ("code", "a medical word and an ICD-10 code within 400 bytes"),
    };
    for (check, meaning) in [
        (check, meaning),
        ("patient", "a word for a patient within 400 bytes"),
    ] {
        why.checks.push(Checked {
            check: check.to_owned(),
            meaning: meaning.to_owned(),
        });
    }
    why.score.push(ScorePart {
        part: "form",
        value: finding.score,
        meaning: "words that stand together",
    });
}

/// What is the operator's own.
pub(super) fn custom(finding: &Finding, why: &mut Explanation) {
    let (check, meaning) = match finding.kind {
        FindingKind::Dictionary => ("entry", "an entry of the list"),
        FindingKind::Exact => (
            "row",
            "other cells of the same row of the table stand near it",
        ),
        _ => (
            "run",
            "fingerprints in a row that a document has in the same order",
        ),
    };
    why.checks.push(Checked {
        check: check.to_owned(),
        meaning: meaning.to_owned(),
    });
    why.score.push(ScorePart {
        part: "form",
        value: finding.score,
        meaning: "equal, but for capitals and separators",
    });
}

/// Special categories; the words themselves are what must not be shown.
pub(super) fn special(finding: &Finding, why: &mut Explanation) {
    let (check, meaning) = if finding.score >= 0.9 {
        ("said", "said of somebody in the same sentence")
    } else if finding.score >= 0.85 {
        ("heading", "under its heading in somebody's record")
    } else {
        (
            "trace",
            "somebody's, and something is done with it in the same sentence",
        )
    };
    why.checks.push(Checked {
        check: check.to_owned(),
        meaning: meaning.to_owned(),
    });
    why.score.push(ScorePart {
        part: "form",
        value: finding.score,
        meaning: "words that stand together",
    });
}

/// Names and addresses: what the word lists know of them, and how sure the tagger is.
pub(super) fn name(lists: &[&str], finding: &Finding, why: &mut Explanation) {
    why.checks.extend(lists.iter().map(|list| Checked {
        check: "list".to_owned(),
        meaning: format!("a word of it is in the list of {list}"),
    }));
    why.score.push(ScorePart {
        part: "tagger",
        value: finding.score,
        meaning: "the words, their letters, lists and neighbours, against no name",
    });
}

/// A check of a rule file with its meaning.
pub(super) fn checked(check: &str) -> Checked {
    Checked {
        check: check.to_owned(),
        meaning: of_check(check),
    }
}

/// What a check of a rule file means; both files explain their checks in full.
fn of_check(check: &str) -> String {
    let name = check.split(['(', '@', '=']).next().unwrap_or(check).trim();
    let argument = |at: usize| {
        let inside = check.split_once('(').map_or("", |(_, rest)| rest);
        inside.split([';', ')']).nth(at).unwrap_or("").trim()
    };
    let behind = check.split_once('=').map_or("", |(_, value)| value);
    let text = match name {
        "b58check" | "xrp" => "base58 with a checksum (SHA-256 twice)",
        "b58len" => "base58 of the right length",
        "base64" => return format!("base64 of {behind} bytes"),
        "basic" => "base64 of a user and a password",
        "bch" => "checksum of CashAddr",
        "bech32" => "checksum of bech32 (BIP 173, BIP 350)",
        "card" => "check digit (Luhn), and first digits and length that an issuer has",
        "country" => "code of a country",
        "date" | "dmy_or_mdy" => "a date that exists",
        "div" => return format!("divisible by {}", argument(0)),
        "eip55" => "capitals as the address asks for (EIP-55), or one case",
        "entropy" => return format!("at least {behind} bits of entropy a character"),
        "has_digit" => "at least one digit",
        "iban" => "structure of its country, and check digits mod 97 (ISO 7064)",
        "in" => "a part is one of those in use",
        "iso7064_11_10" => "check digit mod 11,10 (ISO 7064)",
        "iso7064_11_2" => "check digit mod 11,2 (ISO 7064)",
        "jwt" => "a JSON header that names an algorithm",
        "luhn" | "luhn_left" => "check digit (Luhn)",
        "luhn36" => "check digit (Luhn, letters as numbers)",
        "luhn_mod36" => "check character (Luhn mod 36)",
        "lu_verhoeff" | "verhoeff" => "check digit (Verhoeff)",
        "mac" => "not twelve times the same digit",
        "mixed" => "letters and digits",
        "mod97_10" => "check digits mod 97 (ISO 7064)",
        "mrz" => "check digit of a machine-readable zone (ICAO 9303)",
        "mrz_name" | "mrz_td1" => "form of a machine-readable zone (ICAO 9303)",
        "no_placeholder" => "no placeholder",
        "not_hex" => "not hexadecimal as a whole",
        "not_palindrome" => "not the same backwards",
        "notin" => "a part is none of those that are never in use",
        "notsame" => "not the same character throughout",
        "num" => return format!("check digits of the number mod {}", argument(1)),
        "phone" => "8 to 15 digits, at least three of them different",
        "pl_id" => "weighted sum mod 10",
        "plate_mix" => "letters and digits",
        "ssn" => "area, group and serial number that are in use",
        "uuid" => "a UUID of at least 8 different digits",
        "value" => "a value that may be a secret: no word, name or path",
        "vin" => "check digit of a vehicle's number, mod 11",
        "vin_serial" => "four digits at the end, and a letter",
        "w" | "wx" => return format!("check digit of a weighted sum mod {}", argument(1)),
        "w2" => "check digit of a weighted sum mod 11, with second weights",
        "xmr" => "checksum of Monero (Keccak-256)",
        _ => return format!("check of the issuer ({name})"),
    };
    text.to_owned()
}
