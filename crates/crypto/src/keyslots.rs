// SPDX-License-Identifier: Apache-2.0
//! The key-slot file: the root key, wrapped for the machine and for the recovery kit.
//!
//! The file stands in the data directory and opens nothing by itself: what unwraps a slot (a file,
//! a systemd credential, a passphrase, the kit) is elsewhere.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use casemate_types::Entropy;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{CryptoError, DataKey, Place, RecoveryKit, RecoveryPublic, RootKey, Secret32};

/// Argon2id cost: 64 MiB, 3 passes, 1 lane (RFC 9106, second recommended option's memory).
const ARGON2_KIB: u32 = 64 * 1024;
const ARGON2_PASSES: u32 = 3;

/// What unwraps the root key on this machine.
pub enum MachineSource {
    /// Thirty-two bytes from a systemd credential.
    Credential(Secret32),
    /// Thirty-two bytes from a file outside the data directory.
    File(Secret32),
    /// A passphrase.
    Passphrase(Zeroizing<String>),
}

impl MachineSource {
    /// The kind of slot this source opens.
    #[must_use]
    pub const fn kind(&self) -> SlotKind {
        match self {
            Self::Credential(_) => SlotKind::Credential,
            Self::File(_) => SlotKind::File,
            Self::Passphrase(_) => SlotKind::Passphrase,
        }
    }

    fn key(&self, salt: &[u8]) -> Result<Secret32, CryptoError> {
        match self {
            Self::Credential(key) | Self::File(key) => Ok(key.derive_with("machine-wrap", salt)),
            Self::Passphrase(phrase) => {
                let refused = |_| CryptoError::Provider("Argon2id");
                let params =
                    Params::new(ARGON2_KIB, ARGON2_PASSES, 1, Some(32)).map_err(refused)?;
                let mut out = Zeroizing::new([0; 32]);
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(phrase.as_bytes(), salt, out.as_mut())
                    .map_err(refused)?;
                Ok(Secret32::from_bytes(*out))
            }
        }
    }
}

/// The sorts of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// Opened by a systemd credential.
    Credential,
    /// Opened by a file outside the data directory.
    File,
    /// Opened by a passphrase.
    Passphrase,
    /// Opened by the recovery kit.
    Recovery,
}

/// One wrap of the root key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// What opens it.
    pub kind: SlotKind,
    /// Which root key it wraps; rotation counts up.
    pub generation: u32,
    /// Salt of the derivation, or the kit's public key.
    salt: String,
    /// The wrapped root key.
    wrapped: String,
}

/// All wraps of the root key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyslots {
    /// Version of the file's form.
    version: u32,
    /// The wraps.
    pub slots: Vec<Slot>,
}

impl Keyslots {
    /// Wraps a root key for the machine and for the recovery kit.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn create(
        root: &RootKey,
        source: &MachineSource,
        recovery: &RecoveryPublic,
        entropy: &dyn Entropy,
    ) -> Result<Self, CryptoError> {
        let mut slots = Self {
            version: 1,
            slots: Vec::new(),
        };
        slots.add_generation(1, root, source, recovery, entropy)?;
        Ok(slots)
    }

    /// Adds the wraps of another root key beside those that stand here.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn add_generation(
        &mut self,
        generation: u32,
        root: &RootKey,
        source: &MachineSource,
        recovery: &RecoveryPublic,
        entropy: &dyn Entropy,
    ) -> Result<(), CryptoError> {
        self.slots
            .push(machine_slot(generation, root, source, entropy)?);
        self.slots
            .push(recovery_slot(generation, root, recovery, entropy)?);
        Ok(())
    }

    /// Gives all wraps another generation, for a restored installation whose database names it.
    pub fn renumber(&mut self, generation: u32) {
        for slot in &mut self.slots {
            slot.generation = generation;
        }
    }

    /// Forgets the wraps of every other root key.
    pub fn retain_generation(&mut self, generation: u32) {
        self.slots.retain(|slot| slot.generation == generation);
    }

    /// The generations that stand here, oldest first.
    #[must_use]
    pub fn generations(&self) -> Vec<u32> {
        let mut all: Vec<_> = self.slots.iter().map(|slot| slot.generation).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Opens the root key of a generation with the machine's source.
    ///
    /// # Errors
    /// [`CryptoError::NoSource`] when no slot is of the source's kind,
    /// [`CryptoError::NotAuthentic`] when the source is not the right one.
    pub fn open(&self, generation: u32, source: &MachineSource) -> Result<RootKey, CryptoError> {
        let slot = self
            .slot(generation, source.kind())
            .ok_or(CryptoError::NoSource)?;
        let key = source.key(&decode(&slot.salt)?)?;
        let root = DataKey::new(0, &key).open(machine_place(slot.kind), &decode(&slot.wrapped)?)?;
        Secret32::from_slice(&root)
            .map(RootKey::new)
            .ok_or(CryptoError::NotAuthentic)
    }

    /// Opens the root key of a generation with the recovery kit.
    ///
    /// # Errors
    /// [`CryptoError::Recovery`] when the kit is another installation's, or there is no such slot.
    pub fn open_with_kit(
        &self,
        generation: u32,
        kit: &RecoveryKit,
    ) -> Result<RootKey, CryptoError> {
        let slot = self
            .slot(generation, SlotKind::Recovery)
            .ok_or_else(|| CryptoError::Recovery("it has no recovery slot".into()))?;
        kit.unwrap_root(&decode(&slot.wrapped)?)
    }

    /// The public half of the kit.
    ///
    /// # Errors
    /// [`CryptoError::Recovery`] without a recovery slot.
    pub fn recovery_public(&self) -> Result<RecoveryPublic, CryptoError> {
        let slot = self
            .slots
            .iter()
            .find(|slot| slot.kind == SlotKind::Recovery)
            .ok_or_else(|| CryptoError::Recovery("it has no recovery slot".into()))?;
        let public = decode(&slot.salt)?;
        public
            .as_slice()
            .try_into()
            .map(RecoveryPublic)
            .map_err(|_| CryptoError::Malformed {
                what: "recovery slot",
                why: "its public key has the wrong length".into(),
            })
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for anything this version does not write.
    pub fn from_json(text: &str) -> Result<Self, CryptoError> {
        let malformed = |why: String| CryptoError::Malformed {
            what: "key-slot file",
            why,
        };
        let slots: Self =
            serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if slots.version != 1 {
            return Err(malformed(format!("version {} is not known", slots.version)));
        }
        Ok(slots)
    }

    /// The file's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers always serialise")
    }

    fn slot(&self, generation: u32, kind: SlotKind) -> Option<&Slot> {
        self.slots
            .iter()
            .find(|slot| slot.generation == generation && slot.kind == kind)
    }
}

fn machine_slot(
    generation: u32,
    root: &RootKey,
    source: &MachineSource,
    entropy: &dyn Entropy,
) -> Result<Slot, CryptoError> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let key = DataKey::new(0, &source.key(&salt)?);
    let place = machine_place(source.kind());
    let wrapped = key.seal(entropy, place, root.secret().expose());
    Ok(Slot {
        kind: source.kind(),
        generation,
        salt: BASE64.encode(salt),
        wrapped: BASE64.encode(wrapped),
    })
}

fn recovery_slot(
    generation: u32,
    root: &RootKey,
    public: &RecoveryPublic,
    entropy: &dyn Entropy,
) -> Result<Slot, CryptoError> {
    let wrapped = public.wrap(root, entropy)?;
    Ok(Slot {
        kind: SlotKind::Recovery,
        generation,
        salt: BASE64.encode(public.0),
        wrapped: BASE64.encode(wrapped),
    })
}

const fn machine_place(kind: SlotKind) -> Place<'static> {
    let row: &[u8] = match kind {
        SlotKind::Credential => b"credential",
        SlotKind::File => b"file",
        SlotKind::Passphrase => b"passphrase",
        SlotKind::Recovery => b"recovery",
    };
    Place {
        table: "keyslots",
        row,
        column: "root",
    }
}

fn decode(text: &str) -> Result<Vec<u8>, CryptoError> {
    BASE64.decode(text).map_err(|error| CryptoError::Malformed {
        what: "key-slot file",
        why: error.to_string(),
    })
}
