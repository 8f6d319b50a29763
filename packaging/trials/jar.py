"""The Java archive in a fresh project of Maven's, which has one dependency."""

import os
import re
import shutil
import zipfile
from pathlib import Path

import jar
import toolchains
from release import ROOT
from trial import Dist, Skipped, Trials, check_server, run

#: Maven keeps here what it has downloaded: a user's own folder would keep an older ssecast.
REPOSITORY = ROOT / "target" / "dist" / "maven"
COORDINATES = "io/github/ssecast/ssecast"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.example</groupId>
  <artifactId>app</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <repositories><repository><id>release</id><url>{url}</url></repository></repositories>
  <dependencies>
    <dependency>
      <groupId>io.github.ssecast</groupId><artifactId>ssecast</artifactId><version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""
PROGRAM = """
import java.util.List;
import java.util.Scanner;
import ssecast.Event;
import ssecast.Hub;
import ssecast.Listener;

public class App {
    public static void main(String[] arguments) {
        Hub hub = new Hub();
        Listener listener =
            hub.listen("127.0.0.1:0", request -> request.path().equals("/stream") ? List.of("lines") : null);
        System.out.println("http://127.0.0.1:" + listener.port() + "/stream");
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) hub.publish("lines", new Event(lines.nextLine()));
        hub.end(5000);
        if (!hub.awaitEnd(6000)) System.exit(3);
        listener.close();
        hub.close();
    }
}
"""


def trials(dist: Dist) -> Trials:
    if not any(platform.is_host for platform in dist.platforms):
        return {}
    return {
        "a fresh Maven project serves a stream by one dependency": lambda folder: served(dist, folder, None),
        f"the same in Java {jar.FOREIGN} or later, by the JDK's own calls": lambda folder: served(
            dist, folder, int(jar.FOREIGN)
        ),
        "the jar says for which platforms it has no library": lambda folder: elsewhere(dist, folder),
    }


def program(dist: Dist, folder: Path) -> str:
    """Has Maven compile a program, and returns the class path that it runs with."""
    if not shutil.which("mvn") or not shutil.which("javac"):
        raise Skipped("Maven or a JDK is not installed")
    served = folder / "repository" / COORDINATES / dist.version
    served.mkdir(parents=True)
    for suffix in (".jar", ".pom"):
        shutil.copy(dist.file(f"java/ssecast-{dist.version}{suffix}"), served)
    shutil.rmtree(REPOSITORY / COORDINATES, ignore_errors=True)
    (source := folder / "src/main/java").mkdir(parents=True)
    (source / "App.java").write_text(PROGRAM)
    (folder / "pom.xml").write_text(POM.format(url=(folder / "repository").as_uri(), version=dist.version))
    run("mvn", "-q", "-B", "-ntp", f"-Dmaven.repo.local={REPOSITORY}", "compile", toolchains.MAVEN_COPIES, cwd=folder)
    return f"target/classes{os.pathsep}target/dependency/*"


def served(dist: Dist, folder: Path, least: int | None) -> None:
    newer = toolchains.newest_java(least) if least else None
    if least and not newer:
        raise Skipped(f"there is no JDK of version {least} or later")
    path = program(dist, folder)
    java = newer / "java" if newer else "java"
    options = ["--enable-native-access=ALL-UNNAMED"] if newer else []
    (temporary := folder / "temporary").mkdir()
    check_server(java, *options, f"-Djava.io.tmpdir={temporary}", "-cp", path, "App", cwd=folder)
    left = [file.name for file in temporary.iterdir() if file.name.startswith("ssecast")]
    assert not left, f"it left {left}"
    if newer:
        said = run(java, *options, "-verbose:class", "-cp", path, "App", cwd=folder)
        assert "ssecast.ForeignCalls " in said, "it does not use the JDK's own calls"


def elsewhere(dist: Dist, folder: Path) -> None:
    """A jar that lacks this machine's library is as on a machine that the release has none for."""
    path = program(dist, folder)
    (archive,) = (folder / "target/dependency").glob("ssecast-*.jar")
    with zipfile.ZipFile(dist.file(f"java/ssecast-{dist.version}.jar")) as whole, zipfile.ZipFile(archive, "w") as part:
        for member in whole.namelist():
            if not member.endswith(".so"):
                part.writestr(member, whole.read(member))
    try:
        said = run("java", "-cp", path, "App", cwd=folder)
    except AssertionError as failure:
        said = str(failure)
    what = r"there is no library of ssecast for linux-\S+ here; the archive has linux-x64-gnu.*make install-c"
    assert re.search(what, said), said
