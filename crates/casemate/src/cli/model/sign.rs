// SPDX-License-Identifier: Apache-2.0
//! `casemate model sign`.

use std::{
    num::NonZeroU64,
    path::{Path, PathBuf},
    process::ExitCode,
};

use casemate_crypto::HashAlgorithm;
use casemate_models::signing::{
    Effort, EntryKind, Links, LocalModel, Method, ModelSource as _, SignOptions, Signed, Signer,
    sign as sign_model,
};
use casemate_types::{Clock as _, SystemClock};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{files::progress, key, links::Within};
use crate::{cli::inspect::files::shown, output::Format};

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// Private key (PEM; PKCS #8 or SEC 1, also encrypted)
    #[arg(long, value_name = "KEY.pem")]
    key: PathBuf,
    /// File with the key's password [default: `CASEMATE_KEY_PASSWORD`, else it is asked for]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Certificate of the key, then those of its issuers (PEM)
    #[arg(long, value_name = "CHAIN.pem")]
    certificate_chain: Option<PathBuf>,
    /// By what files are digested
    #[arg(long, value_enum, default_value_t)]
    hash: HashName,
    /// Digest files in pieces of this many bytes instead of as wholes
    #[arg(long, value_name = "N")]
    shard_size: Option<NonZeroU64>,
    /// Leave out a path within the model, and everything below it
    #[arg(long, value_name = "PATH")]
    ignore: Vec<String>,
    /// Sign links to files as the files they lead to
    #[arg(long)]
    allow_symlinks: bool,
    /// File for the signature
    #[arg(long, value_name = "OUT")]
    signature: PathBuf,
    /// Directory or file
    model: PathBuf,
}

/// How algorithms are typed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum HashName {
    #[default]
    Sha256,
    Blake3,
    Blake2b,
}

impl SignArgs {
    fn options(&self) -> SignOptions {
        SignOptions {
            algorithm: match self.hash {
                HashName::Blake2b => HashAlgorithm::Blake2b,
                HashName::Blake3 => HashAlgorithm::Blake3,
                HashName::Sha256 => HashAlgorithm::Sha256,
            },
            method: match self.shard_size {
                None => Method::Files,
                Some(bytes) => Method::Shards { bytes: bytes.get() },
            },
            links: match self.allow_symlinks {
                true => Links::Follow,
                false => Links::Refuse,
            },
            ignored: self.ignore.clone(),
        }
    }

    fn signer(&self) -> anyhow::Result<Signer> {
        let private = key::private(&self.key, self.password_file.as_ref())?;
        Ok(match &self.certificate_chain {
            None => Signer::with_key(private)?,
            Some(path) => Signer::with_chain(private, key::certificates(path)?, SystemClock.now())?,
        })
    }
}

/// Signs; the signature is in its place as a whole or not at all.
pub(super) fn sign(format: Format, args: &SignArgs) -> anyhow::Result<ExitCode> {
    // What is wrong is said before gigabytes are read.
    key::check_place(&args.signature)?;
    // A model may itself be a signature, which another one must not replace.
    let same = args.signature.canonicalize().ok() == args.model.canonicalize().ok();
    anyhow::ensure!(
        !same || !args.model.exists(),
        "`{}` is the model itself",
        shown(&args.signature)
    );
    let signer = args.signer()?;
    let model = LocalModel::open(&args.model)?.with_signature(&args.signature);
    if args.allow_symlinks && !model.is_single_file() {
        warn(args, &model)?;
    }
    let bar = progress(super::verify::size(&model));
    let told = |bytes| bar.inc(bytes);
    let effort = Effort {
        progress: &told,
        ..Effort::default()
    };
    let signed = sign_model(&model, &signer, &args.options(), &effort);
    bar.finish_and_clear();
    let signed = signed?;
    key::store_signature(&args.signature, &signed.bundle)?;
    report(format, args, &signed);
    Ok(ExitCode::SUCCESS)
}

/// Names links that lead out of the model. They are signed, as was asked for; whoever sends the model
/// elsewhere should know what goes with it.
fn warn(args: &SignArgs, model: &LocalModel) -> anyhow::Result<()> {
    let within = Within::of(&args.model)?;
    for entry in model.entries()? {
        let is_link = matches!(entry.kind, EntryKind::Link(_));
        if is_link && within.resolve(&args.model.join(&entry.name)).is_err() {
            let name = shown(Path::new(&entry.name));
            eprintln!("warning: `{name}` is a link that leads out of the model");
        }
    }
    Ok(())
}

fn report(format: Format, args: &SignArgs, signed: &Signed) {
    let (root, files) = (signed.statement.root(), signed.files);
    let signature = shown(&args.signature);
    if format == Format::Json {
        let line = json!({
            "signature": signature, "root": format!("sha256:{root}"), "files": files,
        });
        return println!("{line:#}");
    }
    let s = if files == 1 { "" } else { "s" };
    println!("signed {files} file{s}, root digest sha256:{root}");
    println!("signature in {signature}");
}
