// SPDX-License-Identifier: Apache-2.0
//! Certificates of signers (RFC 5280): what they say, and whether a chain leads to a root.
//!
//! Chains are built and their signatures checked by `rustls-webpki`. What it leaves out is checked
//! here: what the signer's certificate may be used for, and validity and authority of roots.

mod fields;
mod time;
mod transparency;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    VerifiedPath, anchor_from_trusted_cert,
};

use crate::{CryptoError, EcdsaPublic, pem, sha256};
use fields::Fields;
pub use transparency::CertificateTimestamp;

/// A certificate that was read. Nothing of it is believed yet.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    fields: Fields,
}

impl Certificate {
    /// Reads a certificate of version 3.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for everything else.
    pub fn from_der(der: &[u8]) -> Result<Self, CryptoError> {
        let fields = Fields::read(der).ok_or_else(|| CryptoError::Malformed {
            what: "the certificate",
            why: "it is not X.509 version 3 in DER".to_owned(),
        })?;
        let der = der.to_vec();
        Ok(Self { der, fields })
    }

    /// Its bytes.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of its bytes, which is what people call its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.der)
    }

    /// Whom it is for, for people: `CN=…,O=…`. Control characters are escaped.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.fields.subject
    }

    /// Who issued it, in the same form.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.fields.issuer
    }

    /// Alternative names of the subject that are texts: mail addresses, hosts and URIs.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.fields.names
    }

    /// Alternative names of the subject exactly as they stand, to be compared: mail addresses, hosts,
    /// URIs, and the user names of Sigstore's authority. A terminal may take harm from them.
    #[must_use]
    pub fn identities(&self) -> &[String] {
        &self.fields.identities
    }

    /// What stands in the extension of this identifier (the bytes of an OID, without tag and
    /// length).
    #[must_use]
    pub fn extension(&self, oid: &[u8]) -> Option<&[u8]> {
        transparency::extension(&self.der, oid)
    }

    /// The public key.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] unless it is on one of the three curves.
    pub fn public_key(&self) -> Result<EcdsaPublic, CryptoError> {
        EcdsaPublic::from_spki(&self.fields.public_key)
    }

    /// Whether it may sign models at `now` (seconds since 1970): within its validity, and with key
    /// usage *digital signature* or extended key usage *code signing* (OMS 1.0).
    ///
    /// # Errors
    /// [`ChainError`] that says what is against it.
    pub fn check_signer(&self, now: i64) -> Result<(), ChainError> {
        self.check_validity(now)?;
        match self.fields.may_sign_data() {
            true => Ok(()),
            false => Err(ChainError::Usage(self.label())),
        }
    }

    /// Whether it has the extended key usage *code signing*, which Sigstore asks for.
    ///
    /// # Errors
    /// [`ChainError::NotForCode`].
    pub fn check_code_signing(&self) -> Result<(), ChainError> {
        match self.fields.for_code_signing {
            true => Ok(()),
            false => Err(ChainError::NotForCode(self.label())),
        }
    }

    /// The subject, or its first name where authorities leave the subject empty.
    fn label(&self) -> String {
        match (self.subject(), self.names().first()) {
            ("", Some(name)) => name.clone(),
            (subject, _) => subject.to_owned(),
        }
    }

    fn check_validity(&self, now: i64) -> Result<(), ChainError> {
        let (from, until) = self.fields.validity;
        if now < from {
            return Err(ChainError::NotYetValid(self.label(), time::shown(from)));
        }
        match now > until {
            true => Err(ChainError::Expired(self.label(), time::shown(until))),
            false => Ok(()),
        }
    }

    /// Whether it may issue certificates at `now`.
    fn check_issuer(&self, now: i64) -> Result<(), ChainError> {
        self.check_validity(now)?;
        match self.fields.may_issue() {
            true => Ok(()),
            false => Err(ChainError::NoAuthority(self.subject().to_owned())),
        }
    }
}

/// All certificates of a PEM text (`CERTIFICATE`), in their order.
///
/// # Errors
/// [`CryptoError::Malformed`] when there is none, more than 1,000, or one that cannot be read.
pub fn certificates_from_pem(text: &[u8]) -> Result<Vec<Certificate>, CryptoError> {
    let blocks = pem::blocks(text)?;
    let blocks: Vec<_> = blocks
        .iter()
        .filter(|block| block.label == "CERTIFICATE")
        .collect();
    match blocks.len() {
        0 => Err(pem::malformed("it holds no certificate")),
        1..=MAX_ROOTS => blocks
            .iter()
            .map(|block| Certificate::from_der(&block.bytes))
            .collect(),
        _ => Err(pem::malformed("it holds more than 1,000 certificates")),
    }
}

/// Certificates that an operator trusts to say who signs.
#[derive(Debug, Clone, Default)]
pub struct Roots(Vec<Certificate>);

impl Roots {
    /// Trusts these.
    #[must_use]
    pub const fn new(certificates: Vec<Certificate>) -> Self {
        Self(certificates)
    }

    /// Checks that a chain (the signer's certificate, then intermediate ones) leads to one of the
    /// roots at `now` (seconds since 1970), and that its first certificate may sign.
    ///
    /// A signer's certificate that is itself among the roots needs no chain.
    ///
    /// # Errors
    /// [`ChainError`] that says what is missing or against it.
    pub fn verify(&self, chain: &[Certificate], now: i64) -> Result<(), ChainError> {
        let (leaf, intermediates) = chain.split_first().ok_or(ChainError::Empty)?;
        if intermediates.len() > MAX_INTERMEDIATES {
            return Err(ChainError::TooLong);
        }
        leaf.check_signer(now)?;
        if self.0.iter().any(|root| root.der == leaf.der) {
            return Ok(());
        }
        let issues_one = |root: &&Certificate| {
            let name = &root.fields.subject_der;
            chain.iter().any(|below| below.fields.issuer_der == *name)
        };
        let mut why = ChainError::UnknownIssuer(unknown(chain));
        for root in self.0.iter().filter(issues_one).take(MAX_TRIED) {
            let result = root
                .check_issuer(now)
                .and_then(|()| build(leaf, intermediates, root, now));
            match result {
                Ok(()) => return Ok(()),
                // Another root of the same name may fit; what is against this one says more.
                Err(ChainError::UnknownIssuer(_)) => {}
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}

/// The issuer at the end of a chain that the chain itself does not hold.
fn unknown(chain: &[Certificate]) -> String {
    let is_held = |one: &Certificate| {
        let name = &one.fields.issuer_der;
        chain.iter().any(|above| above.fields.subject_der == *name)
    };
    let open = chain.iter().find(|one| !is_held(one));
    open.or(chain.last())
        .map_or_else(String::new, |one| one.issuer().to_owned())
}

/// Lets `rustls-webpki` find a path.
fn build(
    leaf: &Certificate,
    intermediates: &[Certificate],
    root: &Certificate,
    now: i64,
) -> Result<(), ChainError> {
    let refused = |error| ChainError::of(&error, leaf);
    let der = CertificateDer::from(root.der.as_slice());
    let anchor = anchor_from_trusted_cert(&der).map_err(refused)?;
    let der = CertificateDer::from(leaf.der.as_slice());
    let intermediates: Vec<_> = intermediates
        .iter()
        .map(|certificate| CertificateDer::from(certificate.der.as_slice()))
        .collect();
    let seconds = u64::try_from(now).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let end = EndEntityCert::try_from(&der).map_err(refused)?;
    end.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &[anchor],
        &intermediates,
        time,
        AnyPurpose,
        None,
        Some(&|path| issuers_may_issue(path, root)),
    )
    .map_err(refused)?;
    Ok(())
}

/// webpki checks the CA flag and path lengths of intermediate certificates; not their key usage,
/// nor the path length of the root.
fn issuers_may_issue(path: &VerifiedPath<'_>, root: &Certificate) -> Result<(), Error> {
    let between: Option<Vec<_>> = path
        .intermediate_certificates()
        .map(|certificate| Fields::read(certificate.der().as_ref()))
        .collect();
    let between = between.ok_or(Error::BadDer)?;
    if !between.iter().all(Fields::may_issue) {
        return Err(Error::EndEntityUsedAsCa);
    }
    match root.fields.allows_below(&between) {
        true => Ok(()),
        false => Err(Error::PathLenConstraintViolated),
    }
}

/// What the signer's certificate may be used for is checked by [`Certificate::check_signer`]; of
/// issuers the specification of model signatures asks nothing.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Why a chain of certificates is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// There is no certificate.
    #[error("there is no certificate")]
    Empty,
    /// A certificate is no longer valid.
    #[error("the certificate `{0}` expired at {1}")]
    Expired(String, String),
    /// A signature, an extension or a constraint is against it.
    #[error("the chain of certificates does not hold: {0}")]
    Invalid(String),
    /// An issuer's certificate is not one of an authority.
    #[error("the certificate `{0}` may not issue others: it is not marked as an authority's")]
    NoAuthority(String),
    /// The certificate lacks the usage that keyless signing asks for.
    #[error("the certificate `{0}` is not for code signing")]
    NotForCode(String),
    /// A certificate is not valid yet.
    #[error("the certificate `{0}` is not valid before {1}")]
    NotYetValid(String, String),
    /// More intermediate certificates than anybody needs.
    #[error("the chain of certificates is too long")]
    TooLong,
    /// No root and no intermediate certificate of this name fits.
    #[error("no trusted root stands behind the issuer `{0}`")]
    UnknownIssuer(String),
    /// The certificate is for something else.
    #[error("the certificate `{0}` is not for digital signatures, nor for code signing")]
    Usage(String),
}

impl ChainError {
    fn of(error: &Error, leaf: &Certificate) -> Self {
        let invalid = |why: &str| Self::Invalid(why.to_owned());
        match error {
            Error::UnknownIssuer => Self::UnknownIssuer(leaf.issuer().to_owned()),
            Error::CaUsedAsEndEntity => invalid("an authority's certificate signed the model"),
            Error::CertExpired { .. } => invalid("an issuer's certificate expired"),
            Error::CertNotValidYet { .. } => invalid("an issuer's certificate is not valid yet"),
            Error::EndEntityUsedAsCa => {
                invalid("an issuer's certificate is not marked as an authority's")
            }
            Error::InvalidSignatureForPublicKey => invalid("a signature is wrong"),
            Error::NameConstraintViolation => {
                invalid("a name is outside of an issuer's constraints")
            }
            Error::PathLenConstraintViolated => invalid("it is longer than an issuer allows"),
            Error::UnsupportedCriticalExtension => invalid("a critical extension is not known"),
            other => Self::Invalid(format!("{other:?}")),
        }
    }
}

/// Trust stores of operating systems have some 150.
const MAX_ROOTS: usize = 1_000;
const MAX_INTERMEDIATES: usize = 32;
/// Roots of one name that are tried.
const MAX_TRIED: usize = 16;
