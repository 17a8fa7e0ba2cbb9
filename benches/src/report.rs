//! The table.

use std::fmt;

/// What was measured of one contender: one number a round.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// The middle one; the lower of two.
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The lowest below or at which so many per cent lie.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

/// What is asked of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// So many times the peer's rate.
    Times(f64),
    /// Nothing above this.
    AtMost(f64),
    /// At most so many times the peer's time.
    Within(f64),
    /// Only shown.
    None,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    /// Whom it is compared with, and theirs.
    pub(crate) peer: Option<(&'static str, f64)>,
    pub(crate) target: Target,
    /// Why it could not be measured, if so.
    pub(crate) failure: Option<String>,
}

impl Row {
    pub(crate) fn against(name: &str, ours: &Samples, peer: &'static str, theirs: &Samples, target: Target) -> Self {
        let peer = Some((peer, theirs.median()));
        Self { name: name.to_owned(), unit: "/s", ours: ours.median(), peer, target, failure: None }
    }

    /// Two single numbers.
    pub(crate) fn beside(
        name: &str,
        unit: &'static str,
        ours: f64,
        (peer, theirs): (&'static str, f64),
        target: Target,
    ) -> Self {
        Self { peer: Some((peer, theirs)), ..Self::alone(name, unit, ours, target) }
    }

    pub(crate) fn alone(name: &str, unit: &'static str, ours: f64, target: Target) -> Self {
        Self { name: name.to_owned(), unit, ours, peer: None, target, failure: None }
    }

    pub(crate) fn failed(name: impl Into<String>, failure: String) -> Self {
        Self { failure: Some(failure), ..Self::alone(&name.into(), "", f64::NAN, Target::AtMost(0.0)) }
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.map(|(_, theirs)| self.ours / theirs)
    }

    fn is_reached(&self) -> bool {
        match self.target {
            Target::Times(times) => self.ratio().is_some_and(|ratio| ratio >= times),
            Target::AtMost(most) => self.ours <= most,
            Target::Within(times) => self.ratio().is_some_and(|ratio| ratio <= times),
            Target::None => true,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |n: f64, unit: &str| if n < 100.0 { format!("{n:.1}{unit}") } else { format!("{n:.0}{unit}") };
        if let Some(failure) = &self.failure {
            return write!(f, "{:<46} not measured: {failure}", self.name);
        }
        let peer = self.peer.map(|(name, n)| format!("{name} {}", number(n, self.unit))).unwrap_or_default();
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}×")).unwrap_or_default();
        let target = match self.target {
            Target::Times(times) => format!("≥ {times}×"),
            Target::AtMost(most) => format!("≤ {most}{}", self.unit),
            Target::Within(times) => format!("≤ {times}×"),
            Target::None => String::new(),
        };
        let verdict = match self.target {
            Target::None => "",
            Target::Times(_) | Target::AtMost(_) | Target::Within(_) if self.is_reached() => "ok",
            Target::Times(_) | Target::AtMost(_) | Target::Within(_) => "MISSED",
        };
        let ours = number(self.ours, self.unit);
        write!(f, "{:<46} {ours:>10}  {peer:<32} {ratio:>7}  {target:<10} {verdict}", self.name)
    }
}

/// All lines, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    pub(crate) fn extend(&mut self, rows: Vec<Row>) {
        self.0.extend(rows);
    }

    pub(crate) fn all_reached(&self) -> bool {
        self.0.iter().all(Row::is_reached)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<46} {:>10}  {:<32} {:>7}  {:<10}", "", "ours", "peer", "ratio", "target")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}
