//! Searches that cost too much, and how a search was run.

use norn::search::resolve::PageSize;
use serde_json::Value;

use crate::support::TestGateway;
use crate::support::gateway::BackEnd;

fn patient(n: u32) -> String {
    format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"http://x","value":"{n}"}}],"gender":"female","birthDate":"19{n:02}-01-01",
        "maritalStatus":{{"text":"Together {n}"}},"name":[{{"family":"Holm"}}]}}"#
    )
}

async fn filled(back_end: BackEnd) -> TestGateway {
    let server = TestGateway::searching(back_end, PageSize { read: 4, ..PageSize::default() }, true).await;
    for n in 10..16 {
        server.client.post("Patient", patient(n)).await.expect(201);
    }
    server.client.post("Observation", r#"{"resourceType":"Observation","status":"final","code":{"text":"x"}}"#).await.expect(201);
    server
}

#[tokio::test]
async fn a_search_that_reads_too_much_is_refused() {
    for back_end in [BackEnd::Sqlite, BackEnd::Postgres] {
        let server = filled(back_end).await;
        let client = &server.client;
        for search in [
            "Patient?_content=together&_count=5",
            "Patient?_sort=gender",
            "Patient?_content=nowhere",
            "Patient?_filter=family%20ew%20%22olm%22&_count=5",
        ] {
            let reply = client.get(search).await.expect(422);
            assert!(reply.text().contains("too-costly") && reply.text().contains("add a condition"), "{search}: {}", reply.text());
        }
        // With few resources left there is enough, page by page, too.
        assert_eq!(client.get("Patient?_content=together&identifier=http://x|12,http://x|13").await.expect(200).matches().len(), 2);
        assert_eq!(client.get("Patient?_sort=gender&birthdate=lt1914").await.expect(200).matches().len(), 4);
        assert_eq!(client.get("Patient?_content=together&birthdate=lt1914&_count=3").await.expect(200).matches().len(), 3);
        // What decides a conditional interaction is read again when it is verified.
        client.delete("Patient?_content=together&birthdate=lt1913").await.expect(204);
        client.delete("Patient?_content=nowhere&birthdate=gt1900").await.expect(204);
        client.post("Patient", patient(16)).await.expect(201);
        client.post("Patient", patient(17)).await.expect(201);
        client.delete("Patient?_content=nowhere").await.expect(422);
    }
}

fn values<'v>(told: &'v Value, name: &str) -> Vec<&'v Value> {
    told["parameter"].as_array().unwrap().iter().filter(|parameter| parameter["name"] == name).collect()
}

#[tokio::test]
async fn a_search_is_explained_if_that_is_configured() {
    for back_end in [BackEnd::Sqlite, BackEnd::Postgres] {
        let server = filled(back_end).await;
        let search = "Patient?identifier=http://x|12,http://x|13&birthdate=ge1913&_total=accurate&_sort=-birthdate";
        let told = server.client.get(&format!("{search}&_explain=true")).await.expect(200).json();
        assert_eq!(told["resourceType"], "Parameters");
        let plan = values(&told, "plan")[0]["valueString"].as_str().unwrap();
        for word in ["search: Patient", "identifier=http://x|12,http://x|13", "Patient.birthdate", "order: Patient.birthdate descending"] {
            assert!(plan.contains(word), "{word} is not in {plan}");
        }
        assert_eq!(values(&told, "found")[0]["valueDecimal"], 1);
        assert_eq!(values(&told, "total")[0]["valueDecimal"], 1);
        assert_eq!(values(&told, "more")[0]["valueBoolean"], false);
        let uses: Vec<_> = values(&told, "source").into_iter().chain(values(&told, "test")).collect();
        let conditions: Vec<_> = uses.iter().map(|used| used["part"][0]["valueString"].as_str().unwrap()).collect();
        assert!(conditions.iter().any(|text| text.contains("identifier=http://x|12")), "{conditions:?}");
        assert!(conditions.iter().any(|text| text.contains("Patient.birthdate")), "{conditions:?}");
        assert!(!values(&told, "source").is_empty() && values(&told, "microseconds").len() == 1, "{told}");
        // The link of a page has no _explain, and false changes nothing.
        assert_eq!(server.client.get(&format!("{search}&_explain=false")).await.expect(200).matches().len(), 1);
        server.client.get("Patient?_explain=maybe").await.expect(400);
        server.client.delete("Patient?birthdate=1910&_explain=true").await.expect(400);
    }
    let server = TestGateway::start().await;
    assert!(server.client.get("Patient?_explain=true").await.expect(400).text().contains("_explain"));
}
