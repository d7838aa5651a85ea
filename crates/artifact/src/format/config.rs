// SPDX-License-Identifier: Apache-2.0
//! JSON of all kinds: configurations, tokenizers, models; and what in them is loaded as code.

use super::{
    jinja,
    json::{self, Leaf},
    keras::Keras,
    skops::Skops,
};
use crate::{
    pickle::{AllowList, Standing},
    place::Place,
    rule::{self, Rule},
    scan::Scan,
};

/// Reads a document; whether it was one.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    let allow = scan.allow();
    let mut config = Config::default();
    let mut keras = Keras::default();
    let mut skops = Skops::default();
    let walked = json::walk(bytes, &mut |path, leaf| {
        config.take(path, leaf, allow);
        keras.take(path, leaf, allow);
        skops.take(path, leaf, allow);
    });
    if let Err((at, why)) = walked {
        // One object a line is fine, and so is a text in brackets or a template.
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if lines(scan, text, place) || !looks_like_json(text) {
            return false;
        }
        scan.found(&rule::JSON_MALFORMED, place.at(at), why.to_owned());
    }
    scan.format("json");
    tell(scan, config, keras, skops, place);
    true
}

fn tell(scan: &mut Scan<'_>, config: Config, keras: Keras, skops: Skops, place: &Place) {
    if keras.is_keras {
        scan.format("keras");
    }
    if skops.is_skops {
        scan.format("skops");
    }
    let all = config
        .found
        .into_iter()
        .chain(keras.findings())
        .chain(skops.findings());
    for (rule, why) in all {
        scan.found(rule, place.whole(), why);
    }
    for template in &config.templates {
        jinja::scan(scan, template, &place.member("chat_template"));
    }
}

/// JSON lines: each line a document of its own.
fn lines(scan: &mut Scan<'_>, text: &str, place: &Place) -> bool {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let is_document = |line: &str| json::walk(line.as_bytes(), &mut |_, _| {}).is_ok();
    if lines().count() < 2 || !lines().all(|line| line.starts_with(['{', '[']) && is_document(line))
    {
        return false;
    }
    let allow = scan.allow();
    for line in lines() {
        let mut config = Config::default();
        let (mut keras, mut skops) = (Keras::default(), Skops::default());
        let _ = json::walk(line.as_bytes(), &mut |path, leaf| {
            config.take(path, leaf, allow);
            keras.take(path, leaf, allow);
            skops.take(path, leaf, allow);
        });
        tell(scan, config, keras, skops, place);
    }
    true
}

/// Whether a text was meant to be JSON.
fn looks_like_json(text: &str) -> bool {
    let start = text.trim_start();
    let inner = start.get(1..).unwrap_or_default().trim_start();
    match start.chars().next() {
        Some('{') => inner.starts_with(['"', '}']),
        Some('[') => {
            inner.starts_with(['"', '{', '[', ']'])
                || inner.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    }
}

/// What configurations name as code.
#[derive(Debug, Default)]
struct Config {
    found: Vec<(&'static Rule, String)>,
    templates: Vec<String>,
    /// Values of `_class_name`.
    classes: usize,
}

impl Config {
    fn take(&mut self, path: &[&str], leaf: Leaf<'_>, allow: &AllowList) {
        let key = path.last().copied().unwrap_or_default();
        let Leaf::Text(text) = leaf else {
            if key == "trust_remote_code" && leaf == Leaf::Literal("true") {
                let why = "it asks for remote code to be trusted".to_owned();
                self.found.push((&rule::CONFIG_AUTO_MAP, why));
            }
            return;
        };
        if path.contains(&"auto_map") || path.contains(&"custom_pipelines") && key == "impl" {
            self.auto_map(text);
        }
        match key {
            "chat_template" | "default_chat_template" => self.templates.push(text.to_owned()),
            "template" if path.contains(&"chat_template") => self.templates.push(text.to_owned()),
            "_target_" => self.found.extend(target(text, allow)),
            "py/object" | "py/type" | "py/function" | "py/reduce" | "py/repr" | "py/newobj"
            | "__reduce__" => {
                let why = format!("`{key}`: `{}`", short(text));
                self.found.push((&rule::CONFIG_CALLABLE, why));
            }
            "_class_name" if path.len() == 1 => {
                // A pair of a module and a class is code of the repository.
                self.classes += 1;
                if self.classes == 2 {
                    self.found.push((
                        &rule::CONFIG_AUTO_MAP,
                        format!("code of its own: `{}`", short(text)),
                    ));
                }
            }
            "type" if is_class_path(text) => self.found.extend(module_type(text, allow)),
            "loader_module" => self.found.extend(loader_module(text)),
            _ => {}
        }
    }

    fn auto_map(&mut self, text: &str) {
        let (rule, what) = match text.contains("--") {
            true => (&rule::CONFIG_REMOTE_CODE, "of another repository"),
            false => (&rule::CONFIG_AUTO_MAP, "of its own"),
        };
        self.found
            .push((rule, format!("code {what}: `{}`", short(text))));
    }
}

/// What a member `_target_` would have called (Hydra, NeMo).
pub(super) fn target(text: &str, allow: &AllowList) -> Option<(&'static Rule, String)> {
    let (module, name) = text.rsplit_once('.').unwrap_or(("builtins", text));
    let root = module.split('.').next().unwrap_or_default();
    let why = format!("calls `{}`", short(text));
    match allow.standing(module, name) {
        Standing::Dangerous(_) => Some((&rule::CONFIG_CALLABLE, why)),
        Standing::Listed(_) => None,
        Standing::Known | Standing::Foreign if is_framework(root) => None,
        Standing::Known => Some((&rule::CONFIG_CALLABLE, why)),
        Standing::Foreign => Some((&rule::CONFIG_AUTO_MAP, why)),
    }
}

/// Packages whose configurations name their own classes all the time.
fn is_framework(root: &str) -> bool {
    matches!(
        root,
        "diffusers"
            | "lightning"
            | "megatron"
            | "nemo"
            | "omegaconf"
            | "pytorch_lightning"
            | "torch"
            | "torchmetrics"
            | "torchvision"
            | "transformers"
    )
}

/// A dotted path to a class, as lists of modules name them.
fn is_class_path(text: &str) -> bool {
    let Some((module, name)) = text.rsplit_once('.') else {
        return false;
    };
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    module.split('.').all(is_name) && is_name(name)
}

/// A class that sentence-transformers would import.
fn module_type(text: &str, allow: &AllowList) -> Option<(&'static Rule, String)> {
    let (module, name) = text.rsplit_once('.')?;
    let why = format!("imports `{}`", short(text));
    match allow.standing(module, name) {
        Standing::Dangerous(_) => Some((&rule::CONFIG_CALLABLE, why)),
        _ if text.starts_with("sentence_transformers.") => None,
        // The key has other meanings elsewhere.
        Standing::Foreign | Standing::Known | Standing::Listed(_) => None,
    }
}

/// The module that MLflow imports to load a model.
pub(super) fn loader_module(text: &str) -> Option<(&'static Rule, String)> {
    let fine = text == "mlflow" || text.starts_with("mlflow.");
    let why = format!("imports `{}` to load the model", short(text));
    (!fine).then_some((&rule::CONFIG_CALLABLE, why))
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
