// SPDX-License-Identifier: Apache-2.0
//! Addresses of the Hub. Parts are decoded once, after they were told apart; what they name is looked
//! up as data.

/// A model as the Hub names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) project: String,
    pub(super) model: String,
}

impl Repository {
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.project, self.model)
    }
}

/// What an address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// A file of a revision.
    File(Repository, String, String),
    /// What there is in a revision.
    Info(Repository, String),
    /// All models.
    List,
    /// Files of a revision below a directory.
    Tree(Repository, String, String),
}

/// Whether an address is one of the Hub's: below `/api/`, or with `resolve` in the third place.
pub(super) fn is_of_the_hub(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("api"), Some(_), _) => true,
        (Some("datasets" | "spaces"), Some(_), Some(_)) => path.contains("/resolve/"),
        (Some(_), Some(_), Some("resolve")) | (Some(_), Some("resolve"), _) => true,
        _ => false,
    }
}

impl Asked {
    pub(super) fn parse(path: &str) -> Option<Self> {
        let parts: Option<Vec<String>> = path.strip_prefix('/')?.split('/').map(decoded).collect();
        let parts = parts?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let of = |project: &str, model: &str| Repository {
            project: project.to_owned(),
            model: model.to_owned(),
        };
        let main = || "main".to_owned();
        match parts.as_slice() {
            ["api", "models"] => Some(Self::List),
            ["api", "models", project, model] => Some(Self::Info(of(project, model), main())),
            ["api", "models", project, model, "revision", revision] => {
                Some(Self::Info(of(project, model), (*revision).to_owned()))
            }
            [
                "api",
                "models",
                project,
                model,
                "tree",
                revision,
                below @ ..,
            ] => {
                let below = below.join("/");
                Some(Self::Tree(
                    of(project, model),
                    (*revision).to_owned(),
                    below,
                ))
            }
            [project, model, "resolve", revision, name @ ..] if !name.is_empty() => {
                let name = name.join("/");
                Some(Self::File(of(project, model), (*revision).to_owned(), name))
            }
            _ => None,
        }
    }
}

/// A part without its `%`. What decodes to a separator of parts was none, and is refused with the
/// names it would make.
fn decoded(part: &str) -> Option<String> {
    let mut out = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out)
        .ok()
        .filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of() -> Repository {
        Repository {
            project: "acme".into(),
            model: "fraud".into(),
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        for (path, expected) in [
            ("/api/models", Some(Asked::List)),
            (
                "/api/models/acme/fraud",
                Some(Asked::Info(of(), "main".into())),
            ),
            (
                "/api/models/acme/fraud/revision/3",
                Some(Asked::Info(of(), "3".into())),
            ),
            (
                "/api/models/acme/fraud/tree/main",
                Some(Asked::Tree(of(), "main".into(), String::new())),
            ),
            (
                "/api/models/acme/fraud/tree/main/a/b",
                Some(Asked::Tree(of(), "main".into(), "a/b".into())),
            ),
            (
                "/acme/fraud/resolve/main/a%20b/c.bin",
                Some(Asked::File(of(), "main".into(), "a b/c.bin".into())),
            ),
            (
                "/acme/fraud/resolve/sha256%3Aab/x",
                Some(Asked::File(of(), "sha256:ab".into(), "x".into())),
            ),
            // It stays a name; the registry does not have it.
            (
                "/acme/fraud/resolve/main/..%2F..%2Fetc",
                Some(Asked::File(of(), "main".into(), "../../etc".into())),
            ),
            ("/acme/fraud/resolve/main", None),
            ("/acme/fraud/resolve/main/%zz", None),
            ("/acme/fraud/resolve/main/a%00b", None),
            ("/acme/fraud/resolve/main/%ff", None),
            ("/api/datasets/acme/fraud", None),
            ("/api/whoami-v2", None),
        ] {
            assert_eq!(Asked::parse(path), expected, "{path}");
            assert!(is_of_the_hub(path), "{path}");
        }
        for path in [
            "/v1/models",
            "/v1/chat/completions",
            "/livez",
            "/",
            "",
            "/api",
            "/a/b/c",
        ] {
            assert!(!is_of_the_hub(path), "{path}");
        }
    }
}
