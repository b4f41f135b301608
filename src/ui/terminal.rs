//! The terminal while the live view has it: taken, drawn on, and given back whatever happens.

use super::live::{View, render};
use crossterm::cursor::Show;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Whether the terminal has to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal as the live view's screen; dropping it gives the terminal back.
pub struct Screen(Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it can't do what is needed.
    pub fn take() -> io::Result<Self> {
        TAKEN.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen))
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        if taken.is_err() {
            restore();
        }
        taken.map(Self)
    }

    /// Draws the view; how far its text can be scrolled.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, view: &View) -> io::Result<usize> {
        let mut furthest = 0;
        self.0
            .draw(|frame| furthest = render(view, frame.area(), frame.buffer_mut()))?;
        Ok(furthest)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether the live view has the terminal, so that nothing else may be written there.
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Gives the terminal back if it was taken. Also called when bbf panics.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // There is no one to tell when the terminal is gone.
        disable_raw_mode().ok();
        execute!(io::stdout(), LeaveAlternateScreen, Show).ok();
    }
}

/// What a key press asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// A character, in lower case.
    Character(char),
    /// So many lines down; negative for up.
    Scroll(isize),
    /// The way out: Ctrl-C or Esc.
    Leave,
    /// The window has another size: draw again.
    Redraw,
}

/// The key presses, from a thread of their own that waits for them.
///
/// # Errors
/// When the thread can't be started.
pub fn presses() -> io::Result<mpsc::UnboundedReceiver<Press>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            while let Ok(event) = crossterm::event::read() {
                if press(&event).is_some_and(|press| sender.send(press).is_err()) {
                    return;
                }
            }
        })?;
    Ok(receiver)
}

fn press(event: &Event) -> Option<Press> {
    match event {
        Event::Resize(..) => Some(Press::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => key_press(key),
        _ => None,
    }
}

fn key_press(key: &KeyEvent) -> Option<Press> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if control => Some(Press::Leave),
        KeyCode::Esc => Some(Press::Leave),
        KeyCode::Up => Some(Press::Scroll(-1)),
        KeyCode::Down => Some(Press::Scroll(1)),
        KeyCode::PageUp => Some(Press::Scroll(-8)),
        KeyCode::PageDown => Some(Press::Scroll(8)),
        KeyCode::Char(character) if !control => Some(Press::Character(character.to_ascii_lowercase())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_understood() {
        let key = |code, modifiers| press(&Event::Key(KeyEvent::new(code, modifiers)));
        for (code, modifiers, expected) in [
            (
                KeyCode::Char('h'),
                KeyModifiers::NONE,
                Some(Press::Character('h')),
            ),
            (
                KeyCode::Char('H'),
                KeyModifiers::SHIFT,
                Some(Press::Character('h')),
            ),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Press::Leave)),
            (KeyCode::Esc, KeyModifiers::NONE, Some(Press::Leave)),
            (KeyCode::Down, KeyModifiers::NONE, Some(Press::Scroll(1))),
            (KeyCode::F(1), KeyModifiers::NONE, None),
        ] {
            assert_eq!(key(code, modifiers), expected);
        }
        assert_eq!(press(&Event::Resize(80, 24)), Some(Press::Redraw));
    }
}
