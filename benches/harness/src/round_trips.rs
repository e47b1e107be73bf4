//! How many network round trips an event waits for: by how much longer it takes when each has a length.

use crate::markdown::{markdown, significant};
use crate::parts::{ROUND_TRIPS_MS, Results, round_trip_section};

/// The table, or `None` without samples.
pub(crate) fn table(results: &Results) -> Option<String> {
    let mut lines = Vec::new();
    for variant in &results.variants {
        for (name, measure) in MEASURES {
            let times = ROUND_TRIPS_MS.iter().map(|&ms| {
                let section = round_trip_section(ms);
                results.samples.median(&section, variant.name, measure)
            });
            let times: Vec<Option<f64>> = times.collect();
            if times.iter().all(Option::is_none) {
                continue;
            }
            let count = waited_for(ROUND_TRIPS_MS, &times);
            let cells = times.into_iter().chain([count]);
            let cells = cells.map(|value| value.map_or("–".to_owned(), significant));
            lines.push(
                [format!("`{}`, {name}", variant.name)]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
    }
    let names = ROUND_TRIPS_MS.iter().map(|ms| format!("{ms} ms"));
    let names: Vec<String> = names.chain(["round trips".to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!lines.is_empty()).then(|| {
        format!(
            "### Network round trips\n\nMedians in ms, by the length of a round trip; the last column is (time at \
             the longest - time at 0) / its length. Both buckets are on one server: TCP, TLS and one for each \
             request that is waited for. The name is looked up in a file, so DNS is not in it.\n\n{}",
            markdown(&names, &lines)
        )
    })
}

/// `None` without the first time, or without one for the longest round trip.
fn waited_for(round_trips_ms: &[u32], times: &[Option<f64>]) -> Option<f64> {
    let (length, time) = round_trips_ms.last().zip(times.last()?.as_ref())?;
    let without = times.first()?.as_ref()?;
    Some((time - without) / f64::from(*length))
}

const MEASURES: &[(&str, &str)] = &[
    ("cold write", "cold_write_ms"),
    ("its invocation", "invoke_ms"),
    ("cold read", "cold_read_ms"),
    ("its invocation", "read_invoke_ms"),
    ("warm write", "warm_write_ms"),
    ("warm read", "warm_read_ms"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_told_from_the_longest() {
        let times = [Some(3.0), None, Some(103.0)];
        assert_eq!(waited_for(&[0, 1, 20], &times), Some(5.0));
        assert_eq!(waited_for(&[0, 20], &[Some(3.0), None]), None);
        assert_eq!(waited_for(&[0, 20], &[None, Some(3.0)]), None);
    }
}
