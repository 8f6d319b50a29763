//! Writes `include/ssecast.h` from the source of the C library; with `--check` it only compares.

use std::path::Path;
use std::process::ExitCode;

const CONVENTIONS: &str = include_str!("../conventions.h");

fn main() -> ExitCode {
    let library = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let header = library.join("../../include/ssecast.h");
    let mut written = Vec::new();
    match cbindgen::generate_with_config(library, config()) {
        Ok(bindings) => bindings.write(&mut written),
        Err(error) => return fail(&format!("can't be made: {error}")),
    }
    let made = documented(&String::from_utf8_lossy(&written)).into_bytes();
    if std::env::args().any(|argument| argument == "--check") {
        return match std::fs::read(&header) {
            Ok(committed) if committed == made => {
                println!("include/ssecast.h is what the source makes");
                ExitCode::SUCCESS
            }
            Ok(_) => fail("is not what the source makes now; run 'make header' and commit it"),
            Err(error) => fail(&error.to_string()),
        };
    }
    match std::fs::write(&header, made) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Doxygen wants a line for each type, and cbindgen gives none to the names that C has for its enumerations.
fn documented(header: &str) -> String {
    let mut documented = String::with_capacity(header.len());
    for line in header.lines() {
        let name = line.strip_prefix("typedef uint32_t ").or_else(|| line.strip_prefix("typedef enum "));
        if let Some(name) = name.and_then(|names| names.trim_end_matches(';').split(' ').next()) {
            documented.extend(["/// A number of `enum ", name, "`.\n"]);
        }
        documented.push_str(line);
        documented.push('\n');
    }
    documented
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("include/ssecast.h {problem}");
    ExitCode::FAILURE
}

fn config() -> cbindgen::Config {
    let version = concat!(
        "/// The major version that a program is compiled with.\n#define SSECAST_VERSION_MAJOR ",
        env!("CARGO_PKG_VERSION_MAJOR"),
        "\n/// Its minor version.\n#define SSECAST_VERSION_MINOR ",
        env!("CARGO_PKG_VERSION_MINOR"),
        "\n/// Its patch level.\n#define SSECAST_VERSION_PATCH ",
        env!("CARGO_PKG_VERSION_PATCH"),
        "\n/// The whole version, as a text.\n#define SSECAST_VERSION_STRING \"",
        env!("CARGO_PKG_VERSION"),
        "\"\n",
    );
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(CONVENTIONS.trim_end().to_owned()),
        include_guard: Some("SSECAST_H".into()),
        autogen_warning: None,
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"].map(Into::into).to_vec(),
        after_includes: Some(format!("\n{version}")),
        cpp_compat: true,
        style: cbindgen::Style::Both,
        usize_is_size_t: true,
        line_length: 100,
        tab_width: 2,
        documentation_style: cbindgen::DocumentationStyle::Cxx,
        line_endings: cbindgen::LineEndingStyle::LF,
        ..cbindgen::Config::default()
    };
    // What a field holds as a number, because C may put any number there.
    config.export.include =
        ["ssecast_cause", "ssecast_framing", "ssecast_next", "ssecast_policy", "ssecast_store_state"]
            .map(Into::into)
            .to_vec();
    config.defines.insert("windows".into(), "_WIN32".into());
    config.parse.parse_deps = false;
    config
}
