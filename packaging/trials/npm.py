"""The npm packages in fresh Express apps, and what checks packages says of them."""

import json
import shutil
from pathlib import Path

import npm
import roots
from platforms import Platform
from trial import Dist, Skipped, Trials, check_server, run

SERVER = """
const hub = createHub()
const app = express()
app.get('/stream', sseMiddleware(hub, { topics: ['lines'] }))
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/stream`))
createInterface({ input: process.stdin })
  .on('line', line => hub.publish('lines', line))
  .on('close', () => hub.close().then(() => server.close()))
"""
ESM = (
    "import { createInterface } from 'node:readline'\nimport express from 'express'\n"
    "import { createHub, sseMiddleware } from 'ssecast'\n"
)
CJS = (
    "const { createInterface } = require('node:readline')\nconst express = require('express')\n"
    "const { createHub, sseMiddleware } = require('ssecast')\n"
)
TYPESCRIPT = SERVER.replace("server.address()", "(server.address() as AddressInfo)")

#: Uses something of every entry point, so that a declaration which isn't found or read is an error.
USER = """
import { createHub, sseMiddleware, type Published, type Session, SsecastError } from 'ssecast'
import { createParser, type EventSourceMessage } from 'ssecast/parser'
import { EventSource } from 'ssecast/client'
import { createParser as other } from 'ssecast/eventsource-parser'
import { EventSourceParserStream } from 'ssecast/eventsource-parser/stream'
import { createServer } from 'node:http'

const hub = createHub({ history: { events: 10 } })
const published: Published = hub.publish('t', { a: 1 })
createServer(sseMiddleware(hub, { topics: ['t'], onConnect: (session: Session) => void session.id }))
const messages: EventSourceMessage[] = []
createParser({ onEvent: message => messages.push(message) }).feed('data: x\\n\\n')
other({ onEvent: message => console.log(message.data) }).feed('data: x\\n\\n')
export const all = [published.id, SsecastError.name, EventSource, EventSourceParserStream]
// @ts-expect-error: a topic is a string; without types, this would be none
hub.publish(1, 'x')
"""
#: The oldest TypeScript that reads the declarations, with each way to find them that it has, and today's.
COMPILERS = {
    "typescript@5.4": (("commonjs", "node10"), ("node16", "node16"), ("es2022", "bundler")),
    "typescript@7": (("nodenext", "nodenext"), ("es2022", "bundler")),
}


def trials(dist: Dist) -> Trials:
    found: Trials = {}
    for platform in dist.platforms:
        if platform.is_host:
            found |= apps(dist, platform)
        elif platform.system == "linux":
            name = f"a fresh Express app serves a stream in a root of {platform.name}"
            found[name] = lambda folder, platform=platform: elsewhere(dist, folder, platform)
    found |= {f"{name} finds no fault in the npm packages": check for name, check in checks(dist).items()}
    for compiler, ways in COMPILERS.items():
        found[f"{compiler} reads the types"] = lambda folder, compiler=compiler, ways=ways: types(
            dist, folder, compiler, ways
        )
    found["without an addon the parser and the client run, and a hub says what is missing"] = lambda folder: no_addon(
        dist, folder
    )
    return found


def apps(dist: Dist, platform: Platform) -> Trials:
    def esm(folder: Path) -> None:
        install(dist, folder, platform, "express")
        (folder / "server.mjs").write_text(ESM + SERVER)
        check_server("node", "server.mjs", cwd=folder)

    def cjs(folder: Path) -> None:
        install(dist, folder, platform, "express")
        (folder / "server.cjs").write_text(CJS + SERVER)
        check_server("node", "server.cjs", cwd=folder)

    def typescript(folder: Path) -> None:
        install(dist, folder, platform, "express", "typescript@7", "@types/express", "@types/node@20")
        (folder / "server.mts").write_text(f"import type {{ AddressInfo }} from 'node:net'\n{ESM}{TYPESCRIPT}")
        run(
            "npx",
            "tsc",
            "--strict",
            "--module",
            "nodenext",
            "--target",
            "es2022",
            "--types",
            "node",
            "server.mts",
            cwd=folder,
        )
        check_server("node", "server.mjs", cwd=folder)

    return {
        f"a fresh Express app in ESM serves a stream ({platform.name})": esm,
        f"a fresh Express app in CommonJS serves a stream ({platform.name})": cjs,
        f"a fresh Express app in TypeScript serves a stream ({platform.name})": typescript,
    }


def elsewhere(dist: Dist, folder: Path, platform: Platform) -> None:
    """An app that is installed here for another platform, and run in a folder that has the platform's C library."""
    try:
        root = roots.root(platform)
    except roots.Missing as missing:
        raise Skipped(str(missing)) from missing
    # By force, since npm compares the package's platform with this machine's.
    install(dist, folder, platform, "express", "--force")
    (folder / "server.mjs").write_text(ESM + SERVER)
    app = root / "app"
    shutil.rmtree(app, ignore_errors=True)
    shutil.copytree(folder, app, symlinks=True)
    check_server(*roots.command(platform, root, "/node/bin/node", "/app/server.mjs"), cwd=folder)


def install(dist: Dist, folder: Path, platform: Platform | None, *others: str) -> None:
    """Installs `ssecast` and its addon from the release's files, and what else an app has from the registry.

    Without a platform it is what npm leaves where there is no package for the platform.
    """
    (folder / "package.json").write_text(json.dumps({"name": "trial", "private": True}))
    files = [dist.file(f"npm/ssecast-{dist.version}.tgz")]
    if platform:
        files.append(dist.file(f"npm/{npm.package(platform).removeprefix('@').replace('/', '-')}-{dist.version}.tgz"))
    add(folder, *files, *others, *([] if platform else ["--omit=optional"]))


def add(folder: Path, *words: str | Path) -> None:
    run("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", *words, cwd=folder)


def checks(dist: Dist) -> Trials:
    packages = (f"npm/ssecast-{dist.version}.tgz", f"npm/ssecast-eventsource-parser-{dist.version}.tgz")

    def publint(folder: Path) -> None:
        add(folder, "publint@0.3.25")
        for package in packages:
            run("npx", "publint", "--strict", dist.file(package), cwd=folder)

    def attw(folder: Path) -> None:
        add(folder, "@arethetypeswrong/cli@0.18.5")
        for package in packages:
            run("npx", "attw", dist.file(package), cwd=folder)

    return {"publint": publint, "arethetypeswrong": attw}


def types(dist: Dist, folder: Path, compiler: str, ways: tuple[tuple[str, str], ...]) -> None:
    install(dist, folder, None)
    add(folder, compiler, "@types/node@20")
    for module, resolution in ways:
        # A file's kind is its package's: what is resolved for import and for require is not the same.
        for kind in ("module", "commonjs") if resolution.startswith("node") else ("module",):
            (folder / "package.json").write_text(json.dumps({"name": "trial", "private": True, "type": kind}))
            (folder / "user.ts").write_text(USER)
            (folder / "tsconfig.json").write_text(
                json.dumps(
                    {
                        "compilerOptions": {
                            "strict": True,
                            "noEmit": True,
                            "target": "es2022",
                            "lib": ["es2023", "dom", "dom.iterable"],
                            "module": module,
                            "moduleResolution": resolution,
                            "types": ["node"],
                        },
                        "files": ["user.ts"],
                    }
                )
            )
            run("npx", "tsc", "-p", ".", cwd=folder)


def no_addon(dist: Dist, folder: Path) -> None:
    install(dist, folder, None)
    (folder / "trial.mjs").write_text("""
        import assert from 'node:assert/strict'
        import { createRequire } from 'node:module'
        import { createHub } from 'ssecast'
        import { EventSource } from 'ssecast/client'
        import { createParser } from 'ssecast/parser'

        const require = createRequire(import.meta.url)
        const datas = []
        const others = ['ssecast/parser', 'ssecast/eventsource-parser'].map(name => require(name))
        for (const { createParser: make } of [{ createParser }, ...others]) {
          make({ onEvent: ({ data }) => datas.push(data) }).feed('data: x\\n\\n')
        }
        assert.deepEqual(datas, ['x', 'x', 'x'])
        assert.equal(require('ssecast/client').EventSource, EventSource)
        assert.throws(() => createHub(), ({ message }) => {
          assert.ok(message.includes(`${process.platform}-${process.arch}`), message)
          assert.match(message, /make build/)
          assert.doesNotMatch(message, /npm has a bug/)
          return true
        })
    """)
    run("node", "trial.mjs", cwd=folder)
