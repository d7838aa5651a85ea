// SPDX-License-Identifier: Apache-2.0
//! The chapter about models: a hostile one, a good one that comes out of a pickle, and one that
//! changes on disk.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use casemate_access::AccessError;
use casemate_artifact::{ConvertError, ConvertOptions, ScanOutcome, Scanner, plan};
use casemate_crypto::{Curve, EcdsaPrivate, sha256};
use casemate_models::{
    registry::{
        AllowedSigner, DocumentKind, Move, Moved, Place, Registry, RegistryError, Submission,
        VersionInfo,
    },
    signing::{Effort, LocalModel, SignOptions, Signer, sign},
};
use casemate_types::{Caller, ProjectId};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

use super::Row;
use crate::output::hex;

/// A pickle that would run a command that does nothing. It is never loaded.
const HOSTILE: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
/// What `pickle.dumps({"w": numpy.full(64, …, numpy.uint8)}, protocol=3)` gives around the numbers.
const CHECKPOINT: [&[u8]; 2] = [
    b"\x80\x03}q\x00X\x01\x00\x00\x00wq\x01cnumpy._core.multiarray\n_reconstruct\nq\x02cnumpy\n\
      ndarray\nq\x03K\x00\x85q\x04C\x01bq\x05\x87q\x06Rq\x07(K\x01K@\x85q\x08cnumpy\ndtype\nq\tX\x02\x00\
      \x00\x00u1q\n\x89\x88\x87q\x0bRq\x0c(K\x03X\x01\x00\x00\x00|q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff\
      K\x00tq\x0eb\x89C@",
    b"q\x0ftq\x10bs.",
];
const ALIAS: &str = "production";

/// A registry, two people, and a key that signs.
pub(super) struct Chapter<'a> {
    registry: &'a Registry,
    place: Place,
    developer: Caller,
    reviewer: Caller,
    signer: Signer,
    /// Where models come from.
    desk: PathBuf,
    /// Where the registry keeps its files.
    store: PathBuf,
}

impl<'a> Chapter<'a> {
    pub(super) async fn open(
        registry: &'a Registry,
        project: ProjectId,
        scratch: &Path,
        store: PathBuf,
    ) -> anyhow::Result<Self> {
        let key = EcdsaPrivate::generate(Curve::P256)?;
        let team = AllowedSigner {
            name: "team".into(),
            pem: key.public()?.to_pem(),
            identity: None,
        };
        let chapter = Self {
            registry,
            place: Place {
                project,
                model: "fraud".parse()?,
            },
            developer: Caller::operator(1000),
            reviewer: Caller::operator(0),
            signer: Signer::with_key(key)?,
            desk: scratch.join("models"),
            store,
        };
        let (who, place) = (&chapter.reviewer, &chapter.place);
        registry.set_signers(who, place, vec![team]).await?;
        Ok(chapter)
    }

    /// Everything that is tried, in the order of the table.
    pub(super) async fn play(&self) -> anyhow::Result<Vec<Row>> {
        let mut rows = vec![self.hostile().await?, converted()?];
        rows.extend(self.production().await?);
        rows.extend(self.damage().await?);
        Ok(rows)
    }

    async fn hostile(&self) -> anyhow::Result<Row> {
        let version = self.push("model.pkl", HOSTILE).await?;
        let finding = &version.files.first().context("a version has files")?.report["findings"][0];
        let rule = finding["rule"].as_str().unwrap_or_default().to_owned();
        let moved = self.promote(version.summary.number, "staging").await;
        Ok(refused(
            "a model that runs a command when it is loaded",
            &format!("found without loading it ({rule}), and"),
            moved,
            "gate.scan",
        ))
    }

    /// Two versions, so that there is one to go back to.
    async fn production(&self) -> anyhow::Result<Vec<Row>> {
        let first = self.push("model.safetensors", &weights(1)?).await?;
        let number = first.summary.number;
        self.document(&first).await?;
        let alone = refused(
            "a signed model goes to production without a second person",
            "signed and scanned, but",
            self.promote(number, ALIAS).await,
            "gate.production.second-person",
        );
        self.approve(number).await?;
        let together = self.promote(number, ALIAS).await;
        let expected = together.as_ref().is_ok_and(|moved| moved.to == number);
        let second = self.push("model.safetensors", &weights(2)?).await?;
        self.document(&second).await?;
        self.approve(second.summary.number).await?;
        self.promote(second.summary.number, ALIAS).await?;
        let row = Row {
            what: "the same with an approval",
            happened: format!(
                "version {number}, then {} is in production",
                second.summary.number
            ),
            why: "signed, scanned, evaluated, approved by another person".into(),
            expected,
        };
        Ok(vec![alone, row])
    }

    async fn damage(&self) -> anyhow::Result<Vec<Row>> {
        let before = self.in_production().await?;
        let victim = before.files.first().context("a version has files")?.clone();
        let newest = newest(&self.store)?;
        flip(&newest)?;
        let reference = ALIAS.parse()?;
        let (who, place) = (&self.developer, &self.place);
        let opened = self
            .registry
            .open_file(who, place, &reference, &victim.name)
            .await;
        let given = match opened {
            Ok(file) => file.body(0..victim.length).collect().await.is_ok(),
            Err(_) => false,
        };
        let again = self
            .registry
            .pull(who, place, &before.summary.number.to_string().parse()?)
            .await;
        let caught = refused(
            "one bit of the model in production is flipped on disk",
            "caught before it was handed out, and from then on",
            again.map(|_| unmoved()),
            "registry.quarantined",
        );
        let after = self.in_production().await?.summary.number;
        let back = Row {
            what: "production after that",
            happened: format!("version {after} is in production again"),
            why: "an alias goes to the last good version".into(),
            expected: after < before.summary.number,
        };
        let caught = Row {
            expected: caught.expected && !given,
            ..caught
        };
        Ok(vec![caught, back])
    }

    async fn push(&self, name: &str, bytes: &[u8]) -> anyhow::Result<VersionInfo> {
        let digest = sha256(bytes);
        let directory = self.desk.join(hex(&digest));
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(name), bytes)?;
        let model = LocalModel::open(&directory)?;
        let signed = sign(
            &model,
            &self.signer,
            &SignOptions::default(),
            &Effort::default(),
        )?;
        let (who, place) = (&self.developer, &self.place);
        let body = Full::new(bytes::Bytes::copy_from_slice(bytes));
        let length = bytes.len() as u64;
        self.registry
            .receive(who, place, digest, length, body)
            .await?;
        let submission = Submission {
            files: vec![(name.parse()?, digest)],
            bundle: signed.bundle,
        };
        Ok(self.registry.register(who, place, submission).await?)
    }

    async fn document(&self, version: &VersionInfo) -> anyhow::Result<()> {
        let components = version.files.iter().map(|file| {
            let hashes = json!([{"alg": "SHA-256", "content": hex(&file.sha256)}]);
            json!({"type": "machine-learning-model", "name": file.name, "hashes": hashes})
        });
        let bom = json!({"bomFormat": "CycloneDX", "components": components.collect::<Vec<_>>()});
        let evaluation = json!({"name": "holdout", "metrics": {"auc": 0.97}});
        let reference = version.summary.number.to_string().parse()?;
        for (kind, body) in [
            (DocumentKind::Bom, bom),
            (DocumentKind::Evaluation, evaluation),
        ] {
            let (who, place) = (&self.developer, &self.place);
            self.registry
                .attest(who, place, &reference, kind, body)
                .await?;
        }
        Ok(())
    }

    async fn approve(&self, number: i64) -> anyhow::Result<()> {
        let (who, place) = (&self.reviewer, &self.place);
        let (alias, reference) = (ALIAS.parse()?, number.to_string().parse()?);
        Ok(self
            .registry
            .approve(who, place, &alias, &reference, "demo")
            .await?)
    }

    async fn promote(&self, number: i64, alias: &str) -> Result<Moved, RegistryError> {
        let wanted = Move {
            alias: alias.parse()?,
            to: number.to_string().parse()?,
            from: None,
            why: "demo".into(),
        };
        self.registry
            .promote(&self.developer, &self.place, wanted)
            .await
    }

    async fn in_production(&self) -> anyhow::Result<VersionInfo> {
        let (who, place) = (&self.developer, &self.place);
        Ok(self.registry.version(who, place, &ALIAS.parse()?).await?)
    }
}

/// Something that must be refused by a rule.
fn refused(
    what: &'static str,
    first: &str,
    result: Result<Moved, RegistryError>,
    rule: &str,
) -> Row {
    let reason = match &result {
        Err(RegistryError::Access(AccessError::Denied(denial))) => denial.verdict.reasons.first(),
        _ => None,
    };
    Row {
        what,
        happened: match reason {
            Some(_) => format!("{first} refused"),
            None => format!("{result:?}"),
        },
        why: reason.map_or(String::new(), |why| {
            format!("{} ({})", why.text, why.policy)
        }),
        expected: reason.is_some_and(|why| why.policy == rule),
    }
}

fn unmoved() -> Moved {
    Moved {
        alias: String::new(),
        from: None,
        to: 0,
    }
}

/// The tensors of a pickle, and of one that is hostile.
fn converted() -> anyhow::Result<Row> {
    let hostile = plan(
        &Scanner::default(),
        &HOSTILE.to_vec(),
        &ConvertOptions::default(),
    );
    let refused = matches!(hostile, Err(ConvertError::Findings(_)));
    let report = Scanner::default().scan(&weights(1)?);
    Ok(Row {
        what: "a checkpoint that is a pickle is converted",
        happened: format!(
            "its tensors are safetensors, and {}",
            report.outcome.as_str()
        ),
        why: "nothing was run; the hostile one is refused here as well".into(),
        expected: refused && report.outcome == ScanOutcome::Clean,
    })
}

/// A harmless model that differs by a number, as its pickle is converted.
fn weights(number: u8) -> anyhow::Result<Vec<u8>> {
    let [before, after] = CHECKPOINT;
    let pickle = [before, &[number; 64], after].concat();
    let plan = plan(&Scanner::default(), &pickle, &ConvertOptions::default())?;
    let mut out = Vec::new();
    plan.write(&pickle, &mut out)?;
    Ok(out)
}

/// The sealed file that was written last.
fn newest(store: &Path) -> anyhow::Result<PathBuf> {
    let mut found = Vec::new();
    for shelf in std::fs::read_dir(store)? {
        for entry in std::fs::read_dir(shelf?.path())? {
            let entry = entry?;
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    let newest = found.into_iter().max();
    Ok(newest.context("the registry has no files")?.1)
}

/// What a failing disk does, or somebody who has access to it.
fn flip(path: &Path) -> anyhow::Result<()> {
    let mut bytes = std::fs::read(path)?;
    let last = bytes.last_mut().context("a sealed file is not empty")?;
    *last ^= 1;
    Ok(std::fs::write(path, bytes)?)
}
