//! Bars below each other, each of several parts.
//!
//! They are readable on a narrow screen, and dark where the reader's colours are.

use std::fmt::Write;

use super::escape;

pub(crate) struct Bars<'a> {
    pub(crate) title: &'a str,
    /// Small, at the end, a line each.
    pub(crate) subtitle: [String; 2],
    /// What the parts are called.
    pub(crate) parts: &'a [&'a str],
    pub(crate) bars: Vec<Bar>,
}

pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) parts: Vec<f64>,
}

impl Bars<'_> {
    pub(crate) fn svg(&self) -> String {
        let height = TOP + self.bars.len() as f64 * ROW + BOTTOM;
        let total = |bar: &Bar| bar.parts.iter().sum::<f64>();
        let longest = self
            .bars
            .iter()
            .map(total)
            .fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"13\" role=\"img\" aria-label=\"{0}\">\n{STYLE}\n\
             <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{0}</text>",
            escape(self.title)
        );
        let mut x = LEFT;
        for (number, part) in self.parts.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<rect class=\"part{number}\" x=\"{x}\" y=\"34\" width=\"12\" height=\"12\"/>\
                 <text x=\"{}\" y=\"45\">{}</text>",
                x + 17.0,
                escape(part)
            );
            x += 34.0 + 7.0 * part.chars().count() as f64;
        }
        for (number, bar) in self.bars.iter().enumerate() {
            let top = TOP + number as f64 * ROW;
            let weight = if number == 0 { "bold" } else { "normal" };
            let _ = writeln!(
                svg,
                "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"{weight}\">{}</text>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-weight=\"{weight}\">{:.0}</text>",
                top + 13.0,
                escape(&bar.name),
                WIDTH - LEFT,
                top + 13.0,
                total(bar)
            );
            let mut x = LEFT;
            for (part, value) in bar.parts.iter().enumerate() {
                let width = value / longest * (WIDTH - 2.0 * LEFT);
                let _ = writeln!(
                    svg,
                    "<rect class=\"part{part}\" x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"14\">\
                     <title>{}: {} {value:.1} ms</title></rect>",
                    top + 18.0,
                    escape(&bar.name),
                    escape(self.parts.get(part).unwrap_or(&""))
                );
                x += width;
            }
        }
        for (number, line) in self.subtitle.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<text class=\"small\" x=\"{LEFT}\" y=\"{}\" font-size=\"11\">{}</text>",
                height - BOTTOM + 16.0 * (number + 1) as f64,
                escape(line)
            );
        }
        svg + "</svg>\n"
    }
}

const STYLE: &str = "<style>\
    text{fill:#1f2328}.small{fill:#59636e}.ground{fill:#fff}\
    .part0{fill:#bf8700}.part1{fill:#8c959f}.part2{fill:#c0392b}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.ground{fill:#0d1117}\
    .part0{fill:#d29922}.part1{fill:#6e7681}.part2{fill:#f0685c}}</style>";
const WIDTH: f64 = 400.0;
const LEFT: f64 = 12.0;
const TOP: f64 = 62.0;
const ROW: f64 = 42.0;
const BOTTOM: f64 = 42.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_is_drawn_in_proportion() {
        let bar = |name: &str, parts: [f64; 2]| Bar {
            name: name.to_owned(),
            parts: parts.into(),
        };
        let bars = Bars {
            title: "T & U",
            subtitle: ["<here>".to_owned(), String::new()],
            parts: &["one", "two"],
            bars: vec![bar("a", [1.0, 2.0]), bar("b", [3.0, 1.0])],
        };
        let svg = bars.svg();
        let widths: Vec<&str> = svg
            .split("width=\"")
            .filter_map(|rest| rest.split_once("\" height=\"14\""))
            .map(|(width, _)| width)
            .collect();
        assert_eq!(widths, ["94.0", "188.0", "282.0", "94.0"]);
        assert!(svg.contains("T &amp; U") && svg.contains("&lt;here>"));
        assert!(svg.contains("<title>b: two 1.0 ms</title>") && svg.ends_with("</svg>\n"));
    }
}
