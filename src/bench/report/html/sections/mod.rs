//! The sections of `report.html`, each the answer to a question of the reader. They know nothing of SVG.

use maud::{Markup, html};

pub mod builds;
pub mod files;
pub mod packages;
pub mod requests;
pub mod table;
pub mod time;
pub mod trust;

/// A section of the page: a question, and the parts that answer it.
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub parts: Vec<Part>,
}

/// A part of a section.
pub struct Part {
    id: &'static str,
    /// None where the title of the section says all.
    title: Option<&'static str>,
    body: Markup,
}

impl Section {
    /// A section without parts.
    pub fn new(id: &'static str, title: &'static str) -> Section {
        Section { id, title, parts: Vec::new() }
    }

    /// Adds a part, unless there is nothing to show.
    pub fn add(&mut self, id: &'static str, title: impl Into<Option<&'static str>>, body: impl Into<Option<Markup>>) {
        let title = title.into();
        self.parts.extend(body.into().map(|body| Part { id, title, body }));
    }

    /// The section as HTML.
    pub fn render(&self) -> Markup {
        html! {
            section id=(self.id) {
                h2 { (self.title) }
                @for part in &self.parts {
                    div.part id=(part.id) { @if let Some(title) = part.title { h3 { (title) } } (part.body) }
                }
            }
        }
    }
}
