// SPDX-License-Identifier: Apache-2.0
//! `casemate model verify`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_crypto::{EcdsaPublic, Roots};
use casemate_models::signing::{
    Bundle, Effort, EntryKind, LinkTarget, LocalModel, ModelSource as _, Refusal, Trust,
    VerifiedModel, verify as verify_model,
};
use casemate_types::{Clock as _, SystemClock};
use clap::Args;
use serde_json::json;

use super::{files::progress, key};
use crate::{cli::inspect::files::shown, output::Format};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Public key of the signer (PEM)
    #[arg(
        long,
        value_name = "KEY.pem",
        required_unless_present_any = ["trust_root", "sigstore_root"],
        conflicts_with_all = ["trust_root", "sigstore_root"]
    )]
    public_key: Option<PathBuf>,
    /// Certificates of authorities that say who signs (PEM); may be given several times
    #[arg(long, value_name = "ROOT.pem", num_args = 1..)]
    trust_root: Vec<PathBuf>,
    /// Trust root of Sigstore (`trusted_root.json`), for signatures without a key
    #[arg(
        long,
        value_name = "ROOT.json",
        requires_all = ["identity", "issuer"],
        conflicts_with = "trust_root"
    )]
    sigstore_root: Option<PathBuf>,
    /// Who must have signed: a mail address, or the URI of a workflow
    #[arg(long, value_name = "NAME", requires = "sigstore_root")]
    identity: Option<String>,
    /// URL of the identity provider that they signed in at
    #[arg(long, value_name = "URL", requires = "sigstore_root")]
    issuer: Option<String>,
    /// Refuse what is irregular or ignored as well
    #[arg(long)]
    strict: bool,
    /// The signature
    #[arg(long, value_name = "SIG")]
    signature: PathBuf,
    /// Directory or file
    #[arg(required_unless_present = "trust_root")]
    model: Option<PathBuf>,
}

/// What was typed, as it was meant.
struct Request {
    trust: Trust,
    model: PathBuf,
}

impl VerifyArgs {
    /// Several roots may stand behind one `--trust-root`, so that the model is the last of them if
    /// nothing stands behind.
    fn request(&self) -> anyhow::Result<Request> {
        let (model, roots) = match (&self.model, self.trust_root.split_last()) {
            (Some(model), _) => (model, self.trust_root.as_slice()),
            (None, Some((model, roots))) if !roots.is_empty() => (model, roots),
            (None, _) => anyhow::bail!("no model is named (hint: its path comes last)"),
        };
        Ok(Request {
            trust: self.trust(roots)?,
            model: model.clone(),
        })
    }

    fn trust(&self, paths: &[PathBuf]) -> anyhow::Result<Trust> {
        if let Some(path) = &self.public_key {
            let key = EcdsaPublic::from_pem(&key::pem(path)?);
            return Ok(Trust::Key(
                key.with_context(|| format!("`{}`", shown(path)))?,
            ));
        }
        if let Some(path) = &self.sigstore_root {
            return self.sigstore(path);
        }
        let mut roots = Vec::new();
        for path in paths {
            roots.extend(key::certificates(path)?);
        }
        Ok(Trust::Roots(Roots::new(roots)))
    }

    #[cfg(feature = "keyless")]
    fn sigstore(&self, path: &Path) -> anyhow::Result<Trust> {
        use casemate_models::signing::{Identity, SigstoreRoots};
        // An empty one is often a variable of a shell that is not set.
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (Some(name), Some(issuer)) = (said(&self.identity), said(&self.issuer)) else {
            anyhow::bail!("`--identity` or `--issuer` is empty");
        };
        let roots = SigstoreRoots::from_json(&key::read(path, SigstoreRoots::MAX)?);
        let roots = roots.with_context(|| format!("`{}`", shown(path)))?;
        Ok(Trust::Sigstore(roots, Identity::new(name, issuer)))
    }

    #[cfg(not(feature = "keyless"))]
    fn sigstore(&self, _: &Path) -> anyhow::Result<Trust> {
        let who = self.identity.as_deref().unwrap_or_default().escape_debug();
        let at = self.issuer.as_deref().unwrap_or_default().escape_debug();
        anyhow::bail!(
            "this build does not check keyless signatures, so that nothing is known of `{who}` at \
             `{at}` (hint: `cargo build --release --features keyless` makes one that does)"
        )
    }
}

/// Verifies; a refusal is an answer and not an error.
pub(super) fn verify(format: Format, args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let Request { trust, model: path } = args.request()?;
    let bundle = key::read(&args.signature, Bundle::MAX)?;
    let model = LocalModel::open(&path)?.with_signature(&args.signature);
    let bar = progress(size(&model));
    let told = |bytes| bar.inc(bytes);
    let effort = Effort {
        progress: &told,
        ..Effort::default()
    };
    let result = verify_model(&bundle, &trust, SystemClock.now(), &model, &effort);
    bar.finish_and_clear();
    let result = match args.strict {
        true => result.and_then(VerifiedModel::strict),
        false => result,
    };
    Ok(match &result {
        Ok(verified) => {
            report(format, &path, verified);
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            refuse(format, &path, refusal);
            ExitCode::from(3)
        }
    })
}

/// Bytes of a model, for the bar; what cannot be listed is said later.
pub(super) fn size(model: &LocalModel) -> u64 {
    let entries = model.entries().unwrap_or_default();
    let sizes = entries.iter().map(|entry| match entry.kind {
        EntryKind::File { bytes } | EntryKind::Link(LinkTarget::File { bytes }) => bytes,
        EntryKind::Link(_) | EntryKind::Other(_) => 0,
    });
    sizes.sum()
}

fn report(format: Format, model: &Path, verified: &VerifiedModel) {
    let irregular: Vec<_> = verified
        .irregularities()
        .iter()
        .map(ToString::to_string)
        .collect();
    for what in irregular.iter().take(SHOWN) {
        eprintln!("warning: {what}");
    }
    if irregular.len() > SHOWN {
        eprintln!("warning: {} more of the kind", irregular.len() - SHOWN);
    }
    let (root, files, signer) = (verified.root(), verified.files(), verified.signer());
    if format == Format::Json {
        let line = json!({
            "outcome": "verified",
            "model": shown(model),
            "root": format!("sha256:{root}"),
            "files": files,
            "bytes": verified.bytes(),
            "signer": signer.to_string(),
            "warnings": irregular,
        });
        return println!("{line:#}");
    }
    let s = if files == 1 { "" } else { "s" };
    println!("verified {files} file{s} of `{}`", shown(model));
    println!("root digest  sha256:{root}");
    println!("signed by    {signer}");
}

fn refuse(format: Format, model: &Path, refusal: &Refusal) {
    if format == Format::Json {
        let line = json!({
            "outcome": "refused", "model": shown(model), "why": refusal.to_string(),
        });
        println!("{line:#}");
    }
    eprintln!("refused: {refusal}");
}

/// Warnings that are written at most.
const SHOWN: usize = 50;
