//! Many writers at once: conditions hold, versions have one successor, over either database.

use crate::support::TestGateway;
use crate::support::gateway::BackEnd;

/// Rounds of a race; `just soak` asks for more.
fn rounds() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    std::env::var("NORN_SOAK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

async fn one_conditional_create_wins(back_end: BackEnd) {
    let server = TestGateway::over_store(back_end).await;
    for round in 0..rounds() {
        let identifier = format!("http://x|{round}");
        let tasks: Vec<_> = (0..64)
            .map(|writer| {
                let (client, condition) = (server.client.clone(), format!("identifier={identifier}"));
                let body = format!(r#"{{"resourceType":"Patient","identifier":[{{"system":"http://x","value":"{round}"}}],"multipleBirthInteger":{writer}}}"#);
                tokio::spawn(async move {
                    let headers = [("content-type", "application/fhir+json"), ("if-none-exist", condition.as_str())];
                    client.send("POST", "Patient", &headers, body).await.unwrap().status.as_u16()
                })
            })
            .collect();
        let mut created = 0;
        for task in tasks {
            let status = task.await.unwrap();
            assert!(matches!(status, 200 | 201), "{status}");
            created += usize::from(status == 201);
        }
        assert_eq!(created, 1, "round {round}");
        assert_eq!(server.client.get(&format!("Patient?identifier={identifier}&_total=accurate")).await.json()["total"], 1);
    }
}

/// Seconds of the race on one condition; without them each writer tries a few times.
fn seconds() -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    std::env::var("NORN_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok())
}

/// 64 writers, all with one and the same condition, again and again: one resource, however long they go on.
async fn one_condition_makes_one_resource(back_end: BackEnd) {
    let server = TestGateway::over_store(back_end).await;
    let begin = std::time::Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|writer| {
            let client = server.client.clone();
            let goes_on = move |tries: u32| seconds().map_or(tries < 6, |seconds| begin.elapsed().as_secs() < seconds);
            tokio::spawn(async move {
                let headers = [("content-type", "application/fhir+json"), ("if-none-exist", "identifier=http://x|one")];
                let (mut created, mut tries) = (0, 0);
                while goes_on(tries) {
                    let identifier = r#"[{"system":"http://x","value":"one"}]"#;
                    let body = format!(
                        r#"{{"resourceType":"Patient","identifier":{identifier},"multipleBirthInteger":{}}}"#,
                        writer * 1000 + tries
                    );
                    let status = client.send("POST", "Patient", &headers, body).await.unwrap().status.as_u16();
                    assert!(matches!(status, 200 | 201), "{status}");
                    created += u32::from(status == 201);
                    tries += 1;
                }
                (created, tries)
            })
        })
        .collect();
    let (mut created, mut tries) = (0, 0);
    for task in tasks {
        let own = task.await.unwrap();
        (created, tries) = (created + own.0, tries + own.1);
    }
    println!("{tries} conditional creates made {created} resource over {back_end:?}");
    assert_eq!(created, 1);
    for path in ["Patient?_total=accurate", "Patient?identifier=http://x|one&_total=accurate", "_history"] {
        assert_eq!(server.client.get(path).await.expect(200).json()["total"], 1, "{path}");
    }
}

async fn one_update_of_a_version_wins(back_end: BackEnd) {
    let server = TestGateway::over_store(back_end).await;
    server.client.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#).await.expect(201);
    for round in 1..=rounds() {
        let tasks: Vec<_> = (0..100)
            .map(|writer| {
                let client = server.client.clone();
                let body = format!(r#"{{"resourceType":"Patient","id":"p","multipleBirthInteger":{}}}"#, round * 1000 + writer);
                tokio::spawn(async move {
                    let headers = [("content-type", "application/fhir+json"), ("if-match", &*format!("W/\"{round}\""))]
                        .map(|(a, b)| (a.to_owned(), b.to_owned()));
                    let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                    client.send("PUT", "Patient/p", &headers, body).await.unwrap().status.as_u16()
                })
            })
            .collect();
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(200), count(412)), (1, 99), "round {round}: {statuses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conditional_create_wins_over_sqlite() {
    one_conditional_create_wins(BackEnd::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conditional_create_wins_over_postgresql() {
    one_conditional_create_wins(BackEnd::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_update_of_a_version_wins_over_sqlite() {
    one_update_of_a_version_wins(BackEnd::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_update_of_a_version_wins_over_postgresql() {
    one_update_of_a_version_wins(BackEnd::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_condition_makes_one_resource_over_sqlite() {
    one_condition_makes_one_resource(BackEnd::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_condition_makes_one_resource_over_postgresql() {
    one_condition_makes_one_resource(BackEnd::Postgres).await;
}
