// SPDX-License-Identifier: Apache-2.0
//! Secrets without a form of their own: what is assigned to a name that says it is one.

use std::ops::Range;

use super::{
    texts::Texts,
    value::{entropy, is_name, may_be_secret},
    words::parts,
};

/// The kinds that this finds.
pub(super) const PASSWORD: &str = "generic_password";
pub(super) const HEX: &str = "generic_hex";
pub(super) const SECRET: &str = "generic_secret";

/// Parts of names by which they are looked for.
pub(super) const STEMS: &[&str] = &[
    "auth",
    "bearer",
    "chave",
    "chiave",
    "clave",
    "contrasena",
    "contraseña",
    "credential",
    "dsn",
    "geheimnis",
    "kennwort",
    "key",
    "mdp",
    "motdepasse",
    "parola",
    "pass",
    "pwd",
    "salt",
    "schluessel",
    "schlüssel",
    "secret",
    "segredo",
    "senha",
    "token",
];
/// Names of passwords.
const PASSWORDS: &[&str] = &[
    "contrasena",
    "contraseña",
    "kennwort",
    "mdp",
    "motdepasse",
    "parola",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "pwd",
    "senha",
];
/// Other names whose values are secrets.
const STRONG: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "authtoken",
    "chave",
    "clave",
    "clientsecret",
    "connectionstring",
    "cookiesecret",
    "credential",
    "credentials",
    "encryptionkey",
    "geheimnis",
    "hashkey",
    "hmackey",
    "jwtsecret",
    "masterkey",
    "privatekey",
    "refreshtoken",
    "schluessel",
    "secret",
    "secretkey",
    "secretkeybase",
    "segredo",
    "sessionkey",
    "sessionsecret",
    "sessiontoken",
    "sharedkey",
    "signingkey",
    "storagekey",
    "webhooksecret",
];
/// Names whose values are secrets only when they look like it.
const WEAK: &[&str] = &["auth", "authkey", "bearer", "key", "pass", "salt", "token"];
/// What makes a bare `key` one that opens something.
const OPENS: &[&str] = &[
    "access",
    "account",
    "admin",
    "api",
    "app",
    "auth",
    "client",
    "crypt",
    "encryption",
    "master",
    "private",
    "secret",
    "server",
    "service",
    "shared",
    "signing",
    "storage",
    "user",
    "webhook",
];
/// Parts of names that say that the value is something else.
const OTHER: &[&str] = &[
    "accessor",
    "accessory",
    "algorithm",
    "array",
    "attribute",
    "bindings",
    "board",
    "bucket",
    "builder",
    "cache",
    "chain",
    "checksum",
    "class",
    "code",
    "column",
    "commit",
    "confirm",
    "confirmation",
    "count",
    "crc",
    "csrf",
    "date",
    "description",
    "dictionary",
    "digest",
    "dir",
    "disabled",
    "domain",
    "down",
    "duration",
    "enabled",
    "endpoint",
    "env",
    "error",
    "etag",
    "event",
    "example",
    "expiration",
    "expires",
    "expiry",
    "factory",
    "field",
    "file",
    "filename",
    "fingerprint",
    "folder",
    "foreign",
    "forgot",
    "form",
    "format",
    "frame",
    "generator",
    "group",
    "handler",
    "hash",
    "hashed",
    "header",
    "help",
    "hint",
    "host",
    "hostname",
    "id",
    "identifier",
    "ids",
    "index",
    "input",
    "integrity",
    "interval",
    "keystore",
    "keyword",
    "kind",
    "label",
    "length",
    "license",
    "limit",
    "link",
    "list",
    "manager",
    "map",
    "mapping",
    "max",
    "md5",
    "message",
    "method",
    "min",
    "mode",
    "name",
    "names",
    "nonce",
    "number",
    "object",
    "optional",
    "order",
    "pad",
    "pair",
    "param",
    "parameter",
    "partition",
    "path",
    "pattern",
    "policy",
    "port",
    "prefix",
    "press",
    "pressed",
    "primary",
    "prompt",
    "provider",
    "pub",
    "public",
    "publishable",
    "ref",
    "regex",
    "regexp",
    "region",
    "required",
    "reset",
    "rev",
    "revision",
    "ring",
    "row",
    "rule",
    "rules",
    "selector",
    "service",
    "set",
    "sha",
    "sha1",
    "sha256",
    "site",
    "size",
    "sort",
    "state",
    "status",
    "store",
    "strategy",
    "strength",
    "suffix",
    "tag",
    "thumbprint",
    "timeout",
    "title",
    "ttl",
    "type",
    "up",
    "uri",
    "url",
    "valid",
    "validation",
    "validator",
    "variable",
    "vault",
    "version",
    "word",
    "xsrf",
    "zone",
];
/// Words of a line whose hexadecimal is a digest.
const DIGESTS: &[&str] = &[
    "blob",
    "checksum",
    "chksum",
    "commit",
    "crc",
    "digest",
    "etag",
    "fingerprint",
    "hash",
    "image",
    "integrity",
    "layer",
    "md5",
    "oid",
    "parent",
    "pinned",
    "ref",
    "resolved",
    "rev",
    "revision",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "srcrev",
    "sum",
    "thumbprint",
    "tree",
    "version",
];
/// Beginnings of values that are public, encrypted or no value at all.
static NONE: Texts = Texts::new(&[
    "$2a$",
    "$2b$",
    "$2y$",
    "$argon2",
    "AGFzbQ",
    "AQECAHh",
    "AQICAHh",
    "ENC[",
    "JVBERi",
    "R0lGOD",
    "UklGR",
    "age1",
    "arn:",
    "data:",
    "ecdsa-sha2-",
    "env:",
    "file:",
    "gAAAAA",
    "iVBORw0KGgo",
    "md5:",
    "op://",
    "pk_live_",
    "pk_test_",
    "sha1-",
    "sha256-",
    "sha256:",
    "sha384-",
    "sha512-",
    "ssh-ed25519",
    "ssh-rsa",
    "vault:",
    "{cipher}",
]);
/// Signs of programs.
static CODE: Texts = Texts::new(&["->", "::", "==", "=>"]);
/// Endings of names of files.
const FILES: &[&str] = &[
    ".cer", ".conf", ".crt", ".env", ".jks", ".json", ".key", ".keytab", ".p12", ".pem", ".pfx",
    ".txt", ".yaml", ".yml",
];

/// A value that may be a secret.
pub(super) struct Assigned {
    pub(super) kind: &'static str,
    pub(super) span: Range<usize>,
}

/// What is assigned to the name that a stem at `stem` is part of, if it is a secret.
pub(super) fn at(text: &str, stem: Range<usize>) -> Option<Assigned> {
    let bytes = text.as_bytes();
    let letter =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || *byte >= 128;
    let end = stem.end
        + bytes[stem.end..]
            .iter()
            .take(48)
            .take_while(|b| letter(b))
            .count();
    // Most names are assigned nothing.
    let (span, quoted) = value_behind(bytes, end)?;
    let begin = stem.start
        - bytes[..stem.start]
            .iter()
            .rev()
            .take(48)
            .take_while(|b| letter(b))
            .count();
    let name = text.get(begin..end)?;
    let strength = strength(name)?;
    let value = text.get(span.clone())?;
    let kind = judge(strength, value, quoted, line_before(text, begin))?;
    Some(Assigned { kind, span })
}

/// The line up to a name.
fn line_before(text: &str, at: usize) -> &str {
    let head = text.get(..at).unwrap_or_default();
    let near = head.ceil_char_boundary(at.saturating_sub(80));
    let from = head[near..].rfind('\n').map_or(near, |at| near + at + 1);
    &head[from..]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Password,
    Strong,
    Weak,
}

/// What a name promises; its last parts decide.
fn strength(name: &str) -> Option<Strength> {
    let lower = name.to_ascii_lowercase();
    let parts: Vec<&str> = parts(name).filter_map(|part| lower.get(part)).collect();
    if parts.iter().any(|part| OTHER.binary_search(part).is_ok()) && !has_exception(&parts) {
        return None;
    }
    let joined = parts.concat();
    let mut from = 0;
    let ends: Vec<&str> = parts
        .iter()
        .map(|part| {
            let end = &joined[from..];
            from += part.len();
            end
        })
        .collect();
    let is = |list: &[&str]| ends.iter().any(|end| list.contains(end));
    if is(PASSWORDS) {
        return Some(Strength::Password);
    }
    if is(STRONG) {
        return Some(Strength::Strong);
    }
    let bare_key = parts.last() == Some(&"key");
    if is(WEAK) && (!bare_key || parts.iter().any(|part| OPENS.contains(part))) {
        return Some(Strength::Weak);
    }
    None
}

/// Names in which the secret follows a word of another meaning.
fn has_exception(parts: &[&str]) -> bool {
    const EXCEPTIONS: &[&str] = &[
        "hash key",
        "keyfile password",
        "keystore password",
        "master user password",
        "state token",
        "store password",
    ];
    let joined = parts.join(" ");
    EXCEPTIONS.iter().any(|known| joined.ends_with(known))
}

/// The value behind a name and a sign of assignment, and whether it is quoted.
fn value_behind(bytes: &[u8], name_end: usize) -> Option<(Range<usize>, bool)> {
    let mut at = name_end;
    let byte = |at: usize| bytes.get(at).copied();
    // The end of a quoted name, with its escape.
    if byte(at) == Some(b'\\') {
        at += 1;
    }
    if matches!(byte(at), Some(b'"' | b'\'' | b'`')) {
        at += 1;
    }
    let blanks = |from: usize| {
        bytes[from.min(bytes.len())..]
            .iter()
            .take(3)
            .take_while(|b| **b == b' ')
            .count()
    };
    at += blanks(at);
    let rest = bytes.get(at..)?;
    let sign = match rest {
        [b':' | b'=', b'=' | b'>', ..] if !rest.starts_with(b"==") => 2,
        [b':', b':', ..] => return None,
        [b':' | b'=', ..] if !rest.starts_with(b"==") => 1,
        [b'i', b's', b' ', ..] if at > name_end => 3,
        _ => return None,
    };
    at += sign;
    at += blanks(at);
    if byte(at) == Some(b'\\') && matches!(byte(at + 1), Some(b'"' | b'\'')) {
        at += 1;
    }
    let quote = byte(at).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    if let Some(quote) = quote {
        let from = at + 1;
        let length = bytes[from..]
            .iter()
            .take(513)
            .take_while(|byte| **byte != quote && !matches!(byte, b'\n' | b'\\'))
            .count();
        return (length <= 512).then_some((from..from + length, true));
    }
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'\\')
    };
    let length = bytes[at.min(bytes.len())..]
        .iter()
        .take(513)
        .take_while(|b| !ends(b))
        .count();
    let mut end = at + length;
    while end > at && matches!(bytes[end - 1], b',' | b';' | b')' | b']' | b'.') {
        end -= 1;
    }
    // A brace that closes nothing that was opened in the value.
    if end > at && bytes[end - 1] == b'}' && !bytes[at..end].contains(&b'{') {
        end -= 1;
    }
    (length <= 512).then_some((at..end, false))
}

/// The kind of a value, when it is a secret.
fn judge(strength: Strength, value: &str, quoted: bool, line: &str) -> Option<&'static str> {
    let bytes = value.as_bytes();
    let least = match strength {
        Strength::Password => 6,
        Strength::Strong => 8,
        Strength::Weak => 16,
    };
    if bytes.len() < least || !may_be_secret(value) || is_something_else(value) {
        return None;
    }
    let hex = bytes.iter().all(u8::is_ascii_hexdigit);
    let lower = bytes.iter().any(u8::is_ascii_lowercase);
    let upper = bytes.iter().any(u8::is_ascii_uppercase);
    let digit = bytes.iter().any(u8::is_ascii_digit);
    let sign = bytes.iter().any(|byte| !byte.is_ascii_alphanumeric());
    if hex && bytes.len() >= 32 {
        let even = matches!(bytes.len(), 32 | 40 | 48 | 56 | 64 | 96 | 128);
        let names = line.to_ascii_lowercase();
        let digest = parts(line)
            .filter_map(|part| names.get(part))
            .any(|part| DIGESTS.binary_search(&part).is_ok());
        let strong = strength != Strength::Weak;
        let one_case = !(lower && upper);
        return (even && !digest && strong && one_case && entropy(bytes) >= 3.0).then_some(HEX);
    }
    if is_uuid(bytes) {
        return None;
    }
    let mixed = digit && (lower || upper);
    let kinds = [lower, upper, digit, sign]
        .iter()
        .filter(|kind| **kind)
        .count();
    match strength {
        Strength::Password => {
            let random = entropy(bytes) >= 3.0 && !is_name(value);
            let fits = if quoted {
                kinds >= 2 && random
            } else {
                kinds >= 3 && random
            };
            fits.then_some(PASSWORD)
        }
        Strength::Strong | Strength::Weak => {
            let wanted = match bytes.len() {
                0..16 => 3.0,
                16..32 => 3.4,
                _ => 3.8,
            };
            (mixed && entropy(bytes) >= wanted && !is_name(value)).then_some(SECRET)
        }
    }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Code, paths, hosts, addresses, public and encrypted values.
fn is_something_else(value: &str) -> bool {
    let mail = || value.contains('@') && value.rsplit('@').next().is_some_and(|d| d.contains('.'));
    let ending = value.rfind('.').and_then(|dot| value.get(dot..));
    NONE.begins(value)
        || value.contains(['(', '[', ' '])
        || CODE.any_exactly_in(value)
        || ending.is_some_and(|ending| FILES.binary_search(&ending).is_ok())
        || mail()
}

/// Whether the lists that are searched by halves are in order.
#[cfg(test)]
pub(super) fn sorted() -> bool {
    OTHER.is_sorted() && DIGESTS.is_sorted() && FILES.is_sorted()
}
