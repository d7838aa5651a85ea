// SPDX-License-Identifier: Apache-2.0
//! Configurations of Keras models: what their layers import and run.

use super::json::Leaf;
use crate::{
    pickle::{AllowList, Standing},
    rule::{self, Rule},
};

/// What was seen of objects that name a class.
#[derive(Debug, Default)]
pub(super) struct Keras {
    open: Vec<Object>,
    /// Whether anything was an object of Keras.
    pub(super) is_keras: bool,
    found: Vec<(&'static Rule, String)>,
    urls: Vec<String>,
}

#[derive(Debug, Default)]
struct Object {
    class: Option<String>,
    module: Option<String>,
    registered: Option<String>,
    function: Option<String>,
    has_config: bool,
    is_lambda: bool,
}

impl Keras {
    /// Takes the next value.
    pub(super) fn take(&mut self, path: &[&str], leaf: Leaf<'_>, allow: &AllowList) {
        let key = path.last().copied().unwrap_or_default();
        match leaf {
            Leaf::Open => {
                if let Some(object) = self.open.last_mut() {
                    object.has_config |= key == "config";
                }
                self.open.push(Object::default());
            }
            Leaf::Close => {
                if let Some(object) = self.open.pop() {
                    self.judge(object, allow);
                }
            }
            Leaf::Text(text) => self.text(key, text),
            Leaf::Literal(_) | Leaf::Number(_) => {}
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if matches!(
            scheme,
            Some("http" | "https" | "ftp" | "file" | "gs" | "s3" | "hf")
        ) {
            self.urls.push(text.chars().take(200).collect());
        }
        let Some(object) = self.open.last_mut() else {
            return;
        };
        match key {
            "class_name" => object.class = Some(text.to_owned()),
            "module" => object.module = Some(text.to_owned()),
            "registered_name" => object.registered = Some(text.to_owned()),
            "function" => object.function = Some(text.to_owned()),
            "function_type" | "output_shape_type" => object.is_lambda |= text == "lambda",
            // The vocabulary of a lookup layer may be a path, which is read when it is loaded.
            "vocabulary" => self.urls.push(text.chars().take(200).collect()),
            "config" => object.has_config = true,
            _ => {}
        }
    }

    fn judge(&mut self, object: Object, allow: &AllowList) {
        if object.is_lambda {
            self.found.push((
                &rule::KERAS_LAMBDA,
                "a function of type `lambda`".to_owned(),
            ));
        }
        if let Some(function) = &object.function
            && is_hostile_function(function)
        {
            self.found
                .push((&rule::KERAS_MODULE, format!("the function `{function}`")));
        }
        let Some(class) = object.class.filter(|_| object.has_config) else {
            return;
        };
        self.is_keras = true;
        if class == "Lambda" || class == "__lambda__" || class.ends_with(">Lambda") {
            self.found
                .push((&rule::KERAS_LAMBDA, format!("a layer of class `{class}`")));
            return;
        }
        if let Some((rule, why)) = loads(&class) {
            self.found
                .push((rule, format!("a layer of class `{class}`, which {why}")));
            return;
        }
        if let Some(registered) = &object.registered
            && registered.contains('>')
        {
            self.found
                .push((&rule::KERAS_CUSTOM, format!("the class `{registered}`")));
        }
        let Some(module) = object.module.filter(|module| !module.is_empty()) else {
            return;
        };
        let name = format!("{module}.{class}");
        if is_keras_module(&module) {
            let is_class = class.chars().next().is_some_and(char::is_uppercase);
            if !is_class && !module.ends_with("activations") && !module.contains(".activations") {
                self.found
                    .push((&rule::KERAS_MODULE, format!("`{name}`, which is no class")));
            }
            return;
        }
        if module == "builtins" && class == "function" {
            let name = object.registered.unwrap_or(class);
            self.found.push((
                &rule::KERAS_CUSTOM,
                format!("a function of the author: `{name}`"),
            ));
            return;
        }
        let rule = match allow.standing(&module, &class) {
            Standing::Foreign => &rule::KERAS_CUSTOM,
            Standing::Dangerous(_) | Standing::Known | Standing::Listed(_) => &rule::KERAS_MODULE,
        };
        self.found.push((rule, format!("`{name}`")));
    }

    /// What was found, if it was about Keras at all.
    pub(super) fn findings(self) -> Vec<(&'static Rule, String)> {
        if !self.is_keras {
            return Vec::new();
        }
        let urls = self
            .urls
            .into_iter()
            .map(|url| (&rule::KERAS_URL, format!("`{url}`")));
        self.found.into_iter().chain(urls).collect()
    }
}

/// Layers of Keras itself that load code, and what they do.
fn loads(class: &str) -> Option<(&'static Rule, &'static str)> {
    match class.rsplit('>').next().unwrap_or(class) {
        "TFSMLayer" => Some((&rule::KERAS_MODULE, "loads a saved model from a path")),
        "TorchModuleWrapper" => Some((&rule::KERAS_LAMBDA, "loads a pickle of torch")),
        "FlaxLayer" | "JaxLayer" => Some((&rule::KERAS_CUSTOM, "runs functions of the author")),
        _ => None,
    }
}

/// Functions of TensorFlow that a layer made of one may name, and that do more than compute.
fn is_hostile_function(function: &str) -> bool {
    let function = function
        .trim_start_matches("tf.")
        .trim_start_matches("compat.v1.");
    [
        "io.",
        "raw_ops.",
        "py_func",
        "numpy_function",
        "load_",
        "data.",
        "distribute.",
        "saved_model.",
    ]
    .iter()
    .any(|start| function.starts_with(start))
}

/// Modules of Keras that hold what models are made of, and not what saves, loads or fetches them.
fn is_keras_module(module: &str) -> bool {
    let mut parts = module.split('.').peekable();
    let root = match parts.next() {
        Some("tensorflow") => {
            while matches!(parts.peek(), Some(&"python" | &"api" | &"_api" | &"v2")) {
                parts.next();
            }
            parts.next()
        }
        root => root,
    };
    if !matches!(
        root,
        Some("keras" | "keras_core" | "keras_cv" | "keras_hub" | "keras_nlp" | "tf_keras")
    ) {
        return false;
    }
    while matches!(
        parts.peek(),
        Some(&"src" | &"api" | &"engine" | &"_tf_keras" | &"keras" | &"optimizer_v2")
    ) {
        parts.next();
    }
    let Some(mut part) = parts.next() else {
        return true;
    };
    // Optimisers of one framework: `backend.torch.optimizers`.
    if part == "backend" {
        part = parts
            .nth(1)
            .filter(|part| *part == "optimizers")
            .unwrap_or(part);
    }
    matches!(
        part,
        "activations"
            | "constraints"
            | "dtype_policies"
            | "functional"
            | "initializers"
            | "layers"
            | "losses"
            | "metrics"
            | "models"
            | "ops"
            | "optimizers"
            | "quantizers"
            | "random"
            | "regularizers"
            | "sequential"
            | "training"
            | "mixed_precision"
            | "tokenizers"
            | "samplers"
    )
}
