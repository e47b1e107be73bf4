// The club's data as the page shows it: pure functions, without DOM, network or words.
//
// A club is public `data.json`: `users` and `sessions` by id; times are seconds since 1970.

export const ANSWERS = ["Yes", "Maybe", "No"];

/** Attendance can be taken from this many seconds before the start. */
const ATTENDANCE_LEAD = 600;
const DAY = 86_400;

const byName = (a, b) => a.name.localeCompare(b.name);

/** All members, by name. */
export const members = (club) => Object.values(club.users ?? {}).sort(byName);

/** The sessions that have not ended at `now`, then those that have; each in order of time. */
export function sessions(club, now) {
  const all = Object.entries(club.sessions ?? {})
    .map(([id, session]) => view(club, id, session, now))
    .sort((a, b) => a.start - b.start || a.id.localeCompare(b.id));
  return {
    coming: all.filter((session) => session.end > now && session.state !== "archived"),
    past: all.filter((session) => session.end <= now || session.state === "archived"),
  };
}

function view(club, id, session, now) {
  const answers = session.participation ?? {};
  return {
    id,
    start: session.start_time,
    end: session.end_time,
    state: session.state,
    coachId: session.coach,
    coach: club.users[session.coach]?.name,
    comment: session.comment ?? "",
    answers,
    who: ANSWERS.map((answer) => ({
      answer,
      names: members(club)
        .filter((user) => answers[user.user_id] === answer)
        .map((user) => user.name),
    })),
    attendanceFrom: session.start_time - ATTENDANCE_LEAD,
    canTakeAttendance: session.state !== "cancelled" && now >= session.start_time - ATTENDANCE_LEAD,
  };
}

/** The club with one more answer; `null` takes it back. */
export function withAnswer(club, sessionId, userId, answer) {
  const session = club.sessions[sessionId];
  if (!session) return club;
  const { [userId]: _, ...participation } = session.participation ?? {};
  if (answer) participation[userId] = answer;
  return { ...club, sessions: { ...club.sessions, [sessionId]: { ...session, participation } } };
}

/**
 * The members in the order in which a coach goes through them: those recorded before, or else those
 * who said yes or maybe, come first and are ticked.
 */
export function attendanceList(club, session, recorded) {
  const expected = (id) => (recorded ? recorded.includes(id) : ["Yes", "Maybe"].includes(session.answers[id]));
  return members(club)
    .map((user) => ({ ...user, answer: session.answers[user.user_id], ticked: expected(user.user_id) }))
    .sort((a, b) => b.ticked - a.ticked || byName(a, b));
}

/**
 * The same weekday and local time in `weeks` weeks, whatever summer time does.
 * `date` is `YYYY-MM-DD`, `from` and `to` are `HH:MM`; a `to` before `from` is on the next day.
 */
export function weekly(date, from, to, weeks) {
  const [year, month, day] = date.split("-").map(Number);
  const seconds = (days, time) => {
    const [hour, minute] = time.split(":").map(Number);
    return new Date(year, month - 1, day + days, hour, minute).getTime() / 1000;
  };
  return Array.from({ length: weeks }, (_, week) => ({
    start: seconds(7 * week, from),
    end: seconds(7 * week + (to <= from ? 1 : 0), to),
  }));
}

/** `YYYY-MM-DD` and `HH:MM` of a time, local. */
export function localParts(seconds) {
  const date = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return {
    date: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    time: `${two(date.getHours())}:${two(date.getMinutes())}`,
  };
}

/** The first second of a local day `YYYY-MM-DD`, or of the one `later` days after it. */
export function dayStart(date, later = 0) {
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year, month - 1, day + later).getTime() / 1000;
}

/** What the history asks for at first: half a year up to and with today. */
export function defaultPeriod(now) {
  return { from: localParts(now - 182 * DAY).date, to: localParts(now).date };
}

/**
 * Who attended what: `dates` in order of time, `rows` with a flag per date and a total. `weekday`
 * (0: Sunday) narrows it down; who is no member any more gets a row after the others.
 */
export function matrix(club, history, weekday) {
  const dates = Object.entries(history)
    .map(([id, { session, participants }]) => ({ id, start: session.start_time, participants }))
    .filter(({ start }) => weekday === undefined || new Date(start * 1000).getDay() === weekday)
    .sort((a, b) => a.start - b.start || a.id.localeCompare(b.id));
  const present = members(club).map(({ user_id, name }) => ({ id: user_id, name }));
  const former = new Set(dates.flatMap(({ participants }) => participants).filter((id) => !club.users[id]));
  const rows = [...present, ...[...former].sort().map((id) => ({ id, name: null }))].map((row) => {
    const attended = dates.map(({ participants }) => participants.includes(row.id));
    return { ...row, attended, total: attended.filter(Boolean).length };
  });
  return { dates, rows, totals: dates.map(({ participants }) => participants.length) };
}

/** Rows of cells as a file for spreadsheets, in which no cell is taken for a formula. */
export function csv(rows) {
  const cell = (value) => {
    const text = String(value);
    return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
