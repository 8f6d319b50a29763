//! Cargo gives a shared library no name of its own, and programs would look for it by its path.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    match std::env::var("CARGO_CFG_TARGET_VENDOR").as_deref() {
        Ok("apple") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libssecast.{major}.dylib");
        }
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libssecast.so.{major}"),
    }
}
