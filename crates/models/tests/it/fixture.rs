// SPDX-License-Identifier: Apache-2.0
//! A model on disk, a key, and signatures that are taken apart and put together again.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::{Curve, EcdsaPrivate};
use casemate_models::signing::{
    Effort, Irregularity, LocalModel, Refusal, SignOptions, Signed, Signer, Trust, VerifiedModel,
    sign, verify,
};
use casemate_testkit::TempDir;
use casemate_types::Timestamp;
use serde_json::Value;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) model: PathBuf,
    pub(crate) key: EcdsaPrivate,
}

impl Fixture {
    /// A model of three files.
    pub(crate) fn new() -> Self {
        Self::on(Curve::P256)
    }

    pub(crate) fn on(curve: Curve) -> Self {
        let dir = TempDir::new();
        let model = dir.join("model");
        let fixture = Self {
            dir,
            model,
            key: EcdsaPrivate::generate(curve).unwrap(),
        };
        fixture.write("config.json", b"{}");
        fixture.write("sub/weights.bin", &[7; 2_500]);
        fixture.write("sub.txt", b"between the two in one order");
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.model.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::with_key(self.again()).unwrap()
    }

    /// The same key once more.
    pub(crate) fn again(&self) -> EcdsaPrivate {
        EcdsaPrivate::from_pem(self.key.to_pem().unwrap().as_bytes(), None).unwrap()
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::Key(self.key.public().unwrap())
    }

    pub(crate) fn sign_with(&self, options: &SignOptions) -> Signed {
        let model = LocalModel::open(&self.model).unwrap();
        sign(&model, &self.signer(), options, &Effort::default()).unwrap()
    }

    pub(crate) fn sign(&self) -> Vec<u8> {
        self.sign_with(&SignOptions::default()).bundle
    }

    pub(crate) fn verify(&self, bundle: &[u8]) -> Result<VerifiedModel, Refusal> {
        self.verify_at(&self.model, bundle)
    }

    pub(crate) fn verify_at(&self, model: &Path, bundle: &[u8]) -> Result<VerifiedModel, Refusal> {
        let model = LocalModel::open(model)?;
        verify(bundle, &self.trust(), NOW, &model, &Effort::default())
    }

    /// The bundle with its statement changed and signed again.
    pub(crate) fn restated(&self, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut statement = statement(&self.sign());
        change(&mut statement);
        self.sealed(statement.to_string().as_bytes())
    }

    /// A bundle around any payload.
    pub(crate) fn sealed(&self, payload: &[u8]) -> Vec<u8> {
        let mut bundle: Value = serde_json::from_slice(&self.sign()).unwrap();
        seal(&mut bundle, payload, &self.key);
        bundle.to_string().into_bytes()
    }

    /// The bundle changed around its statement.
    pub(crate) fn rewrapped(&self, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut bundle: Value = serde_json::from_slice(&self.sign()).unwrap();
        change(&mut bundle);
        bundle.to_string().into_bytes()
    }
}

/// What a bundle says.
pub(crate) fn statement(bundle: &[u8]) -> Value {
    let bundle: Value = serde_json::from_slice(bundle).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap()
}

/// Puts a payload into a bundle and signs it, by the words of the DSSE protocol.
pub(crate) fn seal(bundle: &mut Value, payload: &[u8], key: &EcdsaPrivate) {
    let mut signed = b"DSSEv1 28 application/vnd.in-toto+json ".to_vec();
    signed.extend(payload.len().to_string().as_bytes());
    signed.push(b' ');
    signed.extend(payload);
    let envelope = &mut bundle["dsseEnvelope"];
    envelope["payload"] = STANDARD.encode(payload).into();
    envelope["signatures"][0]["sig"] = STANDARD.encode(key.sign(&signed).unwrap()).into();
}

/// Refused, for this reason.
#[track_caller]
pub(crate) fn refused(what: &str, result: Result<VerifiedModel, Refusal>, why: &str) {
    let refusal = match result {
        Ok(_) => panic!("{what}: verified"),
        Err(refusal) => refusal.to_string(),
    };
    assert!(refusal.contains(why), "{what}: {refusal}");
}

/// Verified, with these irregularities; refused strictly if there are any.
#[track_caller]
pub(crate) fn verified(
    what: &str,
    result: Result<VerifiedModel, Refusal>,
    irregular: &[Irregularity],
) {
    let model = result.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
    assert_eq!(model.irregularities(), irregular, "{what}");
    assert_eq!(model.strict().is_ok(), irregular.is_empty(), "{what}");
}
