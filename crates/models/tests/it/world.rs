// SPDX-License-Identifier: Apache-2.0
//! A Sigstore of our own: an authority for code, a log of certificates, a log of signatures. It is
//! written from the formats' descriptions alone and shares no code with what reads them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::{Curve, EcdsaPrivate, sha256};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
    SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};

pub(crate) const WHO: &str = "maker@example.org";
pub(crate) const PROVIDER: &str = "https://accounts.example.org";
/// In the life of the signer's certificate, 2026-06-15T12:00:00Z.
pub(crate) const SIGNED_AT: i64 = 1_781_524_800;

/// A log: a key and its name.
pub(crate) struct Log {
    key: EcdsaPrivate,
}

impl Log {
    fn new() -> Self {
        let key = EcdsaPrivate::generate(Curve::P256).unwrap();
        Self { key }
    }

    fn spki(&self) -> Vec<u8> {
        let pem = self.key.public().unwrap().to_pem();
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(lines).unwrap()
    }

    pub(crate) fn id(&self) -> [u8; 32] {
        sha256(&self.spki())
    }

    fn trusted(&self) -> Value {
        json!({
            "baseUrl": "https://log.example.org",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(self.spki()),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": "2026-01-01T00:00:00Z"},
            },
            "logId": {"keyId": STANDARD.encode(self.id())},
        })
    }

    /// The log's promise over an entry, by its canonical JSON.
    pub(crate) fn promise(&self, entry: &Value) -> String {
        let number = |name: &str| entry[name].as_str().unwrap().parse::<u64>().unwrap();
        let id = STANDARD
            .decode(entry["logId"]["keyId"].as_str().unwrap())
            .unwrap();
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        // Members of serde_json's objects are in the order of their names.
        let promised = json!({
            "body": entry["canonicalizedBody"],
            "integratedTime": number("integratedTime"),
            "logID": id,
            "logIndex": number("logIndex"),
        });
        STANDARD.encode(self.key.sign(promised.to_string().as_bytes()).unwrap())
    }

    /// A signed note about a tree.
    pub(crate) fn checkpoint(&self, size: u64, root: &[u8]) -> String {
        let text = format!("log.example.org - 1\n{size}\n{}\n", STANDARD.encode(root));
        let mut signature = self.id()[..4].to_vec();
        signature.extend(self.key.sign(text.as_bytes()).unwrap());
        format!("{text}\n— log.example.org {}\n", STANDARD.encode(signature))
    }
}

/// What a certificate is made with, to be changed.
pub(crate) struct Leaf {
    pub(crate) params: CertificateParams,
    /// Whether a log of certificates is asked, and which says it is.
    pub(crate) timestamp: Timestamped,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Timestamped {
    /// By a log that nobody knows.
    ByAnother,
    /// With a signature over something else.
    Falsely,
    Never,
    Truly,
}

pub(crate) struct World {
    root: (CertificateParams, KeyPair),
    between: (CertificateParams, KeyPair),
    certificate_log: Log,
    pub(crate) log: Log,
}

/// A signer for one signature.
pub(crate) struct Ephemeral {
    pub(crate) key: EcdsaPrivate,
    pub(crate) der: Vec<u8>,
    pem: String,
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn authority(common: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

/// What Fulcio writes, with a life of a day.
fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![SanType::Rfc822Name(WHO.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2026, 6, 15);
    params.not_after = date_time_ymd(2026, 6, 16);
    params.serial_number = Some(SerialNumber::from(4_711_u64));
    params.custom_extensions = vec![issuer_v1(PROVIDER), issuer_v2(PROVIDER)];
    params
}

pub(crate) fn issuer_v1(text: &str) -> CustomExtension {
    fulcio(1, text.as_bytes().to_vec())
}

pub(crate) fn issuer_v2(text: &str) -> CustomExtension {
    let mut der = vec![0x0c, u8::try_from(text.len()).unwrap()];
    der.extend(text.as_bytes());
    fulcio(8, der)
}

fn fulcio(number: u64, content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57_264, 1, number], content)
}

impl World {
    pub(crate) fn new() -> Self {
        let pair = || KeyPair::generate().unwrap();
        Self {
            root: (authority("root"), pair()),
            between: (authority("between"), pair()),
            certificate_log: Log::new(),
            log: Log::new(),
        }
    }

    /// The trust root, as a file.
    pub(crate) fn trusted_root(&self) -> Value {
        let (root, key) = &self.root;
        let top = root.self_signed(key).unwrap();
        let issuer = Issuer::from_params(root, key);
        let between = self.between.0.signed_by(&self.between.1, &issuer).unwrap();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.log.trusted()],
            "certificateAuthorities": [{
                "subject": {"organization": "example", "commonName": "root"},
                "uri": "https://authority.example.org",
                "certChain": {"certificates": [
                    {"rawBytes": STANDARD.encode(between.der())},
                    {"rawBytes": STANDARD.encode(top.der())},
                ]},
                "validFor": {"start": "2026-01-01T00:00:00.000Z", "end": "2036-01-01T00:00:00Z"},
            }],
            "ctlogs": [self.certificate_log.trusted()],
            "timestampAuthorities": [],
        })
    }

    pub(crate) fn signer(&self) -> Ephemeral {
        self.signer_with(|_| {})
    }

    /// A signer whose certificate is changed before the authority and the log see it.
    pub(crate) fn signer_with(&self, change: impl FnOnce(&mut Leaf)) -> Ephemeral {
        let mut leaf = Leaf {
            params: leaf(),
            timestamp: Timestamped::Truly,
        };
        change(&mut leaf);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.between.0, &self.between.1);
        // rcgen writes one body for one set of parameters: without the timestamp it is what the log
        // of certificates signs.
        let before = leaf.params.signed_by(&key, &issuer).unwrap();
        if leaf.timestamp != Timestamped::Never {
            let timestamp = self.timestamp(body(before.der()), leaf.timestamp);
            leaf.params.custom_extensions.push(timestamp);
        }
        let certificate = leaf.params.signed_by(&key, &issuer).unwrap();
        Ephemeral {
            key: EcdsaPrivate::from_pem(key.serialize_pem().as_bytes(), None).unwrap(),
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
        }
    }

    /// The extension in which a log of certificates says that it knows this body.
    fn timestamp(&self, body: &[u8], how: Timestamped) -> CustomExtension {
        let millis = (SIGNED_AT as u64 * 1_000).to_be_bytes();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let issuer = sha256(&self.between.1.subject_public_key_info());
        let mut signed = vec![0, 0];
        signed.extend(millis);
        signed.extend([0, 1]);
        signed.extend(issuer);
        signed.extend(&length[1..]);
        signed.extend(body);
        signed.extend([0, 0]);
        if how == Timestamped::Falsely {
            signed[2] ^= 1;
        }
        let stranger = Log::new();
        let log = match how {
            Timestamped::ByAnother => &stranger,
            _ => &self.certificate_log,
        };
        let signature = log.key.sign(&signed).unwrap();
        let vector = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            [&length[..], bytes].concat()
        };
        let one = [
            &[0][..],
            &log.id(),
            &millis,
            &[0, 0, 4, 3],
            &vector(&signature),
        ]
        .concat();
        let list = vector(&vector(&one));
        let content = [&[4, u8::try_from(list.len()).unwrap()], &list[..]].concat();
        let oid = [1, 3, 6, 1, 4, 1, 11_129, 2, 4, 2];
        CustomExtension::from_oid_content(&oid, content)
    }

    /// A bundle over a payload, with everything that keyless signing has.
    pub(crate) fn bundle(&self, payload: &[u8], signer: &Ephemeral) -> Value {
        let mut signed = b"DSSEv1 28 application/vnd.in-toto+json ".to_vec();
        signed.extend(payload.len().to_string().as_bytes());
        signed.push(b' ');
        signed.extend(payload);
        let signature = signer.key.sign(&signed).unwrap();
        let body = dsse(payload, &signature, signer);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": STANDARD.encode(&signer.der)},
                "tlogEntries": [self.entry(&body, SIGNED_AT)],
            },
            "dsseEnvelope": {
                "payload": STANDARD.encode(payload),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": STANDARD.encode(&signature)}],
            },
        })
    }

    /// What the log says of a body: it is the third leaf of a tree of five.
    pub(crate) fn entry(&self, body: &Value, time: i64) -> Value {
        let text = body.to_string();
        let hash = |parts: &[&[u8]]| sha256(&parts.concat());
        let leaf = hash(&[&[0], text.as_bytes()]);
        let others = [[1; 32], [2; 32], [3; 32], [4; 32]];
        let left = hash(&[&[1], &others[0], &others[1]]);
        let right = hash(&[&[1], &leaf, &others[2]]);
        let four = hash(&[&[1], &left, &right]);
        let root = hash(&[&[1], &four, &others[3]]);
        let path = [others[2], left, others[3]].map(|hash| STANDARD.encode(hash));
        let mut entry = json!({
            "logIndex": "1002",
            "logId": {"keyId": STANDARD.encode(self.log.id())},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": time.to_string(),
            "inclusionProof": {
                "logIndex": "2",
                "rootHash": STANDARD.encode(root),
                "treeSize": "5",
                "hashes": path,
                "checkpoint": {"envelope": self.log.checkpoint(5, &root)},
            },
            "canonicalizedBody": STANDARD.encode(&text),
        });
        entry["inclusionPromise"] = json!({"signedEntryTimestamp": self.log.promise(&entry)});
        entry
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bodies of an entry, one for each kind.
pub(crate) fn dsse(payload: &[u8], signature: &[u8], signer: &Ephemeral) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": {"algorithm": "sha256", "value": hex(&[0; 32])},
        "payloadHash": {"algorithm": "sha256", "value": hex(&sha256(payload))},
        "signatures": [{
            "signature": STANDARD.encode(signature),
            "verifier": STANDARD.encode(&signer.pem),
        }],
    }})
}

pub(crate) fn intoto(payload: &[u8], signature: &[u8], signer: &Ephemeral) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {
        "envelope": {
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{
                "publicKey": STANDARD.encode(&signer.pem),
                "sig": STANDARD.encode(STANDARD.encode(signature)),
            }],
        },
        "hash": {"algorithm": "sha256", "value": hex(&[0; 32])},
        "payloadHash": {"algorithm": "sha256", "value": hex(&sha256(payload))},
    }}})
}

pub(crate) fn hashedrekord(payload: &[u8], signature: &[u8], signer: &Ephemeral) -> Value {
    let mut signed = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    signed.push_str(std::str::from_utf8(payload).unwrap());
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hex(&sha256(signed.as_bytes()))}},
        "signature": {
            "content": STANDARD.encode(signature),
            "publicKey": {"content": STANDARD.encode(&signer.pem)},
        },
    }})
}

/// The body of a certificate, which stands first in it.
fn body(certificate: &[u8]) -> &[u8] {
    // Bytes before the content, and bytes of the content.
    let header = |der: &[u8]| match der {
        [0x30, 0x81, length, ..] => (3, usize::from(*length)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        other => panic!("{:x?}", &other[..4]),
    };
    let whole = &certificate[header(certificate).0..];
    let (before, length) = header(whole);
    &whole[..before + length]
}
