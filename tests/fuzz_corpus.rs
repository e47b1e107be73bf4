//! Every input that fuzzing has found worth keeping (`fuzz/corpus/`), through the same functions.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of another package")]
mod fuzz;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_is_replayed() {
    for (name, target) in [
        ("events", fuzz::events as fn(&[u8])),
        ("bodies", fuzz::bodies),
        ("stored", fuzz::stored),
        ("s3_errors", fuzz::s3_errors),
        ("runtime_api", fuzz::runtime_api),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let files = fs::read_dir(folder).expect("every target has a corpus");
        let mut count = 0;
        for file in files {
            target(&fs::read(file.expect("it is there").path()).expect("it can be read"));
            count += 1;
        }
        println!("{name}: {count} inputs");
        assert!(count > 0);
    }
}
