//! What the command prints once everything runs: login codes and `curl` lines that work when pasted.

use std::fmt::Write;

use serde_json::{Value, json};

/// A member of the club, as private `data.json` has it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    /// First, for the order: `Admin`, `Coach`, `Student`.
    role: String,
    name: String,
    login_code: String,
    user_id: String,
}

/// The login codes and `curl` lines for the club in `private` (private `data.json`); `now` in seconds
/// since 1970.
pub(crate) fn text(private: &[u8], function_url: &str, public_data_url: &str, now: i64) -> String {
    let data: Value = serde_json::from_slice(private).unwrap_or_default();
    let members = members(&data);
    let mut text = String::from("Login codes:\n");
    for member in members.iter().take(MEMBERS_SHOWN) {
        let Member {
            role,
            name,
            login_code,
            ..
        } = member;
        let _ = writeln!(text, "  {role:<8} {login_code:<14} {name}");
    }
    if members.len() > MEMBERS_SHOWN {
        let _ = writeln!(text, "  and {} more", members.len() - MEMBERS_SHOWN);
    }
    let _ = write!(text, "\nTo try it out:\n\ncurl -s {public_data_url}\n");
    let code = |role: &str| {
        members
            .iter()
            .find(|member| member.role == role)
            .map(|member| member.login_code.as_str())
    };
    if let Some((id, session)) = upcoming(&data, now)
        && let Some((student, answer)) = undecided(&members, session)
    {
        post(
            &mut text,
            function_url,
            &json!({
                "action": "any_register_participation",
                "joining_sessions": { id: answer },
                "user_auth_tokens": [student.login_code],
            }),
        );
    } else if let Some(host) = members.iter().find(|member| member.role != "Student") {
        // Nothing lies ahead (any more) that somebody could answer for.
        post(
            &mut text,
            function_url,
            &json!({
                "action": "coach_add_training_session",
                "auth_token": host.login_code,
                "start_time": now + DAY_SECONDS,
                "end_time": now + DAY_SECONDS + 3_600,
                "coach": host.user_id,
                "comment": "A first session",
            }),
        );
    }
    if let Some(coach) = code("Coach") {
        post(
            &mut text,
            function_url,
            &json!({
                "action": "coach_get_historical_participation",
                "auth_token": coach,
                "start_time": now - HISTORY_SECONDS,
                "end_time": now,
            }),
        );
    } else if let Some(admin) = code("Admin") {
        post(
            &mut text,
            function_url,
            &json!({
                "action": "admin_create_user",
                "auth_token": admin,
                "role": "Student",
                "name": "First Student",
            }),
        );
    }
    text
}

fn post(text: &mut String, url: &str, body: &Value) {
    // Within single quotes a shell takes everything as it is but the quote itself.
    let body = body.to_string().replace('\'', r"'\''");
    let _ = write!(
        text,
        "\ncurl -s {url} -H 'Content-Type: application/json' -d '{body}'\n"
    );
}

fn members(data: &Value) -> Vec<Member> {
    let text = |user: &Value, key: &str| Some(user.get(key)?.as_str()?.to_owned());
    let mut members: Vec<Member> = values(data, "users")
        .filter_map(|(user_id, user)| {
            Some(Member {
                user_id: user_id.clone(),
                role: text(user, "role")?,
                name: text(user, "name")?,
                login_code: text(user, "auth_token")?,
            })
        })
        .collect();
    members.sort();
    members
}

/// The scheduled session that begins next, with its id.
fn upcoming(data: &Value, now: i64) -> Option<(&String, &Value)> {
    values(data, "sessions")
        .filter(|(_, session)| session.get("state").and_then(Value::as_str) == Some("scheduled"))
        .filter_map(|(id, session)| Some((session.get("start_time")?.as_i64()?, id, session)))
        .filter(|(start, ..)| *start > now)
        .min_by_key(|(start, id, _)| (*start, *id))
        .map(|(_, id, session)| (id, session))
}

/// A student and an answer that changes something: `Yes` from one who has not said so, else a `Maybe`.
fn undecided<'a>(members: &'a [Member], session: &Value) -> Option<(&'a Member, &'static str)> {
    let comes = |member: &Member| {
        session
            .get("participation")
            .and_then(|answers| answers.get(&member.user_id))
            == Some(&Value::from("Yes"))
    };
    let mut students = members.iter().filter(|member| member.role == "Student");
    let first = students.clone().next()?;
    Some(
        students
            .find(|student| !comes(student))
            .map_or((first, "Maybe"), |other| (other, "Yes")),
    )
}

fn values<'a>(data: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    data.get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

const MEMBERS_SHOWN: usize = 12;
const DAY_SECONDS: i64 = 86_400;
/// About four months.
const HISTORY_SECONDS: i64 = 120 * DAY_SECONDS;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: &str, name: &str, code: &str) -> Value {
        json!({ "user_id": "u", "role": role, "name": name, "auth_token": code })
    }

    #[test]
    fn a_club() {
        let private = json!({
            "users": {
                "1": user("Student", "Zoe", "zoeszoeszoes"),
                "2": user("Coach", "O'Neil", "coachcoachco"),
                "3": user("Admin", "Ann", "ad'min"),
                "4": user("Student", "Bob", "bobsbobsbobs"),
            },
            "sessions": {
                "past": { "state": "scheduled", "start_time": 50 },
                "off": { "state": "cancelled", "start_time": 150 },
                "later": { "state": "scheduled", "start_time": 300 },
                "next": {
                    "state": "scheduled",
                    "start_time": 200,
                    "participation": { "4": "Yes", "1": "No" },
                },
            },
        });
        let private = private.to_string();
        let text = text(
            private.as_bytes(),
            "http://f",
            "http://s/public/data.json",
            100,
        );
        let (codes, curls) = text.split_once("\nTo try it out:\n\n").unwrap();
        assert_eq!(
            codes,
            "Login codes:\n  Admin    ad'min         Ann\n  Coach    coachcoachco   O'Neil\n  \
             Student  bobsbobsbobs   Bob\n  Student  zoeszoeszoes   Zoe\n"
        );
        let curls: Vec<&str> = curls.split("\n\n").collect();
        assert_eq!(curls.len(), 3);
        assert_eq!(curls[0], "curl -s http://s/public/data.json");
        assert!(
            curls[1].contains(r#""joining_sessions":{"next":"Yes"}"#),
            "{}",
            curls[1]
        );
        assert!(
            curls[1].contains(r#""user_auth_tokens":["zoeszoeszoes"]"#),
            "{}",
            curls[1]
        );
        assert!(
            curls[2].contains(r#""auth_token":"coachcoachco""#),
            "{}",
            curls[2]
        );
    }

    #[test]
    fn a_club_whose_sessions_are_over_has_three_lines_too() {
        let private = json!({
            "users": {
                "1": user("Student", "Zoe", "zoeszoeszoes"),
                "2": user("Coach", "Kim", "coachcoachco"),
            },
            "sessions": { "a": { "state": "scheduled", "start_time": 9 } },
        });
        let text = text(private.to_string().as_bytes(), "f", "s", 10);
        assert_eq!(
            text.lines().filter(|line| line.starts_with("curl")).count(),
            3
        );
        assert!(text.contains("coach_add_training_session"), "{text}");
    }

    #[test]
    fn students_who_all_come() {
        let private = json!({
            "users": { "1": user("Student", "Zoe", "zoeszoeszoes") },
            "sessions": {
                "a": { "state": "scheduled", "start_time": 9, "participation": { "1": "Yes" } },
            },
        });
        let text = text(private.to_string().as_bytes(), "f", "s", 0);
        assert!(
            text.contains(r#""joining_sessions":{"a":"Maybe"}"#),
            "{text}"
        );
    }

    #[test]
    fn an_admin_alone() {
        let private =
            json!({ "users": { "1": user("Admin", "Default admin", "a'b") } }).to_string();
        let text = text(
            private.as_bytes(),
            "http://f",
            "http://s/public/data.json",
            100,
        );
        assert!(text.contains("admin_create_user"), "{text}");
        assert!(
            text.contains(r#""auth_token":"a'\''b""#),
            "quoted for the shell: {text}"
        );
        assert!(
            !text.contains("any_register_participation"),
            "there is nothing to join: {text}"
        );
    }

    #[test]
    fn a_large_club() {
        let users: serde_json::Map<_, _> = (0..20)
            .map(|n| (n.to_string(), user("Student", &format!("N{n:02}"), "code")))
            .collect();
        let text = text(
            json!({ "users": users }).to_string().as_bytes(),
            "f",
            "s",
            0,
        );
        assert!(text.contains("N11\n  and 8 more\n"), "{text}");
        assert!(!text.contains("N12"), "{text}");
    }
}
