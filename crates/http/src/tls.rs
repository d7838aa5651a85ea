// SPDX-License-Identifier: Apache-2.0
//! TLS: an operator's certificate, or a local authority made on first start.

use std::{path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::WebPkiClientVerifier,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::HttpError;

/// What a listener shows and asks for.
#[derive(Clone)]
pub struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
}

impl ServerTls {
    /// TLS with certificate chain and key in PEM; with `client_authority`, clients may show a
    /// certificate of it, and must if `require_client`.
    ///
    /// # Errors
    /// [`HttpError::Tls`] when a file does not parse or the key does not fit.
    pub fn from_pem(
        chain: &str,
        key: &str,
        client_authority: Option<&str>,
        require_client: bool,
    ) -> Result<Self, HttpError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(tls)?;
        let builder = match client_authority {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(pem)? {
                    roots.add(certificate).map_err(tls)?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
                let verifier = if require_client {
                    verifier
                } else {
                    verifier.allow_unauthenticated()
                };
                builder.with_client_cert_verifier(verifier.build().map_err(tls)?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(tls)?;
        let mut config = builder
            .with_single_cert(certificates(chain)?, key)
            .map_err(tls)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
        })
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls(…)")
    }
}

/// Makes a local authority and a server certificate for `names` in `directory`, unless they are
/// there for these names: `authority.pem` is for clients to trust; the authority's key is not kept,
/// so other names mean another authority.
///
/// # Errors
/// [`HttpError::Tls`] when a name is none or the directory cannot be written.
pub fn generate_authority(
    directory: &Path,
    names: &[String],
    client_authority: Option<&str>,
    require_client: bool,
) -> Result<ServerTls, HttpError> {
    let (chain, key) = (directory.join("server.pem"), directory.join("server.key"));
    let (list, wanted) = (directory.join("names"), names.join("\n") + "\n");
    let fits = std::fs::read_to_string(&list).is_ok_and(|known| known == wanted);
    if !fits || !chain.exists() || !key.exists() {
        let made = make_authority(names).map_err(tls)?;
        std::fs::create_dir_all(directory).map_err(tls)?;
        write_private(&directory.join("authority.pem"), &made.authority)?;
        write_private(&key, &made.key)?;
        write_private(&chain, &made.chain)?;
        write_private(&list, &wanted)?;
    }
    let read = |path: &Path| std::fs::read_to_string(path).map_err(tls);
    ServerTls::from_pem(
        &read(&chain)?,
        &read(&key)?,
        client_authority,
        require_client,
    )
}

struct Made {
    authority: String,
    chain: String,
    key: String,
}

fn make_authority(names: &[String]) -> Result<Made, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "Casemate local authority");
    let authority_key = KeyPair::generate()?;
    let authority = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names.to_vec())?;
    server
        .distinguished_name
        .push(DnType::CommonName, "Casemate");
    // Strict verifiers look the issuer up by it (RFC 5280 section 4.2.1.1).
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server = server.signed_by(&key, &issuer)?;
    Ok(Made {
        authority: authority.pem(),
        chain: server.pem() + &authority.pem(),
        key: key.serialize_pem(),
    })
}

fn write_private(path: &Path, text: &str) -> Result<(), HttpError> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(tls)
}

/// A client that trusts the machine's authorities.
pub(crate) fn client_config(needed: bool) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    if needed {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(HttpError::Tls(
                "this machine has no certificate authorities".into(),
            ));
        }
    }
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(tls)?;
    if all.is_empty() {
        Err(HttpError::Tls("a file has no certificate".into()))
    } else {
        Ok(all)
    }
}

fn tls(error: impl std::fmt::Display) -> HttpError {
    HttpError::Tls(error.to_string())
}
