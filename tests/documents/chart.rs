//! The README's chart of cold starts, drawn from the benchmark's table.

/// Bars on one scale, each with its name and figure; the first stands out. The colours follow the reader's scheme.
pub(crate) fn svg(title: &str, bars: &[(String, &str)]) -> String {
    let value = |figure: &str| figure.parse::<f64>().unwrap_or_default();
    let most = bars.iter().map(|bar| value(bar.1)).fold(0.0, f64::max);
    let height = TOP + bars.len() * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"14\" role=\"img\" aria-label=\"{title}\">\n\
         <style>{STYLE}</style>\n<text y=\"16\" font-weight=\"bold\">{title}</text>\n"
    );
    for (number, (name, figure)) in bars.iter().enumerate() {
        let (top, length) = (TOP + number * ROW, value(figure) / most * LONGEST);
        let class = if number == 0 { "ours" } else { "theirs" };
        let text = top + 14;
        svg += &format!(
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"18\" class=\"{class}\"/>\
             <text x=\"{:.1}\" y=\"{text}\">{figure}</text>\n",
            LEFT - 8,
            LEFT as f64 + length + 6.0,
        );
    }
    svg + "</svg>\n"
}

const STYLE: &str = "text{fill:#1f2328}.ours{fill:#c0392b}.theirs{fill:#8c959f}\
                     @media(prefers-color-scheme:dark){text{fill:#f0f6fc}.ours{fill:#f0776a}.theirs{fill:#6e7681}}";
const WIDTH: usize = 790;
const LEFT: usize = 230;
const LONGEST: f64 = 500.0;
const TOP: usize = 28;
const ROW: usize = 25;

#[test]
fn bars_have_one_scale() {
    let bars = [("a".to_owned(), "25.0"), ("b".to_owned(), "100")];
    let svg = svg("T", &bars);
    assert!(svg.contains("width=\"125.0\" height=\"18\" class=\"ours\""));
    assert!(svg.contains("width=\"500.0\" height=\"18\" class=\"theirs\""));
}
