// SPDX-License-Identifier: Apache-2.0
//! Which version may be served at this moment, for whoever routes requests to servers of models.

use casemate_artifact::ScanOutcome;

use super::{Place, Reference, Registry, RegistryError, standing::Found};
use crate::hex;

impl Registry {
    /// The root digest (`sha256:…`) of the version that a reference leads to, if its signature holds
    /// now, its files were scanned clean, and it is neither in quarantine nor below the floor.
    ///
    /// Nobody gets a byte of the model by it, so the door is not asked: the access that is decided by
    /// it is the request, and that is in the book.
    ///
    /// # Errors
    /// Why it may not be served, in words.
    pub async fn served(&self, place: &Place, reference: &Reference) -> Result<String, String> {
        let (at, wanted) = (place.clone(), reference.clone());
        let found = self
            .blocking(move |registry| registry.look_up(&at, &wanted))
            .await;
        match found {
            Ok(Some(found)) => found.served(),
            Ok(None) => Err(RegistryError::NotFound("version").to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Found {
    fn served(&self) -> Result<String, String> {
        if self.is_quarantined() {
            return Err(self.stopped());
        }
        if let Err(why) = &self.signer {
            return Err(format!("its signature does not hold: {why}"));
        }
        if self.outcome != ScanOutcome::Clean {
            return Err(format!("its scan says `{}`", self.outcome.as_str()));
        }
        if self.below_floor() {
            return Err("it is below the model's floor".to_owned());
        }
        Ok(format!("sha256:{}", hex::encode(&self.row.root)))
    }
}
