"""A fresh crate that depends on the release's crates, as they are packed."""

import os
import tarfile
from pathlib import Path

from release import ROOT
from trial import Dist, Trials, check_server, run

SERVER = """
use ssecast::{Config, Event, Hub, Listener, ListenerConfig, QueryTopics};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Hub::new(Config::default())?;
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), QueryTopics)?;
    println!("http://{}/?topic=lines", listener.address());
    for line in std::io::stdin().lines() {
        hub.publish("lines", &Event { data: Some(&line?), ..Event::default() })?;
    }
    hub.close(&ssecast::Close::default())?;
    hub.wait_closed(std::time::Duration::from_secs(5));
    Ok(())
}
"""


def trials(dist: Dist) -> Trials:
    return {"a fresh crate serves a stream": lambda folder: crate(dist, folder)}


def crate(dist: Dist, folder: Path) -> None:
    patches = []
    for packed in sorted(dist.path.glob(f"crates/*-{dist.version}.crate")):
        with tarfile.open(packed) as archive:
            archive.extractall(folder / "crates", filter="data")
        name = packed.name.removesuffix(f"-{dist.version}.crate")
        patches.append(f'{name} = {{ path = "crates/{name}-{dist.version}" }}')
    dist.file(f"crates/ssecast-{dist.version}.crate")
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "trial"\nedition = "2024"\n'
        f'\n[dependencies]\nssecast = "{dist.version}"\n\n[patch.crates-io]\n' + "\n".join(patches)
    )
    (folder / "src").mkdir()
    (folder / "src/main.rs").write_text(SERVER)
    rust = {"PATH": os.environ["PATH"], "CARGO_TARGET_DIR": str(ROOT / "target/dist/trial-crate")}
    run("cargo", "build", "--quiet", cwd=folder, env=rust)
    check_server(ROOT / "target/dist/trial-crate/debug/trial", cwd=folder)
