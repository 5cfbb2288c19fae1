//! OncoTree's tumour types: a list of objects, each with the code of the type that it is a kind of.
//!
//! Source: <http://oncotree.mskcc.org/#/home?tab=api>.

use serde::Deserialize;

use super::{Broken, Concept, System};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TumourType {
    code: String,
    name: String,
    #[serde(default)]
    main_type: Option<String>,
    #[serde(default)]
    tissue: Option<String>,
    #[serde(default)]
    parent: Option<String>,
}

pub(super) fn read(files: &[&str]) -> Result<System, Broken> {
    let mut system = System::new("http://oncotree.mskcc.org", "OncoTree");
    for text in files {
        for told in serde_json::from_str::<Vec<TumourType>>(text)? {
            let mut concept = Concept::new(told.code, told.name);
            if let Some(parent) = &told.parent {
                concept.parent(parent);
            }
            concept.tell("mainType", told.main_type.as_deref().unwrap_or(""));
            concept.tell("tissue", told.tissue.as_deref().unwrap_or(""));
            system.concept.push(concept);
        }
    }
    Ok(system)
}
