// SPDX-License-Identifier: Apache-2.0
//! ECDSA keys of people and machines (FIPS 186-5) in the PEM forms that other tools write.

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
        ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair as _,
        UnparsedPublicKey,
    },
};
use zeroize::Zeroizing;

use crate::{
    CryptoError,
    der::{BIT_STRING, Der, OID, SEQUENCE, sole},
    pem::{self, Block},
    pkcs8, sha256,
};

/// A curve, each with the hash of its own strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1 with SHA-256.
    P256,
    /// secp384r1 with SHA-384.
    P384,
    /// secp521r1 with SHA-512.
    P521,
}

impl Curve {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// Its name in FIPS 186-5.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Self::P384 => b"\x2b\x81\x04\x00\x22",
            Self::P521 => b"\x2b\x81\x04\x00\x23",
        }
    }

    /// Length of a point that is not compressed.
    const fn point(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
            Self::P521 => 133,
        }
    }

    const fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
        }
    }

    const fn verifying(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA384_ASN1,
            Self::P521 => &ECDSA_P521_SHA512_ASN1,
        }
    }
}

/// A public key on one of the three curves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcdsaPublic {
    curve: Curve,
    point: Vec<u8>,
}

impl EcdsaPublic {
    /// The one public key of a PEM text (`PUBLIC KEY`).
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] when there is none or several, [`CryptoError::Unsupported`] for
    /// keys of other kinds.
    pub fn from_pem(text: &[u8]) -> Result<Self, CryptoError> {
        let blocks = pem::blocks(text)?;
        let mut keys = blocks.iter().filter(|block| block.label == "PUBLIC KEY");
        match (keys.next(), keys.next()) {
            (Some(block), None) => Self::from_spki(&block.bytes),
            (None, _) => Err(pem::malformed(&format!(
                "it holds no public key{}",
                instead(&blocks)
            ))),
            _ => Err(pem::malformed("it holds several public keys")),
        }
    }

    /// A key from its `SubjectPublicKeyInfo` (RFC 5480).
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] for keys of other kinds, [`CryptoError::Malformed`] for what is
    /// no key.
    pub fn from_spki(bytes: &[u8]) -> Result<Self, CryptoError> {
        let (algorithm, curve, point) = spki(bytes).ok_or_else(|| malformed("it is not DER"))?;
        if algorithm != EC_PUBLIC_KEY {
            return Err(CryptoError::Unsupported("it is no elliptic-curve key"));
        }
        let curve = Curve::ALL
            .into_iter()
            .find(|known| curve == Some(known.oid()))
            .ok_or(OTHER_CURVE)?;
        if point.len() != curve.point() || point.first() != Some(&4) {
            return Err(malformed("its point is compressed or of another length"));
        }
        let parsed = aws_lc_rs::signature::ParsedPublicKey::new(curve.verifying(), point);
        parsed.map_err(|_| malformed("its point is not on the curve"))?;
        Ok(Self {
            curve,
            point: point.to_vec(),
        })
    }

    /// The curve it is on.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// The PEM text, in the form that every tool writes.
    #[must_use]
    pub fn to_pem(&self) -> String {
        use crate::der::write;
        let algorithm = [
            write(OID, &[EC_PUBLIC_KEY]),
            write(OID, &[self.curve.oid()]),
        ]
        .concat();
        let algorithm = write(SEQUENCE, &[&algorithm]);
        let point = write(BIT_STRING, &[&[0], &self.point]);
        let spki = write(SEQUENCE, &[&algorithm, &point]);
        pem::write("PUBLIC KEY", &spki).as_str().to_owned()
    }

    /// SHA-256 of the PEM text: what signatures of models name a key by.
    #[must_use]
    pub fn hint(&self) -> [u8; 32] {
        sha256(self.to_pem().as_bytes())
    }

    /// Whether an ASN.1 signature of a message is right.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.curve.verifying(), &self.point)
            .verify(message, signature)
            .is_ok()
    }
}

/// A private key on one of the three curves.
pub struct EcdsaPrivate {
    curve: Curve,
    pair: EcdsaKeyPair,
}

impl EcdsaPrivate {
    /// A new key.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn generate(curve: Curve) -> Result<Self, CryptoError> {
        let pair = EcdsaKeyPair::generate(curve.signing())
            .map_err(|_| CryptoError::Provider("a new ECDSA key"))?;
        Ok(Self { curve, pair })
    }

    /// The one private key of a PEM text: `PRIVATE KEY`, `ENCRYPTED PRIVATE KEY` (PKCS #8) or
    /// `EC PRIVATE KEY` (RFC 5915). A password is used only if the key needs one.
    ///
    /// # Errors
    /// [`CryptoError::PasswordNeeded`], [`CryptoError::PasswordWrong`],
    /// [`CryptoError::Unsupported`] for keys of other kinds, and [`CryptoError::Malformed`].
    pub fn from_pem(text: &[u8], password: Option<&[u8]>) -> Result<Self, CryptoError> {
        let blocks = pem::blocks(text)?;
        let mut keys = blocks
            .iter()
            .filter(|block| block.label.ends_with("PRIVATE KEY"));
        let block = match (keys.next(), keys.next()) {
            (Some(block), None) => block,
            (None, _) => {
                let why = format!("it holds no private key{}", instead(&blocks));
                return Err(pem::malformed(&why));
            }
            _ => return Err(pem::malformed("it holds several private keys")),
        };
        if block.has_headers {
            return Err(CryptoError::Unsupported(
                "its encryption is older than PKCS #8; `openssl pkcs8 -topk8` writes it anew",
            ));
        }
        match block.label.as_str() {
            "PRIVATE KEY" | "EC PRIVATE KEY" => Self::from_der(&block.bytes),
            "ENCRYPTED PRIVATE KEY" => {
                let password = password.ok_or(CryptoError::PasswordNeeded)?;
                let opened = pkcs8::decrypt(&block.bytes, password)?;
                // A wrong password gives bytes with good padding once in some hundred times.
                match sole(&opened, SEQUENCE) {
                    Some(_) => Self::from_der(&opened),
                    None => Err(CryptoError::PasswordWrong),
                }
            }
            _ => Err(CryptoError::Unsupported("it is no elliptic-curve key")),
        }
    }

    fn from_der(bytes: &[u8]) -> Result<Self, CryptoError> {
        for curve in Curve::ALL {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve.signing(), bytes) {
                return Ok(Self { curve, pair });
            }
        }
        match sole(bytes, SEQUENCE) {
            Some(_) => Err(OTHER_CURVE),
            None => Err(malformed("it is not DER")),
        }
    }

    /// The PEM text (PKCS #8, not encrypted); handle with care.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, CryptoError> {
        let der = self
            .pair
            .to_pkcs8v1()
            .map_err(|_| CryptoError::Provider("PKCS #8"))?;
        Ok(pem::write("PRIVATE KEY", der.as_ref()))
    }

    /// The public key that belongs to it.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn public(&self) -> Result<EcdsaPublic, CryptoError> {
        let der = self.pair.public_key().as_der();
        let der = der.map_err(|_| CryptoError::Provider("a public key"))?;
        EcdsaPublic::from_spki(der.as_ref())
    }

    /// The curve it is on.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// An ASN.1 signature of a message, by the hash of the curve.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| CryptoError::Provider("an ECDSA signature"))?;
        Ok(signature.as_ref().to_vec())
    }
}

impl std::fmt::Debug for EcdsaPrivate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EcdsaPrivate({}, …)", self.curve.as_str())
    }
}

/// Algorithm, curve if it is named, and point.
#[expect(clippy::type_complexity, reason = "three slices of one structure")]
fn spki(bytes: &[u8]) -> Option<(&[u8], Option<&[u8]>, &[u8])> {
    let mut info = sole(bytes, SEQUENCE)?;
    let mut algorithm: Der<'_> = info.enter(SEQUENCE)?;
    let kind = algorithm.expect(OID)?;
    let curve = algorithm.optional(OID);
    let (&unused, point) = info.expect(BIT_STRING)?.split_first()?;
    (unused == 0 && info.is_end()).then_some((kind, curve, point))
}

fn instead(blocks: &[Block]) -> String {
    match blocks.first() {
        Some(block) => format!(", it holds `{}`", block.label.escape_debug()),
        None => String::new(),
    }
}

fn malformed(why: &str) -> CryptoError {
    CryptoError::Malformed {
        what: "the key",
        why: why.to_owned(),
    }
}

/// id-ecPublicKey, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
const OTHER_CURVE: CryptoError =
    CryptoError::Unsupported("it is no key on P-256, P-384 or P-521 by name");
