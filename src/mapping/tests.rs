//! The whole way, over the demo cases and what can happen to them.

use super::*;

/// Writes all demo outputs when run by name; see docs/mapping-tso500.md.
#[test]
fn dump() {
    for case in demo::cases() {
        match convert(&case.files, Some(&case.requisition), &Options::default()) {
            Ok(conversion) => {
                std::fs::create_dir_all(format!("/tmp/mapout/{}", case.name)).unwrap();
                std::fs::write(format!("/tmp/mapout/{}/bundle.json", case.name), conversion.bundle.to_json()).unwrap();
                std::fs::write(format!("/tmp/mapout/{}/ledger.json", case.name), conversion.ledger.to_json()).unwrap();
                for w in &conversion.warnings {
                    println!("{w}");
                }
                println!("{} {:?}", case.name, conversion.ledger.to_draft().to_json().split("\"counts\"").last());
            }
            Err(refusals) => {
                for r in refusals {
                    println!("REFUSED {r}");
                }
            }
        }
    }
}
