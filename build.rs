//! Makes cargo notice new lab files, which are embedded into the binary.

fn main() {
    for folder in ["labs", "manifests", "kind-configs"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
