//! The demo club: `any_reset_test_setup` makes it, the tests know it, and the local command shows it.
//!
//! Names, roles and login codes are the same after every reset. The codes are derived from the test secret, so this
//! file alone does not tell them (`docs/api.md#any_reset_test_setup`).

use std::collections::BTreeMap;

use super::Club;
use super::extra::Extra;
use super::history::{History, year_of};
use super::operation::{derive_login_code, derive_uuid};
use super::participation::Participation;
use super::session::{Session, SessionState};
use super::user::{LoginCode, Role, User};

/// Names and roles of the demo club's members.
pub const MEMBERS: [(&str, Role); 10] = [
    ("Grandmaster Oh", Role::Admin),
    ("Coach Hana", Role::Coach),
    ("Coach Jonas", Role::Coach),
    ("Coach Mette", Role::Coach),
    ("Amir", Role::Student),
    ("Birgitte", Role::Student),
    ("Carlos", Role::Student),
    ("Dagny", Role::Student),
    ("Emil", Role::Student),
    ("Fatima", Role::Student),
];

/// The login code of the demo member `name` if the test secret is `test_secret`.
#[must_use]
pub fn login_code(test_secret: &str, name: &str) -> LoginCode {
    derive_login_code(test_secret.as_bytes(), &[b"demo code", name.as_bytes()])
}

/// The id of the demo member `name` if the test secret is `test_secret`.
#[must_use]
pub fn user_id(test_secret: &str, name: &str) -> String {
    derive_uuid(test_secret.as_bytes(), &[b"demo user", name.as_bytes()])
}

/// The demo club at `now`: ten members, two weekly sessions that lie ahead and one that began at
/// the start of the present hour. Keys that the contract does not name are kept from `before`.
#[must_use]
pub fn club(test_secret: &str, now: i64, before: &Club) -> Club {
    let users = MEMBERS.map(|(name, role)| User {
        user_id: user_id(test_secret, name),
        name: name.to_owned(),
        role,
        auth_token: login_code(test_secret, name),
        extra: Extra::default(),
    });
    let hour = now - now.rem_euclid(HOUR);
    let mut sessions = WEEKLY
        .map(|weekly| weekly.session(test_secret, weekly.next_after(now)))
        .to_vec();
    sessions.push(PRESENT.session(test_secret, hour));
    Club {
        users: users
            .into_iter()
            .map(|user| (user.user_id.clone(), user))
            .collect::<BTreeMap<_, _>>()
            .into(),
        sessions: sessions
            .into_iter()
            .map(|s| (s.session_id.clone(), s.into()))
            .collect(),
        extra: before.extra.clone(),
        has_stand_ins: before.has_stand_ins,
    }
}

/// The history of the weekly sessions' past weeks, by year.
#[must_use]
pub fn history(test_secret: &str, now: i64) -> BTreeMap<i32, History> {
    let mut years = BTreeMap::<i32, History>::new();
    for weekly in &WEEKLY {
        let next = weekly.next_after(now);
        for week in 1..=PAST_WEEKS {
            let start_time = next - week * WEEK;
            let Some(year) = year_of(start_time) else {
                continue;
            };
            // Everybody misses another week now and then; the coach never does.
            let mut participants: Vec<_> = (0..)
                .zip(MEMBERS)
                .filter(|&(n, (name, role))| {
                    name == weekly.coach || role != Role::Admin && (n + week) % 4 != 0
                })
                .map(|(_, (name, _))| user_id(test_secret, name))
                .collect();
            participants.sort();
            let session = weekly.session(test_secret, start_time);
            years
                .entry(year)
                .or_default()
                .record(&session.session_id, &session, &participants, "");
        }
    }
    years
}

/// A session of the demo club that may take place again and again.
struct Training {
    /// Seconds from the start of a week (Thursday 00:00 UTC, as the epoch was one) to the start.
    offset: i64,
    duration: i64,
    coach: &'static str,
    comment: &'static str,
    intentions: [(&'static str, Participation); 4],
}

impl Training {
    /// The first start after `now`.
    fn next_after(&self, now: i64) -> i64 {
        now - (now - self.offset).rem_euclid(WEEK) + WEEK
    }

    fn session(&self, test_secret: &str, start_time: i64) -> Session {
        let id = |name| user_id(test_secret, name);
        let parts: [&[u8]; 3] = [
            b"demo session",
            self.coach.as_bytes(),
            &start_time.to_be_bytes(),
        ];
        Session {
            session_id: derive_uuid(test_secret.as_bytes(), &parts),
            start_time,
            end_time: start_time + self.duration,
            state: SessionState::Scheduled,
            coach: Some(Some(id(self.coach))),
            comment: Some(Some(self.comment.to_owned())),
            participation: [(self.coach, Participation::Yes)]
                .into_iter()
                .chain(self.intentions)
                .map(|(name, intention)| (id(name), intention))
                .collect(),
            extra: Extra::default(),
        }
    }
}

const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;
const PAST_WEEKS: i64 = 19;

const WEEKLY: [Training; 2] = [
    Training {
        // Tuesdays 17:00.
        offset: 5 * 24 * HOUR + 17 * HOUR,
        duration: HOUR + HOUR / 2,
        coach: "Coach Hana",
        comment: "Basics and forms",
        intentions: [
            ("Amir", Participation::Yes),
            ("Birgitte", Participation::Maybe),
            ("Carlos", Participation::No),
            ("Fatima", Participation::Yes),
        ],
    },
    Training {
        // Thursdays 18:30.
        offset: 18 * HOUR + HOUR / 2,
        duration: 2 * HOUR,
        coach: "Coach Jonas",
        comment: "Sparring: bring your protectors",
        intentions: [
            ("Birgitte", Participation::Yes),
            ("Dagny", Participation::Yes),
            ("Emil", Participation::Maybe),
            ("Coach Mette", Participation::No),
        ],
    },
];

const PRESENT: Training = Training {
    offset: 0,
    duration: HOUR + HOUR / 2,
    coach: "Coach Mette",
    comment: "Open training",
    intentions: [
        ("Amir", Participation::Yes),
        ("Carlos", Participation::Yes),
        ("Dagny", Participation::No),
        ("Emil", Participation::Maybe),
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use time::OffsetDateTime;

    use super::*;

    const NOW: i64 = 1_800_001_234;

    #[test]
    fn the_club_has_what_the_contract_says() {
        let club = club("secret", NOW, &Club::default());
        let count = |role| club.users.values().filter(|user| user.role == role).count();
        assert_eq!(
            (count(Role::Admin), count(Role::Coach), count(Role::Student)),
            (1, 3, 6)
        );
        let mut starts: Vec<_> = club.sessions.values().map(|s| s.start_time - NOW).collect();
        starts.sort_unstable();
        assert_eq!(starts[0], -(NOW % 3600));
        assert!(
            starts[1..].iter().all(|&ahead| (1..=WEEK).contains(&ahead)),
            "{starts:?}"
        );
        for session in club.sessions.values() {
            let coach = session.coach.clone().flatten().unwrap();
            assert!(club.users[&coach].role == Role::Coach);
            assert!(
                session
                    .participation
                    .iter()
                    .all(|(id, _)| club.users.contains_key(id))
            );
        }
    }

    #[test]
    fn codes_stay_over_time_and_depend_on_the_secret() {
        let (now, later) = (
            club("secret", NOW, &Club::default()),
            club("secret", NOW + 9 * WEEK, &Club::default()),
        );
        assert_eq!(now.users, later.users);
        assert_ne!(login_code("secret", "Amir"), login_code("other", "Amir"));
    }

    #[test]
    fn weekly_sessions_keep_their_weekday() {
        // 1,800,001,234 is Friday 15 January 2027, 08:20:34 UTC; the Tuesday after begins 4 days later.
        assert_eq!(WEEKLY[0].next_after(NOW), 1_800_378_000);
        assert_eq!(
            (WEEKLY[0].next_after(NOW) - WEEKLY[0].next_after(NOW - WEEK)),
            WEEK
        );
        assert_eq!(
            WEEKLY[1].next_after(WEEKLY[1].offset),
            WEEKLY[1].offset + WEEK
        );
    }

    #[test]
    fn the_history_covers_nineteen_weeks_filed_by_year() {
        let years = history("secret", NOW);
        assert_eq!(years.keys().copied().collect::<Vec<_>>(), [2026, 2027]);
        let mut all = super::super::recordings::Recordings::between(0, NOW);
        for year in years.values() {
            all.add(year).unwrap();
        }
        assert_eq!(all.answer().as_object().unwrap().len(), 38);
    }

    #[test]
    fn trainings_are_at_their_hours() {
        let club = club("secret", NOW, &Club::default());
        let mut found: Vec<_> = club
            .sessions
            .values()
            .map(|session| {
                let start = OffsetDateTime::from_unix_timestamp(session.start_time).unwrap();
                let length = session.end_time - session.start_time;
                let (day, (hour, minute, _)) = (start.weekday(), start.time().as_hms());
                (
                    start,
                    format!("{day} {hour}:{minute:02}, {} min", length / 60),
                )
            })
            .collect();
        found.sort();
        let found: Vec<_> = found.iter().map(|(_, text)| &**text).collect();
        let expected = [
            "Friday 8:00, 90 min",
            "Tuesday 17:00, 90 min",
            "Thursday 18:30, 120 min",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn everybody_misses_every_fourth_week_and_the_coach_none() {
        let mut entries = BTreeMap::new();
        for year in history("secret", NOW).values() {
            for (_, entry) in year.entries() {
                let entry: Value = serde_json::from_str(entry.get()).unwrap();
                let start = entry["session"]["start_time"].as_i64().unwrap();
                entries.insert(start, entry);
            }
        }
        let took_part = |entry: &Value, name| {
            let participants = entry["participants"].as_array().unwrap();
            participants.contains(&Value::from(user_id("secret", name)))
        };
        for (name, role) in MEMBERS {
            let count = |coach: &str| {
                let led_by = |entry: &&Value| entry["session"]["coach"] == user_id("secret", coach);
                let with = entries.values().filter(led_by);
                with.filter(|entry| took_part(entry, name)).count()
            };
            for coach in ["Coach Hana", "Coach Jonas"] {
                let expected = match role {
                    _ if name == coach => 19..=19,
                    Role::Admin => 0..=0,
                    _ => 14..=15,
                };
                assert!(
                    expected.contains(&count(coach)),
                    "{name}, {coach}: {}",
                    count(coach)
                );
            }
        }
        let (_, last) = entries.last_key_value().unwrap();
        let missing: Vec<_> = MEMBERS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !took_part(last, name))
            .collect();
        assert_eq!(missing, ["Grandmaster Oh", "Coach Mette", "Dagny"]);
    }
}
