// SPDX-License-Identifier: Apache-2.0
//! Turns: how many may send bytes, and how many may have them read, at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use casemate_types::ProjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::RegistryError;

/// Files that are received at the same time. Each takes a thread and a little memory.
const RECEIVING: usize = 64;
/// Of these, those of one project: whoever sends slowly holds up nobody but their own.
const OF_A_PROJECT: usize = 8;
/// Files or versions that are read whole at the same time: each may stand in memory for the scan.
const READING: usize = 2;
/// How long somebody waits for a turn to send.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who may go now.
#[derive(Debug)]
pub(super) struct Turns {
    receiving: Arc<Semaphore>,
    projects: Mutex<HashMap<ProjectId, Arc<Semaphore>>>,
    reading: Arc<Semaphore>,
}

/// A turn to send; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Receiving {
    _of_all: OwnedSemaphorePermit,
    _of_project: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            receiving: Arc::new(Semaphore::new(RECEIVING)),
            projects: Mutex::default(),
            reading: Arc::new(Semaphore::new(READING)),
        }
    }

    /// A turn to send bytes for a project.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] when the project has all of its turns already, or nobody gives one
    /// back in time.
    pub(super) async fn to_receive(&self, project: ProjectId) -> Result<Receiving, RegistryError> {
        let of_project = self.of(project).try_acquire_owned().map_err(|_| {
            let why = format!("{OF_A_PROJECT} files are being sent for this project already");
            RegistryError::Busy(why)
        })?;
        let of_all = tokio::time::timeout(PATIENCE, self.receiving.clone().acquire_owned()).await;
        match of_all {
            Ok(Ok(of_all)) => Ok(Receiving {
                _of_all: of_all,
                _of_project: of_project,
            }),
            _ => Err(RegistryError::Busy(format!(
                "{RECEIVING} files are being sent already"
            ))),
        }
    }

    /// A turn to read something whole. It belongs into the work itself: that goes on when whoever
    /// asked for it has gone.
    ///
    /// # Errors
    /// None that happens: turns are never closed.
    pub(super) async fn to_read(&self) -> Result<OwnedSemaphorePermit, RegistryError> {
        let turn = self.reading.clone().acquire_owned().await;
        turn.map_err(|_| RegistryError::Busy("nothing is read any more".into()))
    }

    fn of(&self, project: ProjectId) -> Arc<Semaphore> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        // Projects that send nothing now need no turns.
        projects.retain(|_, turns| Arc::strong_count(turns) > 1);
        let turns = projects.entry(project);
        turns
            .or_insert_with(|| Arc::new(Semaphore::new(OF_A_PROJECT)))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ProjectId = ProjectId::from_bytes([1; 16]);
    const OTHER: ProjectId = ProjectId::from_bytes([2; 16]);

    #[tokio::test]
    async fn one_project_takes_no_turns_of_another() {
        let turns = Turns::new();
        let mut held = Vec::new();
        for _ in 0..OF_A_PROJECT {
            held.push(turns.to_receive(ONE).await.unwrap());
        }
        assert!(matches!(
            turns.to_receive(ONE).await,
            Err(RegistryError::Busy(_))
        ));
        turns.to_receive(OTHER).await.unwrap();
        held.pop();
        turns.to_receive(ONE).await.unwrap();
        held.clear();
        turns.to_receive(OTHER).await.unwrap();
        assert_eq!(turns.projects.lock().unwrap().len(), 1);
    }
}
