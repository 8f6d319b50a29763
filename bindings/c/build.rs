//! Cargo gives a shared library no name of its own, and programs would look for it by its path.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let name = |part: &str| std::env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    // The interface may change with it: before 1.0 each minor version may have another one.
    let interface = match name("MAJOR").as_str() {
        "0" => format!("0.{}", name("MINOR")),
        major => major.to_owned(),
    };
    match std::env::var("CARGO_CFG_TARGET_VENDOR").as_deref() {
        Ok("apple") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libssecast.{interface}.dylib");
        }
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libssecast.so.{interface}"),
    }
}
