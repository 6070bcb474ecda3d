//! Text of servers, plans and people as text of a page: cleaned, cut, escaped.

use std::fmt::Write as _;

use maud::{Escaper, Markup, Render, html};

use crate::report::text;

/// Characters of one text.
const LONGEST: usize = 1500;

/// A text, cut where nobody would read on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a>(pub(crate) &'a str);

/// A text, cut to so many characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut<'a>(pub(crate) &'a str, pub(crate) usize);

impl Render for Words<'_> {
    fn render_to(&self, page: &mut String) {
        Cut(self.0, LONGEST).render_to(page);
    }
}

impl Render for Cut<'_> {
    fn render_to(&self, page: &mut String) {
        // Writing to a String cannot fail. Cut first: of a megabyte on one line only the beginning is looked at.
        let _ = Escaper::new(page).write_str(&text::line(&text::cut(self.0, self.1)));
    }
}

/// Text that is compared or copied: letter by letter.
pub(in crate::report) fn code(text: &str) -> Markup {
    html! { code { (Words(text)) } }
}

/// A number as people read it: `1,950`.
pub(in crate::report) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup_and_nothing_of_it_is_hidden() {
        let shown = Words("<script>\x1b[31m\"x\" & \u{202e}y").render().into_string();
        assert_eq!(shown, "&lt;script&gt;&quot;x&quot; &amp; \\u{202e}y");
        assert!(Words(&"\u{202e}".repeat(1 << 20)).render().into_string().len() < 16 * LONGEST);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
