//! Lets the linker leave the symbols of Node to Node.

fn main() {
    napi_build::setup();
}
