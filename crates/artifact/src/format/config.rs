// SPDX-License-Identifier: Apache-2.0
//! JSON of all kinds: configurations, tokenizers, models; and what in them is loaded as code.

use super::{
    graphs::is_hostile_paddle as is_paddle,
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
    let modules = [config.own_modules(), config.own_parts()].concat();
    let all = config
        .found
        .into_iter()
        .chain(modules)
        .chain(keras.findings())
        .chain(skops.findings());
    for (rule, why) in all {
        scan.found(rule, place.whole(), why);
    }
    for template in &config.templates {
        jinja::scan(scan, template, &place.member("chat_template"));
    }
    for (key, text) in &config.texts {
        jinja::scan_unsure(scan, text, &place.member(key));
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
    /// Other texts that could be templates, with their keys.
    texts: Vec<(String, String)>,
    /// Whether it lists modules by number, as sentence-transformers do, and those it does not know.
    has_numbers: bool,
    modules: Vec<String>,
    is_notebook: bool,
    /// Parts of a diffusion pipeline: key, library, class.
    parts: Vec<(String, String, Option<String>)>,
    is_pipeline: bool,
    /// Values of `_class_name`.
    classes: usize,
}

impl Config {
    fn take(&mut self, path: &[&str], leaf: Leaf<'_>, allow: &AllowList) {
        let key = path.last().copied().unwrap_or_default();
        let Leaf::Text(text) = leaf else {
            match (key, leaf) {
                ("trust_remote_code", Leaf::Literal("true") | Leaf::Number("1")) => self.trusts(),
                ("idx", Leaf::Number(_)) if path.len() == 1 => self.has_numbers = true,
                ("cells", Leaf::Open) if path.len() == 1 => self.is_notebook = true,
                _ => {}
            }
            return;
        };
        if is_template_key(path) {
            self.templates.push(text.to_owned());
        } else if jinja::may_be_template(text) {
            self.texts.push((key.to_owned(), text.to_owned()));
        }
        if path.contains(&"auto_map") || path.contains(&"custom_pipelines") && key == "impl" {
            self.auto_map(text);
        }
        if let [key] = path {
            self.part(key, text);
        }
        match key {
            "trust_remote_code" if text.eq_ignore_ascii_case("true") => self.trusts(),
            "parent_library" => self.found.extend(parent_library(text)),
            "custom_generate" => self.auto_map(text),
            "_name_or_path" | "base_model_name_or_path" if text.contains("://") => {
                let why = format!("a model from `{}`", short(text));
                self.found.push((&rule::CONFIG_REMOTE_CODE, why));
            }
            _ if path.contains(&"weight_map") && leaves_directory(text) => {
                let why = format!("weights of another place: `{}`", short(text));
                self.found.push((&rule::CONFIG_REMOTE_CODE, why));
            }
            // Programs of Paddle write operators like this.
            "#" if text
                .split_once('.')
                .is_some_and(|(_, kind)| is_paddle(kind)) =>
            {
                let why = format!("the operator `{}`", short(text));
                self.found.push((&rule::PADDLE_OPERATOR, why));
            }
            "source" if self.is_notebook && runs_commands(text) => {
                let why = format!("a notebook that runs `{}`", short(text.trim()));
                self.found.push((&rule::CODE_SOURCE, why));
            }
            "_target_" => self.found.extend(target(text, allow)),
            "target" => self.found.extend(plain_target(text, allow)),
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
            "type" if is_class_path(text) => {
                self.found.extend(module_type(text, allow));
                if path.len() == 1 && !text.starts_with("sentence_transformers.") {
                    self.modules.push(text.to_owned());
                }
            }
            "loader_module" => self.found.extend(loader_module(text)),
            _ => {}
        }
    }

    fn trusts(&mut self) {
        let why = "it asks for remote code to be trusted".to_owned();
        self.found.push((&rule::CONFIG_AUTO_MAP, why));
    }

    /// Parts of pipelines are pairs of a library and a class.
    fn part(&mut self, key: &str, text: &str) {
        self.is_pipeline |= key == "_class_name" && text.ends_with("Pipeline");
        match self.parts.last_mut().filter(|(last, ..)| last == key) {
            Some(part) => part.2 = Some(text.to_owned()),
            None => self.parts.push((key.to_owned(), text.to_owned(), None)),
        }
    }

    /// Parts of a pipeline that come from its own repository.
    fn own_parts(&self) -> Vec<(&'static Rule, String)> {
        const LIBRARIES: &[&str] = &[
            "diffusers",
            "onnxruntime",
            "optimum",
            "stable_diffusion",
            "transformers",
        ];
        let parts = self.parts.iter().filter(|(key, library, class)| {
            let root = library.split('.').next().unwrap_or_default();
            let is_class = class
                .as_deref()
                .is_some_and(|class| class.starts_with(char::is_uppercase));
            let is_own = is_class && !key.starts_with('_') && !LIBRARIES.contains(&root);
            self.is_pipeline && is_own
        });
        parts
            .map(|(key, library, _)| {
                let why = format!("`{key}` of its own module `{}`", short(library));
                (&rule::CONFIG_AUTO_MAP, why)
            })
            .collect()
    }

    /// Modules of a list that are no part of sentence-transformers.
    fn own_modules(&self) -> Vec<(&'static Rule, String)> {
        let modules = self.modules.iter().filter(|_| self.has_numbers);
        modules
            .map(|name| (&rule::CONFIG_AUTO_MAP, format!("imports `{}`", short(name))))
            .collect()
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

/// Whether what a path leads to is a chat template, or one of several.
fn is_template_key(path: &[&str]) -> bool {
    const KEYS: &[&str] = &[
        "chat_template",
        "chat_templates",
        "default_chat_template",
        "tool_use_template",
    ];
    match path {
        [.., parent, "name" | "role"] if KEYS.contains(parent) => false,
        [.., key] if KEYS.contains(key) => true,
        [.., parent, _] => KEYS.contains(parent),
        _ => false,
    }
}

/// The library that an adapter's base model is imported from.
fn parent_library(text: &str) -> Option<(&'static Rule, String)> {
    let root = text.split('.').next().unwrap_or_default();
    let fine = [
        "diffusers",
        "peft",
        "sentence_transformers",
        "timm",
        "torch",
        "torchvision",
        "transformers",
    ];
    let why = format!("imports `{}`", short(text));
    (!fine.contains(&root)).then_some((&rule::CONFIG_AUTO_MAP, why))
}

/// Whether a path of a file leads out of the directory it is named in.
fn leaves_directory(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']);
    path.starts_with(['/', '\\', '~'])
        || path.contains("://")
        || path.as_bytes().get(1) == Some(&b':')
        || parts.any(|part| part == "..")
}

/// Whether a line of a notebook starts programs instead of computing.
fn runs_commands(line: &str) -> bool {
    let line = line.trim_start();
    let begins = ["!", "%%bash", "%%sh", "%%script", "%run", "%system"];
    let holds = [
        "get_ipython().",
        "os.system(",
        "subprocess.",
        "os.popen(",
        "__import__(",
        "exec(",
        "eval(",
        "socket.",
    ];
    let is_install = line.starts_with("!pip install") || line.starts_with("%pip");
    begins.iter().any(|start| line.starts_with(start)) && !is_install
        || holds.iter().any(|call| line.contains(call))
}

/// What a member `_target_` would have called (Hydra, NeMo).
pub(super) fn target(text: &str, allow: &AllowList) -> Option<(&'static Rule, String)> {
    let (module, name) = text.rsplit_once('.').unwrap_or(("builtins", text));
    let root = module.split('.').next().unwrap_or_default();
    let why = format!("calls `{}`", short(text));
    if reaches_danger(text, allow) {
        return Some((&rule::CONFIG_CALLABLE, why));
    }
    match allow.standing(module, name) {
        Standing::Dangerous(_) => Some((&rule::CONFIG_CALLABLE, why)),
        Standing::Listed(_) => None,
        Standing::Known | Standing::Foreign if is_framework(root) => None,
        Standing::Known => Some((&rule::CONFIG_CALLABLE, why)),
        Standing::Foreign => Some((&rule::CONFIG_AUTO_MAP, why)),
    }
}

/// What a member `target` would have called, where only what is dangerous is known for certain: the
/// word has many other meanings.
pub(super) fn plain_target(text: &str, allow: &AllowList) -> Option<(&'static Rule, String)> {
    let dangerous = is_class_path(text) && reaches_danger(text, allow);
    dangerous.then(|| (&rule::CONFIG_CALLABLE, format!("calls `{}`", short(text))))
}

/// Whether a path leads to something dangerous, wherever the module in it begins and ends: whoever
/// follows it goes from attribute to attribute, and `torch.serialization.os.system` is `os.system`.
fn reaches_danger(path: &str, allow: &AllowList) -> bool {
    /// Parts that are looked at; no path of a class is longer.
    const PARTS: usize = 16;
    let dots = || path.match_indices('.').take(PARTS).map(|(at, _)| at);
    let starts = std::iter::once(0).chain(dots().map(|at| at + 1));
    let is_dangerous = |start: usize, end: usize| {
        let (module, name) = (path.get(start..end), path.get(end + 1..));
        let standing = allow.standing(module.unwrap_or_default(), name.unwrap_or_default());
        matches!(standing, Standing::Dangerous(_))
    };
    path.split('.').any(|part| part.starts_with("__"))
        || starts.into_iter().any(|start| {
            dots()
                .filter(|end| *end > start)
                .any(|end| is_dangerous(start, end))
        })
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
