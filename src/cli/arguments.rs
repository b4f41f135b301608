//! What can be typed after `bbf`.

use crate::lab::{Catalogue, LabError, Language, NotASpan, Span};
use crate::ui::printer::Output;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Build, break, fix: hands-on Kubernetes labs on your own machine.
#[derive(Debug, Parser)]
#[command(
    name = "bbf",
    version,
    about,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
pub struct Global {
    /// The language of messages and labs [default: from LANG]
    #[arg(long, global = true, value_name = "en|ja")]
    pub lang: Option<Language>,
    /// The form of the output
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// A folder with labs of your own; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub labs: Vec<PathBuf>,
}

impl Global {
    /// The labs inside the binary and those of the packs.
    ///
    /// # Errors
    /// When a pack can't be read.
    pub fn catalogue(&self) -> Result<Catalogue, LabError> {
        self.packs()
            .iter()
            .try_fold(Catalogue::builtin(), |catalogue, pack| catalogue.with_pack(pack))
    }

    /// The folders of the packs.
    pub fn packs(&self) -> Vec<PathBuf> {
        let absolute = |pack: &PathBuf| std::path::absolute(pack).unwrap_or_else(|_| pack.clone());
        self.labs.iter().map(absolute).collect()
    }

    /// The language to speak: the one asked for, else the locale's.
    pub fn language(&self) -> Language {
        self.lang.unwrap_or_else(|| {
            let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
            let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(set);
            let locale = locale.and_then(|name| std::env::var(name).ok());
            locale
                .and_then(|locale| Language::of_locale(&locale))
                .unwrap_or_default()
        })
    }
}

/// What bbf can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Labs: find one, start it, fix it, check it
    Lab {
        /// What to do.
        #[command(subcommand)]
        command: LabCommand,
    },
    /// The clusters that labs run on
    Cluster {
        /// What to do.
        #[command(subcommand)]
        command: ClusterCommand,
    },
    /// Container images, for a class without a network
    Images {
        /// What to do.
        #[command(subcommand)]
        command: ImagesCommand,
    },
    /// Open a shell in which kubectl reaches the lab's cluster
    Shell,
    /// Show what you have solved
    Progress,
    /// Find out what this machine can run, and what to do about what it can't
    Doctor,
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Serve the cluster of a folder until the process is asked to end
    #[command(name = "__serve", hide = true)]
    Serve {
        /// The cluster's folder.
        folder: PathBuf,
    },
}

/// What can be done with labs.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// List the labs
    List(Where),
    /// Show what a lab is about
    Show {
        /// The lab, such as ch07-readiness
        lab: String,
    },
    /// Start a lab: a cluster with something broken in it
    Start(Start),
    /// Show how the running lab stands
    Status {
        /// The lab [default: the running one]
        lab: Option<String>,
    },
    /// Watch the cluster until it is clear whether the lab is solved
    Check(Check),
    /// Take the next hint
    Hint {
        /// The lab [default: the running one]
        lab: Option<String>,
    },
    /// Show how the lab can be solved
    Solution(Solution),
    /// Put the lab back to its beginning; your manifests are kept aside
    Reset {
        /// The lab [default: the running one]
        lab: Option<String>,
    },
    /// End the lab and remove what it made; progress and manifests are kept
    Stop {
        /// The lab [default: the running one]
        lab: Option<String>,
    },
    /// Watch a lab break and get fixed by itself, in fast-forward
    Play(Play),
    /// Prove labs: the break fails, solutions pass, wrong fixes fail where they should
    Test(Test),
}

/// The arguments of `bbf lab start`.
#[derive(Debug, Args)]
pub struct Start {
    /// The lab, such as ch07-readiness
    pub lab: String,
    /// Print the task and return, even on a terminal
    #[arg(long)]
    pub no_live: bool,
    /// Where it is to run.
    #[command(flatten)]
    pub place: Where,
}

/// Where a lab is to run.
#[derive(Debug, Default, Args)]
pub struct Where {
    /// The cluster to run on [default: embedded]
    #[arg(long, value_enum)]
    pub cluster: Option<ClusterKind>,
    /// With --cluster existing: the context of your kubeconfig to use
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// With --cluster kind: the image of the nodes, or a Kubernetes version such as 1.35
    #[arg(long, value_name = "IMAGE")]
    pub node_image: Option<String>,
}

/// The kinds of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClusterKind {
    /// In bbf itself; needs nothing
    Embedded,
    /// Made with kind; needs Docker
    Kind,
    /// One that you have already; bbf uses one namespace of it
    Existing,
}

/// The arguments of `bbf lab check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The lab [default: the running one]
    pub lab: Option<String>,
    /// How long to watch at most, such as 30s or 2m; a plain number is in seconds
    #[arg(long, value_name = "TIME", value_parser = span, default_value_t = Span::seconds(120))]
    pub timeout: Span,
}

/// A length of time as labs write it (`5s`, `2m`), or a plain number of seconds.
fn span(text: &str) -> Result<Span, NotASpan> {
    text.parse()
        .map_or_else(|_| text.parse(), |seconds| Ok(Span::seconds(seconds)))
}

/// The arguments of `bbf lab solution`.
#[derive(Debug, Args)]
pub struct Solution {
    /// The lab [default: the running one]
    pub lab: Option<String>,
    /// Show it without asking
    #[arg(long, short)]
    pub yes: bool,
}

/// The arguments of `bbf lab play`.
#[derive(Debug, Args)]
pub struct Play {
    /// The lab, such as ch07-readiness
    pub lab: String,
}

/// The arguments of `bbf lab test`.
#[derive(Debug, Args)]
pub struct Test {
    /// The labs, such as ch07-readiness
    #[arg(id = "lab", value_name = "LAB", required_unless_present = "all")]
    pub labs: Vec<String>,
    /// All labs
    #[arg(long, conflicts_with = "lab")]
    pub all: bool,
    /// Where they are to be proved: usually in virtual time, elsewhere in the cluster's own.
    #[command(flatten)]
    pub place: Where,
    /// With --cluster kind or existing: how long to watch whether a wrong fix passes, such as 90s [default: as the lab's windows ask for]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub watch: Option<Span>,
}

impl Test {
    /// Whether it goes on in virtual time.
    pub fn virtual_time(&self) -> bool {
        matches!(self.place.cluster, None | Some(ClusterKind::Embedded))
    }
}

/// What can be done with clusters.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// List the clusters that bbf made
    List,
    /// Start a cluster that had stopped
    Start {
        /// The cluster [default: the running lab's]
        name: Option<String>,
    },
    /// Stop a cluster; the next command that needs it brings it back as it was
    Stop {
        /// The cluster [default: the running lab's]
        name: Option<String>,
    },
    /// Delete a cluster that bbf made
    Delete {
        /// The cluster, as `bbf cluster list` names it
        name: String,
    },
    /// Make the kind clusters of labs, with their images, before a class begins
    Prepare(Prepare),
    /// Print the kubeconfig of a cluster
    Kubeconfig {
        /// The cluster [default: the running lab's]
        name: Option<String>,
    },
}

/// The arguments of `bbf cluster prepare`.
#[derive(Debug, Args)]
pub struct Prepare {
    /// The labs, such as ch07-readiness
    #[arg(id = "lab", value_name = "LAB", required_unless_present = "all")]
    pub labs: Vec<String>,
    /// For all labs
    #[arg(long, conflicts_with = "lab")]
    pub all: bool,
    /// Take the images from an archive of `bbf images save` instead of a registry
    #[arg(long, value_name = "FILE")]
    pub archive: Option<PathBuf>,
    /// The image of the nodes, or a Kubernetes version such as 1.35
    #[arg(long, value_name = "IMAGE")]
    pub node_image: Option<String>,
}

/// What can be done with images.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Write the images of labs, and of kind's nodes, to an archive
    Save(Save),
    /// Give the images of an archive to the container runtime
    Load {
        /// The archive
        file: PathBuf,
    },
}

/// The arguments of `bbf images save`.
#[derive(Debug, Args)]
pub struct Save {
    /// The archive
    pub file: PathBuf,
    /// The labs, such as ch07-readiness
    #[arg(id = "lab", value_name = "LAB", required_unless_present = "all")]
    pub labs: Vec<String>,
    /// Of all labs
    #[arg(long, conflicts_with = "lab")]
    pub all: bool,
    /// The image of the nodes, or a Kubernetes version such as 1.35
    #[arg(long, value_name = "IMAGE")]
    pub node_image: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            "bbf --lang ja lab list",
            "bbf lab list --lang ja",
            "bbf lab --lang=ja list --output json",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(arguments.global.lang, Some(Language::Ja), "{line}");
        }
    }

    #[test]
    fn labs_to_work_on_are_not_mistaken_for_packs() {
        for line in ["bbf lab test a", "bbf cluster prepare a b", "bbf images save f a"] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert!(arguments.global.packs().is_empty(), "{line}");
        }
    }

    #[test]
    fn a_timeout_is_a_span_or_a_number_of_seconds() {
        for (text, expected) in [
            ("5", Some(5)),
            ("5s", Some(5)),
            ("2m", Some(120)),
            ("1m30s", Some(90)),
            ("5x", None),
            ("", None),
        ] {
            assert_eq!(span(text).ok(), expected.map(Span::seconds), "{text:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "bbf",
            "bbf lab",
            "bbf lab start",
            "bbf --lang de lab list",
            "bbf lab test",
            "bbf lab test a --all",
            "bbf cluster prepare",
            "bbf lab start a --cluster nonsense",
            "bbf images save f",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
