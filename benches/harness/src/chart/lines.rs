//! Charts as SVG: lines on logarithmic axes, in panels.

use std::fmt::Write;

use super::escape;

/// A picture of panels in rows of two.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// One line below the title.
    pub(crate) subtitle: String,
    pub(crate) x_label: &'a str,
    pub(crate) panels: Vec<Panel>,
}

pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
}

/// A named line. Lines of one name have one colour in all panels.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Chart<'_> {
    pub(crate) fn svg(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for line in self.panels.iter().flat_map(|panel| &panel.lines) {
            if !names.contains(&&*line.name) {
                names.push(&line.name);
            }
        }
        let rows = self.panels.len().div_ceil(2);
        let legend_rows = names.len().div_ceil(LEGEND_COLUMNS);
        let height = TOP + rows as f64 * (PANEL_HEIGHT + GAP) + legend_rows as f64 * 18.0 + 20.0;
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"11\" role=\"img\" aria-label=\"{0}\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"16\" y=\"24\" font-size=\"16\" font-weight=\"bold\">{0}</text>\n\
             <text x=\"16\" y=\"42\" fill=\"#555\">{1}</text>",
            escape(self.title),
            escape(&self.subtitle)
        );
        let all = || {
            self.panels
                .iter()
                .flat_map(|panel| &panel.lines)
                .flat_map(|line| &line.points)
        };
        let x = Axis::around(all().map(|point| point.0));
        let y = Axis::around(all().map(|point| point.1)).to_decades();
        let ticks: Vec<f64> = {
            let mut ticks: Vec<f64> = all().map(|point| point.0).collect();
            ticks.sort_by(f64::total_cmp);
            ticks.dedup();
            ticks
        };
        for (number, panel) in self.panels.iter().enumerate() {
            let left = LEFT + (number % 2) as f64 * (PANEL_WIDTH + 64.0);
            let top = TOP + (number / 2) as f64 * (PANEL_HEIGHT + GAP);
            self.panel(&mut svg, panel, (left, top), (&x, &y), &ticks, &names);
        }
        for (number, name) in names.iter().enumerate() {
            let left = LEFT + (number % LEGEND_COLUMNS) as f64 * LEGEND_WIDTH;
            let top =
                TOP + rows as f64 * (PANEL_HEIGHT + GAP) + (number / LEGEND_COLUMNS) as f64 * 18.0;
            let (colour, width) = style(number);
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" y1=\"{top}\" x2=\"{}\" y2=\"{top}\" stroke=\"{colour}\" \
                 stroke-width=\"{width}\"/><text x=\"{}\" y=\"{}\">{}</text>",
                left + 20.0,
                left + 26.0,
                top + 4.0,
                escape(name)
            );
        }
        svg + "</svg>\n"
    }

    fn panel(
        &self,
        svg: &mut String,
        panel: &Panel,
        (left, top): (f64, f64),
        (x, y): (&Axis, &Axis),
        ticks: &[f64],
        names: &[&str],
    ) {
        let x_of = |value: f64| left + x.place(value) * PANEL_WIDTH;
        let y_of = |value: f64| top + (1.0 - y.place(value)) * PANEL_HEIGHT;
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text>\n\
             <rect x=\"{left}\" y=\"{top}\" width=\"{PANEL_WIDTH}\" height=\"{PANEL_HEIGHT}\" fill=\"none\" \
             stroke=\"#999\"/>",
            top - 8.0,
            escape(&panel.title)
        );
        let mut last = f64::NEG_INFINITY;
        for &tick in ticks {
            let at = x_of(tick);
            let _ = writeln!(
                svg,
                "<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{}\" stroke=\"#eee\"/>",
                top + PANEL_HEIGHT
            );
            // Labels that would overlap are left out.
            if at - last > 36.0 {
                last = at;
                let _ = writeln!(
                    svg,
                    "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    top + PANEL_HEIGHT + 15.0,
                    number(tick)
                );
            }
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            left + PANEL_WIDTH / 2.0,
            top + PANEL_HEIGHT + 30.0,
            escape(self.x_label)
        );
        for tick in y.decades() {
            let at = y_of(tick);
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} ms</text>",
                left + PANEL_WIDTH,
                left - 5.0,
                at + 4.0,
                number(tick)
            );
        }
        for line in &panel.lines {
            let place = names
                .iter()
                .position(|name| *name == line.name)
                .unwrap_or_default();
            let (colour, width) = style(place);
            let points: Vec<String> = line
                .points
                .iter()
                .map(|&(a, b)| format!("{:.1},{:.1}", x_of(a), y_of(b)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"><title>{}\
                 </title></polyline>",
                points.join(" "),
                escape(&line.name)
            );
            for &(a, b) in &line.points {
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"{colour}\"><title>{}: {b:.2} ms</title>\
                     </circle>",
                    x_of(a),
                    y_of(b),
                    escape(&line.name)
                );
            }
        }
    }
}

/// A logarithmic axis from one value to another.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| *value > 0.0);
        let (from, to) = values.fold((f64::INFINITY, 0.0_f64), |(from, to), value| {
            (from.min(value), to.max(value))
        });
        if from < to {
            Self {
                from: from / 1.1,
                to: to * 1.1,
            }
        } else {
            Self {
                from: 0.1,
                to: 10.0,
            }
        }
    }

    fn to_decades(&self) -> Self {
        Self {
            from: 10_f64.powf(self.from.log10().floor()),
            to: 10_f64.powf(self.to.log10().ceil()),
        }
    }

    fn decades(&self) -> Vec<f64> {
        let (from, to) = (
            self.from.log10().round() as i32,
            self.to.log10().round() as i32,
        );
        (from..=to).map(|exponent| 10_f64.powi(exponent)).collect()
    }

    /// 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
    }
}

/// The first line is ours and stands out.
fn style(number: usize) -> (&'static str, f64) {
    (
        COLOURS[number % COLOURS.len()],
        if number == 0 { 3.0 } else { 1.5 },
    )
}

fn number(value: f64) -> String {
    let digits = format!("{}", (value * 1e3).round() / 1e3);
    if value < 1_000.0 {
        return digits;
    }
    let (front, back) = digits.split_at(digits.len() - 3);
    format!("{front},{back}")
}

/// As many as there are variants, in their order.
const COLOURS: [&str; 13] = [
    "#c0392b", "#e59866", "#8c3b1f", "#f5b7a0", "#7f8c8d", "#34495e", "#1f77b4", "#8e44ad",
    "#16a085", "#b7950b", "#2ecc71", "#d81b9a", "#5dade2",
];
const WIDTH: f64 = 860.0;
const LEFT: f64 = 66.0;
const TOP: f64 = 84.0;
const PANEL_WIDTH: f64 = 340.0;
const PANEL_HEIGHT: f64 = 240.0;
const GAP: f64 = 72.0;
const LEGEND_COLUMNS: usize = 4;
/// Room for the longest name.
const LEGEND_WIDTH: f64 = 195.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_logarithmic() {
        let axis = Axis {
            from: 1.0,
            to: 100.0,
        };
        assert!((axis.place(10.0) - 0.5).abs() < 1e-9);
        assert_eq!(axis.decades(), [1.0, 10.0, 100.0]);
    }

    #[test]
    fn every_line_is_drawn_and_named() {
        let line = |name: &str| Line {
            name: name.to_owned(),
            points: vec![(128.0, 1.0), (256.0, 20.0)],
        };
        let panel = Panel {
            title: "<init>".to_owned(),
            lines: vec![line("a"), line("b & c")],
        };
        let chart = Chart {
            title: "T",
            subtitle: String::new(),
            x_label: "MB",
            panels: vec![panel],
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(
            svg.contains("b &amp; c</text>")
                && svg.contains("&lt;init>")
                && svg.ends_with("</svg>\n")
        );
    }
}
