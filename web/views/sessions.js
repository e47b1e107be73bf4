// The sessions by day, who comes, and the answers of those on this phone.

import { parsed } from "../api.js";
import { ANSWERS, sessions, who } from "../club.js";
import { button, h, once, problem } from "../dom.js";
import { day, language, nearDay, t, times, weekdayOf } from "../i18n.js";
import { answer, choose, keyOf, sending } from "../outbox.js";
import { announce, clubOnScreen, part, redraw, state } from "../store.js";

/** One's own answers are listed where the sessions are more than a glance: as many, and the others when asked for. */
const GLANCE = 3;
/** Attendance that is missing longer is shown when asked for. */
const DUE_MAX = 2;

/** Sessions whose names are on screen; what is shown on demand. */
const opened = new Set();
const shown = { onlyOpen: false, allDue: false, allMine: false };

/** `coaching`: `coach.js` if somebody here is a coach. `linked`: the session that the address names. */
export function draw(coaching, linked) {
	const now = Date.now() / 1000;
	const club = clubOnScreen();
	const { coming, due, past } = sessions(club, now);
	const people = state.people.filter(({ user }) => user);
	const isAsked = ({ state, answers }) => state === "scheduled" && people.some(({ user }) => !answers[user.user_id]);
	const open = people.length ? coming.filter(isAsked) : [];
	const list = shown.onlyOpen && open.length ? open : coming;
	const next = coming.find(({ state }) => state === "scheduled")?.id;
	const one = (session) => card(club, session, people, coaching, now, { isNext: session.id === next, linked });
	const elsewhere = [...due, ...past].find(({ id }) => id === linked);
	const isDueShown = coaching && due.length > 0;
	const earlier = shown.allDue ? [] : due.filter(({ state }) => state === "scheduled").slice(0, -DUE_MAX);
	const dueHere = isDueShown ? due.filter((session) => !earlier.includes(session)) : [];
	const groups = (id, sessions) => h("div", { class: "days", id }, byDay(sessions).map(([date, some]) => dayOf(id, date, some.map(one))));
	return [
		h("div", { class: "bar" }, h("h2", { tabindex: "-1" }, t("sessions.title")), coaching?.addButton()),
		!people.length && h("p", { class: "intro" }, `${t("sessions.intro", state.about)} `, h("a", { href: "#people" }, t("login.title")), ` ${t("sessions.login")}`),
		state.people.filter(({ user, last }) => !user && last).map(({ last }) => h("p", { class: "banner" }, replaced(last))),
		coaching?.firstSteps(club),
		elsewhere && !dueHere.includes(elsewhere) && groups("linked", [elsewhere]),
		isDueShown && [
			h("h3", { class: "section" }, t("attendance.due")),
			groups("due", dueHere),
			earlier.length > 0 && button(t("attendance.allDue", { count: earlier.length }), () => show({ allDue: true })),
			h("h3", { class: "section" }, t("sessions.coming")),
		],
		people.length > 0 && coming.length > 0 && mine(coming, open, people),
		!coming.length && !coaching && h("p", null, t("sessions.none")),
		groups("coming", list),
		coaching && past.length > 0 && [h("h3", { class: "section" }, t("sessions.past")), groups("past", past)],
	];
}

const show = (what) => {
	Object.assign(shown, what);
	redraw();
};

const replaced = ({ id, name }) => t(state.club.users[id] ? "people.replaced" : "people.removed", { name });

function byDay(sessions) {
	const days = new Map();
	for (const session of sessions) days.set(session.date, [...(days.get(session.date) ?? []), session]);
	return [...days];
}

function dayOf(list, date, cards) {
	const start = cards[0].start;
	const near = nearDay(date);
	return h("section", { id: `${list}-${date}`, class: "day" }, h("h3", { id: `d-${list}-${date}` }, near && h("b", null, near), " ", h("span", null, day(start))), cards.map(({ element }) => element));
}

/** Shows the session that the address names. */
export function goTo(id) {
	const found = document.getElementById(`s-${id}`);
	if (found) {
		if (!opened.has(id)) {
			opened.add(id);
			queueMicrotask(redraw);
		}
		found.scrollIntoView({ block: "center" });
		found.focus();
	} else announce(t("session.gone"));
	return Boolean(found);
}

/** One's own answers, what is open, and one answer to all of that. */
function mine(coming, open, people) {
	const isLong = coming.length > GLANCE;
	// One more takes no more room than a button.
	const more = shown.allMine || coming.length === GLANCE + 1 ? 0 : coming.length - GLANCE;
	const line = ({ id, start, state: is, answers }) =>
		h("li", null, h("a", { href: `#session=${id}` }, weekdayOf(start)), is === "cancelled" ? h("span", { class: "badge" }, t("state.cancelled")) : people.map(({ user }) => mark(user, answers[user.user_id], people.length > 1)));
	return h(
		"section",
		{ class: "card mine", "aria-label": t("mine.title") },
		isLong && h("h3", null, t("mine.title")),
		isLong && h("ul", null, (more > 0 ? coming.slice(0, GLANCE) : coming).map(line)),
		h("p", { class: "hint" }, open.length ? t("mine.open", { count: open.length }) : t("mine.all")),
		(open.length > 0 || more > 0) &&
			h(
				"div",
				{ class: "actions" },
				more > 0 && button(t("mine.more", { count: more }), () => show({ allMine: true })),
				open.length > 0 && open.length < coming.length && button(t("mine.onlyOpen"), () => show({ onlyOpen: !shown.onlyOpen }), { "aria-pressed": String(shown.onlyOpen) }),
				open.length > 1 && button(t("mine.yesToAll", { count: open.length }), () => yesToAll(open, people)),
			),
	);
}

const SIGNS = { Yes: "✓", Maybe: "?", No: "✕" };

/** Several people share a line: a sign each, which is read out as the word. */
const mark = ({ name }, said, isShort) =>
	h("span", { class: `chip ${said ?? "none"}` }, isShort ? [`${name} `, h("span", { "aria-hidden": "true" }, SIGNS[said] ?? "–"), h("span", { class: "sr" }, t(`answer.${said ?? "null"}`))] : t(`answer.${said ?? "null"}`));

/** One request for all sessions that the same people have not answered. */
function yesToAll(open, people) {
	const groups = new Map();
	for (const { id, answers } of open) {
		const users = people.map(({ user }) => user.user_id).filter((id) => !answers[id]);
		const key = users.join(" ");
		groups.set(key, { users, answers: { ...groups.get(key)?.answers, [id]: "Yes" } });
	}
	const all = (value) => {
		for (const { users, answers } of groups.values()) answer(users, Object.fromEntries(Object.keys(answers).map((id) => [id, value])), value && undo);
	};
	const undo = () => all(null);
	all("Yes");
}

/** `element`, and `start` for its day. */
function card(club, session, people, coaching, now, { isNext, linked }) {
	const { id, start, end, state: is, coachId, comment, source } = session;
	const isOver = end <= now;
	const isAsking = is === "scheduled" && !isOver;
	const isOpen = opened.has(id);
	const states = people.map(({ user }) => `${sending(id, user.user_id)} ${state.errors.get(keyOf(id, user.user_id)) ?? ""}`).join();
	const coachPart = coaching?.partsOf(session, now);
	const near = nearDay(session.date);
	const parts = [source, club.users, state.people, coaching, coachPart, states, isOpen, isOver, isNext, language, near, id === linked];
	const element = once(`s-${id}`, parts, () => {
		const coach = club.users[coachId]?.name;
		const said = session.answers[coachId];
		const badge = is === "scheduled" ? isOver && !coaching && "took" : is;
		return h(
			"article",
			{ id: `s-${id}`, class: `card ${is} ${isNext ? "next" : ""} ${id === linked ? "linked" : ""}`, "aria-labelledby": `l-${id} t-${id}`, tabindex: "-1" },
			h("span", { id: `l-${id}`, hidden: true }, near, " ", day(start)),
			h("div", { class: "bar" }, h("h4", { id: `t-${id}` }, times(start, end)), badge && h("span", { class: "badge" }, t(`state.${badge}`)), button("⋯", () => openMenu(id), { id: `o-${id}`, class: "more", "aria-label": `${t("menu.more")}: ${near} ${day(start)} ${times(start, end)}`, "aria-haspopup": "dialog" })),
			coachId && h("p", { class: "coach" }, t("session.with", { name: coach ?? t("member.former") }), coach && said && said !== "Yes" && [" ", h("span", { class: `said ${said}` }, `(${t(`answer.${said}`)})`)]),
			comment && h("p", { class: "comment" }, withLinks(comment)),
			isAsking && people.map((person) => choices(session, person)),
			counts(club, session, isOpen, coaching),
			coaching?.actions(session, now),
		);
	});
	return { element, start };
}

/** With its addresses as links. */
function withLinks(comment) {
	return comment.split(/(https:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]])/u).map((part, n) => {
		if (n % 2 === 0 || !parsed(part)) return part;
		return h("a", { href: part, rel: "noreferrer", target: "_blank" }, part);
	});
}

function counts(club, session, isOpen, coaching) {
	const { id } = session;
	const all = who(club, session).filter(({ answer }) => answer || coaching);
	const toggle = () => {
		if (!opened.delete(id)) opened.add(id);
		redraw();
	};
	const chip = ({ answer, names }) => h("span", { class: `chip ${answer ?? "none"}` }, h("b", null, names.length), " ", t(`count.${answer ?? "null"}`));
	return [
		h("button", { type: "button", class: "counts", onclick: toggle, "aria-expanded": String(isOpen), "aria-describedby": `t-${id}` }, all.map(chip)),
		isOpen && h("dl", { class: "who" }, all.map(({ answer, names }) => h("div", { class: answer ?? "none" }, h("dt", null, t(`answer.${answer ?? "null"}`)), h("dd", null, names.join(", ") || "–")))),
		isOpen && coaching?.missing(session, all.find(({ answer }) => !answer).names),
	];
}

function choices({ id, answers }, person) {
	const { user_id, name } = person.user;
	const label = `n-${id}-${user_id}`;
	const chosen = answers[user_id];
	const now = sending(id, user_id);
	// The second of a double tap takes nothing back.
	const tap = (value) => ({ detail }) => {
		if (detail < 2) choose(person, id, value);
	};
	return h(
		"div",
		{ class: "answer", role: "group", "aria-labelledby": label, "aria-busy": String(now === "busy") },
		h("b", { id: label }, name),
		h("div", { class: "choices" }, ANSWERS.map((value) => button(t(`answer.${value}`), tap(value), { class: value, "aria-pressed": String(chosen === value) }))),
		now && h("span", { class: "progress" }, t(now === "busy" ? "busy" : "answer.waiting")),
		problem(state.errors.get(keyOf(id, user_id))),
	);
}

async function openMenu(id) {
	const menu = await part("menu");
	if (!menu) return;
	const { coming, due, past } = sessions(clubOnScreen(), Date.now() / 1000);
	const session = [...coming, ...due, ...past].find((one) => one.id === id);
	if (session) menu.open(session);
	else announce(t("session.gone"));
}
