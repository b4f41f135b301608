//! The kind cluster as a provider: what the labs' runner asks of every cluster.

use super::decide::{There, is_ours};
use super::{Failure, Kind, record};
use crate::cluster::doing::Busy;
use crate::cluster::{Connection, Doing, Error, Pending, Provider, State, Traits};
use std::path::PathBuf;

impl Provider for Kind {
    fn kind(&self) -> &'static str {
        "kind"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.kubeconfig()
    }

    fn traits(&self) -> Traits {
        Traits {
            whole_cluster: true,
            pulls_images: true,
            own_time: false,
        }
    }

    fn state(&self) -> Pending<'_, State> {
        Box::pin(self.running())
    }

    fn ensure(&self) -> Pending<'_, Connection> {
        Box::pin(self.found())
    }

    fn stop(&self) -> Pending<'_, bool> {
        Box::pin(async {
            let _alone = self.lock("bbf cluster stop")?;
            let (programs, look) = self.look().await?;
            self.must_be_there(&look)?;
            let running = look.nodes.iter().filter(|node| node.running);
            let running: Vec<&str> = running.map(|node| node.name.as_str()).collect();
            if !running.is_empty() {
                programs.containers.stop(&running).await?;
            }
            Ok(!running.is_empty())
        })
    }

    fn renew(&self) -> Pending<'_, Connection> {
        Box::pin(async {
            let _busy = Busy(&self.watcher);
            let connection = self.clean().await?;
            self.add_ons(&connection).await?;
            Ok(connection)
        })
    }

    fn abandon(&self) -> Pending<'_, ()> {
        Box::pin(async {
            let _busy = Busy(&self.watcher);
            let _alone = self.lock("bbf")?;
            self.end_orphan();
            let (programs, look) = self.look().await?;
            if look.stage() == Some(record::Stage::Begun) {
                (self.watcher)(&Doing::RemovingHalfMade(self.name.clone()));
                self.tidy_up(&programs).await;
            }
            Ok(())
        })
    }

    fn leave(&self) -> Pending<'_, ()> {
        Box::pin(async {
            let _busy = Busy(&self.watcher);
            match self.left().await {
                Ok(()) => Ok(()),
                Err(error @ (Error::Files(_) | Error::Kind(Failure::InUse { .. }))) => Err(error),
                // Nothing is lost by that: the next lab begins with a sweep. A learner is not held by a cluster that is broken.
                Err(_) => {
                    (self.watcher)(&Doing::LeftForLater(self.name.clone()));
                    Ok(())
                }
            }
        })
    }

    fn remove(&self) -> Pending<'_, ()> {
        Box::pin(async {
            let _busy = Busy(&self.watcher);
            let _alone = self.lock("bbf cluster delete")?;
            self.end_orphan();
            let (programs, look) = self.look().await?;
            match look.there {
                There::Nothing => Ok(self.folder.forget()?),
                there if is_ours(look.stage(), there) => {
                    (self.watcher)(&Doing::Deleting(self.name.clone()));
                    self.delete(&programs).await
                }
                _ => Err(Failure::Foreign(self.name.clone()).into()),
            }
        })
    }
}
