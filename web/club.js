// Pure functions of the club's data (`data.json`). Times are seconds since 1970.

import { compare, local, localParts, weekday } from "./i18n.js";

export const ANSWERS = ["Yes", "Maybe", "No"];
/** Attendance can be taken so many seconds before the start. */
const LEAD = 600;
const HALF_A_DAY = 43_200;
const HALF_A_YEAR = 182 * 86_400;
/** What the function takes, about 3,000 years. */
const TIME_MAX = 1e11;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isTime = (value) => Number.isInteger(value) && Math.abs(value) < TIME_MAX;
const isId = (value) => typeof value === "string" && /^\S{1,200}$/.test(value) && value !== "__proto__";
/** Without a prototype, so that no id has a meaning of its own. */
const table = (entries) => Object.assign(Object.create(null), Object.fromEntries(entries));
const text = (value) => (typeof value === "string" ? (value.toWellFormed?.() ?? value) : "");

/**
 * The club of what was fetched or kept, with all that cannot be shown left out; `undefined` if it is no club. What is as
 * in `before` is that object, so that it is not drawn anew.
 */
export function checked(data, before) {
	if (!isObject(data) || !isObject(data.users) || !isObject(data.sessions)) return;
	const users = Object.entries(data.users).filter(([id, user]) => isId(id) && isObject(user));
	const sessions = Object.entries(data.sessions).filter(
		([id, session]) => isId(id) && isObject(session) && isTime(session.start_time) && isTime(session.end_time),
	);
	const orSame = (one, other) => (JSON.stringify(one) === JSON.stringify(other) ? other : one);
	return {
		users: orSame(
			table(users.map(([id, { name, role, auth_token }]) => [
				id,
				{ user_id: id, name: text(name).trim() || "?", role: ["Admin", "Coach"].includes(role) ? role : "Student", auth_token: text(auth_token) },
			])),
			before?.users,
		),
		sessions: table(sessions.map(([id, { start_time, end_time, state, coach, comment, participation }]) => [
			id,
			orSame(
				{
					start_time,
					end_time,
					state: ["cancelled", "archived"].includes(state) ? state : "scheduled",
					coach: typeof coach === "string" ? coach : undefined,
					comment: text(comment),
					participation: table(Object.entries(isObject(participation) ? participation : {}).filter(([, answer]) => ANSWERS.includes(answer))),
				},
				before?.sessions[id],
			),
		])),
	};
}

const byName = (a, b) => compare(a.name, b.name) || compare(a.user_id ?? a.id, b.user_id ?? b.id);
const byStart = (a, b) => a.start - b.start || (a.id < b.id ? -1 : 1);

/** By the object that they are made of. */
const known = new WeakMap();
function derived(source, make) {
	if (!known.has(source)) known.set(source, make());
	return known.get(source);
}

export const members = (club) => derived(club.users, () => Object.values(club.users).sort(byName));
export const resort = (club) => known.delete(club.users);

/** Of one session, what does not depend on the time. */
const plainly = (id, session) =>
	derived(session, () => ({
		id,
		source: session,
		answers: session.participation,
		start: session.start_time,
		date: localParts(session.start_time).date,
		end: session.end_time,
		state: session.state,
		coachId: session.coach,
		comment: session.comment,
		attendanceFrom: session.start_time - LEAD,
	}));

/** `missing`: over, and those who came are not known; they stay where they are when they are, as long as they exist. */
export function sessions(club, now) {
	const all = Object.entries(club.sessions).map(([id, session]) => plainly(id, session)).sort(byStart);
	const isAhead = ({ end }) => end > now;
	const past = all.filter((session) => !isAhead(session));
	return {
		coming: all.filter(isAhead),
		due: past.filter(({ state }) => state !== "cancelled"),
		past: past.filter(({ state }) => state === "cancelled").reverse(),
	};
}

export const canTakeAttendance = ({ state, attendanceFrom }, now) => state !== "cancelled" && now >= attendanceFrom;

/** Names by answer; `null`: none. */
export const who = (club, { answers }) =>
	[...ANSWERS, null].map((answer) => ({ answer, names: members(club).filter(({ user_id }) => (answers[user_id] ?? null) === answer).map(({ name }) => name) }));

/** The club with one more answer; `null` takes it back. */
export function withAnswer(club, sessionId, userId, answer) {
	const session = club?.sessions[sessionId];
	if (!session || (session.participation[userId] ?? null) === answer) return club;
	const participation = table(Object.entries(session.participation).filter(([id]) => id !== userId));
	if (answer) participation[userId] = answer;
	return { ...club, sessions: table([...Object.entries(club.sessions), [sessionId, { ...session, participation }]]) };
}

/** Those that follow a session of a week: same weekday, times of day and coach. */
export function following(club, { id, start, end, coachId }) {
	const key = (start, end) => [weekday(start), localParts(start).time, localParts(end).time, Math.round((end - start) / 86_400)].join();
	return Object.entries(club.sessions)
		.map(([id, session]) => plainly(id, session))
		.filter((other) => other.id !== id && other.start > start && other.state === "scheduled" && other.coachId === coachId && key(other.start, other.end) === key(start, end))
		.sort(byStart);
}

/** Members; first (and ticked) those `recorded` before, else those who said yes; then those who said maybe. */
export function attendanceList(club, { answers }, recorded) {
	const isExpected = (id) => (recorded ? recorded.includes(id) : answers[id] === "Yes");
	return members(club)
		.map(({ user_id: id, name }) => ({ id, name, answer: answers[id], ticked: isExpected(id) }))
		.sort((a, b) => b.ticked - a.ticked || (b.answer === "Maybe") - (a.answer === "Maybe") || byName(a, b));
}

/** Nights between two times of day; `undefined` where the end comes first by less than 12 hours. */
export function nights(from, to) {
	if (to > from) return 0;
	const seconds = (time) => time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 60;
	return seconds(to) + 86_400 - seconds(from) <= HALF_A_DAY ? 1 : undefined;
}

/** The same local time in so many weeks, whatever summer time does. */
export const weekly = (date, from, to, nights, weeks) =>
	[...Array(weeks).keys()].map((week) => ({ start: local(date, 7 * week, from), end: local(date, 7 * week + nights, to) }));

export const daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

export const defaultPeriod = (now) => ({ from: localParts(now - HALF_A_YEAR).date, to: localParts(now).date });

/** What a history has, all that cannot be shown left out: `id`, `start` and `participants` (ids). */
export const recorded = (history) =>
	Object.entries(history)
		.filter(([id, entry]) => isId(id) && isTime(entry?.session?.start_time) && Array.isArray(entry.participants))
		.map(([id, { session, participants }]) => ({ id, start: session.start_time, participants: new Set(participants.filter(isId)) }));

/** Who attended what (latest first), on one weekday (0: Sunday) or all. Former members have no name. */
export function matrix(club, history, day) {
	const dates = recorded(history)
		.filter(({ start }) => day === undefined || weekday(start) === day)
		.sort((a, b) => byStart(b, a));
	const everybody = members(club).map(({ user_id: id, name }) => ({ id, name }));
	const former = new Set(dates.flatMap(({ participants }) => [...participants]).filter((id) => !club.users[id]));
	everybody.push(...[...former].sort().map((id) => ({ id })));
	const rows = everybody.map((row) => {
		const attended = dates.map(({ participants }) => participants.has(row.id));
		return { ...row, attended, total: attended.filter(Boolean).length };
	});
	return { dates, rows };
}

/** Cells stay as they are, except one that a spreadsheet would calculate. */
const plainCell = (cell) => (/^[=+\-@\t\r].*[(|!\d]/s.test(cell) ? `'${cell}` : String(cell));
export const csv = (rows, separator) =>
	rows.map((row) => row.map((cell) => `"${plainCell(cell).replaceAll('"', '""')}"`).join(separator) + "\r\n").join("");
