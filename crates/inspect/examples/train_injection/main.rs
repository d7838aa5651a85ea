// SPDX-License-Identifier: Apache-2.0
//! Trains the injection model: `cargo xtask train injection` runs it.
//!
//! Two heads, each of hashed weights (logistic regression with `AdaGrad`) and a small network over
//! vectors of words. Of each text the window counts that reads most like an attack. With `--folds`
//! whole sources are left out in turn and what was left out is scored; that also sets the threshold.
//! The same input gives the same model.

#![allow(clippy::unwrap_used, missing_docs)]

mod data;
#[path = "../injection_measure/disguises.rs"]
mod disguises;
mod file;
mod folds;
mod head;
mod linear;
mod net;
mod random;
mod train;

use std::collections::BTreeMap;

use head::Head;

fn main() {
    let mut options: BTreeMap<String, String> = BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        options.insert(name, arguments.next().unwrap_or_default());
    }
    let mut texts = data::read(&options["--data"]);
    texts.extend(data::read(&options["--generated"]));
    for (option, source) in [("--pii", "records/pii"), ("--secrets", "records/secrets")] {
        texts.extend(data::ordinary(&options[option], source));
    }
    println!("{} texts", texts.len());
    let limits = match options.contains_key("--folds") {
        true => folds::folds(&texts),
        // A place on the scale without a meaning.
        false => [1.0; 2],
    };
    if let Some(out) = options.get("--out") {
        let all: Vec<usize> = (0..texts.len()).collect();
        let heads = [false, true].map(|embedded| Head::train(&texts, &all, embedded));
        file::write(out, &heads, limits);
    }
}
