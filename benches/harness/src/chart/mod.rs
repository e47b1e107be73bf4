//! Pictures as SVG, without a library: they are a few shapes each, and readers see the file as it is.

pub(crate) mod bars;
pub(crate) mod lines;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
