//! Every input that fuzzing has found worth keeping (`fuzz/corpus/`), through the same functions.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of another package")]
mod fuzz;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_is_replayed() {
    let targets: [(&str, fn(&[u8])); 5] = [
        ("events", fuzz::events),
        ("bodies", fuzz::bodies),
        ("stored", fuzz::stored),
        ("s3_errors", fuzz::s3_errors),
        ("runtime_api", fuzz::runtime_api),
    ];
    for (name, target) in targets {
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
