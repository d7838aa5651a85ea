// SPDX-License-Identifier: Apache-2.0
//! `casemate model keygen`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use casemate_crypto::{Curve, EcdsaPrivate};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::key;
use crate::{
    cli::inspect::files::shown,
    output::{Format, hex},
};

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// File for the private key; the public key is written beside it, as `.pub.pem`
    #[arg(long, value_name = "KEY.pem", default_value = "model-key.pem")]
    out: PathBuf,
    /// The curve it is on
    #[arg(long, value_enum, default_value_t)]
    curve: CurveName,
}

/// How curves are typed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum CurveName {
    #[default]
    P256,
    P384,
    P521,
}

/// Makes a key. Nothing that is there is overwritten.
pub(super) fn keygen(format: Format, args: &KeygenArgs) -> anyhow::Result<ExitCode> {
    let curve = match args.curve {
        CurveName::P256 => Curve::P256,
        CurveName::P384 => Curve::P384,
        CurveName::P521 => Curve::P521,
    };
    let public_path = public_path(&args.out);
    for path in [&args.out, &public_path] {
        let is_there = std::fs::symlink_metadata(path).is_ok();
        anyhow::ensure!(
            !is_there,
            "`{}` is there already; it is not overwritten",
            shown(path)
        );
    }
    let key = EcdsaPrivate::generate(curve)?;
    let public = key.public()?;
    key::create(&args.out, &key.to_pem()?, 0o600)?;
    key::create(&public_path, &public.to_pem(), 0o644)?;
    let hint = hex(&public.hint());
    if format == Format::Json {
        let line = json!({
            "private_key": shown(&args.out),
            "public_key": shown(&public_path),
            "curve": curve.as_str(),
            "hint": hint,
        });
        println!("{line:#}");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "private key  {} (keep it secret, and a copy safe)",
        shown(&args.out)
    );
    println!(
        "public key   {} (give it to whoever verifies)",
        shown(&public_path)
    );
    println!("hint         {hint}");
    Ok(ExitCode::SUCCESS)
}

/// `key.pem` → `key.pub.pem`.
fn public_path(private: &Path) -> PathBuf {
    match private.extension() {
        Some(extension) if extension == "pem" => private.with_extension("pub.pem"),
        _ => {
            let mut path = private.as_os_str().to_owned();
            path.push(".pub.pem");
            path.into()
        }
    }
}
