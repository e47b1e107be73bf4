//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::as_aws::Shape;
use crate::cgroup;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// Names of variants; empty: all.
    pub(crate) variants: Vec<String>,
    pub(crate) runs: usize,
    pub(crate) parts: Vec<Part>,
    pub(crate) sizes: Vec<u32>,
    pub(crate) members: usize,
    pub(crate) clubs: Vec<usize>,
    pub(crate) round_trip: Duration,
    pub(crate) shape: Shape,
    pub(crate) tls: bool,
    pub(crate) may_build: bool,
    pub(crate) ours: Option<PathBuf>,
    pub(crate) update_documents: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Table,
    Memory,
    Evict,
    Growth,
    RoundTrips,
    AsAws,
    Timeline,
}

/// # Errors
/// What is wrong, in a line.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = String>,
) -> Result<Option<Options>, String> {
    let mut options = Options {
        variants: Vec::new(),
        runs: RUNS,
        parts: Vec::new(),
        sizes: cgroup::SIZES.into(),
        members: MEMBERS,
        clubs: CLUBS.into(),
        round_trip: Duration::ZERO,
        shape: Shape::default(),
        tls: true,
        may_build: true,
        ours: None,
        update_documents: false,
    };
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match &*argument {
            "--help" | "-h" => return Ok(None),
            "--variants" => options.variants = list(&value()?)?,
            "--runs" => options.runs = number(&value()?)?,
            "--quick" => {
                options.runs = QUICK_RUNS;
                options.parts.push(Part::Table);
            }
            "--table" => options.parts.push(Part::Table),
            "--evict" => options.parts.push(Part::Evict),
            "--growth" => options.parts.push(Part::Growth),
            "--round-trips" => options.parts.push(Part::RoundTrips),
            "--as-aws" => options.parts.push(Part::AsAws),
            "--timeline" => options.parts.push(Part::Timeline),
            "--memory" => {
                options.parts.push(Part::Memory);
                if let Some(sizes) =
                    arguments.next_if(|next| next.starts_with(|c: char| c.is_ascii_digit()))
                {
                    options.sizes = list(&sizes)?;
                }
            }
            "--clubs" => options.clubs = list(&value()?)?,
            "--members" => options.members = number(&value()?)?,
            "--rtt-ms" => {
                options.round_trip = ms(&value()?)?;
                options.shape.round_trip = options.round_trip;
            }
            "--first-byte-ms" => {
                let value = value()?;
                let (read, write) = value.split_once(',').unwrap_or((&value, &value));
                (options.shape.read, options.shape.write) = (ms(read)?, ms(write)?);
            }
            "--http" => options.tls = false,
            "--no-build" => options.may_build = false,
            "--ours" => options.ours = Some(value()?.into()),
            "--update-documents" => options.update_documents = true,
            _ => {
                return Err(format!(
                    "unknown option {argument}; --help lists the options"
                ));
            }
        }
    }
    if options.parts.is_empty() {
        options.parts = vec![
            Part::Table,
            Part::AsAws,
            Part::Memory,
            Part::Evict,
            Part::Growth,
            Part::RoundTrips,
        ];
    }
    // `--quick` names the table too.
    let mut named = Vec::new();
    options.parts.retain(|part| {
        let is_new = !named.contains(part);
        named.push(*part);
        is_new
    });
    if options.runs == 0 {
        return Err("--runs must be at least 1".to_owned());
    }
    Ok(Some(options))
}

fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(number).collect()
}

fn ms(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number::<f64>(text)? / 1e3).map_err(|error| error.to_string())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text} is not as expected"))
}

pub(crate) const HELP: &str = "\
cargo bench --bench cold_start -- [OPTIONS]

Without options everything is measured: table, as AWS, memory sizes, evicted executables, growth, round trips.

Parts (any number; the first named switches the others off):
  --table              the table: all measures, club of 100 members
  --memory [LIST]      emulated memory sizes in MB, twice: CPU quota from the start, and after INIT
  --evict              with the function's files dropped from the page cache
  --growth             clubs of 10 to 30,000 members
  --round-trips        how many network round trips are waited for, from runs with 0 to 20 ms each
  --as-aws             two hosts as S3's two buckets are, 256 MB's share of a CPU (needs root)
  --timeline           one cold write of ours, with every gap above 50 µs
  --quick              the table with few runs

  --variants LIST      only these, by name, divided by commas
  --runs N             rounds (30)
  --clubs LIST         sizes for --growth
  --members N          size of the club elsewhere (100)
  --rtt-ms N           adds a network round trip: one for TCP, one for TLS, one for each answer (as AWS: 1, and
                       none for answers)
  --first-byte-ms R,W  as AWS: how long S3 takes for a GET or HEAD, and for a PUT (15,25)
  --http               S3 without TLS
  --no-build           uses what was built before
  --ours PATH          another executable in the place of ours
  --update-documents   renews the figures and charts in docs/bench/
";

const RUNS: usize = 30;
const QUICK_RUNS: usize = 8;
const MEMBERS: usize = 100;
/// The last is near the limit of a club (`docs/api.md#limits`).
const CLUBS: [usize; 5] = [10, 100, 1_000, 10_000, 30_000];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn parts_are_all_or_those_named() {
        let all = parsed("").unwrap().unwrap();
        assert_eq!(
            all.parts,
            [
                Part::Table,
                Part::AsAws,
                Part::Memory,
                Part::Evict,
                Part::Growth,
                Part::RoundTrips
            ]
        );
        let some = parsed("--evict --memory 128,256 --evict --rtt-ms 2.5")
            .unwrap()
            .unwrap();
        assert_eq!(some.parts, [Part::Evict, Part::Memory]);
        assert_eq!(some.sizes, [128, 256]);
        assert_eq!(some.round_trip, Duration::from_micros(2_500));
        let far = parsed("--as-aws --first-byte-ms 7.5,9 --rtt-ms 2");
        let far = far.unwrap().unwrap();
        let ms = |micros| Duration::from_micros(micros);
        assert_eq!((far.shape.read, far.shape.write), (ms(7_500), ms(9_000)));
        assert_eq!(
            (far.shape.round_trip, far.parts),
            (ms(2_000), vec![Part::AsAws])
        );
        let unnumbered = parsed("--memory --http").unwrap().unwrap();
        assert_eq!((unnumbered.sizes.len(), unnumbered.tls), (6, false));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parsed("--fast").unwrap_err().contains("--fast"));
        assert!(parsed("--runs x").unwrap_err().contains('x'));
        assert!(parsed("--runs").unwrap_err().contains("--runs"));
        assert!(parsed("--rtt-ms -1").is_err());
        assert_eq!(parsed("--help"), Ok(None));
    }
}
