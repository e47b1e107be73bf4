//! Which names members may have (`docs/api.md#names`).

use serde_json::json;

use crate::expectations::{body_with, with};
use crate::support::{Backend, Counts, answer, id, url_event};

crate::cases! {
    stored_stripped_and_normalised,
    normalised_on_update,
    refused_at_creation,
    refused_on_update,
    unique_at_creation,
    unique_on_update,
    the_stored_name_is_always_accepted,
}

const ADMIN: &str = "Grandmaster Oh";

fn stored_stripped_and_normalised(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (sent, stored) in names() {
        let create = json!({"action": "admin_create_user", "role": "Student", "name": sent});
        let user = backend.ok_as(ADMIN, &create);
        assert_eq!(user["name"], json!(stored), "{sent:?}");
        let user_id = user["user_id"].as_str().unwrap();
        assert_eq!(backend.published()["users"][user_id]["name"], json!(stored));
        // The next name may be the same after normalisation.
        let delete = json!({"action": "admin_delete_user", "user_id": user_id});
        backend.ok_as(ADMIN, &delete);
    }
}

fn normalised_on_update(counts: &Counts) {
    let backend = Backend::demo(counts);
    let update = json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Student"});
    for (sent, stored) in names() {
        let update = with(&update, "name", sent);
        backend.effect_as(ADMIN, &update, |club, _| {
            club["users"][id("Emil")]["name"] = json!(stored);
        });
    }
}

fn refused_at_creation(counts: &Counts) {
    let backend = Backend::demo(counts);
    let create = json!({"action": "admin_create_user", "role": "Student"});
    for name in bad_names() {
        backend.refused_as(ADMIN, &with(&create, "name", name));
    }
    for surrogates in [
        r#""\ud800abc""#,
        r#""abc\udc00""#,
        r#""a\udc00\ud800bc""#,
        r#""abc\ud83e""#,
    ] {
        backend.refused_body(&body_with(ADMIN, &create, "name", surrogates));
    }
    // A pair is one character.
    let body = body_with(ADMIN, &create, "name", r#""\ud83e\udd4b\u0061\u0062""#);
    let (_, user) = answer(&backend.event(&url_event(&body)));
    assert_eq!(user["name"], json!("🥋ab"));
}

fn refused_on_update(counts: &Counts) {
    let backend = Backend::demo(counts);
    let update = json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Coach"});
    for name in bad_names() {
        backend.refused_as(ADMIN, &with(&update, "name", name));
    }
    backend.refused_body(&body_with(ADMIN, &update, "name", r#""\ud800abc""#));
}

fn unique_at_creation(counts: &Counts) {
    let backend = Backend::demo(counts);
    let create = json!({"action": "admin_create_user", "role": "Student"});
    backend.ok_as(ADMIN, &with(&create, "name", "ffi å"));
    for taken in [
        "Amir",
        " Amir ",
        "Ａｍｉｒ",
        "Grandmaster Oh",
        "Grandmaster\u{a0}Oh",
        "\u{fb03} å",
        "ffi a\u{30a}",
    ] {
        let text = backend.refused_as(ADMIN, &with(&create, "name", taken));
        assert!(text.contains("name"), "{text}");
    }
    for free in ["amir", "AMIR", "Amir 2", "Ámir", "Grandmaster  Oh"] {
        backend.ok_as(ADMIN, &with(&create, "name", free));
    }
    backend.ok_as(
        ADMIN,
        &json!({"action": "admin_delete_user", "user_id": id("Amir")}),
    );
    backend.ok_as(ADMIN, &with(&create, "name", "Amir"));
}

fn unique_on_update(counts: &Counts) {
    let backend = Backend::demo(counts);
    let update = json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Student"});
    for taken in [
        "Amir",
        " Amir",
        "Ａｍｉｒ",
        "Coach Hana",
        "Grandmaster\u{a0}Oh",
    ] {
        backend.refused_as(ADMIN, &with(&update, "name", taken));
    }
    for free in ["amir", "Emil\u{a0}", "EMIL", "Emil"] {
        backend.ok_as(ADMIN, &with(&update, "name", free));
    }
    // Two who exchange names need a third one meanwhile.
    let amir = with(&update, "user_id", id("Amir"));
    backend.refused_as(ADMIN, &with(&amir, "name", "Emil"));
    backend.ok_as(ADMIN, &with(&amir, "name", "Somebody"));
    backend.ok_as(ADMIN, &with(&update, "name", "Amir"));
    backend.ok_as(ADMIN, &with(&amir, "name", "Emil"));
    backend.published();
}

fn the_stored_name_is_always_accepted(counts: &Counts) {
    let backend = Backend::demo(counts);
    let others = ["Birgitte", "Ａｍｉｒ"].map(str::to_owned);
    let names = bad_names()
        .into_iter()
        .chain(others)
        .chain([" Carlos ".to_owned()]);
    for (name, role) in names.zip(["Coach", "Student"].iter().cycle()) {
        backend.edit(|club| club["users"][id("Emil")]["name"] = json!(name));
        let update = json!({"action": "admin_update_user", "user_id": id("Emil"),
            "role": role, "name": name});
        let answer = backend.effect_as(ADMIN, &update, |club, _| {
            club["users"][id("Emil")]["role"] = json!(role);
        });
        assert_eq!(answer, json!({}));
        // Only for the one who has it.
        let other = with(&update, "user_id", id("Fatima"));
        backend.refused_as(ADMIN, &with(&other, "role", "Student"));
    }
}

/// Names as sent, and as they must be stored.
fn names() -> Vec<(String, String)> {
    [
        ("abc", "abc"),
        ("Åse", "Åse"),
        ("A\u{30a}se", "Åse"),
        ("  Kim Lee \u{a0}\n\t", "Kim Lee"),
        ("\u{3000}\u{2003}Kim\u{2028}\u{85}", "Kim"),
        ("Kim  Lee", "Kim  Lee"),
        ("\u{fb03}", "ffi"),
        ("K\u{ff49}m", "Kim"),
        ("Kim\u{2460}", "Kim1"),
        ("Kim\u{a0}Lee", "Kim Lee"),
        ("\u{212b}se", "Åse"),
        ("kim", "kim"),
        ("金正道", "金正道"),
        ("ｷﾑ金", "キム金"),
        ("🥋🥋🥋", "🥋🥋🥋"),
        ("<b>\"'\\/&", "<b>\"'\\/&"),
        ("null", "null"),
        ("123", "123"),
        ("...", "..."),
    ]
    .map(|(sent, stored)| (sent.to_owned(), stored.to_owned()))
    .into_iter()
    .chain([
        ("x".repeat(60), "x".repeat(60)),
        ("🥋".repeat(60), "🥋".repeat(60)),
        ("a\u{30a}".repeat(60), "å".repeat(60)),
        (
            format!("{}{}{}", " ".repeat(90), "y".repeat(60), "\n".repeat(90)),
            "y".repeat(60),
        ),
        // 20 times U+FB03 are 60 letters.
        ("\u{fb03}".repeat(20), "ffi".repeat(20)),
        // U+00B4 becomes a space and a combining accent; only the ends are stripped.
        ("\u{b4}ab".to_owned(), "\u{301}ab".to_owned()),
    ])
    .collect()
}

/// Names that nobody may have.
fn bad_names() -> Vec<String> {
    [
        "",
        "a",
        "ab",
        "   ",
        " ab ",
        "\u{3000}\u{3000}\u{3000}\u{3000}",
        "A\u{30a}s",
        "🥋🥋",
        "a\0bc",
        "a\nbc",
        "a\tbc",
        "a\rbc",
        "a\u{1b}[31m",
        "a\u{7f}bc",
        "a\u{85}bc",
        "a\u{2028}bc",
        "a\u{2029}bc",
        "\0abc",
        // Nothing to see.
        "\u{200b}\u{200b}\u{200b}",
        "\u{3164}\u{3164}\u{3164}",
        "\u{2800} \u{2800}",
        "\u{e0041}\u{e0042}\u{feff}",
        // The other way round.
        "\u{202e}rimA\u{202c}",
        "A\u{200f}mir",
        "Amir\u{2069}",
        "abc\u{7}",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        "x".repeat(61),
        "🥋".repeat(61),
        "x".repeat(100_000),
        "a\u{30a}".repeat(61),
        // 21 times U+FB03 are 63 letters.
        "\u{fb03}".repeat(21),
    ])
    .collect()
}
