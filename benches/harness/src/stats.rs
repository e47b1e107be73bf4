//! Samples and what is said of them.

use std::collections::BTreeMap;

/// All samples of a bench: by section, variant and measure, each with the round it was taken in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(BTreeMap<Key, Vec<(usize, f64)>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    section: String,
    variant: String,
    measure: String,
}

impl Samples {
    pub(crate) fn add(
        &mut self,
        section: &str,
        variant: &str,
        measure: &str,
        round: usize,
        value: f64,
    ) {
        self.0
            .entry(key(section, variant, measure))
            .or_default()
            .push((round, value));
    }

    /// `None` if there is none.
    pub(crate) fn summary(&self, section: &str, variant: &str, measure: &str) -> Option<Summary> {
        let values = self.0.get(&key(section, variant, measure))?;
        Summary::of(values.iter().map(|(_, value)| *value).collect())
    }

    pub(crate) fn median(&self, section: &str, variant: &str, measure: &str) -> Option<f64> {
        self.summary(section, variant, measure)
            .map(|summary| summary.median)
    }

    /// The median of the ratios to `other`, pair by pair: samples of one round were taken one after the
    /// other, so that a busy machine weighs on both.
    pub(crate) fn ratio(
        &self,
        section: &str,
        variant: &str,
        other: &str,
        measure: &str,
    ) -> Option<f64> {
        let values = self.0.get(&key(section, variant, measure))?;
        let others: BTreeMap<_, _> = self
            .0
            .get(&key(section, other, measure))?
            .iter()
            .copied()
            .collect();
        let ratios = values
            .iter()
            .filter_map(|(round, value)| others.get(round).map(|other| value / other));
        Summary::of(ratios.collect()).map(|summary| summary.median)
    }

    /// `[section][variant][measure]`: values in the order of the rounds.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({});
        for (key, values) in &self.0 {
            let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
            json[&key.section][&key.variant][&key.measure] = values.into();
        }
        json
    }
}

fn key(section: &str, variant: &str, measure: &str) -> Key {
    Key {
        section: section.to_owned(),
        variant: variant.to_owned(),
        measure: measure.to_owned(),
    }
}

/// What is said of a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) minimum: f64,
    /// The middle half of the samples lies between these two.
    pub(crate) quartiles: (f64, f64),
    pub(crate) count: usize,
}

impl Summary {
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let minimum = *values.first()?;
        Some(Self {
            median: quantile(&values, 0.5),
            minimum,
            quartiles: (quantile(&values, 0.25), quantile(&values, 0.75)),
            count: values.len(),
        })
    }
}

/// Of sorted values, between two of them by their distance.
fn quantile(values: &[f64], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    values[below] + (values[above] - values[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles() {
        let summary = Summary::of(vec![4.0, 1.0, 3.0, 2.0, f64::NAN]).unwrap();
        assert_eq!(
            (summary.median, summary.minimum, summary.count),
            (2.5, 1.0, 4)
        );
        assert_eq!(summary.quartiles, (1.75, 3.25));
        assert_eq!(Summary::of(Vec::new()), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut samples = Samples::default();
        for (round, (a, b)) in [(10.0, 1.0), (40.0, 2.0), (90.0, 3.0)]
            .into_iter()
            .enumerate()
        {
            samples.add("s", "a", "m", round, a);
            samples.add("s", "b", "m", round, b);
        }
        samples.add("s", "a", "m", 9, 1e9);
        assert_eq!(samples.ratio("s", "a", "b", "m"), Some(20.0));
    }
}
