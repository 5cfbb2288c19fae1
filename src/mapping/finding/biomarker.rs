//! Scores of the whole tumour: mutational burden, microsatellite instability, genomic instability.

use super::{Extra, Measured, Number, Told};

/// TMB in Illumina's way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MutationalBurden {
    /// Mutations per megabase.
    pub(crate) total: Measured,
    /// Megabases of coding region that counted.
    pub(crate) region: Measured,
    /// Variants that counted.
    pub(crate) variants: Measured,
    pub(crate) extras: Vec<Extra>,
}

/// MSI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Microsatellites {
    pub(crate) usable: Measured,
    pub(crate) unstable: Measured,
    /// Percent of the usable sites that are unstable.
    pub(crate) percent: Measured,
    pub(crate) extras: Vec<Extra>,
}

/// GIS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Instability {
    pub(crate) score: Measured,
    pub(crate) tumor_fraction: Option<Measured>,
    pub(crate) ploidy: Option<Measured>,
    pub(crate) extras: Vec<Extra>,
}

/// A key of a score: its name and what it told.
pub(crate) fn measured(value: &Measured) -> Option<Told<Number>> {
    value.value.clone().map(|number| Told { value: number, field: value.field })
}

/// What a share of unstable sites means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stability {
    Stable,
    LikelyUnstable,
    Unstable,
    /// Too few sites could be used.
    Inconclusive,
}

/// The rule by which a percentage of unstable microsatellite sites is interpreted.
///
/// InPreD's own program and its report template disagree at exactly 10 %: the program calls it stable, the template likely
/// unstable. The default is the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsiRule {
    /// Fewer usable sites than this are inconclusive. A guideline in the run's metrics goes before it.
    pub usable_sites: u32,
    /// From this percentage on, the tumour is unstable.
    pub unstable_from: u32,
    /// Up to this percentage, the tumour is stable.
    pub stable_to: u32,
    /// Whether exactly `stable_to` percent is stable.
    pub stable_at_boundary: bool,
}

impl Default for MsiRule {
    fn default() -> Self {
        Self { usable_sites: 40, unstable_from: 20, stable_to: 10, stable_at_boundary: true }
    }
}

impl MsiRule {
    /// Interprets a percentage.
    pub(crate) fn interpret(&self, usable: Option<&Number>, percent: &Number, guideline: Option<&Number>) -> Stability {
        let own = self.usable_sites.to_string();
        let needed = guideline.map_or(own.as_str(), Number::text);
        let (unstable, stable) = (self.unstable_from.to_string(), self.stable_to.to_string());
        if usable.is_none_or(|usable| usable.is_below(needed)) {
            Stability::Inconclusive
        } else if !percent.is_below(&unstable) {
            Stability::Unstable
        } else if percent.is_below(&stable) || (self.stable_at_boundary && !percent.is_above(&stable)) {
            Stability::Stable
        } else {
            Stability::LikelyUnstable
        }
    }

    /// The rule in words.
    pub(crate) fn words(&self, guideline: Option<&Number>) -> String {
        let needed = guideline.map_or_else(|| self.usable_sites.to_string(), |number| number.text().to_owned());
        let (at, below) = if self.stable_at_boundary { ("up to", "above") } else { ("below", "from") };
        format!(
            "InPreD rule: {} % or more of the usable sites unstable is unstable, {at} {} % is stable, {below} {} % is likely unstable; fewer than {needed} usable sites is inconclusive",
            self.unstable_from, self.stable_to, self.stable_to
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_interpreted_by_the_rule() {
        let check = |rule: &MsiRule, usable: &str, percent: &str, told| {
            assert_eq!(rule.interpret(Number::new(usable).as_ref(), &Number::new(percent).unwrap(), None), told, "{usable} {percent}");
        };
        let rule = MsiRule::default();
        check(&rule, "121", "4.13", Stability::Stable);
        check(&rule, "121", "10", Stability::Stable);
        check(&rule, "121", "10.00", Stability::Stable);
        check(&rule, "121", "10.01", Stability::LikelyUnstable);
        check(&rule, "121", "19.99", Stability::LikelyUnstable);
        check(&rule, "121", "20.0", Stability::Unstable);
        check(&rule, "39", "64.8", Stability::Inconclusive);
        check(&rule, "40", "64.8", Stability::Unstable);
        let template = MsiRule { stable_at_boundary: false, ..rule.clone() };
        check(&template, "121", "10", Stability::LikelyUnstable);
        check(&template, "121", "9.99", Stability::Stable);
        let guideline = Number::new("130");
        assert_eq!(rule.interpret(Number::new("121").as_ref(), &Number::new("30").unwrap(), guideline.as_ref()), Stability::Inconclusive);
        assert_eq!(rule.interpret(None, &Number::new("30").unwrap(), None), Stability::Inconclusive);
    }
}
