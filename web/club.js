// Pure functions of the club's data (`data.json`). Times are seconds since 1970.

export const ANSWERS = ["Yes", "Maybe", "No"];
/** Attendance can be taken so many seconds before the start. */
const LEAD = 600;
const HALF_A_DAY = 43_200;
const HALF_A_YEAR = 182 * 86_400;

const byName = (a, b) => a.name.localeCompare(b.name);
const byStart = (a, b) => a.start - b.start || a.id.localeCompare(b.id);

export const members = (club) => Object.values(club.users ?? {}).sort(byName);

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

/** Members; first (and ticked) those `recorded` before, else those who said yes or maybe. */
export function attendanceList(club, { answers }, recorded) {
	const isExpected = (id) => (recorded ? recorded.includes(id) : ["Yes", "Maybe"].includes(answers[id]));
	return members(club)
		.map(({ user_id: id, name }) => ({ id, name, answer: answers[id], ticked: isExpected(id) }))
		.sort((a, b) => b.ticked - a.ticked || byName(a, b));
}

/** Seconds of a local time (`HH:MM`) so many days after a date (`YYYY-MM-DD`). */
export function local(date, days = 0, time = "00:00") {
	const [year, month, day] = date.split("-").map(Number);
	return new Date(year, month - 1, day + days, ...time.split(":").map(Number)).getTime() / 1000;
}

/** Nights between two times of day; `undefined` where the end comes first by less than 12 hours. */
export function nights(from, to) {
	if (to > from) return 0;
	return local("2001-01-02", 0, to) - local("2001-01-01", 0, from) <= HALF_A_DAY ? 1 : undefined;
}

/** The same local time in so many weeks, whatever summer time does. */
export const weekly = (date, from, to, nights, weeks) =>
	[...Array(weeks).keys()].map((week) => ({ start: local(date, 7 * week, from), end: local(date, 7 * week + nights, to) }));

export function localParts(seconds) {
	const offset = new Date(seconds * 1000).getTimezoneOffset() * 60;
	const [date, time] = new Date((seconds - offset) * 1000).toISOString().split("T");
	return { date, time: time.slice(0, 5) };
}

export const defaultPeriod = (now) => ({ from: localParts(now - HALF_A_YEAR).date, to: localParts(now).date });

/** Who attended what (latest first), on one weekday (0: Sunday) or all. Former members have no name. */
export function matrix(club, history, weekday) {
	const dates = Object.entries(history)
		.map(([id, { session, participants }]) => ({ id, start: session.start_time, participants }))
		.filter(({ start }) => weekday === undefined || new Date(start * 1000).getDay() === weekday)
		.sort((a, b) => byStart(b, a));
	const everybody = members(club).map(({ user_id: id, name }) => ({ id, name }));
	const former = new Set(dates.flatMap(({ participants }) => participants).filter((id) => !club.users[id]));
	everybody.push(...[...former].sort().map((id) => ({ id })));
	const rows = everybody.map((row) => {
		const attended = dates.map(({ participants }) => participants.includes(row.id));
		return { ...row, attended, total: attended.filter(Boolean).length };
	});
	return { dates, rows };
}

/** No cell is taken for a formula. */
export const csv = (rows, separator) =>
	rows
		.map((row) => row.map((cell) => `"${String(cell).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`).join(separator) + "\r\n")
		.join("");
