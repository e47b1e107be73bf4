// The club's data (public `data.json`) as the page shows it: pure functions. Times are seconds since 1970.

export const ANSWERS = ["Yes", "Maybe", "No"];
/** Seconds before the start from which on attendance can be taken. */
const LEAD = 600;
const HALF_A_YEAR = 182 * 86_400;

const byName = (a, b) => a.name.localeCompare(b.name);
const byStart = (a, b) => a.start - b.start || a.id.localeCompare(b.id);

export const members = (club) => Object.values(club.users ?? {}).sort(byName);

/** The sessions that go on or lie ahead at `now`, and the others, in order of time. */
export function sessions(club, now) {
	const users = members(club);
	const all = Object.entries(club.sessions ?? {}).map(([id, session]) => {
		const answers = session.participation ?? {};
		const saying = (answer) => users.filter(({ user_id }) => answers[user_id] === answer).map(({ name }) => name);
		return {
			id,
			answers,
			start: session.start_time,
			end: session.end_time,
			state: session.state,
			coachId: session.coach,
			coach: club.users[session.coach]?.name,
			comment: session.comment ?? "",
			who: ANSWERS.map((answer) => ({ answer, names: saying(answer) })),
			attendanceFrom: session.start_time - LEAD,
			canTakeAttendance: session.state !== "cancelled" && now >= session.start_time - LEAD,
		};
	});
	const isAhead = ({ end, state }) => end > now && state !== "archived";
	all.sort(byStart);
	return { coming: all.filter(isAhead), past: all.filter((session) => !isAhead(session)) };
}

/** The club with one more answer; `null` takes it back. */
export function withAnswer(club, sessionId, userId, answer) {
	const session = club.sessions[sessionId];
	if (!session) return club;
	const { [userId]: _, ...participation } = session.participation ?? {};
	if (answer) participation[userId] = answer;
	return { ...club, sessions: { ...club.sessions, [sessionId]: { ...session, participation } } };
}

/** The members, first (and ticked) those `recorded` before, or else those who said yes or maybe. */
export function attendanceList(club, { answers }, recorded) {
	const isExpected = (id) => (recorded ? recorded.includes(id) : ["Yes", "Maybe"].includes(answers[id]));
	return members(club)
		.map(({ user_id: id, name }) => ({ id, name, answer: answers[id], ticked: isExpected(id) }))
		.sort((a, b) => b.ticked - a.ticked || byName(a, b));
}

/** The seconds of a local time (`HH:MM`) so many days after a date (`YYYY-MM-DD`). */
export function local(date, days = 0, time = "00:00") {
	const [year, month, day] = date.split("-").map(Number);
	return new Date(year, month - 1, day + days, ...time.split(":").map(Number)).getTime() / 1000;
}

/** The same local time in so many weeks, whatever summer time does; an end before the start is on the next day. */
export const weekly = (date, from, to, weeks) =>
	[...Array(weeks).keys()].map((week) => ({
		start: local(date, 7 * week, from),
		end: local(date, 7 * week + (to <= from), to),
	}));

/** Local `date` and `time`, as above. */
export function localParts(seconds) {
	const offset = new Date(seconds * 1000).getTimezoneOffset() * 60;
	const [date, time] = new Date((seconds - offset) * 1000).toISOString().split("T");
	return { date, time: time.slice(0, 5) };
}

export const defaultPeriod = (now) => ({ from: localParts(now - HALF_A_YEAR).date, to: localParts(now).date });

/** Who attended what, on one weekday (0: Sunday) or all. Former members have no name, and come last. */
export function matrix(club, history, weekday) {
	const dates = Object.entries(history)
		.map(([id, { session, participants }]) => ({ id, start: session.start_time, participants }))
		.filter(({ start }) => weekday === undefined || new Date(start * 1000).getDay() === weekday)
		.sort(byStart);
	const everybody = members(club).map(({ user_id: id, name }) => ({ id, name }));
	const former = new Set(dates.flatMap(({ participants }) => participants).filter((id) => !club.users[id]));
	everybody.push(...[...former].sort().map((id) => ({ id })));
	const rows = everybody.map((row) => {
		const attended = dates.map(({ participants }) => participants.includes(row.id));
		return { ...row, attended, total: attended.filter(Boolean).length };
	});
	return { dates, rows };
}

/** A file for spreadsheets, in which no cell is taken for a formula. */
export const csv = (rows) =>
	rows
		.map((row) => row.map((cell) => `"${String(cell).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`).join() + "\r\n")
		.join("");
