//! `norn demo` as a newcomer meets it: every request that it prints works when pasted.

use crate::support::Client;
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn every_printed_request_works() {
    let process = Process::start(&["demo", "--listen", "127.0.0.1:0"]);
    let client = Client::new(&process.base);
    let requests: Vec<_> = process.printed.iter().filter_map(|line| line.strip_prefix("curl -s '")?.strip_suffix('\'')).collect();
    assert!(requests.len() >= 8, "{:?}", process.printed);
    for url in requests {
        // What a shell hands to curl is the text between the quotes; `|` is sent as it is by curl, encoded by this client.
        let reply = client.get(&url.replace('|', "%7C")).await.expect(200);
        let json = !url.contains("_format=xml");
        if json && !url.contains("metadata") {
            assert!(!reply.matches().is_empty(), "{url} finds nothing");
        }
    }
    let reports = client.get("DiagnosticReport?_total=accurate").await.json();
    assert_eq!(reports["total"], 3);
    let cohorts = client.get("ResearchStudy?partof=ResearchStudy/impress-demo").await.matches();
    assert_eq!(cohorts.len(), 3);
    assert!(process.stop(), "SIGTERM ends the demo well");
}
