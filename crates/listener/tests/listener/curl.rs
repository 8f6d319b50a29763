use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use ssecast_listener::ListenerConfig;

use crate::endpoint::Endpoint;

fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--noproxy", "*", "--max-time", "50"]);
    curl
}

#[test]
fn curl_reads_a_stream_in_either_version_and_understands_every_answer() {
    if curl().arg("--version").output().is_err() {
        println!("skipped: there is no curl here");
        return;
    }
    let endpoint = Endpoint::open(ListenerConfig { path: Some("/".into()), ..ListenerConfig::default() });
    let url = format!("http://{}/", endpoint.listener.address());
    for version in ["--http1.1", "--http1.0", "--http2"] {
        let mut child = curl().args([version, &url]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.next().unwrap().starts_with("id: "), "{version}");
        endpoint.publish(version);
        assert!(lines.any(|line| line == format!("data: {version}")));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let status = |arguments: &[&str]| {
        let code = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        let output = curl().args(code).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let large = "x".repeat(100_000);
    assert_eq!(status(&["--head", &url]), "200");
    assert_eq!(status(&[&format!("{url}other")]), "404");
    assert_eq!(status(&["--data", &large, &url]), "405");
    assert_eq!(status(&["--header", "Accept: text/html", &url]), "406");
    assert_eq!(status(&["--header", &format!("Long: {large}"), &url]), "431");
    assert_eq!(status(&["--request", "GET", "--data", "x", &url]), "413");
}
