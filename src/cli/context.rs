//! What every command has at hand: the printer, the folders, the labs.

use super::arguments::Global;
use super::trouble::Trouble;
use crate::cluster::embedded::Embedded;
use crate::cluster::{Arrival, Connection, Provider, kind_config};
use crate::lab::{Catalogue, Lab, Language};
use crate::platform::folders::Folders;
use crate::session::record::{Record, Stage};
use crate::session::store::Store;
use crate::session::{self, work_folder};
use crate::ui::messages::{labs, trouble};
use crate::ui::printer::Printer;
use podling::Config;
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
        let packs: Vec<PathBuf> = global
            .labs
            .iter()
            .map(|pack| std::path::absolute(pack).unwrap_or_else(|_| pack.clone()))
            .collect();
        let mut catalogue = Catalogue::builtin();
        for pack in &packs {
            catalogue = catalogue.with_pack(pack).map_err(Trouble::Pack)?;
        }
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
        let lab = self.lab(&record.lab)?;
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

    /// The cluster of a lab.
    pub(super) fn provider(&self, lab: &Lab) -> Result<Box<dyn Provider>, Trouble> {
        let program = std::env::current_exe().map_err(|error| Trouble::Unexpected(error.to_string()))?;
        let config = config(lab).map_err(session::Error::from)?;
        Ok(Box::new(Embedded::new(
            &self.folders.clusters(),
            lab.id(),
            program,
            config,
        )))
    }

    /// A cluster that has a folder already, by its name.
    pub(super) fn existing(&self, name: &str) -> Result<Box<dyn Provider>, Trouble> {
        let program = std::env::current_exe().map_err(|error| Trouble::Unexpected(error.to_string()))?;
        Ok(Box::new(Embedded::existing(
            &self.folders.clusters(),
            name,
            program,
        )))
    }

    /// The way into the cluster of the lab at hand, brought back if it had stopped.
    pub(super) async fn connect(&mut self, at_hand: &AtHand) -> Result<Connection, Trouble> {
        let provider = self.provider(&at_hand.lab)?;
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

/// What the embedded cluster of a lab is made of.
pub(super) fn config(lab: &Lab) -> Result<Config, crate::lab::LabError> {
    let file = format!("kind-configs/{}.yaml", lab.definition.cluster);
    let nodes = kind_config::nodes(&file, &lab.kind_config, "bbf")?;
    Ok(Config {
        seed: RandomState::new().hash_one(lab.id()),
        start: podling::clock::Time::default(),
        nodes,
        components: podling::Components::default(),
    })
}
