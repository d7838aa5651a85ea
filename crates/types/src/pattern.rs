// SPDX-License-Identifier: Apache-2.0
//! Names of models as keys and routes write them.

/// Whether a model's name fits a pattern: the name itself, or its beginning with `*` for any ending.
#[must_use]
pub fn model_fits(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => model.starts_with(beginning),
        None => model == pattern,
    }
}

/// Whether a key that was made for these models may be used for one; a key made for none in
/// particular may be used for all.
#[must_use]
pub fn key_fits(models: &[String], model: &str) -> bool {
    models.is_empty() || models.iter().any(|pattern| model_fits(pattern, model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings() {
        for (models, model, fits) in [
            (&[][..], "gpt", true),
            (&["gpt"], "gpt", true),
            (&["gpt"], "gpt-2", false),
            (&["gpt-*"], "gpt-2", true),
            (&["gpt-*"], "gpt", false),
            (&["*"], "gpt", true),
            (&["a*b"], "axb", false),
            (&["", "x"], "gpt", false),
            (&["x", "gpt"], "gpt", true),
        ] {
            let models: Vec<_> = models.iter().map(|one: &&str| (*one).to_owned()).collect();
            assert_eq!(key_fits(&models, model), fits, "{models:?} {model}");
        }
    }
}
