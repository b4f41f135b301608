//! The live view: the story, the objectives, the Pods, the events and the keys that work now, on one screen.
//!
//! A view is data; [`render`] draws it. Who fills it in knows about clusters, this module does not.

mod keys;
mod layout;

pub use keys::{Action, Mode, action, labels};
pub use layout::render;

use crate::lab::Language;
use ratatui::style::Color;

/// What the screen shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The language of the headings.
    pub language: Language,
    /// The lab's id and title.
    pub title: String,
    /// Whether the lab is solved.
    pub solved: bool,
    /// What is being read, as Markdown.
    pub text: String,
    /// How many lines of it are above the screen.
    pub scroll: usize,
    /// How the objectives stand.
    pub objectives: Vec<Objective>,
    /// The Pods as `kubectl get pods` shows them, headings first.
    pub pods: Vec<String>,
    /// The latest events, newest last.
    pub events: Vec<EventLine>,
    /// What became of the last saved manifest, or what else there is to say.
    pub news: News,
    /// The keys that work now.
    pub keys: Vec<String>,
}

/// How an objective or guard stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Its sign.
    pub sign: &'static str,
    /// The sign's colour.
    pub colour: Color,
    /// Its wording.
    pub text: String,
    /// What was observed.
    pub observed: String,
}

/// An event in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLine {
    /// Whether it is a warning.
    pub warning: bool,
    /// Its text.
    pub text: String,
}

/// A line about what happened last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// How it is to be taken.
    pub mood: Mood,
    /// What is said.
    pub text: String,
}

/// How a line of news is to be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// As information.
    #[default]
    Plain,
    /// As a success.
    Good,
    /// As a failure.
    Bad,
    /// As a question.
    Question,
}
