// SPDX-License-Identifier: Apache-2.0
//! Talking to a witness (C2SP tlog-witness): the texts, without the transport.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    Checkpoint, Hash, LedgerError, Note, Reader, Signature, VerifierKey, merkle::consistent,
    note::decimal,
};

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// It knows the log at this size; ask again from there.
    Behind(u64),
    /// It cosigned.
    Cosigned(Vec<Signature>),
}

/// One witness.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Its public key.
    pub key: VerifierKey,
}

impl Witness {
    /// What its signatures are kept under: two keys of one name are two witnesses.
    #[must_use]
    pub fn id(&self) -> String {
        let key_id = u32::from_be_bytes(self.key.key_id());
        format!("{}+{key_id:08x}", self.key.name)
    }

    /// What to send so that a witness that knows the log at `old_size` signs its newest checkpoint;
    /// `None` when it has that one already.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] when the witness has seen a larger log than there is: this is an
    /// old copy, or the end was cut off. [`LedgerError::NotFound`] before the first checkpoint.
    pub fn prepare(reader: &Reader, old_size: u64) -> Result<Option<(Note, String)>, LedgerError> {
        let note = reader.checkpoint()?;
        let size = Checkpoint::parse(&note.body)?.size;
        if old_size > size {
            return Err(LedgerError::Tampered(format!(
                "a witness has signed {old_size} entries of this log, and only {size} are signed \
                 here: this is an old copy, or its end was cut off"
            )));
        }
        if old_size == size {
            return Ok(None);
        }
        let proof = match old_size {
            0 => Vec::new(),
            old => reader.prove_consistency(old, size)?,
        };
        let body = Self::request(old_size, &proof, &note);
        Ok(Some((note, body)))
    }

    /// The body of `POST <prefix>/add-checkpoint`.
    #[must_use]
    pub fn request(old_size: u64, consistency: &[Hash], note: &Note) -> String {
        let proof: String = consistency
            .iter()
            .map(|hash| format!("{}\n", BASE64.encode(hash)))
            .collect();
        format!("old {old_size}\n{proof}\n{}", note.text())
    }

    /// Reads the answer and checks the cosignature.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for an answer the specification does not allow;
    /// [`LedgerError::Tampered`] when the witness did not sign this checkpoint.
    pub fn answer(
        &self,
        status: u16,
        body: &str,
        note: &Note,
    ) -> Result<WitnessAnswer, LedgerError> {
        match status {
            200 => {
                let checkpoint = Checkpoint::parse(&note.body)?;
                let mine: Vec<_> = body
                    .lines()
                    .filter_map(Signature::parse)
                    .filter(|line| line.name == self.key.name)
                    .filter(|line| line.key_id == self.key.key_id())
                    .collect();
                let valid =
                    |line: &Signature| self.key.verifies(&note.body, &checkpoint, &line.bytes);
                if mine.is_empty() || !mine.iter().all(valid) {
                    return Err(LedgerError::Tampered(format!(
                        "witness `{}` did not sign this checkpoint",
                        self.key.name
                    )));
                }
                // One is enough, and more could make the note longer than a note may be.
                Ok(WitnessAnswer::Cosigned(mine.into_iter().take(1).collect()))
            }
            409 => decimal(body.trim_end_matches('\n'))
                .map(WitnessAnswer::Behind)
                .ok_or_else(|| LedgerError::malformed("witness answer", "its size is wrong")),
            other => Err(LedgerError::malformed(
                "witness answer",
                format!("status {other}"),
            )),
        }
    }

    /// What a witness does with a request: checks that the log only grew. For tests.
    #[must_use]
    pub fn accepts(old: (u64, Hash), new: &Checkpoint, proof: &[Hash]) -> bool {
        consistent(old, (new.size, new.root), proof)
    }
}
