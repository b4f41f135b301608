//! `bbf cluster prepare`: makes the kind clusters of labs and puts the labs' images on their nodes, so that in class
//! nothing has to be fetched.

use crate::cli::Exit;
use crate::cli::arguments::Prepare;
use crate::cli::context::{Context, unless_cancelled};
use crate::cli::doing;
use crate::cli::trouble::Trouble;
use crate::cluster::kind::{self, Kind, Occupancy, Wanted};
use crate::cluster::{Provider as _, images};
use crate::lab::Lab;
use crate::platform::lock::Lock;
use crate::session::record::Stage;
use crate::ui::messages::clusters;
use std::collections::{BTreeMap, BTreeSet};

/// Prepares the clusters of the labs that were asked for.
pub(in crate::cli) async fn run(context: &mut Context<'_>, arguments: &Prepare) -> Result<Exit, Trouble> {
    let labs = context.labs(&arguments.labs)?;
    let watcher = doing::watcher(context.language());
    if let Some(archive) = &arguments.archive {
        images::load(archive, &watcher).await?;
    }
    let (mut prepared, language) = (vec![], context.language());
    for (configuration, labs) in by_configuration(&labs) {
        let wanted = Wanted {
            config: labs[0].kind_config.clone(),
            node_image: arguments.node_image.clone(),
            metrics: false,
        };
        let (state, folder) = (context.folders.state(), context.folders.clusters());
        let cluster = Kind::new(state, &folder, configuration, wanted, watcher.clone());
        let images: Vec<String> = images_of(&labs).into_iter().collect();
        let work = async {
            cluster.prepare(|| occupancy(context, cluster.name())).await?;
            Ok::<_, Trouble>(cluster.preload(&images).await?)
        };
        unless_cancelled(&cluster, work).await?;
        context
            .printer
            .line(&clusters::cluster_prepared(language, cluster.name()));
        prepared.push(serde_json::json!({ "name": cluster.name(), "images": images }));
    }
    context.printer.json(&serde_json::json!({ "clusters": prepared }));
    Ok(Exit::Done)
}

fn occupancy(context: &mut Context<'_>, name: &str) -> Result<Occupancy, Trouble> {
    // A lab that is being proved is not the lab at hand, and yet on some cluster.
    if Lock::holder(&context.folders.lock()).is_some() {
        return Ok(Occupancy::Starting);
    }
    Ok(match context.lab_on(name)?.map(|record| record.stage) {
        None => Occupancy::Free,
        Some(Stage::Preparing) => Occupancy::Starting,
        Some(Stage::Broken | Stage::Solved) => Occupancy::Running,
    })
}

fn by_configuration(labs: &[Lab]) -> BTreeMap<&str, Vec<&Lab>> {
    let mut by_configuration: BTreeMap<&str, Vec<&Lab>> = BTreeMap::new();
    for lab in labs {
        by_configuration
            .entry(&lab.definition.cluster)
            .or_default()
            .push(lab);
    }
    by_configuration
}

/// The images of labs, with that of the add-on that some of them need.
pub(in crate::cli) fn images_of(labs: &[&Lab]) -> BTreeSet<String> {
    let mut images: BTreeSet<String> = labs.iter().flat_map(|lab| lab.images()).collect();
    if labs.iter().any(|lab| lab.needs_metrics()) {
        images.extend(kind::add_on_images());
    }
    images
}
