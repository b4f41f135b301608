//! What every command has at hand: the printer, the folders, the labs.

use super::arguments::{ClusterKind, Global, Where};
use super::doing;
use super::trouble::Trouble;
use crate::cluster::embedded::Embedded;
use crate::cluster::existing::Existing;
use crate::cluster::kind::{Kind, Wanted};
use crate::cluster::{Arrival, Connection, Place, Provider, kind_config};
use crate::lab::{Catalogue, Lab, Language};
use crate::platform::folders::Folders;
use crate::platform::lock::Lock;
use crate::platform::{files, processes};
use crate::session::record::{Record, Stage};
use crate::session::store::Store;
use crate::session::{self, work_folder};
use crate::ui::messages::{clusters, labs, trouble};
use crate::ui::printer::Printer;
use podling::Config;
use podling::clock::Time;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

/// What every command has at hand.
pub(super) struct Context<'a> {
    pub(super) printer: &'a mut Printer<'static>,
    pub(super) folders: Folders,
    pub(super) catalogue: Catalogue,
    packs: Vec<PathBuf>,
}

/// The lab at hand.
pub(super) struct AtHand {
    pub(super) store: Store,
    pub(super) record: Record,
    pub(super) lab: Lab,
}

impl<'a> Context<'a> {
    pub(super) fn new(global: &Global, printer: &'a mut Printer<'static>) -> Result<Self, Trouble> {
        let folders = Folders::from_environment()?;
        let catalogue = global.catalogue().map_err(Trouble::Pack)?;
        let packs = global.packs();
        Ok(Self {
            printer,
            folders,
            catalogue,
            packs,
        })
    }

    pub(super) fn language(&self) -> Language {
        self.printer.language
    }

    pub(super) fn lab(&self, id: &str) -> Result<Lab, Trouble> {
        Ok(self.catalogue.find(id)?.clone())
    }

    /// The labs of these names; all where there are none.
    pub(super) fn labs(&self, ids: &[String]) -> Result<Vec<Lab>, Trouble> {
        if ids.is_empty() {
            return Ok(self.catalogue.labs().to_vec());
        }
        ids.iter().map(|id| self.lab(id)).collect()
    }

    /// The pack that a lab comes from; `None` for one inside the binary.
    pub(super) fn pack_of(&self, lab: &Lab) -> Option<PathBuf> {
        self.packs
            .iter()
            .rev()
            .find(|pack| Path::new(&lab.folder).starts_with(pack))
            .cloned()
    }

    pub(super) fn store(&self) -> Result<Store, Trouble> {
        Ok(Store::open(&self.folders).map_err(session::Error::from)?)
    }

    /// The lab at hand, which must be `asked` if that is given.
    pub(super) fn at_hand(&mut self, asked: Option<&str>) -> Result<AtHand, Trouble> {
        if let Some(id) = asked {
            self.catalogue.find(id)?;
        }
        let mut store = self.store()?;
        let record = store.record().map_err(session::Error::from)?;
        self.say_damaged(&mut store);
        let record = record.ok_or(session::Error::NoLab)?;
        if let Some(asked) = asked.filter(|asked| *asked != record.lab) {
            return Err(session::Error::OtherLab {
                running: record.lab,
                asked: asked.to_owned(),
            }
            .into());
        }
        if let Some(pack) = record.pack.as_ref().filter(|pack| !self.packs.contains(pack)) {
            self.catalogue = std::mem::take(&mut self.catalogue)
                .with_pack(pack)
                .map_err(Trouble::Pack)?;
        }
        let lab = self.lab(&record.lab)?.rehomed(&record.namespace);
        Ok(AtHand { store, record, lab })
    }

    /// The lab at hand, whose break must have been applied.
    pub(super) fn broken(&mut self, asked: Option<&str>) -> Result<AtHand, Trouble> {
        let at_hand = self.at_hand(asked)?;
        match at_hand.record.stage {
            Stage::Preparing => Err(session::Error::Unfinished(at_hand.record.lab).into()),
            Stage::Broken | Stage::Solved => Ok(at_hand),
        }
    }

    /// The cluster of a lab, at the place where it is to run.
    pub(super) fn provider(&self, lab: &Lab, place: &Place) -> Result<Box<dyn Provider>, Trouble> {
        let (state, clusters) = (self.folders.state(), self.folders.clusters());
        let watcher = || doing::watcher(self.language());
        Ok(match place {
            Place::Embedded => Box::new(Embedded::new(&clusters, lab.id(), program()?, config(lab)?)),
            Place::Kind { node_image } => {
                let wanted = Wanted {
                    config: lab.kind_config.clone(),
                    node_image: node_image.clone(),
                    metrics: lab.needs_metrics(),
                };
                Box::new(Kind::new(
                    state,
                    &clusters,
                    &lab.definition.cluster,
                    wanted,
                    watcher(),
                ))
            }
            Place::Existing { context } => Box::new(Existing::new(state, &clusters, context, lab, watcher())),
        })
    }

    /// The cluster of the lab at hand.
    pub(super) fn provider_of(&self, at_hand: &AtHand) -> Result<Box<dyn Provider>, Trouble> {
        self.provider(&at_hand.lab, &at_hand.record.place)
    }

    /// A cluster that is recorded, by its name.
    pub(super) fn recorded(&self, name: &str) -> Result<Option<Box<dyn Provider>>, Trouble> {
        let (state, clusters) = (self.folders.state(), self.folders.clusters());
        let is_among = |names: Result<Vec<String>, files::Error>| -> Result<bool, Trouble> {
            Ok(names.map_err(session::Error::from)?.iter().any(|it| it == name))
        };
        if is_among(Embedded::names(&clusters))? {
            return Ok(Some(Box::new(Embedded::existing(&clusters, name, program()?))));
        }
        let watcher = doing::watcher(self.language());
        if is_among(Kind::names(&clusters))? {
            return Ok(Some(Box::new(Kind::named(state, &clusters, name, watcher))));
        }
        let place = Existing::recorded(state, &clusters, name, watcher).map_err(session::Error::from)?;
        Ok(place.map(|place| Box::new(place) as Box<dyn Provider>))
    }

    /// The lab that is running, or being started, on the cluster `name`.
    pub(super) fn lab_on(&mut self, name: &str) -> Result<Option<Record>, Trouble> {
        match self.at_hand(None) {
            Ok(at_hand) if self.provider_of(&at_hand)?.name() == name => Ok(Some(at_hand.record)),
            Ok(_) | Err(Trouble::Session(session::Error::NoLab)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Held while a cluster is taken away: no lab is started, reset, stopped or proved meanwhile.
    pub(super) fn alone(&self, command: &str) -> Result<Lock, Trouble> {
        self.store()?;
        Ok(Lock::take(&self.folders.lock(), command).map_err(session::Error::from)?)
    }

    /// Makes sure that no lab is running on the cluster `name`.
    pub(super) fn must_be_free(&mut self, name: &str) -> Result<(), Trouble> {
        let name = name.to_owned();
        match self.lab_on(&name)? {
            Some(Record { lab, .. }) => Err(Trouble::LabOnCluster { lab, name }),
            None => Ok(()),
        }
    }

    /// The way into the cluster of the lab at hand, brought back if it had stopped.
    pub(super) async fn connect(&mut self, at_hand: &AtHand) -> Result<Connection, Trouble> {
        let provider = self.provider_of(at_hand)?;
        let connection = provider.ensure().await.map_err(session::Error::from)?;
        self.say_arrival(&connection.arrival);
        Ok(connection)
    }

    /// Applies what was saved in the work folder since the last time, and says so.
    pub(super) async fn apply_saved(
        &mut self,
        at_hand: &mut AtHand,
        connection: &Connection,
    ) -> Result<Vec<work_folder::Applied>, Trouble> {
        let AtHand { store, record, .. } = at_hand;
        let results = session::steps::apply_saved(store, record, connection).await?;
        let language = self.language();
        for applied in &results {
            match &applied.refused {
                None => self.printer.status(&labs::applied(language, &applied.file)),
                Some(why) => {
                    self.printer
                        .note(&labs::apply_failed(language, &applied.file, why));
                    self.printer.status(&labs::last_good_stays(language));
                    if why.contains("Forbidden") {
                        self.printer.status(&labs::how_to_replace(language));
                    }
                }
            }
        }
        Ok(results)
    }

    pub(super) fn say_damaged(&mut self, store: &mut Store) {
        let language = self.language();
        for damage in store.take_damaged() {
            self.printer.note(&labs::file_damaged(
                language,
                &damage.path.display(),
                &damage.kept.display(),
            ));
        }
    }

    pub(super) fn say_arrival(&mut self, arrival: &Arrival) {
        let language = self.language();
        let Arrival::BroughtBack { damaged, moved } = arrival else {
            return;
        };
        self.printer.note(&labs::cluster_brought_back(language));
        if let Some(kept) = damaged {
            self.printer
                .note(&labs::recording_damaged(language, &kept.display()));
        }
        if *moved {
            self.printer.note(&labs::cluster_moved(language));
        }
    }

    /// What a command is called when another one has to wait for it.
    pub(super) fn no_lab_message(&self) -> String {
        trouble::no_lab_running(self.language())
    }
}

/// Waits for what may take long on a cluster that is not embedded. Ctrl-C ends it and leaves nothing half made.
pub(super) async fn unless_cancelled<T, E: Into<Trouble>>(
    provider: &dyn Provider,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Trouble> {
    if provider.traits().own_time {
        return work.await.map_err(Into::into);
    }
    if let Some(done) = unless_asked_to_end(work).await? {
        return done.map_err(Into::into);
    }
    let left = provider.abandon().await.err().map(|error| error.to_string());
    Err(Trouble::Cancelled { left })
}

/// Waits for what may take long; `None` where Ctrl-C or a signal came first. Then the work has been let go of, and with it its
/// locks, its programs and its temporary files.
pub(super) async fn unless_asked_to_end<T>(work: impl Future<Output = T>) -> Result<Option<T>, Trouble> {
    let asked = processes::asked_to_end().map_err(|error| Trouble::Unexpected(error.to_string()))?;
    tokio::select! {
        biased;
        () = asked => Ok(None),
        done = work => Ok(Some(done)),
    }
}

/// What the embedded cluster of a lab is made of.
pub(super) fn config(lab: &Lab) -> Result<Config, session::Error> {
    let seed = RandomState::new().hash_one(lab.id());
    Ok(kind_config::embedded(lab, seed, Time::default())?)
}

/// bbf itself.
fn program() -> Result<PathBuf, Trouble> {
    std::env::current_exe().map_err(|error| Trouble::Unexpected(error.to_string()))
}

/// Where a lab is to run: as was asked for, or where it runs already.
pub(super) fn place(asked: &Where, lab: &str, store: &mut Store) -> Result<Place, Trouble> {
    let asked = chosen(asked)?;
    let record = store.record().map_err(session::Error::from)?;
    let here = record
        .filter(|record| record.lab == lab)
        .map(|record| record.place);
    Ok(match (asked, here) {
        // Whoever comes back need not say the node image again.
        (Some(Place::Kind { node_image: None }), Some(here @ Place::Kind { .. })) => here,
        (Some(asked), _) => asked,
        (None, here) => here.unwrap_or_default(),
    })
}

/// The place that was asked for; `None` where nothing was.
pub(super) fn chosen(asked: &Where) -> Result<Option<Place>, Trouble> {
    if asked.context.is_some() && asked.cluster != Some(ClusterKind::Existing) {
        return Err(Trouble::Options(clusters::context_without_existing));
    }
    if asked.node_image.is_some() && asked.cluster != Some(ClusterKind::Kind) {
        return Err(Trouble::Options(clusters::image_without_kind));
    }
    Ok(match (asked.cluster, &asked.context) {
        (None, _) => None,
        (Some(ClusterKind::Embedded), _) => Some(Place::Embedded),
        (Some(ClusterKind::Kind), _) => Some(Place::Kind {
            node_image: asked.node_image.clone(),
        }),
        (Some(ClusterKind::Existing), Some(context)) => Some(Place::Existing {
            context: context.clone(),
        }),
        (Some(ClusterKind::Existing), None) => return Err(Trouble::Options(clusters::context_needed)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cluster: Option<ClusterKind>, context: Option<&str>, node_image: Option<&str>) -> Where {
        Where {
            cluster,
            context: context.map(str::to_owned),
            node_image: node_image.map(str::to_owned),
        }
    }

    #[test]
    fn the_options_name_a_place_or_make_no_sense() {
        use ClusterKind::{Embedded, Existing, Kind};
        let existing = Place::Existing {
            context: "c".to_owned(),
        };
        let kind = |image: Option<&str>| Place::Kind {
            node_image: image.map(str::to_owned),
        };
        for (asked, place) in [
            (asked(None, None, None), Some(None)),
            (asked(Some(Embedded), None, None), Some(Some(Place::Embedded))),
            (asked(Some(Kind), None, Some("i")), Some(Some(kind(Some("i"))))),
            (asked(Some(Kind), None, None), Some(Some(kind(None)))),
            (asked(Some(Existing), Some("c"), None), Some(Some(existing))),
            (asked(Some(Existing), None, None), None),
            (asked(None, Some("c"), None), None),
            (asked(Some(Kind), Some("c"), None), None),
            (asked(Some(Embedded), None, Some("i")), None),
        ] {
            assert_eq!(chosen(&asked).ok(), place, "{asked:?}");
        }
    }
}
