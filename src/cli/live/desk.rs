//! What the live view knows and does: the lab at hand, its cluster, and what each key brings about.

use crate::check::{Checker, Report};
use crate::cli::context::AtHand;
use crate::cli::lab::{reports, task};
use crate::cli::trouble::Trouble;
use crate::cluster::{Connection, Provider};
use crate::lab::{Language, Texts};
use crate::session::journal::Event;
use crate::session::record::Stage;
use crate::session::{self, hints, observe, steps};
use crate::ui::live::{Action, EventLine, Mode, Mood, News, Objective, View, action, labels};
use crate::ui::messages::{labs, live as say};
use crate::ui::table;
use crate::ui::terminal::Press;

/// How many events are fetched for the view.
const EVENTS: usize = 8;

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The view goes on.
    Go,
    /// The learner left; the lab runs on.
    Leave,
    /// The lab was put away.
    Stopped,
}

/// What is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
    Task,
    Hint(String),
    Solution,
    Debrief,
}

/// The live view's state.
pub(super) struct Desk {
    pub(super) at_hand: AtHand,
    pub(super) checker: Checker,
    pub(super) view: View,
    /// How far the text can be scrolled, as of the last drawing.
    pub(super) furthest: usize,
    connection: Connection,
    provider: Box<dyn Provider>,
    language: Language,
    reading: Reading,
    /// What a yes would do.
    question: Option<Action>,
    news: News,
}

impl Desk {
    pub(super) fn new(
        at_hand: AtHand,
        connection: Connection,
        provider: Box<dyn Provider>,
        language: Language,
    ) -> Self {
        let checker = steps::checker(&at_hand.lab, &at_hand.record, &connection);
        let folder = at_hand.store.folders().work(at_hand.lab.id());
        let news = News {
            mood: Mood::Plain,
            text: say::nothing_applied(language, &folder.display()),
        };
        let view = View {
            language,
            ..View::default()
        };
        let reading = if at_hand.record.stage == Stage::Solved {
            Reading::Debrief
        } else {
            Reading::Task
        };
        Self {
            at_hand,
            checker,
            view,
            furthest: 0,
            connection,
            provider,
            language,
            reading,
            question: None,
            news,
        }
    }

    /// Brings the view up to what is known.
    pub(super) fn prepare(&mut self) {
        let lab = &self.at_hand.lab;
        let mode = self.mode();
        self.view.title = format!("{}  {}", lab.id(), lab.definition.title(self.language));
        self.view.solved = mode.solved;
        self.view.text = self.text();
        self.view.scroll = self.view.scroll.min(self.furthest);
        self.view.objectives = self
            .checker
            .reports()
            .iter()
            .filter(|report| reports::is_shown(report))
            .map(|it| self.objective(it))
            .collect();
        self.view.news = match self.question {
            Some(question) => News {
                mood: Mood::Question,
                text: self.question_text(question),
            },
            None => self.news.clone(),
        };
        self.view.keys = labels(self.language, mode);
    }

    fn mode(&self) -> Mode {
        Mode {
            asking: self.question.is_some(),
            solved: self.at_hand.record.stage == Stage::Solved,
            reading_task: self.reading == Reading::Task,
            hints_left: self.at_hand.record.hints.len() < self.at_hand.lab.definition.hints.len(),
            scrolls: self.furthest > 0,
        }
    }

    fn objective(&self, report: &Report) -> Objective {
        let (sign, colour) = reports::mark(report.verdict);
        Objective {
            sign,
            colour,
            text: reports::wording(&self.at_hand.lab, report, self.language),
            observed: reports::observed(report, self.language),
        }
    }

    fn texts(&self) -> Option<&Texts> {
        self.at_hand.lab.texts(self.language)
    }

    fn text(&self) -> String {
        match &self.reading {
            Reading::Task => task::story_and_task(&self.at_hand.lab, self.language),
            Reading::Hint(id) => self.hint_text(id),
            Reading::Solution => self.solution_text(),
            Reading::Debrief => {
                let debrief = self.texts().map_or("", |texts| texts.debrief());
                format!("## {}\n\n{debrief}", labs::debrief(self.language))
            }
        }
    }

    fn hint_text(&self, id: &str) -> String {
        let taken = &self.at_hand.record.hints;
        let step = taken
            .iter()
            .position(|hint| hint == id)
            .map_or(taken.len(), |place| place + 1);
        let heading = labs::hint_number(self.language, &step, &self.at_hand.lab.definition.hints.len());
        format!(
            "## {heading}\n\n{}",
            self.texts().map_or("", |texts| texts.hint(id))
        )
    }

    fn solution_text(&self) -> String {
        let one = |fix: &crate::lab::Fix| {
            format!(
                "## {}\n\n```yaml\n{}\n```\n",
                labs::solution_name(self.language, &fix.name),
                fix.text.trim_end()
            )
        };
        self.at_hand
            .lab
            .solutions
            .iter()
            .map(one)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn question_text(&self, question: Action) -> String {
        match question {
            Action::Reset => say::ask_reset(self.language),
            Action::Stop => say::ask_stop(self.language),
            _ => say::ask_solution(self.language),
        }
    }

    fn read(&mut self, reading: Reading) {
        self.reading = reading;
        self.view.scroll = 0;
    }

    fn say(&mut self, mood: Mood, text: String) {
        self.news = News { mood, text };
    }

    /// Writes down what the checker has seen.
    pub(super) async fn judge(&mut self) -> Result<Next, Trouble> {
        let AtHand { store, record, .. } = &mut self.at_hand;
        if steps::note_reports(store, record, self.checker.reports())? {
            let id = self.at_hand.lab.id().to_owned();
            self.say(Mood::Good, labs::solved(self.language, &id));
            self.read(Reading::Debrief);
        }
        self.look().await
    }

    /// Looks at the Pods, the events and the folder, and whether the lab is still there.
    pub(super) async fn glance(&mut self) -> Result<Next, Trouble> {
        match self.at_hand.store.record().map_err(session::Error::from)? {
            Some(record) if record.lab == self.at_hand.record.lab => self.at_hand.record = record,
            // Another command has put it away.
            _ => return Ok(Next::Stopped),
        }
        self.look().await
    }

    async fn look(&mut self) -> Result<Next, Trouble> {
        let (client, namespace) = (&self.connection.client, &self.at_hand.record.namespace);
        let seen = async {
            let pods = observe::pods(client, namespace).await?;
            Ok::<_, kube::Error>((pods, observe::events(client, namespace, EVENTS).await?))
        };
        match seen.await {
            Ok((pods, events)) => {
                let headings: Vec<&str> = pods.headings.iter().map(String::as_str).collect();
                self.view.pods = table::layout(&headings, &pods.rows);
                let line = |event: [String; 4]| EventLine {
                    warning: event[0] == "Warning",
                    text: event.join("  "),
                };
                self.view.events = events.into_iter().map(line).collect();
            }
            Err(error) => self.reconnect(&error.to_string()).await,
        }
        Ok(Next::Go)
    }

    /// A cluster that is gone is brought back; until then the view says so.
    async fn reconnect(&mut self, why: &str) {
        self.say(Mood::Bad, say::reconnecting(self.language, why));
        if self.at_hand.record.stage == Stage::Preparing {
            // Another command is putting it up.
            return;
        }
        match self.provider.ensure().await {
            Ok(connection) => {
                self.take_over(connection);
                self.say(Mood::Plain, labs::cluster_brought_back(self.language));
            }
            Err(error) => self.say(Mood::Bad, say::reconnecting(self.language, &error)),
        }
    }

    fn take_over(&mut self, connection: Connection) {
        self.connection = connection;
        self.checker = steps::checker(&self.at_hand.lab, &self.at_hand.record, &self.connection);
    }

    /// Applies what was saved, and says what became of it.
    pub(super) async fn apply_saved(&mut self) -> Result<Next, Trouble> {
        let AtHand { store, record, .. } = &mut self.at_hand;
        let results = steps::apply_saved(store, record, &self.connection).await?;
        for applied in results {
            match applied.refused {
                None => self.say(Mood::Good, labs::applied(self.language, &applied.file)),
                Some(why) => self.say(Mood::Bad, labs::apply_failed(self.language, &applied.file, &why)),
            }
        }
        self.look().await
    }

    /// Does what a key asks for.
    pub(super) async fn press(&mut self, press: Press) -> Result<Next, Trouble> {
        match press {
            Press::Leave if self.question.is_some() => self.question = None,
            Press::Leave => return Ok(Next::Leave),
            Press::Redraw => {}
            Press::Scroll(lines) => {
                self.view.scroll = self.view.scroll.saturating_add_signed(lines).min(self.furthest);
            }
            Press::Character(key) => {
                if let Some(action) = action(key, self.mode()) {
                    return self.act(action).await;
                }
            }
        }
        Ok(Next::Go)
    }

    async fn act(&mut self, action: Action) -> Result<Next, Trouble> {
        match action {
            Action::Task => self.read(Reading::Task),
            Action::Debrief => self.read(Reading::Debrief),
            Action::Hint => self.hint()?,
            Action::Solution if self.at_hand.record.solution_shown => self.read(Reading::Solution),
            Action::Solution | Action::Reset | Action::Stop => self.question = Some(action),
            Action::Quit => return Ok(Next::Leave),
            Action::No => self.question = None,
            Action::Yes => {
                if let Some(question) = self.question.take() {
                    return self.do_asked(question).await;
                }
            }
        }
        Ok(Next::Go)
    }

    fn hint(&mut self) -> Result<(), Trouble> {
        let all = &self.at_hand.lab.definition.hints;
        let hint = hints::next(all, &self.at_hand.record.hints, |hint| {
            hints::fits(hint, &self.checker)
        })
        .cloned();
        match hint {
            Some(hint) => {
                let AtHand { store, record, .. } = &mut self.at_hand;
                hints::note(store, record, &hint)?;
                self.read(Reading::Hint(hint.id));
            }
            None => self.say(Mood::Plain, labs::no_hint_now(self.language)),
        }
        Ok(())
    }

    async fn do_asked(&mut self, question: Action) -> Result<Next, Trouble> {
        match question {
            Action::Reset => self.reset().await?,
            Action::Stop => {
                let command = format!("bbf lab stop {}", self.at_hand.lab.id());
                let AtHand { store, record, .. } = &mut self.at_hand;
                steps::stop(store, record, self.provider.as_ref(), &command).await?;
                return Ok(Next::Stopped);
            }
            _ => {
                let AtHand { store, record, lab } = &mut self.at_hand;
                let updated = store
                    .update(record, |it| it.solution_shown = true)
                    .map_err(session::Error::from)?;
                *record = updated.unwrap_or_else(|| record.clone());
                store
                    .note(lab.id(), Event::SolutionShown)
                    .map_err(session::Error::from)?;
                self.read(Reading::Solution);
            }
        }
        Ok(Next::Go)
    }

    async fn reset(&mut self) -> Result<(), Trouble> {
        let readme = task::readme(&self.at_hand.lab, self.language);
        let AtHand { store, record, lab } = &mut self.at_hand;
        let command = format!("bbf lab reset {}", lab.id());
        let running = steps::reset(store, record, lab, self.provider.as_ref(), &readme, &command).await?;
        *record = running.record;
        self.take_over(running.connection);
        self.read(Reading::Task);
        let id = self.at_hand.lab.id().to_owned();
        self.say(Mood::Plain, labs::lab_reset(self.language, &id));
        Ok(())
    }
}
