//! Lets the linker leave the symbols of Node to Node.

fn main() {
    napi_build::setup();
    // Otherwise macOS's linker names the library by its path on the machine that built it.
    if std::env::var("CARGO_CFG_TARGET_VENDOR").as_deref() == Ok("apple") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/ssecast.node");
    }
}
