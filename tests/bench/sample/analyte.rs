//! What the sample Observations measure: blood values and tumour markers, with LOINC codes and UCUM units.

use super::chance::Chance;

/// One measurable quantity.
#[derive(Debug)]
pub(crate) struct Analyte {
    /// LOINC code.
    pub(crate) loinc: &'static str,
    /// LOINC long common name.
    pub(crate) display: &'static str,
    /// Code in the laboratory's own code system.
    pub(crate) local: &'static str,
    /// UCUM unit.
    pub(crate) unit: &'static str,
    /// Reference range, in tenths of the unit.
    pub(crate) range: (u64, u64),
}

const HAEMOGLOBIN: Analyte = analyte("718-7", "Hemoglobin [Mass/volume] in Blood", "HB", "g/dL", (120, 175));

/// The one with the most different values: 6,000 of them, equally often, and no other analyte has such values in its unit.
pub(crate) const PLATELETS: Analyte = analyte("777-3", "Platelets [#/volume] in Blood by Automated count", "PLT", "10*3/uL", (1500, 4500));

/// All analytes; a patient has about ten Observations of each.
const ANALYTES: &[Analyte] = &[
    HAEMOGLOBIN,
    analyte("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "WBC", "10*3/uL", (40, 110)),
    PLATELETS,
    analyte("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "CREA", "mg/dL", (6, 13)),
    analyte("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "ALT", "U/L", (70, 560)),
    analyte("2532-0", "Lactate dehydrogenase [Enzymatic activity/volume] in Serum or Plasma", "LDH", "U/L", (1400, 2800)),
    analyte("2039-6", "Carcinoembryonic Ag [Mass/volume] in Serum or Plasma", "CEA", "ng/mL", (0, 50)),
    analyte("2857-1", "Prostate specific Ag [Mass/volume] in Serum or Plasma", "PSA", "ng/mL", (0, 40)),
    analyte("10334-1", "Cancer Ag 125 [Units/volume] in Serum or Plasma", "CA125", "[arb'U]/mL", (0, 350)),
    analyte("24108-3", "Cancer Ag 19-9 [Units/volume] in Serum or Plasma", "CA199", "[arb'U]/mL", (0, 370)),
];

const fn analyte(loinc: &'static str, display: &'static str, local: &'static str, unit: &'static str, range: (u64, u64)) -> Analyte {
    Analyte { loinc, display, local, unit, range }
}

/// Any of the analytes.
pub(crate) fn any(chance: &mut Chance) -> &'static Analyte {
    chance.pick(ANALYTES).unwrap_or(&HAEMOGLOBIN)
}

/// A count of tenths as a decimal: `123` is `12.3`.
pub(crate) fn tenths(n: u64) -> String {
    format!("{}.{}", n / 10, n % 10)
}
